// Alarms as work: what is chosen stands in the address, the keys j k x Enter a s m do what hands on a mouse would.
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { Action } from './alarm-actions.ts';
import { ActionBar, useActions } from './alarm-bar.tsx';
import { OperatorNote } from './alarms.tsx';
import { ago, moment, readable } from './format.ts';
import { choose, go, hrefOf, hrefOfResource, usePlace } from './place.ts';
import { Problem } from './problem.tsx';
import { filtered, sorted } from './rows.ts';
import { Badge, rankOf, SEVERITIES } from './severity.tsx';
import { useReader } from './reader.ts';
import { type Column, Table } from './table.tsx';
import type { FoldedAlarm } from './types.ts';
import { useAll } from './use-answer.ts';
import { said, t } from './words.ts';

/** Causes first: what is folded under one is its symptom. */
const STATES = ['root', 'active', 'cleared', 'shelved', 'all'] as const;

export function AlarmsView() {
  const { may, who } = useReader();
  const { query } = usePlace();
  const state = STATES.find((one) => one === query.get('state')) ?? 'root';
  const severity = SEVERITIES.find((one) => one === query.get('severity')) ?? null;
  const asked = new URLSearchParams({ state, ...(severity === null ? {} : { severity }) }).toString();
  const alarms = useAll<FoldedAlarm>(`/api/v1/alarms?${asked}`);
  const rows = useMemo(() => worstFirst(alarms.data ?? []), [alarms.data]);
  const [marked, setMarked] = useState<ReadonlySet<string>>(new Set());
  const [at, setAt] = useState<string | null>(null);
  const toggle = (id: string): void =>
    setMarked((last) => (last.has(id) ? new Set([...last].filter((one) => one !== id)) : new Set([...last, id])));
  const { problem, run } = useActions(() => setMarked(new Set()));
  const chosen = rows.filter(({ id }) => marked.has(id)).map(({ id }) => id);
  const subject = chosen.length > 0 ? chosen : at === null ? [] : [at];
  const owners = useMemo(() => ownersOf(rows), [rows]);
  const columns = columnsOf(marked, toggle, may.operate);
  // The keys move over what is seen.
  const [words, sort] = [query.get('q') ?? '', query.get('sort') ?? ''];
  const shown = useMemo(() => sorted(filtered(rows, columns, words), columns, sort), [rows, words, sort]);
  useKeys({
    rows: shown,
    at,
    setAt,
    toggle,
    me: who.name,
    act: may.operate ? (action) => void run(subject, action) : () => undefined,
  });
  return (
    <section class="card" aria-label={t('alarms')}>
      <header>
        <h2>{t('alarms')}</h2>
        <span class="note wide">{t('alarms.keys')}</span>
      </header>
      <Problem text={problem ?? alarms.problem} old={alarms.data !== null} />
      <div class="tools">
        <Choices state={state} severity={severity} />
        {may.operate && (
          <ActionBar count={chosen.length} owners={owners} onAction={(action) => void run(subject, action)} />
        )}
      </div>
      <Table
        name={t('alarms')}
        rows={rows}
        columns={columns}
        keyOf={({ id }) => id}
        classOf={(alarm) => `${alarm.isCleared ? 'past' : ''} ${alarm.id === at ? 'chosen' : ''}`}
        empty={alarms.data === null ? null : t('alarms.quiet')}
      />
    </section>
  );
}

interface ChoicesProps {
  readonly state: (typeof STATES)[number];
  readonly severity: (typeof SEVERITIES)[number] | null;
}

function Choices({ state, severity }: ChoicesProps) {
  return (
    <>
      <select aria-label={t('state')} value={state} onChange={(event) => choose({ state: event.currentTarget.value })}>
        {STATES.map((one) => (
          <option key={one} value={one}>
            {t(`alarms.state.${one}`)}
          </option>
        ))}
      </select>
      <select
        aria-label={t('severity')}
        value={severity ?? ''}
        onChange={(event) => choose({ severity: event.currentTarget.value || null })}
      >
        <option value="">{t('severity.any')}</option>
        {SEVERITIES.map((one) => (
          <option key={one} value={one}>
            {said('severity', one)}
          </option>
        ))}
      </select>
    </>
  );
}

/** Who sees to any of them. */
function ownersOf(alarms: readonly FoldedAlarm[]): readonly string[] {
  const named = alarms.flatMap(({ assignedTo }) => (assignedTo === null ? [] : [assignedTo]));
  return [...new Set(named)].toSorted((one, other) => one.localeCompare(other));
}

function worstFirst(alarms: readonly FoldedAlarm[]): readonly FoldedAlarm[] {
  const rank = (alarm: FoldedAlarm): number => (alarm.isCleared ? 100 : 0) + rankOf(alarm.severity);
  // Times of one form are in order as they are written.
  const later = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
  return alarms.toSorted((a, b) => rank(a) - rank(b) || later(b.changedAt, a.changedAt));
}

const resourceColumn: Column<FoldedAlarm> = {
  id: 'resource',
  title: t('resource'),
  value: ({ resource }) => resource,
  cell: ({ resource }) => (
    <a href={hrefOfResource(resource)}>
      <bdi>{resource}</bdi>
    </a>
  ),
  kind: 'wide',
};

function columnsOf(
  marked: ReadonlySet<string>,
  toggle: (id: string) => void,
  operate: boolean,
): readonly Column<FoldedAlarm>[] {
  const mark: Column<FoldedAlarm> = {
    id: 'mark',
    title: '',
    value: () => null,
    cell: ({ id, text }) => (
      <input
        type="checkbox"
        checked={marked.has(id)}
        aria-label={t('alarms.mark', { text })}
        onChange={() => toggle(id)}
      />
    ),
  };
  return [
    ...(operate ? [mark] : []),
    {
      id: 'severity',
      title: t('severity'),
      value: ({ severity, isCleared }) => (isCleared ? 9 : rankOf(severity)),
      cell: (alarm) => (
        <>
          <Badge severity={alarm.severity} cleared={alarm.isCleared} />
          <OperatorNote alarm={alarm} />
        </>
      ),
    },
    resourceColumn,
    {
      id: 'text',
      title: t('what'),
      value: ({ text }) => text,
      cell: ({ id, text, changedAt, symptoms }) => (
        <>
          <a href={hrefOf(['alarms', id])} class="quiet">
            <bdi>{readable(text)}</bdi>
          </a>
          {symptoms > 0 && <span class="note"> {t('alarm.symptoms', { n: symptoms })}</span>}
          <div class="note narrow">{ago(changedAt, Date.now())}</div>
        </>
      ),
    },
    {
      id: 'owner',
      title: t('alarm.owner'),
      value: ({ assignedTo }) => assignedTo,
      cell: ({ assignedTo }) => (assignedTo === null ? '' : <bdi>{assignedTo}</bdi>),
      kind: 'wide',
    },
    { id: 'type', title: t('alarm.type'), value: ({ alarmType }) => said('alarmType', alarmType), kind: 'wide' },
    {
      id: 'raised',
      title: t('alarm.raised'),
      value: ({ raisedAt }) => raisedAt,
      cell: ({ raisedAt }) => moment(raisedAt),
      kind: 'wide figure',
    },
    {
      id: 'changed',
      title: t('changed'),
      value: ({ changedAt }) => changedAt,
      cell: ({ changedAt }) => <span title={changedAt}>{ago(changedAt, Date.now())}</span>,
      kind: 'wide figure',
    },
  ];
}

interface Keys {
  readonly rows: readonly FoldedAlarm[];
  readonly at: string | null;
  readonly setAt: (id: string | null) => void;
  readonly toggle: (id: string) => void;
  /** Who reads this. */
  readonly me: string;
  readonly act: (action: Action) => void;
}

function useKeys({ rows, at, setAt, toggle, me, act: run }: Keys): void {
  // Two keys may come before the page is drawn anew.
  const now = useRef(at);
  now.current = at;
  useEffect(() => {
    const move = (id: string | null): void => {
      now.current = id;
      setAt(id);
    };
    const pressed = (event: KeyboardEvent): void => {
      const { target, key } = event;
      if (target instanceof HTMLElement && /^(INPUT|SELECT|TEXTAREA)$/.test(target.tagName)) return;
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const here = now.current;
      const place = rows.findIndex(({ id }) => id === here);
      if (key === 'j') move(rows[Math.min(rows.length - 1, place + 1)]?.id ?? null);
      else if (key === 'k') move(rows[Math.max(0, place - 1)]?.id ?? null);
      else if (key === 'x' && here !== null) toggle(here);
      else if (key === 'a') run({ kind: 'ack', text: '' });
      else if (key === 'm') run({ kind: 'assign', text: '', to: me });
      else if (key === 's') run({ kind: 'shelve', text: '', hours: 4 });
      else if (key === 'Enter' && here !== null && target === document.body) go(hrefOf(['alarms', here]));
    };
    addEventListener('keydown', pressed);
    return () => removeEventListener('keydown', pressed);
  });
}
