// When alarms arrive faster than a person can read them (EEMUA 191, ISA-18.2: an alarm flood): since when, and whether it is over. Pure.
import type { DurationMs, EpochMs } from '../../common/model/time.ts';
import type { Viewpoint } from '../../common/model/viewpoint.ts';
import type { Severity } from './alarm.ts';

/** A storm begins with more than so many alarms within the span, and ends by itself once fewer than so many came within one. */
export const STORM: { readonly spanMs: DurationMs; readonly beginsAbove: number; readonly endsBelow: number } = {
  spanMs: 600_000,
  beginsAbove: 10,
  endsBelow: 5,
};

/** A cause, and how many alarms of the storm are folded under it. */
export interface StormRoot {
  readonly id: string;
  readonly resource: string;
  readonly text: string;
  readonly severity: Severity;
  readonly isCleared: boolean;
  readonly symptoms: number;
}

export interface Storm {
  readonly sinceMs: EpochMs;
  /** Alarms raised since then; `raisedLately` of them within the last span. */
  readonly raised: number;
  readonly raisedLately: number;
  /** False where there were more than are counted. */
  readonly counted: boolean;
  /** Those with most symptoms first; the first few. */
  readonly roots: readonly StormRoot[];
  /** Of `raised`: symptoms of some cause, whether it is among the first or not. */
  readonly folded: number;
}

export interface Storms {
  /** Null while it is calm, as far as the viewpoint sees. */
  now(viewpoint: Viewpoint): Promise<Storm | null>;
}

/** `raisedAtMs`: ascending. When the storm of now began; null where there is none. */
export function stormSince(raisedAtMs: readonly EpochMs[], nowMs: EpochMs): EpochMs | null {
  let since: EpochMs | null = null;
  /** The first that the span before this one holds. */
  let first = 0;
  for (const [at, raisedMs] of raisedAtMs.entries()) {
    if (since !== null && raisedMs > endOf(raisedAtMs, at - 1)) since = null;
    while ((raisedAtMs[first] ?? raisedMs) <= raisedMs - STORM.spanMs) first += 1;
    if (since === null && at - first + 1 > STORM.beginsAbove) since = raisedAtMs[first] ?? raisedMs;
  }
  return since !== null && nowMs <= endOf(raisedAtMs, raisedAtMs.length - 1) ? since : null;
}

/** When fewer than the least are left within the span, where nothing comes after this one. */
function endOf(raisedAtMs: readonly EpochMs[], last: number): EpochMs {
  return (raisedAtMs[last - STORM.endsBelow + 1] ?? 0) + STORM.spanMs;
}
