// Service credit: what is given back of the recurring charge where a service was down for longer than was promised.
import { Exact } from '../../common/model/exact.ts';
import { availabilityOf, type LevelTerms, type ServiceLevel } from '../../common/model/service-level.ts';
import { isoTime } from '../../common/model/time.ts';
import { ceiling, least, type Priced, Sum, type WorkingStep } from './working.ts';

/** Below so many percent of availability, so many percent of the recurring charge. */
export interface CreditRow {
  readonly below: Exact;
  readonly percent: Exact;
}

export type CreditRule =
  | { readonly kind: 'table'; readonly rows: readonly CreditRow[] }
  | {
      readonly kind: 'time';
      readonly allowedMinutes: Exact;
      readonly unit: 'minute' | 'hour';
      /** For each unit that was begun beyond what is allowed: money, or percent of the recurring charge. */
      readonly each: { readonly amount: Exact } | { readonly percent: Exact };
    };

export interface ServiceCreditPrice {
  /** Its zone is the customer's. */
  readonly terms: Omit<LevelTerms, 'zone'>;
  /** Ids of the flat items that are the recurring charge; null: all of the plan. */
  readonly of: readonly string[] | null;
  readonly rule: CreditRule;
  /** Of the recurring charge. */
  readonly mostPercent: Exact;
  readonly mostAmount: Exact | null;
}

/** What the credit of one period rests on. */
export interface CreditGrounds {
  readonly level: ServiceLevel;
  /** Exact sum of the recurring charges of the period. */
  readonly recurring: Exact;
  /** Tells the records that the level was computed from. */
  readonly digest: string;
}

const HUNDRED = Exact.integer(100);
const MINUTE_MS = 60_000n;
/** Outages that the working names one by one. */
const MOST_NAMED = 50;

/** Never above zero. Outages are steps of nothing: they say what the availability is made of. */
export function priceServiceCredit(price: ServiceCreditPrice, grounds: CreditGrounds): Priced {
  const { amount, steps } = creditOf(price, grounds);
  const share = grounds.recurring.multiply(price.mostPercent).divide(HUNDRED);
  const most = price.mostAmount === null ? share : least(share, price.mostAmount);
  const given = least(amount, most);
  const cut = given.compare(amount) === 0 ? [] : [capStep(most, amount.subtract(given))];
  return { amount: given.negate(), steps: [...outageSteps(grounds.level), ...steps.map(negated), ...cut] };
}

export function outageMinutes({ outageMs }: Pick<ServiceLevel, 'outageMs'>): Exact {
  return Exact.ratio(BigInt(outageMs), MINUTE_MS);
}

/** What is given back, above zero, before it is capped. */
function creditOf({ rule }: ServiceCreditPrice, { level, recurring }: CreditGrounds): Priced {
  const sum = new Sum();
  const percentOf = (what: string, percent: Exact): void =>
    sum.multiply(`${what}: ${percent.toString()} % of the recurring charge`, recurring, percent.divide(HUNDRED));
  if (rule.kind === 'table') {
    const availability = availabilityOf(level);
    const row = availability === null ? null : rowOf(rule.rows, availability);
    if (row !== null && availability !== null)
      percentOf(`availability ${availability.toFixed(4, 'down')} % is below ${row.below.toString()} %`, row.percent);
    return sum.priced();
  }
  const beyond = outageMinutes(level).subtract(rule.allowedMinutes);
  if (beyond.compare(Exact.zero) <= 0) return sum.priced();
  const units = ceiling(rule.unit === 'hour' ? beyond.divide(Exact.integer(60)) : beyond);
  const what = `${units.toString()} ${rule.unit}s begun beyond ${rule.allowedMinutes.toString()} minutes`;
  if ('amount' in rule.each) sum.multiply(what, units, rule.each.amount);
  else percentOf(what, rule.each.percent.multiply(units));
  return sum.priced();
}

/** The strictest that was missed: of all rows that the availability is below, the lowest. */
function rowOf(rows: readonly CreditRow[], availability: Exact): CreditRow | null {
  let found: CreditRow | null = null;
  for (const row of rows)
    if (availability.compare(row.below) < 0 && (found === null || row.below.compare(found.below) < 0)) found = row;
  return found;
}

function outageSteps({ outages }: ServiceLevel): WorkingStep[] {
  const counted = outages.filter((one) => one.counted);
  const named = counted.slice(0, MOST_NAMED).map(
    ({ fromMs, toMs, alarms }): WorkingStep => ({
      what: `down from ${isoTime(fromMs)} to ${isoTime(toMs)} (${alarms.map(({ alarmType, alarm }) => `${alarmType} ${alarm}`).join(', ')})`,
      quantity: outageMinutes({ outageMs: toMs - fromMs }).toString(),
      amount: '0',
    }),
  );
  const rest = counted.slice(MOST_NAMED);
  if (rest.length === 0) return named;
  const outageMs = rest.reduce((sum, { fromMs, toMs }) => sum + toMs - fromMs, 0);
  return [
    ...named,
    { what: `${rest.length} more outages`, quantity: outageMinutes({ outageMs }).toString(), amount: '0' },
  ];
}

function negated(step: WorkingStep): WorkingStep {
  const amount = Exact.fromText(step.amount);
  if (amount === null) throw new Error(`BUG: ${step.amount} is no exact number`);
  const price = step.price === undefined ? null : Exact.fromText(step.price);
  return {
    ...step,
    amount: amount.negate().toString(),
    ...(price === null ? {} : { price: price.negate().toString() }),
  };
}

function capStep(most: Exact, by: Exact): WorkingStep {
  return { what: `down to the most that is given back, ${most.toString()}`, amount: by.toString() };
}
