// Which tier answers which part of a question: the coarsest that answers it exactly enough, finer ones where that has not come to yet, coarser ones where it is gone.
import { bucketStart, type DurationMs, type EpochMs } from '../../common/model/time.ts';
import { DAY_MS, FIVE_MINUTES_MS, HOUR_MS } from './roll-up.ts';
import type { StoreConfig } from './store-config.ts';
import { type SeriesFunction, type Tier, TIERS } from './store.ts';

/** What is there of each tier: [from, through), raw readings up to now. */
export type TierReach = Readonly<Record<Tier, { readonly fromMs: EpochMs; readonly throughMs: EpochMs }>>;

export interface Section {
  readonly tier: Tier;
  readonly fromMs: EpochMs;
  readonly toMs: EpochMs;
}

export const TIER_MS: Readonly<Record<Tier, DurationMs>> = {
  raw: 1,
  '5m': FIVE_MINUTES_MS,
  '1h': HOUR_MS,
  '1d': DAY_MS,
};
/** Raw readings of longer spans are too many for a percentile of them. */
const PERCENTILE_OF_RAW_MS = 2 * DAY_MS;

/** Sections in the order of time that together are [fromMs, toMs); a part that no tier has is left out. */
export function planTiers(
  query: {
    readonly fromMs: EpochMs;
    readonly toMs: EpochMs;
    readonly stepMs: DurationMs;
    readonly function: SeriesFunction;
  },
  reach: TierReach,
): Section[] {
  const preferred = TIERS.indexOf(preferredTier(query));
  const sections: Section[] = [];
  let atMs = query.fromMs;
  while (atMs < query.toMs) {
    const tier = tierAt(preferred, atMs, reach);
    const endMs = tier === null ? nextStart(atMs, query.toMs, reach) : Math.min(query.toMs, reach[tier].throughMs);
    const last = sections.at(-1);
    if (tier !== null && last?.tier === tier) sections[sections.length - 1] = { ...last, toMs: endMs };
    else if (tier !== null) sections.push({ tier, fromMs: atMs, toMs: endMs });
    // A coarser tier that stands in for a finer one gives way where that begins.
    const better = tier === null || TIERS.indexOf(tier) <= preferred ? null : TIERS[preferred];
    const beginsMs = better === null || better === undefined ? endMs : reach[better].fromMs;
    const betterMs = beginsMs > atMs ? beginsMs : endMs;
    const cutMs = Math.min(endMs, betterMs);
    const made = sections.at(-1);
    if (tier !== null && made !== undefined) sections[sections.length - 1] = { ...made, toMs: cutMs };
    atMs = cutMs;
  }
  return sections;
}

function preferredTier(query: {
  readonly fromMs: EpochMs;
  readonly toMs: EpochMs;
  readonly stepMs: DurationMs;
  readonly function: SeriesFunction;
}): Tier {
  const { stepMs } = query;
  if (query.function === 'p95' || query.function === 'p99')
    return query.toMs - query.fromMs <= PERCENTILE_OF_RAW_MS || stepMs % FIVE_MINUTES_MS !== 0 ? 'raw' : '5m';
  return TIERS.findLast((tier) => stepMs % TIER_MS[tier] === 0) ?? 'raw';
}

/** The preferred tier, else the finer ones, else the coarser ones. */
function tierAt(preferred: number, atMs: EpochMs, reach: TierReach): Tier | null {
  const finer = TIERS.slice(0, preferred + 1).toReversed();
  for (const tier of [...finer, ...TIERS.slice(preferred + 1)])
    if (atMs >= reach[tier].fromMs && atMs < reach[tier].throughMs) return tier;
  return null;
}

function nextStart(atMs: EpochMs, toMs: EpochMs, reach: TierReach): EpochMs {
  const starts = TIERS.map((tier) => reach[tier]).filter((one) => one.fromMs > atMs && one.throughMs > one.fromMs);
  return Math.min(toMs, ...starts.map((one) => one.fromMs));
}

/** From when on each tier is kept: whole days, and nothing goes that the next tier is not made of yet; null where nothing is rolled up. */
export function retainedFrom(
  nowMs: EpochMs,
  config: Pick<StoreConfig, 'rawRetentionMs' | 'rollUpRetentionMs'>,
  rolledMs: EpochMs | null,
): Readonly<Record<Tier, EpochMs>> | null {
  if (rolledMs === null) return null;
  const from = (keptMs: DurationMs, days: number): EpochMs =>
    bucketStart(Math.min(nowMs - keptMs, rolledMs - days * DAY_MS), DAY_MS);
  const { rawRetentionMs, rollUpRetentionMs: kept } = config;
  return {
    raw: from(rawRetentionMs, 1),
    '5m': from(kept['5m'], 2),
    '1h': from(kept['1h'], 2),
    '1d': from(kept['1d'], 2),
  };
}
