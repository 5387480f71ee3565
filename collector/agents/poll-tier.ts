// How often devices are polled by what they carry: raised at once, let down only after it has been so for a while. Pure.
import type { Exact } from '../../common/model/exact.ts';
import { levelRank, type ServiceLevelName } from '../../common/model/service-level.ts';
import type { DurationMs, EpochMs } from '../../common/model/time.ts';

export interface PollTier {
  /** At least; one of the three is there. Null: not asked. */
  readonly serviceLevel: ServiceLevelName | null;
  readonly revenuePerHour: Exact | null;
  readonly impact: number | null;
  readonly intervalMs: DurationMs;
}

export interface PollTierConfig {
  readonly tiers: readonly PollTier[];
  readonly mostDevices: number;
  readonly holdMs: DurationMs;
}

/** What a device carries, as the collector weighs it. */
export interface Weight {
  readonly serviceLevel: string | null;
  readonly hourly: Exact;
  readonly impact: number;
  readonly byHand: boolean;
}

export interface HeldTier {
  readonly intervalMs: DurationMs;
  /** Since when it would be polled less often. */
  readonly lowerSinceMs: EpochMs | null;
}

/** The shortest interval of the tiers that it fits; null where it fits none. What people set by hand goes before what it carries. */
export function tierInterval(tiers: readonly PollTier[], weight: Weight): DurationMs | null {
  const fitting = tiers.filter(({ serviceLevel, revenuePerHour, impact }) => {
    if (impact !== null && weight.byHand) return weight.impact >= impact;
    if (weight.byHand && weight.impact === 0) return false;
    return (
      (serviceLevel !== null && levelRank(weight.serviceLevel) >= levelRank(serviceLevel)) ||
      (revenuePerHour !== null && weight.hourly.compare(revenuePerHour) >= 0)
    );
  });
  return fitting.length === 0 ? null : Math.min(...fitting.map(({ intervalMs }) => intervalMs));
}

/** What is held next. Beyond the bound nothing new is raised: those that were before stay, of the others the shortest intervals come first. */
export function nextTiers(
  held: ReadonlyMap<string, HeldTier>,
  wanted: ReadonlyMap<string, DurationMs>,
  { holdMs, mostDevices }: Pick<PollTierConfig, 'holdMs' | 'mostDevices'>,
  nowMs: EpochMs,
): { readonly tiers: ReadonlyMap<string, HeldTier>; readonly leftOut: number } {
  const kept = new Map<string, HeldTier>();
  for (const [device, tier] of held) {
    const next = heldOn(tier, wanted.get(device) ?? null, holdMs, nowMs);
    if (next !== null) kept.set(device, next);
  }
  const raised = [...wanted]
    .filter(([device]) => !kept.has(device))
    .toSorted(([one, oneMs], [other, otherMs]) => oneMs - otherMs || (one < other ? -1 : 1));
  const room = Math.max(0, mostDevices - kept.size);
  for (const [device, intervalMs] of raised.slice(0, room)) kept.set(device, { intervalMs, lowerSinceMs: null });
  return { tiers: kept, leftOut: Math.max(0, raised.length - room) };
}

function heldOn(held: HeldTier, wantedMs: DurationMs | null, holdMs: DurationMs, nowMs: EpochMs): HeldTier | null {
  if (wantedMs !== null && wantedMs <= held.intervalMs) return { intervalMs: wantedMs, lowerSinceMs: null };
  const lowerSinceMs = held.lowerSinceMs ?? nowMs;
  if (nowMs - lowerSinceMs < holdMs) return { intervalMs: held.intervalMs, lowerSinceMs };
  return wantedMs === null ? null : { intervalMs: wantedMs, lowerSinceMs: null };
}
