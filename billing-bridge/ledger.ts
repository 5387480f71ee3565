// Everything that is kept about money, with what can be asked and done: composed once for the process, its API and the commands.
import type { Database, Queryable } from '../common/database/database.ts';
import { periodAt } from '../common/model/period.ts';
import type { LevelTerms } from '../common/model/service-level.ts';
import type { EpochMs } from '../common/model/time.ts';
import type { Clock } from '../common/runtime/clock.ts';
import type { Reporter } from '../common/runtime/reporter.ts';
import { type ChainProof, seal, verifyChain } from './audit/chain.ts';
import { AccountStore } from './account/account-store.ts';
import type { ContractBook } from './account/contract-book.ts';
import type { Customer, Service } from './account/contract.ts';
import { interfaceState, type InterfaceState } from './account/interface-state.ts';
import { BillRun } from './bill/bill-run.ts';
import { type BillRunEntry, findBillRuns } from './bill/bill-run-store.ts';
import { findHeldBills, type HeldBill } from './bill/bill-schedule.ts';
import { type BillOnDemand, findOnDemand, insertOnDemand } from './bill/bill-on-demand.ts';
import { changeBillState, type StateChange } from './bill/bill-state.ts';
import {
  type CreditNoteDeps,
  type CreditNoteQuery,
  type CreditNoteRequest,
  creditNotesOf,
  creditNotesOfAll,
  findCreditNotes,
  issueCreditNote,
} from './bill/credit-note-store.ts';
import type { CreditNote } from './bill/credit-note.ts';
import {
  type Bill,
  billedCharges,
  billOfNumber,
  type BillQuery,
  findBill,
  findBills,
  linesOf,
} from './bill/bill-store.ts';
import {
  chargesBehind,
  evidenceOf,
  metersBehind,
  type ReadingsBehind,
  askReadings,
  describeRecord,
} from './bill/evidence.ts';
import { GateCheck, type GateCheckDeps } from './bill/gate-check.ts';
import type { BillLine } from './bill/lines.ts';
import { PaymentBook } from './bill/payment-book.ts';
import type { BillingBridgeConfig } from './config.ts';
import { customerSchema, readPlanTerms } from './contract-schema.ts';
import { buyerOf } from './invoice-schema.ts';
import type { ReadingsSource, SuspenseDecisions, SuspenseItem, UsageBook, UsageProof } from './mediate/mediation.ts';
import { pairReader } from './mediate/meter-pairs.ts';
import type { UsageRecord } from './mediate/usage.ts';
import { findQuotaEvents, type QuotaEvent } from './quota/quota-watch.ts';
import { announceBill, announceCreditNote } from './letters.ts';
import { answerQuote, type QuoteAnswer, type QuoteRequest } from './quotes.ts';
import { chargeJobs } from './queue/charge-job.ts';
import { putIntoOutbox } from './queue/outbox.ts';
import {
  type BillLineOfCharge,
  billLinesOf,
  ChargeCount,
  chargeById,
  firstWindowMs,
  newestChargeWithUsage,
} from './rate/charge-facts.ts';
import { CHARGE_COLUMNS, type Charge, chargeOf, type ChargeQuery, findCharges } from './rate/charge-store.ts';
import { type Preview, preview } from './rate/preview.ts';
import { applyRerating, planRerating, type RatedSpan, type ReratingPlan } from './rate/rerate.ts';
import { ForecastUsage, type ForecastPattern } from './rate/forecast.ts';
import { termsAt } from './rate/level-evidence.ts';
import { LevelWatch } from './rate/level-watch.ts';
import type { OutageSource } from './rate/outage-source.ts';
import { RatingRun } from './rate/rating-run.ts';
import { type Estimate, estimateOf } from './rate/estimate.ts';
import { type Reconciliation, reconcileBooks } from './reconciliation.ts';
import { dueByTime } from './rate/windows.ts';

export type LedgerConfig = Pick<
  BillingBridgeConfig,
  'bucketMs' | 'ratingWindowMs' | 'publishCharges' | 'hardGates' | 'watermark' | 'infrastructure' | 'legalEntities'
>;

export interface LedgerDeps {
  readonly database: Database;
  readonly clock: Clock;
  readonly usage: UsageBook;
  readonly proof: UsageProof;
  readonly readings: ReadingsSource;
  readonly suspense: SuspenseDecisions;
  readonly outages?: OutageSource;
}

export interface Forecast extends Preview {
  /** How usage was carried on. */
  readonly pattern: ForecastPattern;
}

const READ_CHARGES = { columns: CHARGE_COLUMNS, charge: chargeOf };

export class Ledger {
  readonly accounts: AccountStore;
  readonly rating: RatingRun;
  readonly levels: LevelWatch | null;
  readonly billRun: BillRun;
  readonly payments: PaymentBook;
  readonly usage: UsageBook;
  readonly describeRecord = describeRecord;
  readonly readings: ReadingsSource;
  readonly suspense: SuspenseDecisions;
  readonly watermark: string | null;
  readonly #config: LedgerConfig;
  readonly #deps: LedgerDeps;
  readonly #chargeCount: ChargeCount;

  constructor(reporter: Reporter, config: LedgerConfig, deps: LedgerDeps) {
    const { database, clock, usage } = deps;
    this.#config = config;
    this.#deps = deps;
    this.usage = usage;
    this.readings = deps.readings;
    this.suspense = deps.suspense;
    this.watermark = config.watermark;
    this.accounts = new AccountStore(reporter, {
      database,
      clock,
      readPlanTerms,
      readCustomer: (document) => customerSchema.parse(document),
      buyerOf,
    });
    const book = (until?: bigint): Promise<ContractBook> => this.accounts.book(until);
    const pairs = pairReader(deps, config.bucketMs);
    this.rating = new RatingRun(
      reporter,
      { windowMs: config.ratingWindowMs, bucketMs: config.bucketMs },
      { database, usage, book, clock, pairs, publish: (...charges) => this.#publish(...charges) },
    );
    const { outages: source } = deps;
    this.levels = source === undefined ? null : new LevelWatch(reporter, { database, clock, source, book });
    const gateDeps: GateCheckDeps = {
      database,
      usage,
      facts: usage,
      stateOf: (contracts, device, interfaceKey, at) => this.stateOf(contracts, device, interfaceKey, at),
      dueByTime: (held, service, afterMs, untilMs) => dueByTime(held, service, afterMs, untilMs, 1).length > 0,
      ...this.rating.waiting,
    };
    this.billRun = new BillRun(
      reporter,
      { hardGates: config.hardGates, watermark: config.watermark, legalEntities: config.legalEntities },
      {
        database,
        book,
        clock,
        beginGates: () => {
          const gates = new GateCheck(gateDeps);
          return (contracts, customer, period) => gates.check(contracts, customer, period);
        },
        readCharges: READ_CHARGES,
        seal,
        announce: announceBill,
      },
    );
    this.payments = new PaymentBook({ database, clock, seal });
    this.#chargeCount = new ChargeCount(database);
  }

  book(): Promise<ContractBook> {
    return this.accounts.book();
  }

  stateOf(book: ContractBook, device: string, interfaceKey: string, at: EpochMs): InterfaceState {
    return interfaceState(book, this.#config.infrastructure, device, interfaceKey, at);
  }

  /** What held octets would cost at the price of a first unit; null where nobody holds the port or no price counts single units. */
  estimate(book: ContractBook, item: SuspenseItem): Estimate | null {
    const { meter, fromMs, octets } = item;
    const holder = book.holderAt(meter.device, meter.interfaceKey, fromMs);
    const plan = holder === null ? null : book.planAt(holder.service, fromMs);
    return plan === null || octets === null ? null : estimateOf(plan, meter, BigInt(octets));
  }

  /** How the availability of a service is measured at an instant; null where its contract does not say. */
  levelTermsAt(book: ContractBook, service: Service, at: EpochMs): LevelTerms | null {
    return termsAt(book, service, at);
  }

  charges(query: ChargeQuery): Promise<Charge[]> {
    return findCharges(this.#deps.database, query);
  }

  charge(id: bigint, customers: readonly string[] | null): Promise<Charge | null> {
    return chargeById(this.#deps.database, id, customers);
  }

  newestCharge(): Promise<Charge | null> {
    return newestChargeWithUsage(this.#deps.database);
  }

  chargeCount(): Promise<bigint> {
    return this.#chargeCount.now();
  }

  billLinesOf(charge: bigint): Promise<BillLineOfCharge[]> {
    return billLinesOf(this.#deps.database, charge);
  }

  evidence(charge: Charge, options: { readonly maxRecords: number; readonly readings: boolean }): Promise<object> {
    const readings = (meter: number, fromMs: EpochMs, toMs: EpochMs): Promise<ReadingsBehind> =>
      askReadings(this.#deps.readings, meter, fromMs, toMs);
    return evidenceOf({ usage: this.#deps.usage, readings }, charge, options);
  }

  /** The newest usage records that a charge counts, by meter and bucket. */
  async recordsBehind(charge: Charge): Promise<UsageRecord[]> {
    const found: UsageRecord[] = [];
    for (const { meter, fromMs, toMs } of metersBehind(charge))
      found.push(...(await this.#deps.usage.latest([meter], fromMs, toMs)));
    return found;
  }

  bills(query: BillQuery): Promise<Bill[]> {
    return findBills(this.#deps.database, query);
  }

  bill(id: string, customers: readonly string[] | null): Promise<Bill | null> {
    return findBill(this.#deps.database, id, customers);
  }

  /** By its number, of whatever legal entity; the newest where two gave it. */
  async billNumbered(number: string): Promise<Bill | null> {
    const bill = await billOfNumber(this.#deps.database, number);
    return bill === null ? null : this.bill(bill, null);
  }

  lines(bill: string): Promise<Omit<BillLine, 'charges'>[]> {
    return linesOf(this.#deps.database, bill);
  }

  chargesBehind(
    bill: string,
    line: number,
    after: { readonly windowStartMs: EpochMs; readonly id: bigint } | null,
    limit: number,
  ): Promise<Charge[]> {
    return chargesBehind(this.#deps.database, READ_CHARGES, bill, line, after, limit);
  }

  changeBillState(change: Omit<StateChange, 'atMs'>): Promise<Bill> {
    return changeBillState(this.#deps.database, seal, { ...change, atMs: this.#deps.clock.now() });
  }

  /** Asked twice under one request, it is issued once. Throws not_found or credit_refused. */
  async credit(request: Omit<CreditNoteRequest, 'atMs'>): Promise<CreditNote> {
    const { database, clock } = this.#deps;
    const book = await this.book();
    const announce: CreditNoteDeps['announce'] = (...told) => announceCreditNote(book, ...told);
    const deps = { database, legalEntities: this.#config.legalEntities, seal, announce };
    return issueCreditNote(deps, { ...request, atMs: clock.now() });
  }

  creditNotesOf(bill: string): Promise<CreditNote[]> {
    return creditNotesOf(this.#deps.database, bill);
  }

  creditNotesOfAll(bills: readonly string[]): Promise<CreditNote[]> {
    return creditNotesOfAll(this.#deps.database, bills);
  }

  addBillOnDemand(asked: Omit<BillOnDemand, 'serial'>): Promise<BillOnDemand> {
    return insertOnDemand(this.#deps.database, asked);
  }

  billsOnDemand(query: Parameters<typeof findOnDemand>[1]): Promise<BillOnDemand[]> {
    return findOnDemand(this.#deps.database, query);
  }

  /** Which of the charges a closed bill holds. */
  billedCharges(charges: readonly bigint[]): Promise<Set<bigint>> {
    return billedCharges(this.#deps.database, charges);
  }

  creditNotes(query: CreditNoteQuery): Promise<CreditNote[]> {
    return findCreditNotes(this.#deps.database, query);
  }

  billRuns(query: { readonly beforeId: bigint | null; readonly limit: number }): Promise<BillRunEntry[]> {
    return findBillRuns(this.#deps.database, query);
  }

  heldBills(limit: number): Promise<HeldBill[]> {
    return findHeldBills(this.#deps.database, limit);
  }

  preview(book: ContractBook, customer: Customer, at: EpochMs): Promise<Preview> {
    return preview({ usage: this.#deps.usage, bucketMs: this.#config.bucketMs }, book, customer, at);
  }

  /** What a plan would cost; see answerQuote. */
  async quote(request: QuoteRequest, at: EpochMs): Promise<QuoteAnswer> {
    return answerQuote({ usage: this.#deps.usage, bucketMs: this.#config.bucketMs }, await this.book(), request, at);
  }

  /** What the whole period may come to: usage goes on as it was lately, and is priced by the same terms. */
  async forecast(book: ContractBook, customer: Customer, at: EpochMs): Promise<Forecast> {
    const { bucketMs } = this.#config;
    const usage = new ForecastUsage(this.#deps.usage, Math.floor(at / bucketMs) * bucketMs);
    const { endMs } = periodAt(at, customer.cycle, customer.zone);
    const whole = await preview({ usage, bucketMs }, book, customer, endMs - 1);
    return { ...whole, untilMs: endMs, pattern: usage.pattern };
  }

  /** What rating a span anew would change under the contracts of a book; writes nothing. */
  planRerating(book: ContractBook, span: RatedSpan): Promise<ReratingPlan> {
    const { database, usage } = this.#deps;
    const { bucketMs, ratingWindowMs: windowMs } = this.#config;
    const { pairs } = this.rating.deps;
    return planRerating({ database, usage, bucketMs, windowMs, pairs, pending: true }, book, span);
  }

  applyRerating(plan: ReratingPlan): Promise<void> {
    return applyRerating(this.#deps.database, plan);
  }

  /** The beginning of the first bucket or window that there is; null where there is none. */
  async begin(): Promise<EpochMs | null> {
    const first = [await this.#deps.usage.begin(), await firstWindowMs(this.#deps.database)];
    const found = first.filter((at) => at !== null);
    return found.length === 0 ? null : Math.min(...found);
  }

  /** Usage against counters, charges against usage, bills against charges; writes nothing. */
  async reconcile(fromMs: EpochMs, toMs: EpochMs): Promise<Reconciliation> {
    const { database, usage, proof } = this.#deps;
    const { bucketMs, ratingWindowMs: windowMs } = this.#config;
    const { pairs } = this.rating.deps;
    return reconcileBooks({ database, usage, proof, bucketMs, windowMs, pairs }, await this.book(), fromMs, toMs);
  }

  quotaEvents(query: Parameters<typeof findQuotaEvents>[1]): Promise<QuotaEvent[]> {
    return findQuotaEvents(this.#deps.database, query);
  }

  /** Every entry of the hash chain computed anew; `published` are heads that were told outside. */
  audit(published: ReadonlyMap<string, string>, progress?: (position: bigint) => void): Promise<ChainProof> {
    return verifyChain(this.#deps.database, published, progress);
  }

  async #publish(connection: Queryable, run: bigint, charges: readonly Charge[]): Promise<void> {
    const now = this.#deps.clock.now();
    if (this.#config.publishCharges) await putIntoOutbox(connection, chargeJobs(run, charges), now);
    const ids = charges.map((charge) => charge.id.toString());
    await seal(connection, 'charge', ids, now);
  }
}
