// How much one question about a KPI may read and answer.
import { WeirError } from '../../common/runtime/errors.ts';

export interface KpiBounds {
  /** Parts × steps × metrics that are read as points: beyond it steps are longer, up to a day. */
  readonly maxPoints: number;
  /** Of one answer: parts × windows, each of them one working. */
  readonly maxParts: number;
  /** Buckets that the store may go through to make sums of them: beyond it buckets are longer. */
  readonly maxBuckets: number;
}

export const KPI_BOUNDS: KpiBounds = { maxPoints: 2_000_000, maxParts: 200_000, maxBuckets: 20_000_000 };
/** Days of many resources are read and let go of in chunks: so many times the points may pass by. */
export const LONGEST_STEPS_TIMES = 10;

export function kpiTooLarge(what: string, bounds: KpiBounds): WeirError {
  return new WeirError('kpi_too_large', `One question about a KPI is not answered for ${what}.`, { ...bounds });
}
