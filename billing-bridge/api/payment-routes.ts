// Routes of payments: recorded against a closed bill, reversed, read, and what each customer still owes.
import { z } from 'zod';
import type { DescribedRoutes } from '../../common/http/described-routes.ts';
import { pageOf, pageParameters, readCursor, writeCursor } from '../../common/http/parameters.ts';
import { principalOf } from '../../common/runtime/access.ts';
import type { Ledger } from '../ledger.ts';
import { BILL_READERS, customersSeen, MONEY_WRITERS } from './access.ts';
import { idParameter } from './charge-routes.ts';
import { describePayment } from './forms.ts';
import { paymentForm } from './schemas.ts';

const amount = z.string().regex(/^\d{1,15}(\.\d{1,10})?$/, 'expected a decimal such as "12.50"');
const date = z.iso.date('expected a date such as 2026-12-04');

export function addPaymentRoutes(routes: DescribedRoutes, ledger: Ledger): void {
  addReading(routes, ledger);
  routes.add(
    {
      method: 'POST',
      url: '/billing/v1/bills/:id/payments',
      access: MONEY_WRITERS,
      summary: 'Records what came in for a bill; under one request it is recorded once. The bill itself never changes.',
      params: z.object({ id: z.string().max(300) }),
      body: z.strictObject({
        request: z
          .string()
          .min(1)
          .max(100)
          .describe('chosen by who asks, so that a repeat is told from a second payment'),
        amount,
        date: date.describe('on which it came, as the bank says'),
        reference: z.string().max(300).default(''),
        kind: z
          .enum(['payment', 'refund', 'transfer'])
          .default('payment')
          .describe(
            'refund: gives back what was overpaid; transfer: pays with what was overpaid for another bill (from)',
          ),
        from: z.string().max(300).optional(),
      }),
      answer: paymentForm,
    },
    async ({ params, body: { date: paidOn, ...asked }, principal }) => {
      const by = principalOf(principal).name;
      return describePayment(await ledger.payments.record({ ...asked, bill: params.id, paidOn, by }));
    },
  );
  routes.add(
    {
      method: 'POST',
      url: '/billing/v1/payments/:id/reversal',
      access: MONEY_WRITERS,
      summary: 'A payment that did not come after all, whole; asked twice it is reversed once.',
      params: z.object({ id: idParameter }),
      body: z.strictObject({ reason: z.string().min(1).max(300) }),
      answer: paymentForm,
    },
    async ({ params, body, principal }) => {
      const by = principalOf(principal).name;
      return describePayment(await ledger.payments.reverse(params.id, { reason: body.reason, by }));
    },
  );
}

function addReading(routes: DescribedRoutes, ledger: Ledger): void {
  routes.add(
    {
      method: 'GET',
      url: '/billing/v1/payments',
      access: BILL_READERS,
      scoped: true,
      summary: 'Payments, refunds, transfers and reversals, newest first.',
      query: z.strictObject({ customer: z.string().optional(), ...pageParameters }),
      answer: pageOf(paymentForm),
    },
    async ({ query: { customer, cursor, limit }, principal }) => {
      const before = readCursor(cursor, idParameter) ?? undefined;
      const customers = customersSeen(principal);
      const found = await ledger.payments.find({ customers, customer, before, limit: limit + 1 });
      const items = found.slice(0, limit);
      const last = found.length > limit ? items.at(-1) : undefined;
      return {
        items: items.map(describePayment),
        next: last === undefined ? null : writeCursor(last.serial.toString()),
      };
    },
  );
}
