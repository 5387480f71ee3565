// What was told outside of bills and thresholds, or waits for it; what was given up is tried again.
import type { Message } from './billing-types.ts';
import { Listed } from './device-parts.tsx';
import { moment } from './format.ts';
import { Problem } from './problem.tsx';
import { useReader } from './reader.ts';
import { useAll } from './use-answer.ts';
import { useDeed } from './use-deed.ts';
import { said, t } from './words.ts';

/** `of`: which, as the query of the API; `title`: what they are called together. */
export function MessagesCard({ of, title }: { readonly of: string; readonly title: string }) {
  const { may } = useReader();
  const messages = useAll<Message>(`/billing/v1/messages?${of}`, 10);
  const { problem, send } = useDeed();
  const retry = (id: string) => send('POST', `/billing/v1/messages/${encodeURIComponent(id)}/retry`, {});
  return (
    <section class="card" aria-label={title}>
      <header>
        <h2>{title}</h2>
      </header>
      <Problem text={problem} />
      <Listed
        answer={messages}
        id="messages"
        name={title}
        keyOf={({ id }) => id}
        columns={[
          {
            id: 'at',
            title: t('when'),
            value: ({ createdAt }) => createdAt,
            cell: ({ createdAt }) => moment(createdAt),
          },
          { id: 'kind', title: t('what'), value: ({ kind, subject }) => `${said('kind', kind)} ${subject}` },
          { id: 'to', title: t('messages.to'), value: ({ recipients }) => recipients.join(', '), kind: 'wide' },
          {
            id: 'state',
            title: t('state'),
            value: ({ state }) => said('state', state),
            cell: ({ state, failure }) => (
              <>
                {said('state', state)}
                {failure !== null && (
                  <div class="state-down">
                    <bdi>{failure}</bdi>
                  </div>
                )}
              </>
            ),
          },
          { id: 'attempts', title: t('health.attempts'), value: ({ attempts }) => attempts, kind: 'wide figure' },
          {
            id: 'retry',
            title: '',
            value: () => null,
            cell: ({ id, state, subject }) =>
              may.sums && state === 'dead' ? (
                <button
                  type="button"
                  class="row"
                  aria-label={`${t('health.retry')}: ${subject}`}
                  onClick={() => void retry(id)}
                >
                  {t('health.retry')}
                </button>
              ) : (
                ''
              ),
          },
        ]}
      />
    </section>
  );
}
