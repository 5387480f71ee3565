// Bills and credit notes as documents: PDF and CSV.
import { z } from 'zod';
import type { DescribedRoutes } from '../../common/http/described-routes.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import type { Ledger } from '../ledger.ts';
import { BILL_READERS } from './access.ts';
import { existing } from './bill-routes.ts';
import type { BillDocuments } from './documents.ts';

const id = z.string().max(300);
const anything = z.unknown();

export function addDocumentRoutes(routes: DescribedRoutes, ledger: Ledger, documents: BillDocuments): void {
  routes.add(
    {
      method: 'GET',
      url: '/billing/v1/bills/:id/document',
      access: BILL_READERS,
      scoped: true,
      summary: 'A bill on paper (pdf), or its lines as a table (csv).',
      params: z.object({ id }),
      query: z.strictObject({ format: z.enum(['pdf', 'csv']).default('pdf') }),
      answer: anything,
      contentType: 'application/pdf',
    },
    async ({ params, query, principal, reply }) => {
      const bill = await existing(ledger, params.id, principal);
      const { type, name, content } = await documents.bill(bill, query.format);
      reply.header('content-type', type).header('content-disposition', `attachment; filename="${name}"`);
      return content;
    },
  );
  routes.add(
    {
      method: 'GET',
      url: '/billing/v1/bills/:id/credit-notes/:number/document',
      access: BILL_READERS,
      scoped: true,
      summary: 'A credit note on paper.',
      params: z.object({ id, number: z.string().max(100) }),
      answer: anything,
      contentType: 'application/pdf',
    },
    async ({ params, principal, reply }) => {
      const bill = await existing(ledger, params.id, principal);
      const found = await documents.creditNote(bill, params.number);
      if (found === null)
        throw new WeirError('not_found', `The bill ${bill.id} has no credit note ${params.number}.`, { bill: bill.id });
      reply.header('content-type', found.type).header('content-disposition', `attachment; filename="${found.name}"`);
      return found.content;
    },
  );
}
