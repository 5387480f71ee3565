// A bill run: looks at the gates, then makes each account's bill of the period in one transaction, once; a closed bill never changes.
import type { Database, Queryable } from '../../common/database/database.ts';
import { nextPeriod, type Period, periodNamed } from '../../common/model/period.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import type { CounterMetric, Reporter } from '../../common/runtime/reporter.ts';
import type { Seal } from '../audit/chain.ts';
import type { ContractBook } from '../account/contract-book.ts';
import type { Customer, PlanVersion } from '../account/contract.ts';
import { closedBill, insertBill, type NewBill } from './bill-store.ts';
import { type Gate, type GateFindings, type GateName, holding, judge } from './gates.ts';
import { billedAhead, correctedGroups, groupsInAdvance, periodGroups, type ReadCharges } from './line-groups.ts';
import { draftInvoice } from './invoice.ts';
import { insertInvoice } from './invoice-store.ts';
import type { LegalEntity } from './legal-entity.ts';
import { type BillLine, type LineGroup, lineOf, sumOf, totalOf } from './lines.ts';
import type { TaxCategory } from './tax-table.ts';

/** Finds what is not in order for a period and, where given, one account. */
export type CheckGates = (book: ContractBook, customer: Customer, period: Period) => Promise<GateFindings[]>;

export interface BillRunConfig {
  readonly hardGates: readonly GateName[];
  readonly watermark: string | null;
  /** By their ids. */
  readonly legalEntities: ReadonlyMap<string, LegalEntity>;
}

export interface BillRunDeps {
  readonly database: Database;
  readonly book: () => Promise<ContractBook>;
  /** Called once a run. */
  readonly beginGates: () => CheckGates;
  readonly readCharges: ReadCharges;
  readonly seal: Seal;
  /** In the transaction of a bill that closed: whoever is to hear of it. */
  readonly announce?: (connection: Queryable, bill: NewBill, customer: Customer) => Promise<void>;
  readonly clock: Clock;
}

export interface BillRequest {
  /** 2026-11, 2026-11-24, or 2026-11-24T08Z: accounts with another cycle are left out. */
  readonly period: string;
  readonly account?: string | undefined;
  /** Only these, where one account is not all that is meant. */
  readonly accounts?: readonly string[];
  /** Called after each account. */
  readonly progress?: (done: number, of: number) => void;
  /** Makes bills that close nothing, also of a period that runs. */
  readonly interim: boolean;
  readonly accept: readonly GateName[];
  readonly by: string;
  /** Throws lease_lost; called in the transaction of every bill. */
  readonly fence: (connection: Queryable) => Promise<void>;
}

export interface AccountResult {
  readonly account: string;
  /** made: now. closed: it was there already. held: gates hold it back. nothing: no charges. */
  readonly outcome: 'made' | 'closed' | 'held' | 'nothing';
  readonly bill: string | null;
  readonly total: string | null;
  readonly currency: string;
  readonly gates: readonly Gate[];
}

export interface BillRunResult {
  readonly period: string;
  readonly interim: boolean;
  readonly accounts: readonly AccountResult[];
}

export class BillRun {
  readonly #config: BillRunConfig;
  readonly #deps: BillRunDeps;
  readonly #made: CounterMetric;

  constructor(reporter: Reporter, config: BillRunConfig, deps: BillRunDeps) {
    this.#config = config;
    this.#deps = deps;
    this.#made = reporter.counter('bills_made_total', 'Bills made, by category', ['category']);
  }

  /** Throws period_unknown, period_open (unless interim) or not_found; held accounts are in the result, each with its gates. Throws the first of what keeps an invoice of one account from being made, once the others are billed. */
  async run(request: BillRequest): Promise<BillRunResult> {
    const book = await this.#deps.book();
    const checkGates = this.#deps.beginGates();
    const accounts: AccountResult[] = [];
    const asked = this.#accounts(book, request);
    const failures: WeirError[] = [];
    for (const { customer, period } of asked) {
      try {
        accounts.push(await this.#billAccount(book, customer, period, request, checkGates));
      } catch (error) {
        if (!isOfAccount(error)) throw error;
        failures.push(error);
      }
      request.progress?.(accounts.length + failures.length, asked.length);
    }
    const result = { period: request.period, interim: request.interim, accounts };
    await this.#deps.database.query(
      `insert into billing.bill_run (period, account, interim, accepted, by_whom, at_ms, result)
       values ($1, $2, $3, $4, $5, $6, $7)`,
      [
        request.period,
        request.account ?? null,
        request.interim,
        request.accept,
        request.by,
        this.#deps.clock.now(),
        JSON.stringify(result),
      ],
    );
    // The others have their bills; asked again, theirs are there.
    if (failures[0] !== undefined) throw failures[0];
    return result;
  }

  #accounts(book: ContractBook, request: BillRequest): { customer: Customer; period: Period }[] {
    const wanted = request.account;
    if (wanted !== undefined && !book.customers.has(wanted))
      throw new WeirError('not_found', `There is no account ${wanted}.`, { account: wanted });
    const some = request.accounts === undefined ? null : new Set(request.accounts);
    const customers = [...book.customers.values()].filter(
      (one) => (wanted === undefined || one.id === wanted) && (some === null || some.has(one.id)),
    );
    const found = customers.flatMap((customer) => {
      const period = periodNamed(request.period, customer.zone, customer.cycle);
      return period !== null && period.cycle === customer.cycle ? [{ customer, period }] : [];
    });
    if (found.length === 0)
      throw new WeirError('period_unknown', `No account is billed by the period ${request.period}.`, {
        period: request.period,
        cycles: [...new Set(customers.map((one) => one.cycle))],
      });
    const now = this.#deps.clock.now();
    const open = found.find(({ period }) => period.endMs > now);
    if (open !== undefined && !request.interim)
      throw new WeirError('period_open', `The period ${open.period.name} of ${open.customer.id} has not ended.`, {
        account: open.customer.id,
        endsAt: new Date(open.period.endMs).toISOString(),
      });
    return found;
  }

  async #billAccount(
    book: ContractBook,
    customer: Customer,
    period: Period,
    request: BillRequest,
    checkGates: CheckGates,
  ): Promise<AccountResult> {
    const nothing = { account: customer.id, bill: null, total: null, currency: customer.currency };
    if (!request.interim) {
      const before = await closedBill(this.#deps.database, customer.id, period);
      if (before !== null) return closed(customer, before);
    }
    const gates = judge(await checkGates(book, customer, period), {
      hard: new Set(request.interim ? [] : this.#config.hardGates),
      accepted: new Set(request.accept),
    });
    if (holding(gates).length > 0) return { ...nothing, outcome: 'held', gates };
    return this.#deps.database.transaction(async (connection): Promise<AccountResult> => {
      await request.fence(connection);
      // Two runs of one account wait for each other: the second then finds the bill.
      await connection.query(`select pg_advisory_xact_lock(hashtextextended('weir bill ' || $1, 0))`, [customer.id]);
      const before = request.interim ? null : await closedBill(connection, customer.id, period);
      if (before !== null) return closed(customer, before);
      const { lines, unbilled } = await this.#lines(connection, book, customer, period);
      if (lines.length === 0) return { ...nothing, outcome: 'nothing', gates };
      const bill = await this.#newBill(connection, customer, period, lines, gates, request.interim);
      const state = await insertBill(connection, bill, lines, unbilled, request.by);
      if (bill.category === 'normal') {
        await this.#makeInvoice(connection, book, customer, bill, lines);
        await this.#deps.announce?.(connection, bill, customer);
      }
      await this.#deps.seal(connection, 'bill', [bill.id], bill.issuedAtMs);
      await this.#deps.seal(connection, 'bill_state', [state.toString()], bill.issuedAtMs);
      this.#made.add(1, { category: bill.category });
      return {
        account: customer.id,
        outcome: 'made',
        bill: bill.id,
        total: bill.total,
        currency: bill.currency,
        gates,
      };
    });
  }

  async #lines(
    connection: Queryable,
    book: ContractBook,
    customer: Customer,
    period: Period,
  ): Promise<{ lines: BillLine[]; unbilled: Set<bigint> }> {
    const { readCharges } = this.#deps;
    const current = await periodGroups(connection, readCharges, customer, period);
    const ahead = await groupsInAdvance(connection, readCharges, customer, nextPeriod(period));
    const corrected = await correctedGroups(connection, readCharges, customer, period);
    const all: ['charge' | 'adjustment', LineGroup][] = [
      ...[...current.filter((group) => !billedAhead(group)), ...ahead].map((group): ['charge', LineGroup] => [
        'charge',
        group,
      ]),
      ...corrected.map((group): ['adjustment', LineGroup] => ['adjustment', group]),
    ];
    const lines: BillLine[] = [];
    for (const [kind, group] of all) {
      const line = lineOf(lines.length + 1, kind, group, planOf(book, group).rounding);
      // Beside a group that was corrected stand others of its item that say nothing new.
      if (kind === 'charge' || group.unbilled.size > 0 || !sumOf([line.amount]).isZero()) lines.push(line);
    }
    return { lines, unbilled: new Set(all.flatMap(([, group]) => [...group.unbilled])) };
  }

  /** In the transaction of the bill: a number is used up only where the bill is there. */
  async #makeInvoice(
    connection: Queryable,
    book: ContractBook,
    customer: Customer,
    { id, issuedAtMs }: NewBill,
    lines: readonly BillLine[],
  ): Promise<void> {
    const buyer = customer.buyer ?? null;
    if (buyer === null) return;
    const seller = this.#config.legalEntities.get(buyer.legalEntity);
    if (seller === undefined)
      throw new WeirError(
        'legal_entity_unknown',
        `${customer.id} is billed by ${buyer.legalEntity}, which is not configured.`,
        {
          account: customer.id,
          legalEntity: buyer.legalEntity,
        },
      );
    const categoryOf = (line: BillLine): TaxCategory => planOf(book, line).taxCategories?.[line.item] ?? 'standard';
    const draft = draftInvoice({ customer, buyer, seller, lines, categoryOf, issuedAtMs });
    await insertInvoice(connection, id, seller, draft);
  }

  async #newBill(
    connection: Queryable,
    customer: Customer,
    period: Period,
    lines: readonly BillLine[],
    gates: readonly Gate[],
    interim: boolean,
  ): Promise<NewBill> {
    const { rows } = await connection.query<{ count: bigint }>(
      `select count(*)::int8 as count from billing.bill where customer = $1 and period_start_ms = $2 and category = 'interim'`,
      [customer.id, period.startMs],
    );
    const number = interim ? `-interim-${(rows[0]?.count ?? 0n) + 1n}` : '';
    return {
      id: `${customer.id}-${period.name}${number}`,
      customer: customer.id,
      customerName: customer.name,
      period,
      category: interim ? 'interim' : 'normal',
      currency: customer.currency,
      total: totalOf(lines),
      watermark: this.#config.watermark,
      gates,
      issuedAtMs: this.#deps.clock.now(),
    };
  }
}

const OF_ACCOUNT: readonly string[] = ['legal_entity_unknown', 'tax_rate_unknown', 'currency_refused'];

/** An invoice of one account that cannot be made as it is configured keeps no other account waiting. */
export function isOfAccount(error: unknown): error is WeirError {
  return error instanceof WeirError && OF_ACCOUNT.includes(error.code);
}

function closed(customer: Customer, bill: { id: string; total: string; gates: readonly Gate[] }): AccountResult {
  return {
    account: customer.id,
    outcome: 'closed',
    bill: bill.id,
    total: bill.total,
    currency: customer.currency,
    gates: bill.gates,
  };
}

function planOf(book: ContractBook, { plan: id, planVersion }: Pick<LineGroup, 'plan' | 'planVersion'>): PlanVersion {
  const plan = book.plans.find((one) => one.id === id && one.version === planVersion);
  if (plan === undefined) throw new Error(`BUG: version ${planVersion} of plan ${id} is gone`);
  return plan;
}
