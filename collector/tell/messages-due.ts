// Which messages are due now, from the alarms, the ledger and the routes: gathered in groups, folded in a storm. Pure.
import type { DurationMs, EpochMs } from '../../common/model/time.ts';
import { isoTime } from '../../common/model/time.ts';
import { judge, stillSays, type Verdict } from './judge.ts';
import { groupOf, type Route, SEVERITY_RANK } from './route.ts';
import type { AlarmNow, Belief, ItemCount, ItemKind, LedgerRow, MessageContent, ToldItem } from './told.ts';

/** More messages than these within the span are folded into one that counts. */
export interface Storm {
  readonly messages: number;
  readonly spanMs: DurationMs;
  /** From one digest to the next. */
  readonly digestMs: DurationMs;
}

/** What went to a channel lately. */
export interface Lately {
  readonly messages: number;
  readonly lastDigestAtMs: EpochMs | null;
}

export interface Asked {
  readonly alarms: readonly AlarmNow[];
  readonly channels: ReadonlyMap<string, Storm>;
  readonly routes: readonly Route[];
  /** By alarm, then by channel. */
  readonly ledger: ReadonlyMap<string, ReadonlyMap<string, LedgerRow>>;
  readonly lately: ReadonlyMap<string, Lately>;
  readonly nowMs: EpochMs;
}

/** An alarm that a message covers, and what its subscriber believes once it is accepted. */
export interface Covered {
  readonly alarm: string;
  readonly kind: ItemKind;
  readonly belief: Belief | null;
}

export interface NewMessage extends MessageContent {
  readonly channel: string;
  readonly covers: readonly Covered[];
}

/** A row of the ledger as it is to be, its message aside. */
export type LedgerChange = Pick<LedgerRow, 'alarm' | 'channel' | 'belief' | 'sinceMs' | 'waitingSinceMs'>;

export interface Due {
  readonly messages: readonly NewMessage[];
  readonly changes: readonly LedgerChange[];
  /** Messages that nobody accepted and that no longer say what is so. */
  readonly stale: readonly string[];
}

/** Alarms listed in one message. */
const MAX_ITEMS = 100;
/** Alarms listed in a digest; the others are counted. */
const MAX_DIGEST_ITEMS = 50;
const MAX_COVERED = 20_000;
const MAX_THREADS = 20;
/** Where no route says how long to gather: it was one that is no more. */
const GATHER_MS: DurationMs = 10_000;

interface Waiting {
  readonly alarm: AlarmNow;
  readonly row: LedgerRow;
  readonly verdict: Extract<Verdict, { due: true }>;
}

export function messagesDue(asked: Asked): Due {
  const stale = staleMessages(asked);
  const changes: LedgerChange[] = [];
  const groups = new Map<string, Map<string, Waiting[]>>();
  for (const alarm of asked.alarms)
    for (const channel of asked.channels.keys()) {
      const held = rowOf(asked, alarm.id, channel);
      if (held.intent !== null && !stale.has(held.intent.message)) continue;
      // What took the place of a message has waited already.
      const row = held.intent === null ? held : { ...held, intent: null, waitingSinceMs: 0 };
      const verdict = judge(questionOf(asked, alarm, channel));
      const after = afterVerdict(row, verdict, asked.nowMs);
      if (differs(held, after)) changes.push(after);
      if (verdict.due) gather(groups, { alarm, row: { ...row, ...after }, verdict });
    }
  const messages = [...groups].flatMap(([channel, own]) => ofChannel(asked, channel, own));
  return { messages, changes, stale: [...stale] };
}

function questionOf({ routes, ledger, nowMs }: Asked, alarm: AlarmNow, channel: string) {
  return { alarm, channel, routes, ledger: ledger.get(alarm.id) ?? NO_ROWS, nowMs };
}

const NO_ROWS: ReadonlyMap<string, LedgerRow> = new Map();

function rowOf({ ledger }: Asked, alarm: string, channel: string): LedgerRow {
  return (
    ledger.get(alarm)?.get(channel) ?? {
      alarm,
      channel,
      belief: null,
      toldAtMs: null,
      thread: null,
      sinceMs: null,
      waitingSinceMs: null,
      intent: null,
    }
  );
}

/** A message is replaced as a whole: what of it is still so goes into the next. */
function staleMessages(asked: Asked): Set<string> {
  const stale = new Set<string>();
  for (const alarm of asked.alarms)
    for (const channel of asked.channels.keys()) {
      const { intent } = rowOf(asked, alarm.id, channel);
      if (intent?.open !== true || stale.has(intent.message)) continue;
      if (!stillSays(intent, judge(questionOf(asked, alarm, channel)))) stale.add(intent.message);
    }
  return stale;
}

function afterVerdict(row: LedgerRow, verdict: Verdict, nowMs: EpochMs): LedgerChange {
  const { alarm, channel, belief } = row;
  const base = { alarm, channel };
  if (verdict.due)
    return { ...base, belief, sinceMs: row.sinceMs ?? nowMs, waitingSinceMs: row.waitingSinceMs ?? nowMs };
  const kept = verdict.forget === true ? null : belief;
  // What nobody was told of begins anew the next time.
  return { ...base, belief: kept, sinceMs: kept === null ? null : row.sinceMs, waitingSinceMs: null };
}

function differs(held: LedgerRow, after: LedgerChange): boolean {
  return (
    held.sinceMs !== after.sinceMs ||
    held.waitingSinceMs !== after.waitingSinceMs ||
    (held.belief === null) !== (after.belief === null)
  );
}

function gather(groups: Map<string, Map<string, Waiting[]>>, waiting: Waiting): void {
  const { channel } = waiting.row;
  const { route } = waiting.verdict;
  const key = route === null ? 'none' : `${route.name} ${groupOf(route, waiting.alarm)}`;
  const own = groups.get(channel) ?? new Map<string, Waiting[]>();
  groups.set(channel, own);
  const group = own.get(key);
  if (group === undefined) own.set(key, [waiting]);
  else group.push(waiting);
}

/** When a group is to go out: as soon as the first of it has waited. */
export function goesOutAtMs(route: Route | null, waitingSinceMs: EpochMs): EpochMs {
  return waitingSinceMs + (route?.groupWaitMs ?? GATHER_MS);
}

function ofChannel(asked: Asked, channel: string, groups: ReadonlyMap<string, readonly Waiting[]>): NewMessage[] {
  const { nowMs } = asked;
  const storm = asked.channels.get(channel);
  const { messages: sent, lastDigestAtMs } = asked.lately.get(channel) ?? { messages: 0, lastDigestAtMs: null };
  const ready = [...groups.values()]
    .filter((group) =>
      group.some(({ row, verdict }) => goesOutAtMs(verdict.route, row.waitingSinceMs ?? nowMs) <= nowMs),
    )
    .flatMap((group) => chunks(group.toSorted(worstFirst), MAX_ITEMS));
  const room = storm === undefined ? Infinity : Math.max(0, storm.messages - sent);
  if (ready.length <= room) return ready.map((group) => messageOf(channel, 'alarms', group));
  // The last place is the digest's, so that a storm is told of at once.
  const plain = ready.slice(0, Math.max(0, room - 1));
  const rest = ready.slice(plain.length).flat();
  const mayDigest = storm === undefined || lastDigestAtMs === null || lastDigestAtMs + storm.digestMs <= nowMs;
  return [
    ...plain.map((group) => messageOf(channel, 'alarms', group)),
    ...(mayDigest
      ? chunks(rest.toSorted(worstFirst), MAX_COVERED).map((all) => messageOf(channel, 'digest', all))
      : []),
  ];
}

function worstFirst(left: Waiting, right: Waiting): number {
  return (
    SEVERITY_RANK[right.alarm.row.severity] - SEVERITY_RANK[left.alarm.row.severity] ||
    Number(left.alarm.row.raised_at_ms - right.alarm.row.raised_at_ms) ||
    Number(left.alarm.row.id - right.alarm.row.id)
  );
}

function messageOf(channel: string, kind: NewMessage['kind'], all: readonly Waiting[]): NewMessage {
  const listed = kind === 'digest' ? all.slice(0, MAX_DIGEST_ITEMS) : all;
  const threads = new Set(all.flatMap(({ row }) => (row.thread === null ? [] : [row.thread])));
  return {
    channel,
    kind,
    items: listed.map(({ alarm, verdict }) => itemOf(alarm, verdict.kind)),
    counts: countsOf(all),
    folded: all.length - listed.length,
    threads: [...threads].slice(0, MAX_THREADS),
    covers: all.map(({ alarm, verdict }) => ({ alarm: alarm.id, kind: verdict.kind, belief: verdict.belief })),
  };
}

export function itemOf(alarm: Omit<AlarmNow, 'tags' | 'silence'>, kind: ItemKind): ToldItem {
  const { row } = alarm;
  return {
    alarm: alarm.id,
    kind,
    severity: row.severity,
    resource: row.resource,
    device: row.device,
    site: alarm.site,
    alarmType: row.alarm_type,
    qualifier: row.qualifier,
    text: row.text,
    operatorState: row.operator_state,
    operator: row.operator,
    raisedAt: isoTime(Number(row.raised_at_ms)),
    clearedAt: row.is_cleared && row.cleared_at_ms !== null ? isoTime(Number(row.cleared_at_ms)) : null,
    customers: alarm.customers,
  };
}

function countsOf(all: readonly Waiting[]): ItemCount[] {
  const counts = new Map<string, ItemCount>();
  for (const { alarm, verdict } of all) {
    const { severity } = alarm.row;
    const key = `${verdict.kind} ${severity}`;
    counts.set(key, { kind: verdict.kind, severity, count: (counts.get(key)?.count ?? 0) + 1 });
  }
  return [...counts.values()];
}

function chunks<Item>(list: readonly Item[], most: number): Item[][] {
  const found: Item[][] = [];
  for (let at = 0; at < list.length; at += most) found.push(list.slice(at, at + most));
  return found;
}
