// Routes of bills: made, read, led back to their evidence, previewed, and reconciled.
import { z } from 'zod';
import type { DescribedRoutes, RouteInput } from '../../common/http/described-routes.ts';
import { pageOf, pageParameters, readCursor, timeParameter, writeCursor } from '../../common/http/parameters.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import { type Principal, principalOf } from '../../common/runtime/access.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import type { RunningBills } from '../bill-runner.ts';
import type { BillRequest, BillRunResult } from '../bill/bill-run.ts';
import type { Bill } from '../bill/bill-store.ts';
import type { GateName } from '../bill/gates.ts';
import type { Ledger } from '../ledger.ts';
import { BILL_READERS, customersSeen, MONEY_READERS, MONEY_WRITERS, seesCustomer, seesFindings } from './access.ts';
import { evidenceParameters, idParameter } from './charge-routes.ts';
import {
  describeBill,
  describeBillRun,
  describeCreditNote,
  describeForecast,
  describeLine,
  describePayment,
  describePreview,
  describeReconciliation,
} from './forms.ts';
import { billRunEntryForm, billRunForm } from './run-schemas.ts';
import { billDetailForm, billForm, evidenceForm, previewForm } from './schemas.ts';
import { reconciliationForm } from './whole-schemas.ts';

export interface BillRoutesDeps {
  readonly ledger: Ledger;
  readonly clock: Clock;
  /** Under the lease of bill runs; throws run_elsewhere. */
  readonly runBills: (request: Omit<BillRequest, 'fence'>) => Promise<BillRunResult>;
  /** Runs under way in this process. */
  readonly runningBills: () => readonly RunningBills[];
  readonly gateNames: readonly [GateName, ...GateName[]];
  readonly billStates: readonly [Bill['state'], ...Bill['state'][]];
}

const URL = '/billing/v1/bills';
const billParams = z.object({ id: z.string().max(300) });

export function addBillRoutes(routes: DescribedRoutes, deps: BillRoutesDeps): void {
  addReading(routes, deps.ledger);
  addEvidence(routes, deps.ledger);
  addPreview(routes, deps);
  addState(routes, deps);
  addBillRuns(routes, deps);
  addReconciliation(routes, deps.ledger);
}

function addReading(routes: DescribedRoutes, ledger: Ledger): void {
  routes.add(
    {
      method: 'GET',
      url: URL,
      access: BILL_READERS,
      scoped: true,
      summary: 'Bills, newest first.',
      query: z.strictObject({
        customer: z.string().optional(),
        period: z.string().optional(),
        category: z.enum(['normal', 'interim']).optional(),
        ...pageParameters,
      }),
      answer: pageOf(billForm),
    },
    async ({ query, principal }) => {
      const findings = seesFindings(principalOf(principal));
      const { customer, period, category, limit } = query;
      const beforeSerial = readCursor(query.cursor, idParameter) ?? undefined;
      const found = await ledger.bills({
        customers: customersSeen(principal),
        customer,
        period,
        category,
        beforeSerial,
        limit: limit + 1,
      });
      const items = found.slice(0, limit);
      const last = found.length > limit ? items.at(-1) : undefined;
      return {
        items: items.map((bill) => describeBill(bill, findings)),
        next: last === undefined ? null : writeCursor(last.serial.toString()),
      };
    },
  );
  routes.add(
    {
      method: 'GET',
      url: `${URL}/:id`,
      access: BILL_READERS,
      scoped: true,
      summary: 'One bill with its lines.',
      params: billParams,
      answer: billDetailForm,
    },
    async ({ params, principal }) => {
      const bill = await existing(ledger, params.id, principal);
      const findings = seesFindings(principalOf(principal));
      return {
        ...describeBill(bill, findings),
        lines: (await ledger.lines(bill.id)).map(describeLine),
        creditNotes: (await ledger.creditNotesOf(bill.id)).map(describeCreditNote),
        payments: (await ledger.payments.ofBill(bill.id)).map(describePayment),
      };
    },
  );
}

const evidencePlace = z.tuple([z.number().int(), idParameter]);

function addEvidence(routes: DescribedRoutes, ledger: Ledger): void {
  routes.add(
    {
      method: 'GET',
      url: `${URL}/:id/lines/:line/evidence`,
      access: MONEY_READERS,
      scoped: true,
      summary: 'What a bill line rests on: its charges, their usage records, and the raw readings behind these.',
      params: billParams.extend({ line: z.coerce.number().int().min(1).max(1_000_000) }),
      query: z.strictObject({ ...pageParameters, limit: pageLimit, ...evidenceParameters }),
      answer: pageOf(evidenceForm),
    },
    async ({ params, query, principal }) => {
      const bill = await existing(ledger, params.id, principal);
      const place = readCursor(query.cursor, evidencePlace);
      const after = place === null ? null : { windowStartMs: place[0], id: place[1] };
      const found = await ledger.chargesBehind(bill.id, params.line, after, query.limit + 1);
      if (found.length === 0 && after === null) await refuseUnknownLine(ledger, bill, params.line);
      const charges = found.slice(0, query.limit);
      const items: object[] = [];
      for (const charge of charges)
        items.push(await ledger.evidence(charge, { maxRecords: query.records, readings: query.readings }));
      const last = found.length > query.limit ? charges.at(-1) : undefined;
      const next = last === undefined ? null : writeCursor([last.windowStartMs, last.id.toString()]);
      return { items, next };
    },
  );
}

/** Each charge asks the collector once a meter. */
const pageLimit = z.coerce.number().int().min(1).max(100).default(10);

async function refuseUnknownLine(ledger: Ledger, bill: Bill, line: number): Promise<void> {
  const lines = await ledger.lines(bill.id);
  if (!lines.some((one) => one.line === line))
    throw new WeirError('not_found', `The bill ${bill.id} has no line ${line}.`, { bill: bill.id, line });
}

function addPreview(routes: DescribedRoutes, { ledger, clock }: BillRoutesDeps): void {
  routes.add(
    {
      method: 'GET',
      url: `${URL}/preview`,
      access: BILL_READERS,
      scoped: true,
      summary: 'What the period of a customer costs until now, or would have cost until an instant; writes nothing.',
      query: z.strictObject({
        customer: z.string(),
        at: timeParameter.optional(),
        forecast: z.enum(['true', 'false']).default('false').describe('also what the whole period may come to'),
      }),
      answer: previewForm,
    },
    async ({ query, principal }) => {
      const seen = customersSeen(principal);
      const book = await ledger.book();
      const customer = book.customers.get(query.customer);
      if (customer === undefined || !seesCustomer(seen, customer.id))
        throw new WeirError('not_found', `There is no customer ${query.customer}.`, { customer: query.customer });
      const at = query.at ?? clock.now();
      const told = describePreview(await ledger.preview(book, customer, at), ledger.watermark);
      if (query.forecast === 'false') return told;
      return { ...told, forecast: describeForecast(await ledger.forecast(book, customer, at), book) };
    },
  );
}

function addState(routes: DescribedRoutes, { ledger, billStates }: BillRoutesDeps): void {
  routes.add(
    {
      method: 'POST',
      url: `${URL}/:id/state`,
      access: MONEY_WRITERS,
      summary: 'Says what happened to a bill (states of TMF678); asked twice it is done once.',
      params: billParams,
      body: z.strictObject({ state: z.enum(billStates) }),
      answer: billForm,
    },
    async ({ params, body, principal }) => {
      const by = principalOf(principal);
      const bill = await ledger.changeBillState({ bill: params.id, state: body.state, by: by.name });
      return describeBill(bill, seesFindings(by));
    },
  );
}

function addBillRuns(routes: DescribedRoutes, deps: BillRoutesDeps): void {
  const { ledger, gateNames } = deps;
  const body = z.strictObject({
    period: z.string().max(40).describe('2026-11, 2026-11-24, or 2026-11-24T08Z'),
    account: z.string().max(300).optional(),
    interim: z.boolean().default(false),
    accept: z.array(z.enum(gateNames)).max(gateNames.length).default([]),
  });
  routes.add(
    {
      method: 'POST',
      url: '/billing/v1/bill-runs',
      access: MONEY_WRITERS,
      summary: 'Makes the bills of a period, of all accounts or of one; what is billed already stays as it is.',
      body,
      answer: billRunForm,
    },
    (input) => runBills(deps, input),
  );
  routes.add(
    {
      method: 'GET',
      url: '/billing/v1/bill-runs',
      access: MONEY_READERS,
      summary: 'Bill runs and what each found, newest first.',
      query: z.strictObject(pageParameters),
      answer: pageOf(billRunEntryForm),
    },
    async ({ query }) => {
      const beforeId = readCursor(query.cursor, idParameter);
      const found = await ledger.billRuns({ beforeId, limit: query.limit + 1 });
      const items = found.slice(0, query.limit);
      const last = found.length > query.limit ? items.at(-1) : undefined;
      return { items: items.map(describeBillRun), next: last === undefined ? null : writeCursor(last.id.toString()) };
    },
  );
}

interface BillRunBody {
  readonly period: string;
  readonly account?: string | undefined;
  readonly interim: boolean;
  readonly accept: readonly GateName[];
}

async function runBills(
  { runBills: run }: BillRoutesDeps,
  { body, principal }: RouteInput<unknown, unknown, BillRunBody>,
): Promise<BillRunResult> {
  const result = await run({ ...body, by: principalOf(principal).name });
  const [only] = result.accounts;
  // Asked for one bill, a bill that is held is a refusal; asked for all, the answer says which are held.
  if (body.account !== undefined && only?.outcome === 'held')
    throw new WeirError('bill_gate_closed', `The bill of ${only.account} for ${result.period} is held back.`, {
      account: only.account,
      gates: only.gates.filter((gate) => !gate.open && gate.hard && !gate.accepted),
    });
  return result;
}

function addReconciliation(routes: DescribedRoutes, ledger: Ledger): void {
  routes.add(
    {
      method: 'GET',
      url: '/billing/v1/reconciliation',
      access: MONEY_READERS,
      summary: 'Usage against counters, charges against usage, bills against charges, computed anew; every difference.',
      query: z
        .strictObject({ from: timeParameter, to: timeParameter })
        .refine(({ from, to }) => from < to, { message: 'expected a time after from', path: ['to'] }),
      answer: reconciliationForm,
    },
    async ({ query }) => describeReconciliation(await ledger.reconcile(query.from, query.to)),
  );
}

export async function existing(ledger: Ledger, id: string, principal: Principal | null): Promise<Bill> {
  const bill = await ledger.bill(id, customersSeen(principal));
  if (bill === null) throw new WeirError('not_found', `There is no bill ${id}.`, { bill: id });
  return bill;
}
