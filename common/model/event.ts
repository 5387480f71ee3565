// What happened at or with a device, beside what polls read: a trap, an inform, something the agent noticed, the result of work it was given.
import type { EpochMs } from './time.ts';

/** Where an event comes from: a notification of the device (RFC 3416 §4.2.6, §4.2.7), the agent's own notice, or work a collector asked for. */
export type EventOrigin = 'trap' | 'inform' | 'agent' | 'work';

/** A varbind of a notification (name = the object's name where it is known, else its dotted OID) or a fact the agent adds. */
export interface EventDetail {
  readonly name: string;
  readonly value: string;
}

export interface DeviceEvent {
  /** Random, given once: the key under which a collector keeps it. */
  readonly id: string;
  /** The configured name; null where the sender is no device of this agent. */
  readonly device: string | null;
  /** The address it came from; null where nothing came over the network. */
  readonly source: string | null;
  readonly origin: EventOrigin;
  /** linkDown, coldStart, engine_replaced, work_done, …; `notification` where nothing names it: its OID is the detail snmpTrapOID. */
  readonly name: string;
  readonly observedAtMs: EpochMs;
  /** sysUpTime of the sender in the message, hundredths of a second; null where it did not come. */
  readonly uptimeTicks: number | null;
  /** The interface it is about, where that is known. */
  readonly interfaceKey: string | null;
  readonly details: readonly EventDetail[];
}

/** Bounds of what a batch carries of one event; what is longer is cut by whoever makes it. */
export const EVENT_LIMITS = { details: 128, textCharacters: 2000 } as const;
