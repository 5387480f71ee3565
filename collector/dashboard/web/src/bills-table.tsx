// Bills as a list, the newest first.
import { Listed } from './device-parts.tsx';
import { day } from './format.ts';
import { hrefOf } from './place.ts';
import type { Bill } from './billing-types.ts';
import { useAll } from './use-answer.ts';
import { said, t } from './words.ts';

export function BillsTable({ path }: { readonly path: string }) {
  const bills = useAll<Bill>(path, 6);
  return (
    <Listed
      answer={bills}
      id="bills"
      name={t('bills')}
      keyOf={({ id }) => id}
      columns={[
        {
          id: 'id',
          title: t('bill'),
          value: ({ id }) => id,
          cell: ({ id }) => (
            <a href={hrefOf(['bills', id])}>
              <bdi>{id}</bdi>
            </a>
          ),
        },
        { id: 'customer', title: t('customer'), value: ({ customerName }) => customerName },
        { id: 'period', title: t('period'), value: ({ period }) => period.name },
        { id: 'state', title: t('state'), value: ({ state }) => said('state', state) },
        {
          id: 'issued',
          title: t('bill.issued'),
          value: ({ issuedAt }) => issuedAt,
          cell: ({ issuedAt, period }) => day(issuedAt, period.zone),
          kind: 'wide',
        },
        {
          id: 'total',
          title: t('bill.total'),
          value: ({ total }) => Number(total),
          cell: ({ total, currency }) => `${total} ${currency}`,
          kind: 'figure',
        },
      ]}
    />
  );
}
