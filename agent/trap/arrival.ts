// The words of the intake: a datagram that came, who it may be from, what it proved to be, and what becomes of it.
import { createHash } from 'node:crypto';
import type { EpochMs } from '../../common/model/time.ts';
import type { Pdu } from '../snmp/pdu.ts';
import type { ReportReason } from './answers.ts';
import type { Notification } from './exchange.ts';

/** Why a datagram came to nothing. */
export type DropReason =
  | 'unknown_source'
  | 'malformed'
  | 'not_a_notification'
  | 'wrong_community'
  | 'source_rate'
  | 'total_rate'
  | 'report_rate'
  | 'backlog'
  | 'duplicate'
  | 'replayed'
  | 'unknown_device'
  | ReportReason;

export interface Dropped {
  readonly kind: 'dropped';
  readonly reason: DropReason;
}

/** Dropped, and the sender is told why. */
export interface Reported {
  readonly kind: 'reported';
  readonly reason: ReportReason;
  readonly bytes: Uint8Array;
}

export type Verdict =
  | Dropped
  | Reported
  /** An inform that came again after it was kept. */
  | { readonly kind: 'acknowledged'; readonly bytes: Uint8Array }
  | {
      readonly kind: 'taken';
      readonly token: number;
      readonly notification: Notification;
      /** Older ones that can no longer be told from new ones. */
      readonly forgotten: number;
    };

export interface Arrival {
  readonly bytes: Uint8Array;
  readonly source: string;
  readonly nowMs: EpochMs;
  readonly monotonicMs: number;
}

/** A datagram, the devices of its source address, and whether the configuration names the address itself. */
export interface Sender {
  readonly arrival: Arrival;
  readonly devices: readonly string[];
  readonly named: boolean;
}

/** Answers an inform; null for a trap. */
export type Answer = ((monotonicMs: number) => Uint8Array) | null;

/** A notification that passed every check of its security model. */
export interface Authentic {
  readonly kind: 'authentic';
  readonly pdu: Pdu;
  readonly origin: 'trap' | 'inform';
  /** What a repetition has in common with its first. */
  readonly key: string;
  /** What a copy of the very message has, from whatever source; null without authentication. */
  readonly copyKey: string | null;
  readonly answer: Answer;
  /** Devices that the sender proved to be; the source decides where there is none. */
  readonly devices: readonly string[];
  /** Whether the message was made under the device's own credential set. */
  readonly speaksFor: (device: string) => boolean;
}

export function dropped(reason: DropReason): Dropped {
  return { kind: 'dropped', reason };
}

/** Short, and nobody can make two that are the same. */
export function keyOf(place: string, bytes: Uint8Array): string {
  return createHash('sha256').update(place).update('\0').update(bytes).digest('base64url').slice(0, 27);
}
