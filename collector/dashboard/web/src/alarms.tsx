// What is wrong now, and what was wrong a moment ago, on the first page.
import { ago, moment, readable } from './format.ts';
import { hrefOf } from './place.ts';
import { Problem } from './problem.tsx';
import { Badge } from './severity.tsx';
import type { Alarm, FoldedAlarm, Page } from './types.ts';
import { useAnswer } from './use-answer.ts';
import { t } from './words.ts';

const SHOWN = 30;

export function Alarms() {
  const active = useAnswer<Page<FoldedAlarm>>(`/api/v1/alarms?state=root&sort=severity&limit=${SHOWN}`);
  const cleared = useAnswer<Page<FoldedAlarm>>(`/api/v1/alarms?state=cleared&limit=${SHOWN}`);
  const rows = [...(active.data?.items ?? []), ...(cleared.data?.items ?? [])];
  const asked = active.data !== null && cleared.data !== null;
  const problem = active.problem ?? cleared.problem;
  const more = active.data?.next != null || cleared.data?.next != null;
  return (
    <section class="card" aria-label={t('alarms')}>
      <header>
        <h2>
          <a href={hrefOf(['alarms'])}>{t('alarms')}</a>
        </h2>
        <span class="note">{t('alarms.note')}</span>
      </header>
      <Problem text={problem} old={asked} />
      {rows.length === 0 && (asked || problem === null) && (
        <p class="empty">{asked ? t('alarms.none') : t('asking')}</p>
      )}
      {rows.length > 0 && (
        <div class="scroll" tabIndex={0} role="group" aria-label={t('alarms.latest')}>
          <table>
            <thead>
              <tr>
                <th>{t('state')}</th>
                <th class="wide">{t('resource')}</th>
                <th>{t('what')}</th>
                <th class="figure">{t('changed')}</th>
              </tr>
            </thead>
            <tbody>
              {rows.map((alarm) => (
                <Row key={alarm.id} alarm={alarm} />
              ))}
            </tbody>
          </table>
        </div>
      )}
      {more && (
        <p class="note">
          <a href={hrefOf(['alarms'])}>{t('alarms.more')}</a>
        </p>
      )}
    </section>
  );
}

function Row({ alarm }: { readonly alarm: FoldedAlarm }) {
  const { id, isCleared, severity, resource, text, raisedAt, changedAt, symptoms } = alarm;
  return (
    <tr class={isCleared ? 'past' : ''}>
      <td>
        <Badge severity={severity} cleared={isCleared} />
        <OperatorNote alarm={alarm} />
      </td>
      <td class="name wide">
        <bdi>{resource}</bdi>
      </td>
      <td class="name">
        <a href={hrefOf(['alarms', id])} class="quiet">
          <bdi>{readable(text)}</bdi>
        </a>
        {symptoms > 0 && <span class="note"> {t('alarm.symptoms', { n: symptoms })}</span>}
      </td>
      <td class="figure" title={t('alarm.raisedAt', { at: raisedAt })}>
        {ago(changedAt, Date.now())}
      </td>
    </tr>
  );
}

/** What people did to it. */
export function OperatorNote({ alarm }: { readonly alarm: Alarm }) {
  const { operatorState, operator, shelvedUntil, isCleared, maintenance } = alarm;
  return (
    <>
      {operatorState === 'ack' && <div class="note">{t('alarm.seenBy', { name: operator ?? '?' })}</div>}
      {operatorState === 'closed' && <div class="note">{t('alarm.closed')}</div>}
      {!isCleared && maintenance != null && (
        <div class="note">{t('alarm.maintenance', { at: moment(maintenance.until) })}</div>
      )}
      {shelvedUntil !== null && <div class="note">{t('alarm.shelvedUntil', { at: moment(shelvedUntil) })}</div>}
    </>
  );
}
