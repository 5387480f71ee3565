// What runbooks found out about an alarm, and another diagnosis on request.
import { moment, readable } from './format.ts';
import { Problem } from './problem.tsx';
import { useReader } from './reader.ts';
import { useAnswer } from './use-answer.ts';
import { useDeed } from './use-deed.ts';
import { said, t } from './words.ts';

interface Step {
  readonly kind: string;
  readonly state: string;
  readonly summary: string;
  readonly entries: readonly { readonly about: string; readonly name: string; readonly value: string }[];
  readonly leftOut: number;
}

interface Diagnosis {
  readonly id: string;
  readonly title: string;
  readonly askedBy: string;
  readonly trigger: string;
  readonly state: string;
  readonly reason: string | null;
  readonly createdAt: string;
  readonly steps: readonly Step[];
}

interface Diagnoses {
  readonly items: readonly Diagnosis[];
  readonly runbooks: readonly { readonly name: string; readonly title: string }[];
  /** Why there is none. */
  readonly none: string | null;
}

export function AlarmDiagnosis({ id }: { readonly id: string }) {
  const { may } = useReader();
  const place = `/api/v1/alarms/${encodeURIComponent(id)}/diagnosis`;
  const { data } = useAnswer<Diagnoses>(may.network ? place : null);
  const { problem, send } = useDeed();
  if (data === null) return null;
  const { items, runbooks, none } = data;
  const running = items.some(({ state }) => state === 'running');
  return (
    <section class="card" aria-label={t('diagnosis')}>
      <header>
        <h2>{t('diagnosis')}</h2>
        {may.operate && runbooks.length > 0 && (
          <button type="button" disabled={running} onClick={() => void send('POST', place, {})}>
            {t(items.length === 0 ? 'diagnosis.run' : 'diagnosis.again')}
          </button>
        )}
      </header>
      <Problem text={problem} />
      {none !== null && <p class="empty">{said('noDiagnosis', none)}</p>}
      {items.map((one, at) => (
        <details key={one.id} open={at === 0}>
          <summary>
            <bdi>{one.title}</bdi> {said('state', one.state)} <span class="note">{moment(one.createdAt)}</span>{' '}
            {one.trigger === 'operator' && <bdi class="note">{one.askedBy}</bdi>}
            {one.reason !== null && <span class="note">{said('state', one.reason)}</span>}
          </summary>
          <Steps steps={one.steps} />
        </details>
      ))}
    </section>
  );
}

function Steps({ steps }: { readonly steps: readonly Step[] }) {
  return (
    <ol class="facts">
      {steps.map(({ kind, state, summary, entries, leftOut }, at) => (
        <li key={`${at} ${kind}`}>
          <strong>{said('kind', kind)}</strong> {state !== 'done' && said('state', state)}{' '}
          <bdi dir="ltr">{readable(summary)}</bdi>
          {entries.length > 0 && (
            <ul class="note">
              {entries.map(({ about, name, value }, place) => (
                <li key={`${place} ${about} ${name}`}>
                  <bdi dir="ltr">{readable(`${name}: ${value}`)}</bdi>
                </li>
              ))}
            </ul>
          )}
          {leftOut > 0 && <div class="note">{t('diagnosis.leftOut', { n: leftOut })}</div>}
        </li>
      ))}
    </ol>
  );
}
