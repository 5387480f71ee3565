// Who may enter and what was changed: tokens with their roles and scopes, and the audit log.
import { useState } from 'preact/hooks';
import { Listed } from './device-parts.tsx';
import { ago, moment } from './format.ts';
import { Problem } from './problem.tsx';
import type { AuditEntry, Page, Token } from './types.ts';
import { useAnswer } from './use-answer.ts';
import { useDeed } from './use-deed.ts';
import { t } from './words.ts';
import { useReader } from './reader.ts';

const ROLES = ['viewer', 'operator', 'care', 'billing', 'administrator', 'agent', 'bridge'] as const;

export function SettingsView() {
  return (
    <>
      <Tokens />
      <Audit />
    </>
  );
}

function Tokens() {
  const tokens = useAnswer<Page<Token>>('/api/v1/tokens', { every: 5 });
  const { problem, send } = useDeed();
  const [asked, setAsked] = useState<string | null>(null);
  const revoke = async (name: string): Promise<void> => {
    setAsked(null);
    await send('DELETE', `/api/v1/tokens/${encodeURIComponent(name)}`);
  };
  return (
    <section class="card" aria-label={t('tokens')}>
      <header>
        <h2>{t('tokens')}</h2>
        <span class="note">{t('tokens.note')}</span>
      </header>
      <Problem text={problem} />
      <NewToken />
      <Listed
        answer={{ ...tokens, data: tokens.data?.items ?? null }}
        name={t('tokens')}
        keyOf={({ id }) => id}
        classOf={({ revokedAt }) => (revokedAt === null ? '' : 'past')}
        columns={[
          { id: 'name', title: t('name'), value: ({ name }) => name },
          { id: 'role', title: t('role'), value: ({ role }) => role },
          { id: 'scope', title: t('scope'), value: scopeText, kind: 'wide' },
          {
            id: 'used',
            title: t('tokens.used'),
            value: ({ lastUsedAt }) => lastUsedAt,
            cell: ({ lastUsedAt }) => ago(lastUsedAt, Date.now()),
            kind: 'wide figure',
          },
          {
            id: 'expires',
            title: t('tokens.expires'),
            value: ({ expiresAt }) => expiresAt,
            cell: ({ expiresAt }) => moment(expiresAt),
            kind: 'wide figure',
          },
          {
            id: 'revoke',
            title: '',
            value: ({ revokedAt }) => revokedAt,
            cell: ({ name, given, revokedAt }) => {
              if (revokedAt !== null) return t('tokens.revoked');
              if (given) return '';
              return (
                <button type="button" class="row" onClick={() => (asked === name ? void revoke(name) : setAsked(name))}>
                  {asked === name ? t('tokens.sure') : t('tokens.revoke')}
                </button>
              );
            },
          },
        ]}
      />
    </section>
  );
}

function scopeText({ scope }: Token): string | null {
  return scope === null ? null : [...scope.sites, ...scope.customers].join(' ');
}

function NewToken() {
  const { who } = useReader();
  const { problem, send } = useDeed();
  const [name, setName] = useState('');
  const [role, setRole] = useState<string>('viewer');
  const [made, setMade] = useState<string | null>(null);
  const make = async (): Promise<void> => {
    const scope = who.scope === null ? {} : { scope: who.scope };
    const answer = await send<{ token: string }>('POST', '/api/v1/tokens', { name: name.trim(), role, ...scope });
    if (answer === null) return;
    setMade(answer.token);
    setName('');
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
        required
        value={name}
        placeholder={t('name')}
        aria-label={t('tokens.nameOf')}
        onInput={(event) => setName(event.currentTarget.value)}
      />
      <select aria-label={t('role')} value={role} onChange={(event) => setRole(event.currentTarget.value)}>
        {ROLES.map((one) => (
          <option key={one} value={one}>
            {one}
          </option>
        ))}
      </select>
      <button type="submit">{t('tokens.make')}</button>
      <Problem text={problem} />
      {made !== null && (
        <p class="made" role="status">
          {t('tokens.made')} <code>{made}</code>{' '}
          <button type="button" class="plain" onClick={() => setMade(null)}>
            {t('tokens.hide')}
          </button>
        </p>
      )}
    </form>
  );
}

function Audit() {
  const entries = useAnswer<Page<AuditEntry>>('/api/v1/audit?limit=500', { every: 5 });
  if (entries.refused === 403) return <p class="empty">{t('problem.scope')}</p>;
  return (
    <section class="card" aria-label={t('audit')}>
      <header>
        <h2>{t('audit')}</h2>
        <span class="note">{t('audit.note')}</span>
      </header>
      <Listed
        answer={{ ...entries, data: entries.data?.items ?? null }}
        name={t('audit')}
        keyOf={({ id }) => String(id)}
        columns={[
          { id: 'at', title: t('when'), value: ({ at }) => at, cell: ({ at }) => moment(at) },
          { id: 'actor', title: t('who'), value: ({ actor, role }) => `${actor} (${role})` },
          { id: 'action', title: t('what'), value: ({ action }) => action },
          { id: 'subject', title: t('subject'), value: ({ subject }) => subject },
          { id: 'note', title: t('note'), value: ({ note }) => note ?? null, kind: 'wide' },
        ]}
      />
    </section>
  );
}
