// The shapes of the answers that the page reads: the collector's come from the schemas of its API.
import type { AlarmAnswer } from '../../../api/alarm-answers.ts';
import type {
  AgentAnswer,
  DeviceAnswer,
  InterfaceAnswer,
  LatestAnswer,
  OverviewAnswer,
  SeriesAnswer,
  TopAnswer,
} from '../../../api/answers.ts';
import type { ListedInterfaceAnswer } from '../../../api/interface-list-answer.ts';
import type { PortSensorAnswer } from '../../../api/port-sensor-answer.ts';
import type { SiteAnswer, TrafficAnswer } from '../../../api/roll-up-answers.ts';
import type { WhoAnswer } from '../../../api/who-answer.ts';

export interface Page<T> {
  readonly items: readonly T[];
  readonly next: string | null;
}

export type Overview = OverviewAnswer;
export type Device = DeviceAnswer;
export type InterfaceRow = InterfaceAnswer;
export type Alarm = AlarmAnswer;
export type Agent = AgentAnswer;
export type Series = SeriesAnswer;
export type Latest = LatestAnswer;
export type Top = TopAnswer;
export type Who = WhoAnswer;
export type Site = SiteAnswer;
export type NetworkTraffic = TrafficAnswer;
export type ListedInterface = ListedInterfaceAnswer;
export type PortSensor = PortSensorAnswer;

export interface Gauge {
  readonly resource: string;
  readonly device: string;
  readonly metric: string;
  readonly description: string;
  readonly unit: string;
  /** Null where the last one is old. */
  readonly value: number | null;
}

/** A part of a device: module, sensor, neighbour …, with its facts beside. */
export interface Part {
  readonly key: string;
  readonly firstSeenAt: string;
  readonly lastSeenAt: string;
  readonly goneAt: string | null;
  readonly [fact: string]: string | number | null;
}

export interface Change {
  readonly id: number;
  readonly device: string;
  readonly part: string;
  readonly kind: string;
  readonly before: string | null;
  readonly after: string | null;
  readonly at: string;
}

interface LinkEnd {
  readonly device: string | null;
  readonly name: string;
  readonly interface: string | null;
  readonly resource: string | null;
  readonly port: string | null;
}

export interface TopologyLink {
  readonly a: LinkEnd;
  readonly b: LinkEnd;
  readonly protocols: readonly string[];
  readonly toldBy: readonly ('a' | 'b')[];
  readonly lastSeenAt: string;
}

export interface Topology {
  readonly devices: readonly {
    readonly name: string;
    readonly sysName: string | null;
    readonly site: string | null;
    readonly reachable: boolean | null;
  }[];
  readonly links: readonly TopologyLink[];
  readonly cut: boolean;
}

/** What the list and one alarm tell of its cause. */
export interface FoldedAlarm extends Alarm {
  readonly rootAlarm: string | null;
  readonly symptoms: number;
}

export interface AlarmWithHistory extends FoldedAlarm {
  readonly statusChanges: readonly {
    readonly at: string;
    readonly severity: string;
    readonly text: string;
    readonly origin: string;
  }[];
  readonly operatorChanges: readonly {
    readonly at: string;
    readonly operator: string;
    readonly state: string;
    /** What was done; null where an earlier version wrote it. */
    readonly action: string | null;
    readonly text: string;
  }[];
}

export interface KeptEvent {
  readonly id: string;
  readonly agent: string;
  readonly device: string | null;
  readonly name: string;
  readonly origin: string;
  readonly observedAt: string;
  readonly interfaceKey: string | null;
  readonly details: readonly { readonly name: string; readonly value: string }[];
}

export interface ProjectionState {
  readonly name: string;
  readonly position: number;
  readonly lagEntries: number;
  readonly paused: boolean;
  readonly failures: number;
  readonly lastFailure: string | null;
  readonly rate: number;
}

export interface Token {
  readonly id: string;
  readonly name: string;
  readonly role: string;
  readonly scope: { readonly sites: readonly string[]; readonly customers: readonly string[] } | null;
  readonly given: boolean;
  readonly createdAt: string;
  readonly expiresAt: string | null;
  readonly revokedAt: string | null;
  readonly lastUsedAt: string | null;
}

export interface AuditEntry {
  readonly id: string;
  readonly at: string;
  readonly actor: string;
  readonly role: string;
  readonly action: string;
  readonly subject: string;
  readonly note?: string | null;
}
