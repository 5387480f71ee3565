// Telling without a database: the pure decision, a ledger in memory, channels that work, refuse or leave one unsure, and receivers that know repeats by their key.
import type { Severity } from '../../collector/faults/alarm.ts';
import type { AlarmRow } from '../../collector/faults/alarm-row.ts';
import type { Silence } from '../../collector/faults/silence.ts';
import { type LedgerChange, messagesDue, type NewMessage, type Storm } from '../../collector/tell/messages-due.ts';
import type { Route } from '../../collector/tell/route.ts';
import type { AlarmNow, Belief, LedgerRow } from '../../collector/tell/told.ts';

export type Mood = 'works' | 'refuses' | 'unsure' | 'unsure-but-taken';

interface Outgoing extends NewMessage {
  readonly id: string;
  readonly key: string;
  readonly createdAtMs: number;
  state: 'intended' | 'done' | 'superseded' | 'dead';
  uncertain: boolean;
  attempts: number;
  nextTryMs: number;
}

/** What stands at the other end: it believes what it is told, once for each key. */
export class Receiver {
  readonly believed = new Map<string, Belief>();
  readonly keys = new Set<string>();
  readonly complaints: string[] = [];

  take(message: Pick<Outgoing, 'key' | 'covers'>): boolean {
    if (this.keys.has(message.key)) return false;
    this.keys.add(message.key);
    for (const { alarm, kind, belief } of message.covers) {
      const held = this.believed.has(alarm);
      if (kind === 'cleared' && !held) this.complaints.push(`cleared ${alarm}, which was never raised`);
      if ((kind === 'raised' || kind === 'escalated') && held) this.complaints.push(`${kind} ${alarm} twice`);
      if (['changed', 'acknowledged', 'reminder'].includes(kind) && !held)
        this.complaints.push(`${kind} ${alarm}, which was never raised`);
      if (belief === null) this.believed.delete(alarm);
      else this.believed.set(alarm, belief);
    }
    return true;
  }
}

export const QUIET_STORM: Storm = { messages: 1_000_000, spanMs: 600_000, digestMs: 300_000 };
const RETRY_MS = 10_000;

export class TellingMachine {
  readonly alarms = new Map<string, { row: AlarmRow; site: string | null; silence: Silence | null }>();
  readonly receivers = new Map<string, Receiver>();
  readonly moods = new Map<string, Mood>();
  /** `CHANNEL KIND ALARM`, as receivers heard it for the first time. */
  readonly heard: { readonly atMs: number; readonly text: string }[] = [];
  readonly ledger = new Map<string, Map<string, LedgerRow>>();
  readonly #routes: readonly Route[];
  readonly #storms: ReadonlyMap<string, Storm>;
  readonly #maxAttempts: number;
  readonly #messages: Outgoing[] = [];

  constructor(routes: readonly Route[], storms: ReadonlyMap<string, Storm>, maxAttempts = 1000) {
    this.#routes = routes;
    this.#storms = storms;
    this.#maxAttempts = maxAttempts;
    for (const channel of storms.keys()) {
      this.receivers.set(channel, new Receiver());
      this.moods.set(channel, 'works');
    }
  }

  /** Of the alarm; made where there is none, cleared. */
  alarm(id: string, site: string | null = null): { row: AlarmRow; site: string | null; silence: Silence | null } {
    const held = this.alarms.get(id) ?? { row: alarmRow(id, site), site, silence: null };
    this.alarms.set(id, held);
    return held;
  }

  change(id: string, words: Partial<AlarmRow>): void {
    const held = this.alarm(id);
    held.row = { ...held.row, ...words };
  }

  raise(id: string, severity: Severity, nowMs: number): void {
    const { row } = this.alarm(id);
    const again = row.is_cleared ? { raised_at_ms: BigInt(nowMs), operator_state: 'none' as const } : {};
    this.change(id, { severity, is_cleared: false, cleared_at_ms: null, ...again });
  }

  clear(id: string, nowMs: number): void {
    if (!this.alarm(id).row.is_cleared) this.change(id, { is_cleared: true, cleared_at_ms: BigInt(nowMs) });
  }

  /** One pass, and every channel's turn. */
  tick(nowMs: number): void {
    const alarms = [...this.alarms].map(
      ([id, { row, site, silence }]): AlarmNow => ({
        id,
        row,
        site,
        tags: [],
        customers: [],
        silence: inForce(silence, nowMs),
      }),
    );
    const due = messagesDue({
      alarms,
      channels: this.#storms,
      routes: this.#routes,
      ledger: this.#open(),
      lately: new Map([...this.#storms].map(([channel, storm]) => [channel, this.#lately(channel, storm, nowMs)])),
      nowMs,
    });
    for (const id of due.stale) this.#supersede(id);
    for (const change of due.changes) this.#write(change);
    for (const message of due.messages) this.#intend(message, nowMs);
    for (const message of this.#messages) if (message.state === 'intended') this.#try(message, nowMs);
  }

  get waiting(): number {
    return this.#messages.filter(({ state }) => state === 'intended').length;
  }

  #open(): ReadonlyMap<string, ReadonlyMap<string, LedgerRow>> {
    const isOpen = (id: string): boolean => {
      const message = this.#messages[Number(id)];
      return message?.state === 'dead' || (message?.state === 'intended' && !message.uncertain);
    };
    for (const rows of this.ledger.values())
      for (const [channel, row] of rows)
        if (row.intent !== null)
          rows.set(channel, { ...row, intent: { ...row.intent, open: isOpen(row.intent.message) } });
    return this.ledger;
  }

  #lately(channel: string, { spanMs }: Storm, nowMs: number) {
    const own = this.#messages.filter((message) => message.channel === channel && message.state !== 'superseded');
    const digests = own.filter(({ kind }) => kind === 'digest');
    return {
      messages: own.filter(({ createdAtMs }) => createdAtMs > nowMs - spanMs).length,
      lastDigestAtMs: digests.at(-1)?.createdAtMs ?? null,
    };
  }

  #row(alarm: string, channel: string): LedgerRow {
    const rows = this.ledger.get(alarm) ?? new Map<string, LedgerRow>();
    this.ledger.set(alarm, rows);
    return (
      rows.get(channel) ?? {
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

  #set(row: LedgerRow): void {
    this.ledger.get(row.alarm)?.set(row.channel, row);
  }

  #write(change: LedgerChange): void {
    this.#set({ ...this.#row(change.alarm, change.channel), ...change });
  }

  #supersede(id: string): void {
    const message = this.#messages[Number(id)];
    if (message === undefined) return;
    message.state = 'superseded';
    for (const { alarm } of message.covers) this.#set({ ...this.#row(alarm, message.channel), intent: null });
  }

  #intend(message: NewMessage, nowMs: number): void {
    const id = String(this.#messages.length);
    const fresh = { state: 'intended', uncertain: false, attempts: 0, nextTryMs: nowMs, createdAtMs: nowMs } as const;
    this.#messages.push({ ...message, id, key: `key-${id}`, ...fresh });
    for (const { alarm, kind, belief } of message.covers) {
      const row = this.#row(alarm, message.channel);
      if (row.intent !== null) throw new Error(`BUG: two messages at once about ${alarm} to ${message.channel}`);
      this.#set({ ...row, waitingSinceMs: null, intent: { message: id, kind, belief, open: true } });
    }
  }

  #try(message: Outgoing, nowMs: number): void {
    if (message.nextTryMs > nowMs) return;
    const mood = this.moods.get(message.channel) ?? 'works';
    message.attempts += 1;
    if (mood === 'works' || mood === 'unsure-but-taken') this.#hear(message, nowMs);
    if (mood === 'works') return this.#accept(message, nowMs);
    message.uncertain ||= mood !== 'refuses';
    message.nextTryMs = nowMs + RETRY_MS;
    if (message.attempts >= this.#maxAttempts) message.state = 'dead';
  }

  #hear(message: Outgoing, nowMs: number): void {
    if (this.receivers.get(message.channel)?.take(message) !== true) return;
    if (message.kind === 'digest') {
      const counts = message.counts.map(({ kind, count }) => `${count} ${kind}`).join(' ');
      this.heard.push({ atMs: nowMs, text: `${message.channel} digest ${counts}` });
    } else
      for (const { alarm, kind } of message.covers)
        this.heard.push({ atMs: nowMs, text: `${message.channel} ${kind} ${alarm}` });
  }

  #accept(message: Outgoing, nowMs: number): void {
    message.state = 'done';
    for (const { alarm, belief } of message.covers) {
      const row = this.#row(alarm, message.channel);
      const ended = belief === null;
      this.#set({
        ...row,
        belief,
        toldAtMs: nowMs,
        intent: null,
        thread: ended ? null : (row.thread ?? message.key),
        sinceMs: ended ? null : row.sinceMs,
      });
    }
  }
}

function inForce(silence: Silence | null, nowMs: number): Silence | null {
  return silence?.untilMs != null && silence.untilMs <= nowMs ? null : silence;
}

export function alarmRow(id: string, site: string | null): AlarmRow {
  return {
    id: BigInt(id),
    resource: `core${id}/ge-0`,
    alarm_type: 'interface-down',
    qualifier: '',
    device: site === null ? `core${id}` : `${site}-${id}`,
    severity: 'major',
    is_cleared: true,
    text: `ge-0 of core${id} is down`,
    threshold: null,
    created_at_ms: 0n,
    raised_at_ms: 0n,
    changed_at_ms: 0n,
    cleared_at_ms: null,
    operator_state: 'none',
    operator: null,
    operator_at_ms: null,
    shelved_until_ms: null,
    shelved_by: null,
    shelf_reason: null,
    assigned_to: null,
    ticket: null,
    ticket_url: null,
    escalation_level: 0,
    escalation_reason: null,
    source_system_id: null,
    external_alarm_id: null,
    external: null,
    parent_alarms: [],
    updated_at_ms: 0n,
  };
}

export function route(words: Partial<Route>): Route {
  return {
    name: 'all',
    severity: 'indeterminate',
    sites: [],
    tags: [],
    devices: [],
    alarmTypes: [],
    hours: null,
    channels: ['noc'],
    groupBy: 'site',
    groupWaitMs: 10_000,
    repeatMs: 0,
    updates: { severity: true, acknowledgement: true, clear: true },
    escalation: [],
    ...words,
  };
}
