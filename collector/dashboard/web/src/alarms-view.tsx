// Alarms as work: what is chosen stands in the address, the keys j k x Enter a s c do what hands on a mouse would.
import { useContext, useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { type Action, act } from './alarm-actions.ts';
import { OperatorNote } from './alarms.tsx';
import { ago, moment } from './format.ts';
import { LiveContext } from './live.ts';
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
  const { may } = useReader();
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
  const columns = columnsOf(marked, toggle, may.operate);
  // The keys move over what is seen.
  const [words, sort] = [query.get('q') ?? '', query.get('sort') ?? ''];
  const shown = useMemo(() => sorted(filtered(rows, columns, words), columns, sort), [rows, words, sort]);
  useKeys({
    rows: shown,
    at,
    setAt,
    toggle,
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
        <select
          aria-label={t('state')}
          value={state}
          onChange={(event) => choose({ state: event.currentTarget.value })}
        >
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
        {may.operate && <ActionBar count={chosen.length} onAction={(action) => void run(subject, action)} />}
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
            <bdi>{text}</bdi>
          </a>
          {symptoms > 0 && <span class="note"> {t('alarm.symptoms', { n: symptoms })}</span>}
          <div class="note narrow">{ago(changedAt, Date.now())}</div>
        </>
      ),
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

/** Runs what an operator asked, then asks for what is so now. */
export function useActions(done: () => void): {
  readonly problem: string | null;
  readonly run: (ids: readonly string[], action: Action) => Promise<void>;
} {
  const live = useContext(LiveContext);
  const [problem, setProblem] = useState<string | null>(null);
  const run = async (ids: readonly string[], action: Action): Promise<void> => {
    if (ids.length === 0) return;
    const refused = await act(ids, action);
    setProblem(refused);
    if (refused === null) done();
    live.now();
  };
  return { problem, run };
}

interface ActionBarProps {
  readonly count: number | null;
  readonly onAction: (action: Action) => void;
}

const SHELVES = [1, 4, 24, 168] as const;

/** `count`: marked ones; null where it is about the one that is shown. */
export function ActionBar({ count, onAction }: ActionBarProps) {
  const [text, setText] = useState('');
  const [hours, setHours] = useState<number>(4);
  const off = count === 0;
  const say = (action: Action): void => {
    onAction(action);
    setText('');
  };
  return (
    <div class="actions" role="group" aria-label={t('alarms.actions')}>
      {count !== null && <span class="note">{t('alarms.marked', { n: count })}</span>}
      <input
        type="text"
        value={text}
        maxLength={2000}
        placeholder={t('alarm.reason')}
        aria-label={t('alarm.reason')}
        onInput={(event) => setText(event.currentTarget.value)}
      />
      <button type="button" disabled={off} onClick={() => say({ kind: 'ack', text })}>
        {t('alarm.ack')}
      </button>
      <button type="button" disabled={off || text === ''} onClick={() => say({ kind: 'comment', text })}>
        {t('alarm.comment')}
      </button>
      <select
        aria-label={t('alarm.shelveFor')}
        value={hours}
        onChange={(event) => setHours(Number(event.currentTarget.value))}
      >
        {SHELVES.map((one) => (
          <option key={one} value={one}>
            {one} h
          </option>
        ))}
      </select>
      <button type="button" disabled={off} onClick={() => say({ kind: 'shelve', text, hours })}>
        {t('alarm.shelve')}
      </button>
      <button type="button" disabled={off} onClick={() => say({ kind: 'close', text })}>
        {t('alarm.close')}
      </button>
    </div>
  );
}

interface Keys {
  readonly rows: readonly FoldedAlarm[];
  readonly at: string | null;
  readonly setAt: (id: string | null) => void;
  readonly toggle: (id: string) => void;
  readonly act: (action: Action) => void;
}

function useKeys({ rows, at, setAt, toggle, act: run }: Keys): void {
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
      else if (key === 's') run({ kind: 'shelve', text: '', hours: 4 });
      else if (key === 'Enter' && here !== null && target === document.body) go(hrefOf(['alarms', here]));
    };
    addEventListener('keydown', pressed);
    return () => removeEventListener('keydown', pressed);
  });
}
