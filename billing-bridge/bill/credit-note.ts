// Credit notes: what is given back of a closed bill, line by line, with tax at the bill's own rates, under a number of its own. Pure.
import { Exact, type Rounding } from '../../common/model/exact.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import { type Invoice, placesOf } from './invoice.ts';
import { sumOf } from './lines.ts';
import { type TaxedTotals, type TaxGroup, taxOn, totalsOf } from './tax.ts';

/** An amount of a line, without tax. */
export interface CreditLine {
  readonly line: number;
  readonly amount: string;
}

export interface CreditNote extends TaxedTotals {
  readonly serial: bigint;
  readonly number: string;
  readonly bill: string;
  readonly billNumber: string;
  readonly customer: string;
  readonly issueDate: string;
  readonly currency: string;
  readonly reason: string;
  readonly by: string;
  readonly atMs: number;
  readonly lines: readonly CreditLine[];
}

/** What earlier notes gave back of the same bill. */
export type CreditedBefore = Pick<CreditNote, 'lines' | 'taxes'>;

export interface CreditRequest {
  /** Null: all that is left of every line. */
  readonly lines: readonly CreditLine[] | null;
}

export interface Credited {
  readonly lines: readonly CreditLine[];
  readonly totals: TaxedTotals;
}

/**
 * Tax is that of everything credited so far, less what earlier notes credited: however many notes a bill is given back by, in the
 * end their tax is the bill's. Throws credit_refused.
 */
export function credited(
  invoice: Invoice,
  billLines: readonly CreditLine[],
  before: readonly CreditedBefore[],
  request: CreditRequest,
  rounding: Rounding,
): Credited {
  const given = before.flatMap((note) => note.lines);
  const left = new Map(billLines.map(({ line, amount }) => [line, exact(amount).subtract(creditedOf(given, line))]));
  const places = placesOf(invoice.currency);
  const lines =
    request.lines ??
    [...left].filter(([, amount]) => !amount.isZero()).map(([line, amount]) => ({ line, amount: amount.toString() }));
  refuseWrong(lines, left);
  if (lines.length === 0) throw refused('Nothing of the bill is left to credit.', {});
  const all = [...given, ...lines];
  const taxes = invoice.taxes.flatMap((group): TaxGroup[] => {
    const own = lines.filter(({ line }) => group.lines.includes(line));
    if (own.length === 0) return [];
    const earlier = before.flatMap((note) => note.taxes.filter((one) => sameRate(one, group)));
    const taxableAll = sumOf(all.filter(({ line }) => group.lines.includes(line)).map((one) => one.amount)).toFixed(
      places,
      'half_up',
    );
    const less = (total: string, parts: readonly string[]): string =>
      exact(total).subtract(sumOf(parts)).toFixed(places, 'half_up');
    return [
      {
        ...group,
        lines: own.map(({ line }) => line),
        taxable: less(
          taxableAll,
          earlier.map((one) => one.taxable),
        ),
        tax: less(
          taxOn(taxableAll, group.percent, { places, rounding }),
          earlier.map((one) => one.tax),
        ),
      },
    ];
  });
  return { lines, totals: totalsOf(taxes, places) };
}

function refuseWrong(lines: readonly CreditLine[], left: ReadonlyMap<number, Exact>): void {
  const seen = new Set<number>();
  for (const { line, amount } of lines) {
    const rest = left.get(line);
    if (rest === undefined || seen.has(line))
      throw refused(`The bill has no line ${line}, or it is named twice.`, { line });
    seen.add(line);
    const wanted = exact(amount);
    // A line of a correction may be negative: then what is taken back of it is too.
    const within = rest.isNegative()
      ? wanted.isNegative() && wanted.compare(rest) >= 0
      : wanted.compare(Exact.zero) > 0 && wanted.compare(rest) <= 0;
    if (!within)
      throw refused(`Of line ${line} ${rest.toString()} is left; ${amount} is not within it.`, {
        line,
        left: rest.toString(),
        amount,
      });
  }
}

function creditedOf(given: readonly CreditLine[], line: number): Exact {
  return sumOf(given.filter((one) => one.line === line).map((one) => one.amount));
}

function sameRate(left: TaxGroup, right: TaxGroup): boolean {
  return left.code === right.code && left.category === right.category && left.percent === right.percent;
}

function refused(message: string, detail: Record<string, unknown>): WeirError {
  return new WeirError('credit_refused', message, detail);
}

function exact(text: string): Exact {
  const value = Exact.fromText(text);
  if (value === null) throw new Error(`BUG: ${text} is no exact number`);
  return value;
}
