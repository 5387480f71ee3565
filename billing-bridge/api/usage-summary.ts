// What one customer used and is to pay, in one answer: for a page of their own, read with a token that sees them alone.
import { z } from 'zod';
import type { DescribedRoutes } from '../../common/http/described-routes.ts';
import { localDate, periodAt } from '../../common/model/period.ts';
import { isoTime } from '../../common/model/time.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import type { ContractBook } from '../account/contract-book.ts';
import type { Customer, Service } from '../account/contract.ts';
import type { CustomerSummary, ServiceUsage } from '../link/usage-page.ts';
import type { Ledger } from '../ledger.ts';
import { BILL_READERS, customersSeen, seesCustomer } from './access.ts';
import { money, periodForm } from './schemas.ts';

const MAX_BILLS = 24;
/** Ports of a service whose octets are added up. */
const MAX_PORTS = 200;

const octets = { in: z.string(), out: z.string() };
const summaryForm = z.object({
  customer: z.string(),
  name: z.string(),
  period: periodForm,
  until: z.iso.datetime(),
  currency: z.string(),
  total: money.describe('what the period costs so far, without tax'),
  services: z.array(
    z.object({ id: z.string(), name: z.string(), ...octets, days: z.array(z.object({ date: z.string(), ...octets })) }),
  ),
  bills: z.array(
    z.object({
      id: z.string(),
      number: z.string().nullable(),
      period: z.string(),
      total: money.describe('with tax, where the bill is an invoice'),
      currency: z.string(),
      state: z.string(),
      due: z.string().nullable(),
      open: money.describe('still to be paid'),
    }),
  ),
});

export function addUsageSummary(
  routes: DescribedRoutes,
  { ledger, clock }: { readonly ledger: Ledger; readonly clock: Clock },
): void {
  routes.add(
    {
      method: 'GET',
      url: '/billing/v1/customers/:id/summary',
      access: BILL_READERS,
      scoped: true,
      summary: 'What a customer used in the running period, day by day, what that costs so far, and its last bills.',
      params: z.object({ id: z.string().max(300) }),
      answer: summaryForm,
    },
    async ({ params, principal }) => {
      const book = await ledger.book();
      const customer = book.customers.get(params.id);
      if (customer === undefined || !seesCustomer(customersSeen(principal), params.id))
        throw new WeirError('not_found', `There is no customer ${params.id}.`, { customer: params.id });
      return customerSummary(ledger, book, customer, clock.now());
    },
  );
}

export async function customerSummary(
  ledger: Ledger,
  book: ContractBook,
  customer: Customer,
  now: number,
): Promise<Omit<CustomerSummary, 'watermark'>> {
  const period = periodAt(now, customer.cycle, customer.zone);
  const { total } = await ledger.preview(book, customer, now);
  const services: ServiceUsage[] = [];
  for (const service of book.servicesOf(customer.id))
    services.push(await usedBy(ledger, service, customer, period.startMs, now));
  const bills = await ledger.bills({ customers: null, customer: customer.id, category: 'normal', limit: MAX_BILLS });
  return {
    customer: customer.id,
    name: customer.name,
    period: {
      name: period.name,
      cycle: period.cycle,
      zone: period.zone,
      from: isoTime(period.startMs),
      to: isoTime(period.endMs),
    },
    until: isoTime(now),
    currency: customer.currency,
    total,
    services,
    bills: bills.map((bill) => ({
      id: bill.id,
      number: bill.invoice?.number ?? null,
      period: bill.period.name,
      total: bill.invoice?.gross ?? bill.total,
      currency: bill.currency,
      state: bill.state,
      due: bill.invoice?.dueDate ?? null,
      open: bill.settlement.open,
    })),
  };
}

/** By local days; only while the ports were theirs. */
async function usedBy(
  ledger: Ledger,
  service: Service,
  { zone }: Customer,
  fromMs: number,
  toMs: number,
): Promise<ServiceUsage> {
  const days = new Map<string, { in: bigint; out: bigint }>();
  const whole = { in: 0n, out: 0n };
  for (const { device, interface: name, ...held } of service.bindings.slice(0, MAX_PORTS)) {
    const meters = await ledger.usage.metersOf(device, name);
    const [from, to] = [Math.max(fromMs, held.fromMs), Math.min(toMs, held.toMs ?? toMs)];
    if (meters === null || to <= from) continue;
    for (const record of await ledger.usage.latest([meters.in.id, meters.out.id], from, to)) {
      const direction = record.meter === meters.in.id ? 'in' : 'out';
      const moved = record.octets.good + record.octets.wrapped + record.octets.gap;
      const date = localDate(record.bucketStartMs, zone);
      const day = days.get(date) ?? { in: 0n, out: 0n };
      day[direction] += moved;
      whole[direction] += moved;
      days.set(date, day);
    }
  }
  const text = (sum: { in: bigint; out: bigint }): { in: string; out: string } => ({
    in: sum.in.toString(),
    out: sum.out.toString(),
  });
  return {
    id: service.id,
    name: service.name,
    ...text(whole),
    days: [...days]
      .toSorted(([left], [right]) => (left < right ? -1 : 1))
      .map(([date, sum]) => ({ date, ...text(sum) })),
  };
}
