// What a configuration changes in the price plans that are kept: versions over time, never backwards. Pure.
import type { EpochMs } from '../../common/model/time.ts';
import type { PlanDocument } from '../contract-schema.ts';
import { instantOf } from './contract.ts';
import { type KeptVersion, nextVersion, statedDigest } from './kept-version.ts';

/** What takes back a version that has not begun. */
export interface CancelledPlan {
  readonly valid_from: string;
  readonly cancelled: true;
}

/** A plan that is edited in place counts from now on; one with a later `valid_from` from then on. Never backwards. `kept`: of plans only. */
export function planVersions(
  kept: readonly KeptVersion[],
  stated: readonly PlanDocument[],
  now: EpochMs,
): { readonly made: readonly KeptVersion[]; readonly superseded: readonly string[] } {
  const made: KeptVersion[] = [];
  const superseded: string[] = [];
  for (const plan of stated) {
    const versions = [...kept, ...made].filter((one) => one.id === plan.id);
    const slot = plan.valid_from ?? '';
    const sameSlot = versions.findLast((one) => slotOf(one) === slot);
    const digest = statedDigest(plan);
    if (sameSlot?.stated === digest) continue;
    const known = kept.some((one) => one.id === plan.id);
    if (known && isOver(plan, stated, now)) {
      superseded.push(plan.id);
      continue;
    }
    const validFrom = known ? Math.max(beginOf(plan), now) : beginOf(plan);
    made.push(nextVersion(versions.at(-1), 'price_plan', plan.id, digest, validFrom, plan));
  }
  return { made: [...made, ...cancelledPlans(kept, stated, now)], superseded };
}

function beginOf(plan: PlanDocument): EpochMs {
  return plan.valid_from === undefined ? 0 : (instantOf(plan.valid_from, 'UTC') ?? 0);
}

/** Another entry of the plan took its place: from now on, the old one would push that aside. */
function isOver(plan: PlanDocument, stated: readonly PlanDocument[], now: EpochMs): boolean {
  return stated.some((other) => other.id === plan.id && beginOf(other) > beginOf(plan) && beginOf(other) <= now);
}

/** Versions that are no longer stated and have not begun never will. */
function cancelledPlans(kept: readonly KeptVersion[], stated: readonly PlanDocument[], now: EpochMs): KeptVersion[] {
  return stated.flatMap((plan, at) => {
    if (stated.findIndex((one) => one.id === plan.id) !== at) return [];
    const slots = new Set(stated.filter((one) => one.id === plan.id).map((one) => one.valid_from ?? ''));
    const versions = kept.filter((one) => one.id === plan.id);
    const gone = new Set(versions.filter((one) => one.validFromMs > now).map(slotOf));
    const added = stated.filter((one) => one.id === plan.id).length;
    return [...gone].flatMap((slot, index): KeptVersion[] => {
      const newest = versions.findLast((one) => slotOf(one) === slot);
      const last = versions.at(-1);
      if (slots.has(slot) || newest === undefined || newest.stated === '' || last === undefined) return [];
      const cancelled: CancelledPlan = { valid_from: slot, cancelled: true };
      const version = last.version + added + index + 1;
      return [
        { kind: 'price_plan', id: plan.id, version, stated: '', validFromMs: newest.validFromMs, document: cancelled },
      ];
    });
  });
}

function slotOf(version: KeptVersion): string {
  const document = version.document;
  return typeof document === 'object' &&
    document !== null &&
    'valid_from' in document &&
    typeof document.valid_from === 'string'
    ? document.valid_from
    : '';
}
