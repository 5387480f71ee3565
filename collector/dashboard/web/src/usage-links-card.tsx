// Links to the usage and bills of one customer: made and shown once, listed, taken back.
import { useState } from 'preact/hooks';
import { Listed } from './device-parts.tsx';
import { ago, moment } from './format.ts';
import { Problem } from './problem.tsx';
import { useReader } from './reader.ts';
import { useAll } from './use-answer.ts';
import { useDeed } from './use-deed.ts';
import { t } from './words.ts';

interface UsageLink {
  readonly id: string;
  readonly note: string;
  readonly createdBy: string;
  readonly expiresAt: string;
  readonly revokedAt: string | null;
  readonly lastUsedAt: string | null;
}

const DAYS = 90;

export function UsageLinksCard({ customer }: { readonly customer: string }) {
  const { may } = useReader();
  const path = `/billing/v1/customers/${encodeURIComponent(customer)}/usage-links`;
  const links = useAll<UsageLink>(path, 10);
  const { problem, send } = useDeed();
  const [asked, setAsked] = useState<string | null>(null);
  const revoke = async (id: string): Promise<void> => {
    setAsked(null);
    await send('DELETE', `/billing/v1/usage-links/${encodeURIComponent(id)}`);
  };
  return (
    <section class="card" aria-label={t('links')}>
      <header>
        <h2>{t('links')}</h2>
        <span class="note">{t('links.note')}</span>
      </header>
      <Problem text={problem} />
      {may.sums && <NewLink path={path} />}
      <Listed
        answer={links}
        id="links"
        name={t('links')}
        keyOf={({ id }) => id}
        classOf={(link) => (stateOf(link) === null ? '' : 'past')}
        columns={[
          { id: 'note', title: t('note'), value: ({ note }) => note },
          { id: 'by', title: t('who'), value: ({ createdBy }) => createdBy, kind: 'wide' },
          {
            id: 'expires',
            title: t('tokens.expires'),
            value: ({ expiresAt }) => expiresAt,
            cell: ({ expiresAt }) => moment(expiresAt),
            kind: 'wide figure',
          },
          {
            id: 'used',
            title: t('tokens.used'),
            value: ({ lastUsedAt }) => lastUsedAt,
            cell: ({ lastUsedAt }) => ago(lastUsedAt, Date.now()),
            kind: 'wide figure',
          },
          {
            id: 'revoke',
            title: '',
            value: (link) => stateOf(link),
            cell: (link) =>
              stateOf(link) ??
              (may.sums ? (
                <button
                  type="button"
                  class="row"
                  onClick={() => (asked === link.id ? void revoke(link.id) : setAsked(link.id))}
                >
                  {asked === link.id ? t('links.sure') : t('links.revoke')}
                </button>
              ) : (
                ''
              )),
          },
        ]}
      />
    </section>
  );
}

/** Null for one that works. */
function stateOf({ revokedAt, expiresAt }: UsageLink): string | null {
  if (revokedAt !== null) return t('tokens.revoked');
  return Date.parse(expiresAt) <= Date.now() ? t('links.ended') : null;
}

function NewLink({ path }: { readonly path: string }) {
  const { problem, send } = useDeed();
  const [note, setNote] = useState('');
  const [days, setDays] = useState(String(DAYS));
  const [made, setMade] = useState<string | null>(null);
  const make = async (): Promise<void> => {
    const answer = await send<{ link: string }>('POST', path, { days: Number(days), note: note.trim() });
    if (answer === null) return;
    setMade(new URL(answer.link, location.href).href);
    setNote('');
  };
  return (
    <form
      class="tools"
      onSubmit={(event) => {
        event.preventDefault();
        void make();
      }}
    >
      <input
        type="text"
        value={note}
        placeholder={t('note')}
        aria-label={t('links.noteOf')}
        onInput={(event) => setNote(event.currentTarget.value)}
      />
      <input
        type="number"
        min="1"
        max="730"
        required
        value={days}
        aria-label={t('links.days')}
        onInput={(event) => setDays(event.currentTarget.value)}
      />
      <button type="submit">{t('links.make')}</button>
      <Problem text={problem} />
      {made !== null && (
        <p class="made" role="status">
          {t('links.made')} <code>{made}</code>{' '}
          <button type="button" class="plain" onClick={() => setMade(null)}>
            {t('tokens.hide')}
          </button>
        </p>
      )}
    </form>
  );
}
