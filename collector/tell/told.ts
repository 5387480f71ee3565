// The nouns of telling: what a subscriber was told of an alarm, what it is to be told, and the message that says it.
import type { EpochMs } from '../../common/model/time.ts';
import type { OperatorState, Severity } from '../faults/alarm.ts';
import type { AlarmRow } from '../faults/alarm-row.ts';
import type { Silence } from '../faults/silence.ts';

/** What a subscriber believes of an alarm that it was told of. Nothing is believed of one that it never was, or that it was told is over. */
export interface Belief {
  readonly severity: Severity;
  readonly operatorState: OperatorState;
}

export const ITEM_KINDS = ['raised', 'escalated', 'changed', 'acknowledged', 'reminder', 'cleared'] as const;
/** acknowledged: what operators did of it is another than was told. */
export type ItemKind = (typeof ITEM_KINDS)[number];

/** One alarm in a message, as it was when the message was written: a repeat says the same. */
export interface ToldItem {
  readonly alarm: string;
  readonly kind: ItemKind;
  readonly severity: Severity;
  readonly resource: string;
  readonly device: string | null;
  readonly site: string | null;
  readonly alarmType: string;
  readonly qualifier: string;
  readonly text: string;
  readonly operatorState: OperatorState;
  readonly operator: string | null;
  readonly raisedAt: string;
  readonly clearedAt: string | null;
  /** Names of customers whose services are bound to it. */
  readonly customers: readonly string[];
}

/** How many of which kind and severity a message covers. */
export interface ItemCount {
  readonly kind: ItemKind;
  readonly severity: Severity;
  readonly count: number;
}

export interface MessageContent {
  readonly kind: 'alarms' | 'digest';
  /** All that it covers, or the first of a digest. */
  readonly items: readonly ToldItem[];
  readonly counts: readonly ItemCount[];
  /** Covered, and counted only. */
  readonly folded: number;
  /** Keys of the messages that first told of these alarms: a mail answers to them. */
  readonly threads: readonly string[];
}

export interface Message extends MessageContent {
  readonly id: string;
  /** The Message-ID or Idempotency-Key: the same at every try, also after a crash. */
  readonly key: string;
  readonly channel: string;
  readonly createdAtMs: EpochMs;
  /** With this one. */
  readonly attempts: number;
}

/** A message that is written and not yet accepted, as the ledger knows it. */
export interface Intent {
  readonly message: string;
  readonly kind: ItemKind;
  /** Null: that it is over. */
  readonly belief: Belief | null;
  /** It was surely not accepted by anybody, and nobody is sending it now: another may take its place. */
  readonly open: boolean;
}

export interface LedgerRow {
  readonly alarm: string;
  readonly channel: string;
  readonly belief: Belief | null;
  readonly toldAtMs: EpochMs | null;
  /** Key of the message that first told of it. */
  readonly thread: string | null;
  /** Since when this spell of it is to be told; escalation counts from here. */
  readonly sinceMs: EpochMs | null;
  /** Since when it waits to be gathered with others; null where nothing is due. */
  readonly waitingSinceMs: EpochMs | null;
  readonly intent: Intent | null;
}

/** An alarm as it is now, with what routes ask about. */
export interface AlarmNow {
  readonly row: AlarmRow;
  readonly id: string;
  readonly site: string | null;
  readonly tags: readonly string[];
  readonly customers: readonly string[];
  /** The highest of the services that it carries; absent or null where nothing was promised. */
  readonly serviceLevel?: string | null;
  readonly silence: Silence | null;
}
