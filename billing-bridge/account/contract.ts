// Who pays for what: customers, the services they bought, where these are bound, and the terms of their price plans over time.
import type { Rounding } from '../../common/model/exact.ts';
import { type BILLING_CYCLES, type BillingCycle, monthlyFrom, startOfDate } from '../../common/model/period.ts';
import type { ServiceLevelName } from '../../common/model/service-level.ts';
import type { EpochMs } from '../../common/model/time.ts';
import type { Buyer } from '../bill/legal-entity.ts';
import type { TaxCategory } from '../bill/tax-table.ts';
import type { PriceItem } from '../rate/price-item.ts';

export interface Customer {
  readonly id: string;
  readonly name: string;
  readonly currency: string;
  readonly zone: string;
  readonly cycle: BillingCycle;
  /** What an invoice says of it; without it bills have no number. */
  readonly buyer?: Buyer | null;
  /** Its bills and credit notes go to its address by e-mail once they are made. */
  readonly billsByMail?: boolean;
}

/** The periods of a customer as the configuration states them. */
export function cycleOf(stated: {
  readonly billing_cycle: (typeof BILLING_CYCLES)[number];
  readonly billing_day?: number | undefined;
}): BillingCycle {
  return stated.billing_cycle === 'month' ? monthlyFrom(stated.billing_day ?? 1) : stated.billing_cycle;
}

/** A port that belongs to a service for a span of time. */
export interface Binding {
  readonly device: string;
  readonly interface: string;
  readonly fromMs: EpochMs;
  /** Null is open. */
  readonly toMs: EpochMs | null;
}

export interface Service {
  readonly id: string;
  readonly name: string;
  readonly customer: string;
  readonly fromMs: EpochMs;
  readonly toMs: EpochMs | null;
  /** Items that cost without usage are charged from the period that holds this instant on: a service of years ago is not billed for them at once. */
  readonly recurringFromMs: EpochMs;
  /** The plan that counts from each instant on, in order; the first from the beginning. */
  readonly plans: readonly { readonly plan: string; readonly fromMs: EpochMs }[];
  readonly bindings: readonly Binding[];
  /** Absent where none was promised. */
  readonly serviceLevel?: ServiceLevelName;
}

export interface PlanTerms {
  readonly currency: string;
  /** Used once per bill line. */
  readonly rounding: { readonly places: number; readonly mode: Rounding };
  readonly items: readonly PriceItem[];
  /** Of items that are not taxed at the standard rate, by their ids. */
  readonly taxCategories?: Readonly<Record<string, TaxCategory>>;
}

export interface PlanVersion extends PlanTerms {
  readonly id: string;
  readonly version: number;
  readonly validFromMs: EpochMs;
  /** It was taken back before it began. A fee that was charged in advance by it may still name it. */
  readonly cancelled?: boolean;
}

/** Later than any instant that Weir meets; a safe integer. */
export const FOR_EVER_MS: EpochMs = 8_640_000_000_000_000;

/** A date is midnight in the zone, anything else an instant with its offset; null where it is neither. */
export function instantOf(text: string, zone: string): EpochMs | null {
  if (/^\d{4}-\d{2}-\d{2}$/.test(text)) return startOfDate(text, zone);
  const at = Date.parse(text);
  // 30 February is read by some parsers as 2 March.
  return Number.isNaN(at) || startOfDate(text.slice(0, 10), 'UTC') === null ? null : at;
}

/** Do two half-open spans share an instant? Null is open. */
export function overlaps(
  left: { readonly fromMs: EpochMs; readonly toMs: EpochMs | null },
  right: { readonly fromMs: EpochMs; readonly toMs: EpochMs | null },
): boolean {
  return left.fromMs < (right.toMs ?? FOR_EVER_MS) && right.fromMs < (left.toMs ?? FOR_EVER_MS);
}
