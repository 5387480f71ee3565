// Routes of the contracts: customers, services, price plans, and the feed that the collector mirrors.
import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { DescribedRoutes } from '../../common/http/described-routes.ts';
import { pageInMemory, pageOf, pageParameters, timeParameter } from '../../common/http/parameters.ts';
import type { LevelTerms } from '../../common/model/service-level.ts';
import { type EpochMs, isoTime } from '../../common/model/time.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import type { KeptVersion } from '../account/kept-version.ts';
import type { ContractBook } from '../account/contract-book.ts';
import type { Service } from '../account/contract.ts';
import type { Ledger } from '../ledger.ts';
import { CUSTOMER_READERS, customersSeen, FEED_READERS, MONEY_READERS, seesCustomer } from './access.ts';
import { describeBinding, describeCustomer, describePlan, describeService, timeOrNull } from './forms.ts';
import type { RunningTotal, RunningTotals } from './running-totals.ts';
import { customerForm, pricePlanForm, serviceForm } from './schemas.ts';
import { feedForm } from './whole-schemas.ts';

export interface ContractRoutesDeps {
  readonly ledger: Ledger;
  readonly running: RunningTotals;
  readonly clock: Clock;
}

export function addContractRoutes(routes: DescribedRoutes, deps: ContractRoutesDeps): void {
  const { ledger } = deps;
  routes.add(
    {
      method: 'GET',
      url: '/billing/v1/customers',
      access: CUSTOMER_READERS,
      scoped: true,
      summary: 'Customers, by id.',
      query: z.strictObject(pageParameters),
      answer: pageOf(customerForm),
    },
    async ({ query, principal }) => {
      const seen = customersSeen(principal);
      const customers = [...(await ledger.book()).customers.values()].filter(({ id }) => seesCustomer(seen, id));
      const page = pageInMemory(byId(customers), ({ id }) => id, query);
      return { items: page.items.map(describeCustomer), next: page.next };
    },
  );
  routes.add(
    {
      method: 'GET',
      url: '/billing/v1/services',
      access: CUSTOMER_READERS,
      scoped: true,
      summary: 'Services with their plans and bindings over time, by id.',
      query: z.strictObject({ customer: z.string().optional(), ...pageParameters }),
      answer: pageOf(serviceForm),
    },
    async ({ query, principal }) => {
      const { customer } = query;
      const seen = customersSeen(principal);
      const services = byId((await ledger.book()).services.values()).filter(
        (service) => seesCustomer(seen, service.customer) && (customer === undefined || service.customer === customer),
      );
      const page = pageInMemory(services, ({ id }) => id, query);
      return { items: page.items.map(describeService), next: page.next };
    },
  );
  routes.add(
    {
      method: 'GET',
      url: '/billing/v1/price-plans',
      access: MONEY_READERS,
      summary: 'Price plans with every version there was, by id.',
      query: z.strictObject(pageParameters),
      answer: pageOf(pricePlanForm),
    },
    async ({ query }) => {
      const page = pageInMemory(plansOf(await ledger.accounts.history('price_plan')), ({ id }) => id, query);
      return { items: page.items.map(({ id, versions }) => describePlan(id, versions)), next: page.next };
    },
  );
  addFeed(routes, deps);
}

function addFeed(routes: DescribedRoutes, { ledger, running, clock }: ContractRoutesDeps): void {
  routes.add(
    {
      method: 'GET',
      url: '/billing/v1/feed',
      access: FEED_READERS,
      summary:
        'Who is connected where and what it earns so far; with ETag, so that what did not change is not sent again.',
      query: z.strictObject({
        ...pageParameters,
        limit: pageParameters.limit.default(10_000),
        since: timeParameter
          .optional()
          .describe('also services and bindings that ended after it; without it none that ended'),
      }),
      answer: feedForm,
    },
    async ({ query, request, reply }) => {
      const [book, totals] = [await ledger.book(), await running.all()];
      const now = clock.now();
      const since = Math.min(query.since ?? now, now);
      const services = byId(book.services.values()).filter((service) => (service.toMs ?? Infinity) > since);
      const page = pageInMemory(services, ({ id }) => id, query);
      const answer = {
        version: book.serial.toString(),
        items: page.items.map((service) =>
          feedItem(book, service, totals.get(service.customer), since, ledger.levelTermsAt(book, service, now)),
        ),
        next: page.next,
      };
      const tag = etagOf(answer);
      void reply.header('etag', tag);
      return request.headers['if-none-match'] === tag ? reply.status(304).send() : answer;
    },
  );
}

interface FeedItem {
  readonly running: { readonly amount: string } | null;
}

function feedItem(
  book: ContractBook,
  service: Service,
  total: RunningTotal | undefined,
  since: EpochMs,
  availability: LevelTerms | null,
): FeedItem {
  const customer = book.customerOf(service);
  const amount = total?.byService.get(service.id);
  const item = {
    service: service.id,
    name: service.name,
    customer: { id: customer.id, name: customer.name },
    from: isoTime(service.fromMs),
    to: timeOrNull(service.toMs),
    bindings: service.bindings.filter((binding) => (binding.toMs ?? Infinity) > since).map(describeBinding),
    serviceLevel: service.serviceLevel ?? null,
    availability: availability,
    running:
      total === undefined || amount === undefined
        ? null
        : {
            amount,
            currency: total.currency,
            periodStart: isoTime(total.periodStartMs),
            periodEnd: isoTime(total.periodEndMs),
            until: isoTime(total.untilMs),
          },
  };
  return item;
}

/** Begins with the version of the contracts; that time went on without a change of money is no change. */
function etagOf(answer: { readonly version: string; readonly items: readonly FeedItem[] }): string {
  const text = JSON.stringify(answer, (key, value: unknown) => (key === 'until' ? undefined : value));
  return `"${answer.version}-${createHash('sha256').update(text).digest('base64url').slice(0, 22)}"`;
}

function plansOf(versions: readonly KeptVersion[]): { id: string; versions: KeptVersion[] }[] {
  const plans = new Map<string, KeptVersion[]>();
  for (const version of versions) plans.set(version.id, [...(plans.get(version.id) ?? []), version]);
  return byId([...plans].map(([id, list]) => ({ id, versions: list })));
}

function byId<Item extends { readonly id: string }>(items: Iterable<Item>): Item[] {
  return [...items].toSorted((left, right) => (left.id < right.id ? -1 : left.id > right.id ? 1 : 0));
}
