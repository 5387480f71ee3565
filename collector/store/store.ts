// The port of the metric store: a projection of the journal that answers questions about series. Adapters are held to tests/conformance/metric-store.ts.
import type { Poll } from '../../common/model/poll.ts';
import type { DurationMs, EpochMs } from '../../common/model/time.ts';
import type { Component } from '../../common/runtime/component.ts';
import type { Projection } from '../project/projection.ts';

/**
 * What stands for a step of the grid, over the spans between two readings that overlap it. rate: average per second (the same as avg).
 * last: of the latest span. p95, p99: nearest rank ceil(0.95 n), ceil(0.99 n) of the spans, or of the five-minute averages where only those are left. delta: what a counter moved, exactly, whole spans split over the grid in integers.
 */
export const SERIES_FUNCTIONS = ['rate', 'avg', 'min', 'max', 'last', 'p95', 'p99', 'delta'] as const;
export type SeriesFunction = (typeof SERIES_FUNCTIONS)[number];

/** Raw readings, or roll-ups of so long. */
export const TIERS = ['raw', '5m', '1h', '1d'] as const;
export type Tier = (typeof TIERS)[number];

export interface SeriesQuery {
  /** A name of METRICS (metrics.ts) or `sensor_CLASS`. */
  readonly metric: string;
  /** `device`, `device/interfaceKey`, or for one gauge of several `device/processor:INDEX`; a device alone means the average of its gauges. */
  readonly resource: string;
  /** Half-open [fromMs, toMs), UTC; rounded outwards to whole steps. */
  readonly fromMs: EpochMs;
  readonly toMs: EpochMs;
  /** Left out: chosen so that about 300 points come, never below the interval of polling. */
  readonly stepMs?: DurationMs;
  readonly function: SeriesFunction;
}

export interface SeriesPoint {
  /** Start of the step. */
  readonly atMs: EpochMs;
  /** Null where nothing is known: a missing poll, a restart. Decimal text for `delta` of a counter, which may pass 2^53. */
  readonly value: number | string | null;
  /** Part of the step that readings cover, 0 to 1. */
  readonly coverage: number;
}

export interface Series {
  readonly metric: string;
  readonly resource: string;
  readonly function: SeriesFunction;
  readonly unit: string;
  readonly fromMs: EpochMs;
  readonly toMs: EpochMs;
  readonly stepMs: DurationMs;
  /** The coarsest readings that the answer is made of; raw where it is left out. */
  readonly tier?: Tier;
  readonly points: readonly SeriesPoint[];
}

/** The same question about several resources at once. */
export interface ManyQuery extends Omit<SeriesQuery, 'resource'> {
  /** At most MAX_MANY; each answered in this order, with points of null where nothing is known of it. */
  readonly resources: readonly string[];
}

/** How several series become one, step by step; a step nobody knows is null, one that some know is made of those. */
export const SERIES_GROUPS = ['sum', 'avg', 'min', 'max'] as const;
export type SeriesGroup = (typeof SERIES_GROUPS)[number];

export interface CatalogueQuery {
  /** Exactly; without it all. */
  readonly metric?: string;
  readonly device?: string;
  /** Resources after this one (by metric and resource, code units). */
  readonly after?: { readonly metric: string; readonly resource: string };
  /** At most MAX_CATALOGUE. */
  readonly limit: number;
}

/** A series that the store has values of. */
export interface StoredSeries {
  readonly metric: string;
  readonly resource: string;
  /** '' for a point of another program. */
  readonly device: string;
  /** '' for a device itself; an interface's key; `processor:INDEX`. */
  readonly part: string;
  readonly description: string;
  readonly unit: string;
  /** Of a point of another program; empty else. */
  readonly tags: Readonly<Record<string, string>>;
}

export interface LatestQuery {
  readonly metric: string;
  /** At most MAX_LATEST. */
  readonly resources: readonly string[];
  /** Readings older than this are not the latest but the last: left out. */
  readonly sinceMs: EpochMs;
}

export interface LatestValue {
  readonly resource: string;
  readonly atMs: EpochMs;
  readonly value: number;
}

export interface TopQuery {
  readonly metric: string;
  readonly fromMs: EpochMs;
  readonly toMs: EpochMs;
  /** At most MAX_TOP. */
  readonly limit: number;
  /** What they are ranked by; the average over what is known of the span where it is left out. */
  readonly function?: 'avg' | 'max' | 'p95' | 'last';
  /** Only these devices with all their parts, and these single resources; everything where it is left out. */
  readonly among?: { readonly devices: readonly string[]; readonly resources: readonly string[] };
}

export interface TopResource {
  readonly resource: string;
  /** By the function of the query. */
  readonly value: number;
}

/** A part of a device that has gauges of its own. */
export interface GaugeResource {
  /** `device/processor:INDEX`; what `series` takes. */
  readonly resource: string;
  readonly device: string;
  readonly metric: string;
  readonly description: string;
  readonly unit: string;
}

export interface PollsQuery {
  readonly devices: readonly string[];
  /** Of polls that ended in [fromMs, toMs). */
  readonly fromMs: EpochMs;
  readonly toMs: EpochMs;
}

/** Of whole buckets of the roll-ups: several metrics of a resource taken together bucket by bucket, and summed up over the span. */
export interface StatisticsQuery {
  readonly metrics: readonly string[];
  readonly combine: 'one' | 'max' | 'min' | 'sum';
  /** What of a metric stands for a bucket. */
  readonly function: 'avg' | 'min' | 'max';
  /** At most MAX_MANY. */
  readonly resources: readonly string[];
  /** Whole steps. */
  readonly fromMs: EpochMs;
  readonly toMs: EpochMs;
  /** The length of the buckets: five minutes, an hour or a day. */
  readonly stepMs: DurationMs;
  /** So many of the highest values come with each resource. */
  readonly highest: number;
}

export interface ResourceStatistics {
  readonly resource: string;
  /** Buckets of which every metric is known; a bucket is known as far as the least known of them is. */
  readonly steps: number;
  readonly knownMs: number;
  /** Sum of value × known ms. */
  readonly weighted: number;
  readonly least: number;
  readonly most: number;
  /** Downwards. */
  readonly highest: readonly number[];
}

export interface Statistics {
  /** What comes after is in no bucket yet. */
  readonly throughMs: EpochMs;
  /** Resources of which nothing is known are left out. */
  readonly items: readonly ResourceStatistics[];
}

export type StateComparison = '==' | '!=' | '<' | '<=' | '>' | '>=';

export interface StateCondition {
  readonly metric: string;
  readonly comparison: StateComparison;
  readonly bound: number;
}

/** For how long a state was so, out of the runs of states that the roll-ups keep: exact, however long ago. */
export interface SharesQuery {
  readonly condition: StateCondition;
  /** Only the time counts in which this holds too; null: all. */
  readonly while: StateCondition | null;
  /** At most MAX_MANY. */
  readonly resources: readonly string[];
  readonly fromMs: EpochMs;
  readonly toMs: EpochMs;
}

export interface ResourceShare {
  readonly resource: string;
  /** Of which all that is asked for is known. */
  readonly knownMs: number;
  readonly countedMs: number;
  readonly heldMs: number;
}

export interface Shares {
  /** What comes after is in no run yet. */
  readonly throughMs: EpochMs;
  /** Resources of which nothing is known are left out. */
  readonly items: readonly ResourceShare[];
}

export const MAX_POINTS = 5000;
export const MAX_LATEST = 10_000;
export const MAX_TOP = 1000;
export const MAX_MANY = 1000;
/** Points of one answer about many resources. */
export const MAX_MANY_POINTS = 1_000_000;
export const MAX_CATALOGUE = 10_000;

/**
 * Queries throw metric_unknown or series_too_long; all calls throw store_damaged, store_full or store_unavailable
 * where the file cannot be used: the store opens it again at the next call, nothing else of the collector waits for it.
 */
export interface MetricStore extends Component, Projection {
  readonly name: 'store';
  series(query: SeriesQuery): Promise<Series>;
  /** Throws series_too_long beyond MAX_MANY_POINTS. */
  many(query: ManyQuery): Promise<readonly Series[]>;
  catalogue(query: CatalogueQuery): Promise<readonly StoredSeries[]>;
  /** Resources without a value since then are left out. */
  latest(query: LatestQuery): Promise<readonly LatestValue[]>;
  /** The highest first; resources without a value are left out. */
  top(query: TopQuery): Promise<readonly TopResource[]>;
  /** Null where buckets cannot answer: states, several gauges as one, a span of which they are gone. A store without roll-ups has none. */
  statistics?(query: StatisticsQuery): Promise<Statistics | null>;
  /** Null where no runs of states are kept of it. */
  shares?(query: SharesQuery): Promise<Shares | null>;
  /** Processors, memories and sensors of a device, at most 10,000. */
  gauges(device: string): Promise<readonly GaugeResource[]>;
  /**
   * Polls as far as raw readings were kept of them: reachability, status, counters and clocks of interfaces, what is measured of parts. By
   * device, in the order of time, the clock offset out of their times. Throws series_too_long beyond two million rows.
   */
  polls(query: PollsQuery): Promise<readonly Poll[]>;
}
