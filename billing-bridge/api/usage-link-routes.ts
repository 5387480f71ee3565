// Links for customers: made, listed and taken back by billing; and what a link opens, which asks for no token but its own code.
import { isIP } from 'node:net';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { DescribedRoutes } from '../../common/http/described-routes.ts';
import { isLoopback } from '../../common/http/loopback.ts';
import type { SignInGuard } from '../../common/http/sign-in-guard.ts';
import { isoTime } from '../../common/model/time.ts';
import { principalOf } from '../../common/runtime/access.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import type { Ledger } from '../ledger.ts';
import type { UsageLink, UsageLinkBook } from '../link/usage-link-book.ts';
import type { CustomerSummary } from '../link/usage-page.ts';
import { BILL_READERS, customersSeen, MONEY_WRITERS, seesCustomer } from './access.ts';
import type { BillDocuments } from './documents.ts';
import { timeOrNull } from './forms.ts';
import { Paced } from './paced.ts';
import { time } from './schemas.ts';
import { customerSummary } from './usage-summary.ts';

export interface UsagePages {
  readonly book: Pick<UsageLinkBook, 'create' | 'of' | 'open' | 'revoke'>;
  readonly page: (summary: CustomerSummary, base: string) => string;
  readonly style: string;
}

export interface UsageLinkRoutesDeps {
  readonly ledger: Ledger;
  readonly documents: BillDocuments;
  readonly usagePages: UsagePages;
  /** Of codes alone: whoever guesses here takes nobody's token the turn. */
  readonly guard: Pick<SignInGuard, 'look'>;
  readonly clock: Clock;
}

const LINKS = '/billing/link';
const DAY_MS = 86_400_000;
const POLICY = "default-src 'none'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";
/** Adding up a month costs something, and a link may be asked for by anybody who has it. */
const PACE = { freshMs: 60_000, share: 20 };
const MOST_PAGES = 500;

const linkShape = {
  id: z.string(),
  customer: z.string(),
  note: z.string(),
  createdBy: z.string(),
  createdAt: time,
  expiresAt: time,
  revokedAt: time.nullable(),
  lastUsedAt: time.nullable().describe('to a quarter of an hour'),
};
const linkForm = z.object(linkShape);

export function addUsageLinkRoutes(routes: DescribedRoutes, deps: UsageLinkRoutesDeps): void {
  addMaking(routes, deps);
  addTaking(routes, deps);
  addPages(routes, deps);
}

function addMaking(routes: DescribedRoutes, { ledger, usagePages: { book } }: UsageLinkRoutesDeps): void {
  const params = z.object({ id: z.string().max(300) });
  routes.add(
    {
      method: 'POST',
      url: '/billing/v1/customers/:id/usage-links',
      access: MONEY_WRITERS,
      summary: 'Makes a link to the usage and bills of one customer, and nothing else; it is shown this once.',
      params,
      body: z.strictObject({
        days: z.number().int().min(1).max(730).default(90).describe('it works for so long'),
        note: z.string().max(200).default(''),
      }),
      answer: z.object({ ...linkShape, link: z.string().describe('to be appended to the address of the collector') }),
    },
    async ({ params: { id }, body: { days, note }, principal }) => {
      const { name, role } = principalOf(principal);
      if (!(await ledger.book()).customers.has(id))
        throw new WeirError('not_found', `There is no customer ${id}.`, { customer: id });
      const { code, ...made } = await book.create({ customer: id, note, lifeMs: days * DAY_MS }, { name, role });
      return { ...describeLink(made), link: `${LINKS}/${code}` };
    },
  );
  routes.add(
    {
      method: 'GET',
      url: '/billing/v1/customers/:id/usage-links',
      access: BILL_READERS,
      scoped: true,
      summary: 'Links of a customer, newest first, also those that ended; never with their codes.',
      params,
      answer: z.object({ items: z.array(linkForm), next: z.null() }),
    },
    async ({ params: { id }, principal }) => {
      if (!seesCustomer(customersSeen(principal), id) || !(await ledger.book()).customers.has(id))
        throw new WeirError('not_found', `There is no customer ${id}.`, { customer: id });
      return { items: (await book.of(id)).map(describeLink), next: null };
    },
  );
}

function addTaking(routes: DescribedRoutes, { usagePages: { book } }: UsageLinkRoutesDeps): void {
  routes.add(
    {
      method: 'DELETE',
      url: '/billing/v1/usage-links/:id',
      access: MONEY_WRITERS,
      summary: 'Takes a link back, at once.',
      params: z.object({ id: z.string().max(100) }),
      answer: linkForm,
    },
    async ({ params, principal }) => {
      const { name, role } = principalOf(principal);
      return describeLink(await book.revoke(params.id, { name, role }));
    },
  );
}

function addPages(routes: DescribedRoutes, deps: UsageLinkRoutesDeps): void {
  const { ledger, documents, usagePages } = deps;
  const summaries = new Summaries(deps);
  const params = z.object({ code: z.string().max(200) });
  const open = { method: 'GET', access: 'open', answer: z.unknown() } as const;
  routes.add(
    { ...open, url: `${LINKS}/:code`, summary: 'The page of a customer.', params, contentType: 'text/html' },
    async ({ params: { code }, request, reply }) => {
      const link = await opened(deps, code, request);
      const summary = await summaries.of(link.customer);
      return html(reply, usagePages.page(summary, `${LINKS}/${code}`));
    },
  );
  routes.add(
    { ...open, url: `${LINKS}/:code/page.css`, summary: 'Its looks.', params, contentType: 'text/css' },
    ({ reply }) => {
      reply.header('content-type', 'text/css; charset=utf-8');
      return Promise.resolve(usagePages.style);
    },
  );
  routes.add(
    {
      ...open,
      url: `${LINKS}/:code/bills/:id`,
      summary: 'A bill of the customer on paper.',
      params: params.extend({ id: z.string().max(300) }),
      contentType: 'application/pdf',
    },
    async ({ params: { code, id }, request, reply }) => {
      const link = await opened(deps, code, request);
      const bill = await ledger.bill(id, [link.customer]);
      if (bill === null || bill.category !== 'normal')
        throw new WeirError('not_found', `There is no bill ${id}.`, { bill: id });
      const { type, name, content } = await documents.bill(bill, 'pdf');
      reply.header('content-type', type).header('content-disposition', `inline; filename="${name}"`);
      return content;
    },
  );
}

/** The last ones asked for; whoever asks again within a minute gets the same. */
class Summaries {
  readonly #deps: UsageLinkRoutesDeps;
  readonly #held = new Map<string, Paced<CustomerSummary>>();

  constructor(deps: UsageLinkRoutesDeps) {
    this.#deps = deps;
  }

  of(id: string): Promise<CustomerSummary> {
    const { ledger, clock } = this.#deps;
    const find = async (): Promise<CustomerSummary> => {
      const book = await ledger.book();
      const customer = book.customers.get(id);
      if (customer === undefined) throw new WeirError('not_found', 'The customer is gone.');
      return { ...(await customerSummary(ledger, book, customer, clock.now())), watermark: ledger.watermark };
    };
    const held = this.#held.get(id) ?? new Paced(find, clock, PACE);
    this.#held.delete(id);
    this.#held.set(id, held);
    for (const oldest of this.#held.keys()) {
      if (this.#held.size <= MOST_PAGES) break;
      this.#held.delete(oldest);
    }
    return held.get();
  }
}

async function opened(
  { guard, usagePages }: UsageLinkRoutesDeps,
  code: string,
  request: FastifyRequest,
): Promise<UsageLink> {
  const link = await guard.look(code, clientOf(request), () => usagePages.book.open(code));
  if (link === null) throw new WeirError('usage_link_unknown', 'The link is not known, has ended, or was taken back.');
  return link;
}

/** Customers come through the collector: of one beside us it is believed for whom it asks, or one who guesses would hold off everybody. */
function clientOf({ ip, headers }: FastifyRequest): string {
  const told = headers['x-forwarded-for'];
  return isLoopback(ip) && typeof told === 'string' && isIP(told) !== 0 ? told : ip;
}

function html(reply: FastifyReply, page: string): string {
  reply.header('content-type', 'text/html; charset=utf-8').header('content-security-policy', POLICY);
  return page;
}

function describeLink(link: UsageLink): object {
  const { createdAtMs, expiresAtMs, revokedAtMs, lastUsedAtMs, ...told } = link;
  return {
    ...told,
    createdAt: isoTime(createdAtMs),
    expiresAt: isoTime(expiresAtMs),
    revokedAt: timeOrNull(revokedAtMs),
    lastUsedAt: timeOrNull(lastUsedAtMs),
  };
}
