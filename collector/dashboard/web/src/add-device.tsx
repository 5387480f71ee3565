// Adds a device: where it is and how it is reached, a test poll by the agent that will poll it, and only then it is kept.
import { useEffect, useRef, useState } from 'preact/hooks';
import { askAgent, type Told } from './ask-agent.ts';
import { Facts } from './device-view.tsx';
import { Field } from './field.tsx';
import { choose, go, hrefOf } from './place.ts';
import { Problem } from './problem.tsx';
import { useReader } from './reader.ts';
import type { Agent, Device, Page } from './types.ts';
import { useAnswer } from './use-answer.ts';
import { useDeed } from './use-deed.ts';
import { t, type Word } from './words.ts';

interface Draft {
  readonly address: string;
  readonly name: string;
  readonly agent: string;
  readonly credential: string;
  readonly site: string;
  readonly tags: string;
}

const EMPTY: Draft = { address: '', name: '', agent: '', credential: '', site: '', tags: '' };
type Trial =
  | { readonly state: 'none' | 'asking' }
  | { readonly state: 'told'; readonly told: Told }
  | { readonly state: 'refused'; readonly problem: string };

export function AddDevice({ devices }: { readonly devices: readonly Device[] }) {
  const agents = useAnswer<Page<Agent>>('/api/v1/agents?limit=1000', { every: 6 });
  const [draft, setDraft] = useState(EMPTY);
  const { problem, send } = useDeed();
  const known = agents.data?.items.map(({ name }) => name) ?? [];
  const agent = draft.agent || (known[0] ?? '');
  const set = (changes: Partial<Draft>): void => setDraft((last) => ({ ...last, ...changes }));
  const { trial, test } = useTrial((told) =>
    setDraft((last) => ({ ...last, name: last.name || nameFrom(told.facts.get('sysName') ?? '') })),
  );
  const save = async (): Promise<void> => {
    const { site, ...words } = trimmed(draft);
    const { name, address, credential } = words;
    const where = site === '' ? {} : { site };
    if ((await send('POST', '/api/v1/devices', { name, address, credential, agent, ...where })) === null) return;
    const tags = draft.tags.split(/[\s,]+/).filter(Boolean);
    if (tags.length > 0) await send('PUT', `/api/v1/devices/${encodeURIComponent(name)}/labels`, { tags });
    go(hrefOf(['devices', name]));
  };
  return (
    <section class="card" aria-label={t('add.title')}>
      <header>
        <h2>{t('add.title')}</h2>
        <span class="note">{t('add.note')}</span>
      </header>
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault();
          void save();
        }}
      >
        <Fields draft={{ ...draft, agent }} set={set} agents={known} devices={devices} trial={trial} />
        <Buttons draft={{ ...draft, agent }} trial={trial} onTest={() => void test({ ...draft, agent })} />
      </form>
      <Problem text={problem ?? agents.problem} />
      {trial.state === 'refused' && <Problem text={trial.problem} />}
      {trial.state === 'told' && <Result told={trial.told} agent={agent} />}
    </section>
  );
}

function trimmed({ address, name, agent, credential, site, tags }: Draft): Draft {
  return {
    address: address.trim(),
    name: name.trim(),
    agent,
    credential: credential.trim(),
    site: site.trim(),
    tags: tags.trim(),
  };
}

/** The last test; one that is left behind with the form is asked after no more. */
function useTrial(onTold: (told: Told) => void) {
  const [trial, setTrial] = useState<Trial>({ state: 'none' });
  const leaving = useRef(new AbortController());
  useEffect(() => () => leaving.current.abort(), []);
  const test = async (draft: Draft): Promise<void> => {
    setTrial({ state: 'asking' });
    const { name, address, credential, agent } = trimmed(draft);
    const body = { kind: 'probe', device: name || 'new-device', address, credential };
    try {
      const told = await askAgent(agent, body, leaving.current.signal);
      setTrial({ state: 'told', told });
      onTold(told);
    } catch (error) {
      setTrial({ state: 'refused', problem: error instanceof Error ? error.message : String(error) });
    }
  };
  return { trial, test };
}

interface FieldsProps {
  readonly draft: Draft;
  readonly set: (changes: Partial<Draft>) => void;
  readonly agents: readonly string[];
  readonly devices: readonly Device[];
  readonly trial: Trial;
}

function Fields({ draft, set, agents, devices, trial }: FieldsProps) {
  const credentials = useCredentials(draft.agent, trial);
  const sites = [...new Set(devices.map(({ site }) => site ?? ''))].filter(Boolean).toSorted();
  return (
    <>
      <Field
        label={t('address')}
        value={draft.address}
        onValue={(address) => set({ address })}
        hint="192.0.2.1"
        required
      />
      <Field label={t('name')} value={draft.name} onValue={(name) => set({ name })} hint={t('add.nameHint')} required />
      <Field label={t('agent')} value={draft.agent} onValue={(agent) => set({ agent })} choices={agents} />
      <Field
        label={t('add.credential')}
        value={draft.credential}
        onValue={(credential) => set({ credential })}
        suggestions={credentials}
        hint={t('add.credentialHint')}
        required
      />
      <Field label={t('site')} value={draft.site} onValue={(site) => set({ site })} suggestions={sites} />
      <Field label={t('tags')} value={draft.tags} onValue={(tags) => set({ tags })} hint={t('add.tagsHint')} />
    </>
  );
}

interface ButtonsProps {
  readonly draft: Draft;
  readonly trial: Trial;
  readonly onTest: () => void;
}

/** A token of some sites alone may add there, and ask no agent for work. */
function Buttons({ draft: { address, credential, agent }, trial, onTest }: ButtonsProps) {
  const { who } = useReader();
  const asking = trial.state === 'asking';
  return (
    <div class="actions">
      {who.scope === null && (
        <button type="button" disabled={asking || [address, credential, agent].includes('')} onClick={onTest}>
          {asking ? t('add.asking') : t('add.test')}
        </button>
      )}
      <button type="submit" class="main">
        {t('add.save')}
      </button>
      <button type="button" class="plain" onClick={() => choose({ add: null })}>
        {t('cancel')}
      </button>
    </div>
  );
}

/** Names of sets, never what is in them: those that the agent's devices name, and those that it named when one was unknown. */
function useCredentials(agent: string, trial: Trial): readonly string[] {
  const { may } = useReader();
  const place = may.administrate && agent !== '' ? `/api/v1/agents/${encodeURIComponent(agent)}/configuration` : null;
  const configured = useAnswer<{ devices: readonly { credential: string }[] }>(place, { every: 60 });
  const told = trial.state === 'told' ? knownSets(trial.told) : [];
  const named = (configured.data?.devices ?? []).map(({ credential }) => credential);
  return [...new Set([...named, ...told])].filter(Boolean).toSorted();
}

function knownSets({ facts }: Told): readonly string[] {
  return [...facts].filter(([name]) => name.startsWith('detail.known.')).map(([, value]) => value);
}

/** As a device may be called: letters, digits, dots and the like. */
export function nameFrom(sysName: string): string {
  return sysName
    .replaceAll(/[^A-Za-z0-9._-]+/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
    .slice(0, 63);
}

const ADVICE: Readonly<Record<string, Word>> = {
  credential_unknown: 'add.advice.credential',
  secret_unresolved: 'add.advice.secret',
  address_invalid: 'add.advice.address',
  address_unresolved: 'add.advice.address',
  credential_incomplete: 'add.advice.secret',
  snmp_authentication_failed: 'add.advice.user',
  snmp_unknown_user: 'add.advice.user',
  snmp_decryption_failed: 'add.advice.user',
  snmp_security_level_unsupported: 'add.advice.user',
  snmp_silent_after_discovery: 'add.advice.user',
};

/** What to do, of a code and of what ping said. */
function adviceOf({ state, facts }: Told, agent: string): string {
  if (state === 'expired') return t('add.advice.expired', { agent });
  const word = ADVICE[facts.get('failure') ?? facts.get('code') ?? ''];
  if (word !== undefined) return t(word);
  const ping = facts.get('ping');
  if (ping === 'answers') return t('add.advice.snmp');
  return ping === 'silent' ? t('add.advice.silent') : t('add.advice.other');
}

function Result({ told, agent }: { readonly told: Told; readonly agent: string }) {
  const { facts, state } = told;
  const good = state === 'done' && facts.get('outcome') !== 'failed';
  const fact = (name: string): string | null => facts.get(name) ?? null;
  return (
    <div class="framed" role="status">
      <h3 class={good ? 'state-up' : 'state-down'}>
        {good ? t('add.answers', { n: facts.get('interfaces') ?? '?' }) : t('add.fails')}
      </h3>
      {!good && (
        <p>
          <strong>{adviceOf(told, agent)}</strong> <bdi>{fact('message')}</bdi>{' '}
          <code>{fact('failure') ?? fact('code') ?? told.state}</code>
          {knownSets(told).length > 0 && ` ${t('add.known', { names: knownSets(told).join(', ') })}`}
        </p>
      )}
      {good && fact('outcome') === 'partial' && (
        <p class="state-doubt">
          {t('add.partial')} <code>{fact('failure')}</code>
        </p>
      )}
      <Facts
        facts={[
          ['sysName', fact('sysName')],
          ['model', [fact('vendor'), fact('model')].filter(Boolean).join(' ')],
          ['version', [fact('os'), fact('version')].filter(Boolean).join(' ')],
          ['serial', fact('serial')],
          ['interfaces', good ? fact('interfaces') : null],
          ['profile', fact('profile')],
          ['location', fact('sysLocation')],
          ['sysDescr', fact('sysDescr')],
          ['device.took', fact('durationMs') === null ? null : `${fact('durationMs')} ms`],
          ['device.requests', fact('requests')],
        ]}
      />
    </div>
  );
}
