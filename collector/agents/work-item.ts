// Work that people ask of an agent: read a device now, find out what is wrong with it, set a value of it, or try one that is not configured yet. Its life:
//
//   queued ──the agent asks──► handed_out ──its result comes in a batch──► done | failed
//      └───────────nobody came for it, or no result, in time──► expired ──a late result──► done | failed
import type { EventDetail } from '../../common/model/event.ts';
import type { DurationMs } from '../../common/model/time.ts';
import type { Viewpoint } from '../../common/model/viewpoint.ts';
import type { Principal } from '../../common/runtime/access.ts';

/** rehearse: as a sequence, but that nothing is set. */
export type WorkKind = 'poll' | 'diagnose' | 'set' | 'ping' | 'traceroute' | 'read' | 'sequence' | 'rehearse' | 'probe';
export type WorkState = 'queued' | 'handed_out' | 'done' | 'failed' | 'expired';

/** RFC 3416 §3; text and hex are both octets. */
export type SetType =
  | 'integer'
  | 'gauge32'
  | 'counter32'
  | 'counter64'
  | 'timeTicks'
  | 'text'
  | 'hex'
  | 'oid'
  | 'ipAddress';

/** A value to be set: numbers in decimal, text as it is, octets as pairs of hexadecimal digits, the others with dots. */
export interface SetVarbind {
  readonly oid: string;
  readonly type: SetType;
  readonly value: string;
}

/** What is set at once, and how long to wait before what comes next. */
export interface SequenceStep {
  readonly varbinds: readonly SetVarbind[];
  readonly pauseMs: DurationMs;
}

/** Where a device that is not configured yet is asked, and by which credential set of the agent. */
export interface ProbeTarget {
  readonly address: string;
  readonly credential: string;
}

export interface WorkRequest {
  readonly kind: WorkKind;
  readonly device: string;
  /** Of a `set` alone. */
  readonly varbinds: readonly SetVarbind[];
  /** Of a `read` alone: objects, and columns with `.*` behind them. */
  readonly oids?: readonly string[];
  /** Of a sequence and its rehearsal. */
  readonly steps?: readonly SequenceStep[];
  /** Asked again under the same id it is the same work; without one each is another. */
  readonly id?: string;
  /** Of a `probe` alone. */
  readonly probe?: ProbeTarget;
  readonly reason: string;
  readonly expiresMs: DurationMs;
}

/** As the agent gets it. */
export interface HandedOut {
  readonly id: string;
  readonly kind: WorkKind;
  readonly device: string;
  readonly varbinds: readonly SetVarbind[];
  readonly oids: readonly string[];
  readonly steps: readonly SequenceStep[];
  readonly probe?: ProbeTarget;
  readonly expiresInMs: DurationMs;
}

export interface WorkItem {
  readonly id: string;
  readonly agent: string;
  readonly kind: WorkKind;
  readonly device: string;
  /** Of a sequence those of all its steps. */
  readonly varbinds: readonly SetVarbind[];
  readonly probe?: ProbeTarget;
  readonly state: WorkState;
  readonly askedBy: string;
  readonly reason: string;
  readonly createdAt: string;
  readonly expiresAt: string;
  readonly handedOutAt: string | null;
  readonly finishedAt: string | null;
  /** What the agent said of it. */
  readonly result: readonly EventDetail[] | null;
}

export interface WorkQuery {
  readonly agent?: string | undefined;
  readonly device?: string | undefined;
  readonly state?: WorkState | undefined;
  readonly cursor?: string | undefined;
  readonly limit: number;
}

/** The port of the API; the desk at which work is left and fetched. */
export interface Work {
  /** Throws overloaded where the agent has as much open work as it may. */
  ask(agent: string, request: WorkRequest, by: Principal): Promise<WorkItem>;
  /** Waits until there is work, the time is over or the signal aborts. An item is given again only where no result came for a while. */
  take(agent: string, waitMs: DurationMs, signal: AbortSignal): Promise<readonly HandedOut[]>;
  /** Throws not_found, also for work at a device that is not seen. */
  get(viewpoint: Viewpoint, agent: string, id: string): Promise<WorkItem>;
  /** The newest first. */
  list(
    viewpoint: Viewpoint,
    query: WorkQuery,
  ): Promise<{ readonly items: readonly WorkItem[]; readonly next: string | null }>;
}
