// What passes between the agent's thread and the thread of the trap receiver: plain data, copied on the way.
import type { EventDetail } from '../../common/model/event.ts';
import type { EpochMs } from '../../common/model/time.ts';
import type { CredentialConfiguration } from '../../common/runtime/device-configuration.ts';
import type { NotificationNames } from './names.ts';

/** A credential set by name, its secrets resolved. */
export interface TrapCredential {
  readonly name: string;
  readonly set: CredentialConfiguration;
}

/** A device that may send: by what it is polled with. */
export interface TrapDevice {
  readonly name: string;
  readonly credential: string;
}

/** The engine of this receiver: the authority for informs. */
export interface OwnEngine {
  /** Hex. */
  readonly id: string;
  readonly boots: number;
  /** snmpEngineTime when the thread is started. */
  readonly seconds: number;
}

/** The engine of a device as polling knows it. */
export interface KnownEngine {
  readonly device: string;
  /** Hex. */
  readonly engineId: string;
  readonly boots: number;
  readonly timeSeconds: number;
}

/** What the thread is started with. */
export interface TrapSettings {
  readonly port: number;
  readonly listen: readonly string[];
  readonly networks: readonly string[];
  readonly acceptUnknown: boolean;
  readonly perSecond: number;
  readonly perSecondPerSource: number;
  readonly devices: readonly TrapDevice[];
  readonly credentials: readonly TrapCredential[];
  /** Names of the credential sets that every sender may use. */
  readonly shared: readonly string[];
  /** Engines named in the configuration. */
  readonly users: readonly { readonly engineId: string; readonly credential: string }[];
  readonly engine: OwnEngine;
  readonly names: NotificationNames;
}

/** A notification that may be believed, ready to become an event. */
export interface Notification {
  readonly device: string | null;
  readonly source: string;
  readonly origin: 'trap' | 'inform';
  readonly name: string;
  readonly observedAtMs: EpochMs;
  readonly uptimeTicks: number | null;
  readonly ifIndex: number | null;
  readonly details: readonly EventDetail[];
}

export type ToThread =
  /** Addresses of the devices, as resolved now. */
  | { readonly kind: 'addresses'; readonly addresses: readonly { readonly device: string; readonly address: string }[] }
  | { readonly kind: 'engines'; readonly engines: readonly KnownEngine[] }
  /** Other devices or credential sets than at the start. */
  | {
      readonly kind: 'devices';
      readonly devices: readonly TrapDevice[];
      readonly credentials: readonly TrapCredential[];
    }
  /** The notification of that token is durable, or was refused. */
  | { readonly kind: 'kept'; readonly token: number }
  | { readonly kind: 'refused'; readonly token: number }
  | { readonly kind: 'stop' };

/** How often something happened since the last report. */
export interface Tally {
  readonly what: 'received' | 'dropped' | 'reported' | 'acknowledged' | 'unsent' | 'forgotten';
  readonly reason: string;
  readonly source: string;
  readonly count: number;
}

export type FromThread =
  | { readonly kind: 'listening' }
  | { readonly kind: 'failed'; readonly code: string; readonly address: string; readonly message: string }
  | { readonly kind: 'notification'; readonly token: number; readonly notification: Notification }
  | { readonly kind: 'tally'; readonly tally: readonly Tally[] }
  | { readonly kind: 'stopped' };
