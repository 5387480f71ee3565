// Routes of usage: meters and who holds them, usage records, and what is held back.
import { z } from 'zod';
import type { DescribedRoutes } from '../../common/http/described-routes.ts';
import {
  pageInMemory,
  pageOf,
  pageParameters,
  readCursor,
  timeParameter,
  writeCursor,
} from '../../common/http/parameters.ts';
import { principalOf } from '../../common/runtime/access.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import type { ContractBook } from '../account/contract-book.ts';
import type { Ledger } from '../ledger.ts';
import type { HeldPort } from '../mediate/mediation.ts';
import { customersSeen, MONEY_WRITERS, SUSPENSE_READERS, USAGE_READERS } from './access.ts';
import { idParameter } from './charge-routes.ts';
import { describeMeter, describeReleased, describeSuspense } from './forms.ts';
import { meterForm, releasedForm, suspenseForm, usageForm } from './schemas.ts';

export interface UsageRoutesDeps {
  readonly ledger: Ledger;
  readonly clock: Clock;
}

/** Later than any bucket, and an int8. */
const END_MS = 8_640_000_000_000_000;

export function addUsageRoutes(routes: DescribedRoutes, { ledger, clock }: UsageRoutesDeps): void {
  addMeters(routes, ledger, clock);
  addUsage(routes, ledger);
  addSuspense(routes, ledger, clock);
  addReleases(routes, ledger);
}

function addMeters(routes: DescribedRoutes, ledger: Ledger, clock: Clock): void {
  routes.add(
    {
      method: 'GET',
      url: '/billing/v1/meters',
      access: USAGE_READERS,
      scoped: true,
      summary: 'Meters, and what their interface is now: billed, infrastructure with a reason, or unassigned.',
      query: z.strictObject({
        device: z.string().optional(),
        interface: z.string().optional(),
        state: z.enum(['billed', 'infrastructure', 'unassigned']).optional(),
        ...pageParameters,
      }),
      answer: pageOf(meterForm),
    },
    async ({ query, principal }) => {
      const seen = customersSeen(principal);
      const [book, now] = [await ledger.book(), clock.now()];
      const found = (await ledger.usage.allMeters())
        .filter((meter) => query.device === undefined || meter.device === query.device)
        .filter((meter) => query.interface === undefined || meter.interfaceKey === query.interface)
        .map((meter) => ({ meter, state: ledger.stateOf(book, meter.device, meter.interfaceKey, now) }))
        .filter(({ state }) => seen === null || (state.state === 'billed' && seen.includes(state.customer)))
        .filter(({ state }) => query.state === undefined || state.state === query.state)
        .toSorted((left, right) => left.meter.id - right.meter.id);
      const page = pageInMemory(found, ({ meter }) => meter.id.toString().padStart(16, '0'), query);
      return { items: page.items.map(({ meter, state }) => describeMeter(meter, state)), next: page.next };
    },
  );
}

function addUsage(routes: DescribedRoutes, ledger: Ledger): void {
  routes.add(
    {
      method: 'GET',
      url: '/billing/v1/usage',
      access: USAGE_READERS,
      scoped: true,
      summary: 'Usage records whose bucket begins in [from, to); the newest version of each, or all of them.',
      query: z.strictObject({
        meter: z.coerce.number().int().min(1).optional(),
        device: z.string().optional(),
        interface: z.string().optional(),
        from: timeParameter.optional(),
        to: timeParameter.optional(),
        versions: z.enum(['latest', 'all']).default('latest'),
        ...pageParameters,
      }),
      answer: pageOf(usageForm),
    },
    async ({ query, principal }) => {
      const seen = customersSeen(principal);
      const page = await ledger.usage.page({
        held: seen === null ? null : portsOf(await ledger.book(), seen),
        meter: query.meter ?? null,
        device: query.device ?? null,
        interfaceKey: query.interface ?? null,
        fromMs: query.from ?? 0,
        toMs: query.to ?? END_MS,
        versions: query.versions,
        cursor: query.cursor ?? null,
        limit: query.limit,
      });
      return { items: page.items.map((record) => ledger.describeRecord(record)), next: page.next };
    },
  );
}

function addSuspense(routes: DescribedRoutes, ledger: Ledger, clock: Clock): void {
  routes.add(
    {
      method: 'GET',
      url: '/billing/v1/suspense',
      access: SUSPENSE_READERS,
      summary: 'What is held back: octets above line rate, and lost spans, which have no quantity.',
      query: z.strictObject(pageParameters),
      answer: pageOf(suspenseForm),
    },
    async ({ query }) => {
      const book = await ledger.book();
      const page = await ledger.usage.suspense({ cursor: query.cursor ?? null, limit: query.limit });
      const items = page.items.map((item) =>
        describeSuspense(
          item,
          ledger.stateOf(book, item.meter.device, item.meter.interfaceKey, item.fromMs),
          clock.now(),
          ledger.estimate(book, item),
        ),
      );
      return { items, next: page.next };
    },
  );
}

function addReleases(routes: DescribedRoutes, ledger: Ledger): void {
  routes.add(
    {
      method: 'POST',
      url: '/billing/v1/suspense/release',
      access: MONEY_WRITERS,
      summary:
        'Believes octets above line rate after all: the span is mediated again and rated; asked twice it is done once.',
      body: z.strictObject({
        meter: z.number().int().min(1),
        to: timeParameter.describe('where the span ends, as the list of suspense says it'),
        reason: z.string().min(1).max(1000),
      }),
      answer: releasedForm,
    },
    async ({ body, principal }) => {
      const { name, role } = principalOf(principal);
      const { meter, to, reason } = body;
      return describeReleased(await ledger.suspense.release({ meter, toMs: to, reason, by: { name, role } }));
    },
  );
  routes.add(
    {
      method: 'GET',
      url: '/billing/v1/suspense/released',
      access: SUSPENSE_READERS,
      summary: 'What was released from suspense, by whom and why; newest first.',
      query: z.strictObject(pageParameters),
      answer: pageOf(releasedForm),
    },
    async ({ query }) => {
      const beforeNumber = readCursor(query.cursor, idParameter);
      const found = await ledger.suspense.released({ beforeNumber, limit: query.limit + 1 });
      const items = found.slice(0, query.limit);
      const last = found.length > query.limit ? items.at(-1) : undefined;
      const next = last === undefined ? null : writeCursor(last.number.toString());
      return { items: items.map(describeReleased), next };
    },
  );
}

/** What the customers hold or held, and when. */
function portsOf(book: ContractBook, customers: readonly string[]): HeldPort[] {
  return customers
    .flatMap((customer) => book.servicesOf(customer))
    .flatMap(({ bindings }) => bindings)
    .map(({ device, interface: interfaceKey, fromMs, toMs }) => ({ device, interfaceKey, fromMs, toMs }));
}
