// In which order alarms are worked on: how bad it is, and what hangs on it. Pure.
import type { Exact } from '../../common/model/exact.ts';
import { levelRank } from '../../common/model/service-level.ts';
import { type Severity, SEVERITIES } from './alarm.ts';
import type { ProblemCriticality } from './cause/problem.ts';

/** From 0, nothing, to 5. */
export type ImpactRank = 0 | 1 | 2 | 3 | 4 | 5;

/** What services earn an hour, from which on a rank begins. */
const REVENUE_RANKS: readonly { readonly atLeast: bigint; readonly rank: ImpactRank }[] = [
  { atLeast: 100n, rank: 4 },
  { atLeast: 10n, rank: 3 },
  { atLeast: 1n, rank: 2 },
];

const BY_HAND: Readonly<Record<Exclude<ProblemCriticality, 'normal'>, ImpactRank>> = { low: 0, high: 4, critical: 5 };

/** What people set by hand counts instead of what a resource carries. Bands, because revenue grows by the hour and an order must not. */
export function impactRank(carried: {
  readonly serviceLevel: string | null;
  readonly hourly: Exact;
  readonly criticality: ProblemCriticality;
}): ImpactRank {
  if (carried.criticality !== 'normal') return BY_HAND[carried.criticality];
  return Math.max(levelRank(carried.serviceLevel), revenueRank(carried.hourly)) as ImpactRank;
}

function revenueRank(hourly: Exact): ImpactRank {
  const { numerator, denominator } = hourly;
  if (numerator <= 0n) return 0;
  return REVENUE_RANKS.find(({ atLeast }) => numerator >= atLeast * denominator)?.rank ?? 1;
}

/** The higher first: urgency and impact together, of equals the more severe. As `faults.priority_of` of the database has it. */
export function priorityOf(severity: Severity, impact: ImpactRank): number {
  const urgency = SEVERITIES.length - SEVERITIES.indexOf(severity);
  return (urgency + impact) * 100 + urgency * 10 + impact;
}
