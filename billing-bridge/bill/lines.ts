// From charges to bill lines: summed exactly, rounded once, less what was billed before. Pure.
import { Exact, type Rounding } from '../../common/model/exact.ts';
import type { Period } from '../../common/model/period.ts';
import type { Charge } from '../rate/charge-store.ts';

/** What a line is made of: the charges of one item of a service under one version of its plan, in one period. */
export interface LineGroup {
  readonly service: string;
  readonly item: string;
  readonly plan: string;
  readonly planVersion: number;
  readonly period: Period;
  /** Every charge of the group that stands. */
  readonly charges: readonly Charge[];
  /** Amounts of lines of closed bills for this group. */
  readonly billedBefore: readonly string[];
  /** Charges of the group that no closed bill holds yet. */
  readonly unbilled: ReadonlySet<bigint>;
}

export interface BillLine {
  readonly line: number;
  readonly kind: 'charge' | 'adjustment';
  readonly service: string;
  readonly item: string;
  readonly itemName: string;
  readonly plan: string;
  readonly planVersion: number;
  readonly period: Period;
  readonly quantity: string;
  readonly unit: string;
  /** Sum of the charges, exact. */
  readonly exactAmount: string;
  readonly billedBefore: string;
  /** Rounded sum, less what was billed before. */
  readonly amount: string;
  readonly charges: readonly bigint[];
  readonly working: unknown;
}

export interface LineRounding {
  readonly places: number;
  readonly mode: Rounding;
}

/**
 * One line of a group. Rounding the whole sum anew and taking off what was billed keeps the total of all bills equal to the
 * rounded sum of all charges, however often usage was corrected.
 */
export function lineOf(
  line: number,
  kind: 'charge' | 'adjustment',
  group: LineGroup,
  rounding: LineRounding,
): BillLine {
  const sum = sumOf(group.charges.map((charge) => charge.amount));
  const before = sumOf(group.billedBefore);
  const amount = sum.round(rounding.places, rounding.mode).subtract(before);
  const first = group.charges[0];
  return {
    line,
    kind,
    service: group.service,
    item: group.item,
    itemName: first?.itemName ?? group.item,
    plan: group.plan,
    planVersion: group.planVersion,
    period: group.period,
    quantity: sumOf(group.charges.map((charge) => charge.quantity)).toString(),
    unit: first?.unit ?? '',
    exactAmount: sum.toString(),
    billedBefore: before.toString(),
    amount: amount.toFixed(rounding.places, rounding.mode),
    charges: group.charges.map((charge) => charge.id),
    working: {
      rounding: `${rounding.mode} to ${rounding.places} places`,
      charges: group.charges.length,
      // One charge shows its sum on the line; many are found one by one in the evidence.
      ...(group.charges.length === 1 && first !== undefined ? { working: first.working } : {}),
    },
  };
}

/** Exact sum of exact texts. */
export function sumOf(texts: readonly string[]): Exact {
  return texts.reduce((total, text) => {
    const value = Exact.fromText(text);
    if (value === null) throw new Error(`BUG: ${text} is no exact number`);
    return total.add(value);
  }, Exact.zero);
}

/** The total of a bill with as many decimals as its finest line. */
export function totalOf(lines: readonly BillLine[]): string {
  const places = Math.max(0, ...lines.map((line) => (line.amount.split('.')[1] ?? '').length));
  return sumOf(lines.map((line) => line.amount)).toFixed(places, 'half_up');
}
