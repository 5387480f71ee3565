// Routes of credit notes: issued against a closed bill, and read.
import { z } from 'zod';
import type { DescribedRoutes } from '../../common/http/described-routes.ts';
import { pageOf, pageParameters, readCursor, writeCursor } from '../../common/http/parameters.ts';
import { principalOf } from '../../common/runtime/access.ts';
import type { Ledger } from '../ledger.ts';
import { BILL_READERS, customersSeen, MONEY_WRITERS } from './access.ts';
import { idParameter } from './charge-routes.ts';
import { describeCreditNote } from './forms.ts';
import { creditNoteForm } from './schemas.ts';

const amount = z.string().regex(/^-?\d{1,15}(\.\d{1,10})?$/, 'expected a decimal such as "12.50"');

export function addCreditNoteRoutes(routes: DescribedRoutes, ledger: Ledger): void {
  routes.add(
    {
      method: 'GET',
      url: '/billing/v1/credit-notes',
      access: BILL_READERS,
      scoped: true,
      summary: 'Credit notes, newest first.',
      query: z.strictObject({ customer: z.string().optional(), ...pageParameters }),
      answer: pageOf(creditNoteForm),
    },
    async ({ query, principal }) => {
      const { customer, limit } = query;
      const beforeSerial = readCursor(query.cursor, idParameter) ?? undefined;
      const customers = customersSeen(principal);
      const found = await ledger.creditNotes({ customers, customer, beforeSerial, limit: limit + 1 });
      const items = found.slice(0, limit);
      const last = found.length > limit ? items.at(-1) : undefined;
      return {
        items: items.map(describeCreditNote),
        next: last === undefined ? null : writeCursor(last.serial.toString()),
      };
    },
  );
  routes.add(
    {
      method: 'POST',
      url: '/billing/v1/bills/:id/credit-notes',
      access: MONEY_WRITERS,
      summary: 'Gives back lines of a closed bill, or all that is left of it; under one request it is done once.',
      params: z.object({ id: z.string().max(300) }),
      body: z.strictObject({
        request: z.string().min(1).max(100).describe('chosen by who asks, so that a repeat is told from a second note'),
        reason: z.string().min(1).max(500),
        lines: z
          .array(z.strictObject({ line: z.number().int().min(1), amount }))
          .min(1)
          .max(10_000)
          .optional()
          .describe('amounts without tax; all that is left where it is not given'),
      }),
      answer: creditNoteForm,
    },
    async ({ params, body, principal }) => {
      const { request, reason, lines = null } = body;
      return describeCreditNote(
        await ledger.credit({ bill: params.id, request, reason, lines, by: principalOf(principal).name }),
      );
    },
  );
}
