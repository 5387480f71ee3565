// The scheduled work of the bridge and the jobs that its queue has given up: looked at, run now, tried again.
import { Listed } from './device-parts.tsx';
import { ago, moment } from './format.ts';
import { MessagesCard } from './messages-card.tsx';
import { Problem } from './problem.tsx';
import { useReader } from './reader.ts';
import type { DeadLetter, Schedule } from './billing-types.ts';
import type { Page } from './types.ts';
import { useAnswer } from './use-answer.ts';
import { useDeed } from './use-deed.ts';
import { t } from './words.ts';

/** Who may look may also start it. */
export function BillingWork() {
  const { may } = useReader();
  if (!may.operate && !may.sums) return null;
  return (
    <>
      <Schedules />
      <DeadLetters />
      {may.sums && <MessagesCard of="state=dead" title={t('messages.dead')} />}
    </>
  );
}

function Schedules() {
  const answer = useAnswer<Page<Schedule>>('/billing/v1/schedules', { every: 3 });
  const { problem, send } = useDeed();
  const run = (name: string) => send('POST', `/billing/v1/schedules/${encodeURIComponent(name)}/run`, {});
  return (
    <section class="card" aria-label={t('health.schedules')}>
      <header>
        <h2>{t('health.schedules')}</h2>
      </header>
      <Problem text={problem} />
      <Listed
        answer={{ ...answer, data: answer.data?.items ?? null }}
        id="work"
        name={t('health.schedules')}
        keyOf={({ name }) => name}
        columns={[
          { id: 'name', title: t('name'), value: ({ name }) => name },
          {
            id: 'every',
            title: t('health.every'),
            value: ({ everyMs }) => everyMs / 1000,
            cell: ({ everyMs }) => `${everyMs / 1000} s`,
            kind: 'figure',
          },
          {
            id: 'last',
            title: t('health.lastRun'),
            value: ({ lastFinishedAt }) => lastFinishedAt,
            cell: ({ lastFinishedAt, running }) => (running ? t('health.running') : ago(lastFinishedAt, Date.now())),
            kind: 'figure',
          },
          { id: 'runs', title: t('health.runs'), value: ({ runs }) => runs, kind: 'wide figure' },
          {
            id: 'summary',
            title: t('health.summary'),
            value: ({ lastSummary }) => summaryText(lastSummary),
            kind: 'wide',
          },
          {
            id: 'error',
            title: t('problem'),
            value: ({ lastError }) => lastError,
            cell: ({ lastError }) => (lastError === null ? '' : <span class="state-down">{lastError}</span>),
          },
          {
            id: 'run',
            title: '',
            value: () => null,
            cell: ({ name }) => (
              <button
                type="button"
                class="row"
                aria-label={`${t('health.runNow')}: ${name}`}
                onClick={() => void run(name)}
              >
                {t('health.runNow')}
              </button>
            ),
          },
        ]}
      />
    </section>
  );
}

/** What the last run did, in its own figures. */
function summaryText(summary: unknown): string | null {
  if (typeof summary !== 'object' || summary === null) return null;
  return Object.entries(summary)
    .filter(([, value]) => ['number', 'string', 'boolean'].includes(typeof value))
    .map(([name, value]) => `${name} ${String(value)}`)
    .join(', ');
}

function DeadLetters() {
  const answer = useAnswer<Page<DeadLetter> & { readonly all: number }>('/billing/v1/dead-letters?limit=1000', {
    every: 5,
  });
  const { problem, send } = useDeed();
  const retry = (id: string) => send('POST', `/billing/v1/dead-letters/${encodeURIComponent(id)}/retry`, {});
  const { data } = answer;
  return (
    <section class="card" aria-label={t('health.dead')}>
      <header>
        <h2>{t('health.dead')}</h2>
        <span class="note">{t('health.deadNote')}</span>
      </header>
      <Problem text={problem} />
      <Listed
        answer={{ ...answer, data: data?.items ?? null }}
        id="dead"
        name={t('health.dead')}
        keyOf={({ id }) => id}
        columns={[
          { id: 'id', title: t('health.job'), value: ({ name, id }) => `${name} ${id}` },
          {
            id: 'failed',
            title: t('when'),
            value: ({ failedAt }) => failedAt,
            cell: ({ failedAt }) => moment(failedAt),
            kind: 'wide',
          },
          { id: 'attempts', title: t('health.attempts'), value: ({ attempts }) => attempts, kind: 'wide figure' },
          { id: 'reason', title: t('reason'), value: ({ reason }) => reason },
          {
            id: 'retry',
            title: '',
            value: () => null,
            cell: ({ id }) => (
              <button type="button" class="row" onClick={() => void retry(id)}>
                {t('health.retry')}
              </button>
            ),
          },
        ]}
      />
      {data !== null && data.all > data.items.length && (
        <p class="note">{t('money.andMore', { n: data.all - data.items.length })}</p>
      )}
    </section>
  );
}
