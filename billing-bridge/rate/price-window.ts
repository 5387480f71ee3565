// One due window, priced: its contract, meters, outages and pairs of polls together, and the charge that comes of them. Nothing is written.
import type { Queryable } from '../../common/database/database.ts';
import { Exact } from '../../common/model/exact.ts';
import { type Period, periodAt } from '../../common/model/period.ts';
import type { DurationMs } from '../../common/model/time.ts';
import type { UsageColumns } from '../../common/model/usage-columns.ts';
import type { ContractBook } from '../account/contract-book.ts';
import type { Customer, PlanVersion, Service } from '../account/contract.ts';
import type { NewCharge } from './charge-store.ts';
import type { StoredReadings } from '../mediate/usage.ts';
import type { CountedMeter } from './counted-usage.ts';
import {
  creditGrounds,
  describeGrounds,
  evidenceKey,
  fittingEvidence,
  type LevelEvidence,
  levelTerms,
  newestEvidence,
} from './level-evidence.ts';
import type { PollPair, ReadPairs } from './poll-pairs.ts';
import {
  isFee,
  meterTermsOf,
  needsNoUsage,
  type PriceItem,
  rateItem,
  type RatingInput,
  workingOf,
} from './price-item.ts';
import { evidenceOf, inputDigest, type MeterIndex, metersIn, ratingInput, sameInput } from './rating-input.ts';
import type { CreditGrounds } from './service-credit.ts';
import { accruedIn, type FeeStretch, formerFee, stretchAt } from './stretches.ts';
import { type DueWindow, termsOf } from './windows.ts';

export interface Work {
  readonly due: DueWindow;
  readonly service: Service;
  readonly plan: PlanVersion;
  readonly item: PriceItem;
  readonly meters: readonly CountedMeter[];
  /** Of a service credit, once it is known. */
  readonly evidence?: LevelEvidence | null;
  /** Of a fee: what of its cycle is charged. */
  readonly stretch?: FeeSpan;
}

type FeeSpan = Pick<FeeStretch, 'cycle' | 'fromMs' | 'toMs'>;

/** Null where the service or the item is no longer there: then nothing is due. */
export function workOf(due: DueWindow, book: ContractBook, index: MeterIndex): Work | null {
  const service = book.services.get(due.service);
  if (service === undefined) return null;
  const plan = termsOf(book, service, due);
  const item = plan?.items.find((one) => one.id === due.item);
  if (plan === null || item === undefined || isFee(item.price)) return feeOf(due, service, book);
  const meters = needsNoUsage(item.price) ? [] : metersIn(service, due, index, meterTermsOf(item.price));
  return { due, service, plan, item, meters };
}

/** The stretch that stands at the window; where terms were changed so that there is none any more, nothing of it is left to charge. */
function feeOf(due: DueWindow, service: Service, book: ContractBook): Work | null {
  const stretch = stretchAt(book, service, due.item, due.startMs);
  if (stretch !== null) {
    const { plan, item, window, cycle, fromMs, toMs } = stretch;
    return { due: { ...due, ...window }, service, plan, item, meters: [], stretch: { cycle, fromMs, toMs } };
  }
  const former = formerFee(book, service, due.item);
  if (former === null) return null;
  const { cycle, zone } = book.customerOf(service);
  const nothing = { cycle: periodAt(due.startMs, cycle, zone), fromMs: due.startMs, toMs: due.startMs };
  return { due, service, ...former, meters: [], stretch: nothing };
}

/** Credits with the outages that are kept of their windows, up to a version where one is named, or null; what is no credit needs none. */
export async function withEvidence(
  connection: Queryable,
  work: readonly Work[],
  untilVersion: number | null = null,
): Promise<Work[]> {
  const credits = work.filter(({ item }) => item.price.kind === 'service_credit');
  const kept = await newestEvidence(
    connection,
    credits.map(({ due }) => due),
    untilVersion,
  );
  return work.map((one) =>
    one.item.price.kind === 'service_credit'
      ? { ...one, evidence: fittingEvidence(kept.get(evidenceKey(one.due)), one.service, one.due) }
      : one,
  );
}

/** The pairs of polls that a window is ranked by; null where its contract ranks the grid. */
export async function pairsFor(
  { item, meters, due }: Work,
  read: ReadPairs | undefined,
  until: StoredReadings | null = null,
): Promise<ReadonlyMap<number, readonly PollPair[]> | null> {
  if (item.price.kind !== 'percentile' || item.price.samples !== 'poll_pair') return null;
  if (read === undefined) throw new Error('BUG: nobody reads the pairs of polls that a contract asks for');
  return read([...new Set(meters.map(({ meter }) => meter))], due.startMs, due.endMs, until);
}

export interface PricedWindow {
  readonly charge: NewCharge;
  /** Does a charge with this digest rest on the same contract and usage? */
  readonly restsOnSame: (inputDigest: string) => boolean;
}

/** Prices one window from contracts and usage alone: the same input gives the same charge, whoever asks. */
export function chargeFor(
  work: Work,
  book: ContractBook,
  usage: ReadonlyMap<number, UsageColumns>,
  bucketMs: DurationMs,
  pairs: ReadonlyMap<number, readonly PollPair[]> | null = null,
): PricedWindow {
  const { due, service, plan, item, meters } = work;
  const customer = book.customerOf(service);
  const period = periodAt(due.startMs, customer.cycle, customer.zone);
  const plain = ratingInput({
    customer,
    service,
    period,
    window: due,
    meters,
    usage,
    bucketMs,
    ...(pairs === null ? {} : { pairs }),
    ...(work.stretch === undefined ? {} : { stretch: work.stretch }),
  });
  const credit = creditOf(work, book, customer, period);
  const input = credit === null ? plain : { ...plain, credit: credit.grounds };
  const rated = rateItem(item, input);
  const charge: NewCharge = {
    customer: customer.id,
    service: service.id,
    item: item.id,
    itemName: item.name,
    kind: item.price.kind,
    windowStartMs: due.startMs,
    windowEndMs: due.endMs,
    version: 1,
    plan: plan.id,
    planVersion: plan.version,
    currency: plan.currency,
    quantity: rated.quantity.toString(),
    unit: rated.unit,
    amount: rated.amount.toString(),
    usageRecords: rated.coverage.records,
    inputDigest: inputDigest(plan, item, input),
    working: workingOf(rated),
    evidence: { ...evidenceOf(input), ...(credit === null ? {} : { serviceLevel: credit.described }) },
  };
  return { charge, restsOnSame: (standing) => sameInput(standing, plan, item, input) };
}

/** What is given back of: the flat items of the plan, as they are charged for the period. */
function creditOf(
  { item: { price }, service, due, evidence }: Work,
  book: ContractBook,
  customer: Customer,
  period: Period,
): { readonly grounds: CreditGrounds; readonly described: object } | null {
  if (price.kind !== 'service_credit' || evidence == null) return null;
  const recurring = accruedIn(book, service, period)
    .filter(({ item }) => item.price.kind !== 'assigned_ports' && (price.of === null || price.of.includes(item.id)))
    .map((stretch) => rateItem(stretch.item, feeInput(customer, service, period, stretch)).amount)
    .reduce((sum, amount) => sum.add(amount), Exact.zero);
  const terms = levelTerms(price, customer.zone);
  const grounds = creditGrounds(evidence, terms, due, recurring);
  return { grounds, described: describeGrounds(evidence, terms, grounds) };
}

/** What a fee is priced by: time alone. */
export function feeInput(customer: Customer, service: Service, period: Period, stretch: FeeSpan): RatingInput {
  const window = { startMs: period.startMs, endMs: period.endMs };
  return ratingInput({ customer, service, period, window, meters: [], usage: new Map(), bucketMs: 1, stretch });
}
