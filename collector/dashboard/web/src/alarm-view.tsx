// One alarm: what it means and what to do, its history, the measure behind it, and what people did.
import { AlarmCure } from './alarm-cure.tsx';
import { AlarmDiagnosis } from './alarm-diagnosis.tsx';
import { AlarmProblem, AlarmTold, Handling } from './alarm-problem.tsx';
import { ActionBar, useActions } from './alarm-bar.tsx';
import { OperatorNote } from './alarms.tsx';
import { Facts } from './device-view.tsx';
import { ago, measured, moment, readable } from './format.ts';
import { Graph } from './graph.tsx';
import { hrefOf, hrefOfResource, usePlace } from './place.ts';
import { Problem } from './problem.tsx';
import { RangeChooser, zoomTo } from './range.tsx';
import { drawnOf, seriesPath } from './series.ts';
import { Badge } from './severity.tsx';
import { useReader } from './reader.ts';
import { spanName, spanQuery, useSpan } from './span.ts';
import type { AlarmWithHistory, Series } from './types.ts';
import { useAnswer } from './use-answer.ts';
import { said, t } from './words.ts';

export function AlarmView({ id }: { readonly id: string }) {
  const { may } = useReader();
  const answer = useAnswer<AlarmWithHistory>(`/api/v1/alarms/${encodeURIComponent(id)}`);
  const { problem, run } = useActions(() => undefined);
  const alarm = answer.data;
  return (
    <>
      <p class="trail">
        <a href={hrefOf(['alarms'])}>{t('alarms')}</a> / {id}
      </p>
      <Problem text={problem ?? answer.problem} old={alarm !== null} />
      {alarm !== null && (
        <>
          <section class="card" aria-label={t('alarm')}>
            <header>
              <h2>
                <bdi>{readable(alarm.text)}</bdi>
              </h2>
            </header>
            <p>
              <Badge severity={alarm.severity} cleared={alarm.isCleared} />{' '}
              <a href={hrefOfResource(alarm.resource)}>
                <bdi>{alarm.resource}</bdi>
              </a>{' '}
              <span class="note">{ago(alarm.raisedAt, Date.now())}</span>
            </p>
            <OperatorNote alarm={alarm} />
            <Handling alarm={alarm} />
            {may.operate && (
              <ActionBar
                count={null}
                owners={alarm.assignedTo === null ? [] : [alarm.assignedTo]}
                onAction={(action) => void run([alarm.id], action)}
              />
            )}
          </section>
          <div class="columns even">
            <Meaning alarm={alarm} />
            <Timeline alarm={alarm} />
          </div>
          <div class="columns even">
            <AlarmProblem alarm={alarm} />
            <AlarmTold id={alarm.id} />
          </div>
          <div class="columns even">
            <AlarmDiagnosis id={alarm.id} />
            <AlarmCure id={alarm.id} />
          </div>
          {alarm.threshold !== null && <Measure alarm={alarm} threshold={alarm.threshold} />}
        </>
      )}
    </>
  );
}

function Meaning({ alarm }: { readonly alarm: AlarmWithHistory }) {
  return (
    <section class="card" aria-label={t('alarm.meaning')}>
      <header>
        <h2>{t('alarm.meaning')}</h2>
      </header>
      <Facts
        facts={[
          ['alarm.type', said('alarmType', alarm.alarmType)],
          ['alarm.qualifier', alarm.qualifier],
          ['alarm.eventType', alarm.eventType],
          ['alarm.probableCause', alarm.probableCause],
          ['alarm.repair', alarm.proposedRepair],
          ['alarm.raised', moment(alarm.raisedAt)],
          ['alarm.clearedWhen', alarm.clearedAt === null ? null : moment(alarm.clearedAt)],
          ['firstSeen', moment(alarm.createdAt)],
        ]}
      />
    </section>
  );
}

interface Entry {
  readonly at: string;
  readonly who: string;
  readonly what: string;
  readonly text: string;
}

function Timeline({ alarm }: { readonly alarm: AlarmWithHistory }) {
  const entries: Entry[] = [
    ...alarm.statusChanges.map(({ at, severity, text }) => ({ at, who: '', what: severity, text })),
    ...alarm.operatorChanges.map(({ at, operator, state, action, text }) => ({
      at,
      who: operator,
      text,
      what: action ?? state,
    })),
  ].toSorted((a, b) => b.at.localeCompare(a.at));
  return (
    <section class="card" aria-label={t('alarm.history')}>
      <header>
        <h2>{t('alarm.history')}</h2>
      </header>
      <ol class="timeline scroll" tabIndex={0} aria-label={t('alarm.history')}>
        {entries.map((entry) => (
          <li key={`${entry.at} ${entry.what} ${entry.text}`}>
            <span class="note">{moment(entry.at)}</span>{' '}
            {entry.who === '' ? (
              <Badge severity={entry.what} cleared={entry.what === 'cleared'} />
            ) : (
              <strong>
                {said('deed', entry.what)} · <bdi>{entry.who}</bdi>
              </strong>
            )}{' '}
            <bdi>{readable(entry.text)}</bdi>
          </li>
        ))}
      </ol>
    </section>
  );
}

interface MeasureProps {
  readonly alarm: AlarmWithHistory;
  readonly threshold: NonNullable<AlarmWithHistory['threshold']>;
}

/** The measure that crossed its level, between the level that raises and the one that clears. */
function Measure({ alarm, threshold }: MeasureProps) {
  const place = usePlace();
  const span = useSpan(place, '6h');
  const { indicator, unit, raiseAt, clearBelow } = threshold;
  const query = { metric: indicator, resource: alarm.resource, ...spanQuery(span), function: 'max' };
  const series = useAnswer<Series>(seriesPath(query), { subject: `${indicator} ${alarm.resource} ${spanName(span)}` });
  const points = series.data?.points ?? [];
  const flat = (value: number) => points.map((point) => ({ ...point, value, coverage: 1 }));
  const drawn = drawnOf([
    { label: t('alarm.observed'), colour: '--in', look: 'line', points },
    { label: t('alarm.raiseAt'), colour: '--critical', look: 'dashed', points: flat(raiseAt) },
    { label: t('alarm.clearBelow'), colour: '--good', look: 'dashed', points: flat(clearBelow) },
  ]);
  return (
    <section class="card" aria-label={t('alarm.measure')}>
      <header>
        <h2>{t('alarm.measure')}</h2>
        <span class="note">
          {t('alarm.levels', {
            observed: measured(threshold.observed, unit),
            raise: measured(raiseAt, unit),
            clear: measured(clearBelow, unit),
          })}
        </span>
      </header>
      <RangeChooser span={span} />
      {series.refused !== 404 && <Problem text={series.problem} old={series.data !== null} />}
      <Graph
        label={t('alarm.measure')}
        {...drawn}
        format={(value) => measured(value, unit)}
        height={200}
        onZoom={zoomTo}
      />
    </section>
  );
}
