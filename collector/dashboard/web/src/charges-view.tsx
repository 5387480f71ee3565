// Charges: rated usage, newest first, and each with its working, the bills that hold it and the readings it rests on.
import { ChargeEvidence, WorkingOf } from './bill-view.tsx';
import type { Charge, ChargeDetail, Evidence } from './billing-types.ts';
import { Listed } from './device-parts.tsx';
import { Facts } from './device-view.tsx';
import { moment } from './format.ts';
import { hrefOf } from './place.ts';
import { Problem } from './problem.tsx';
import { useReader } from './reader.ts';
import type { Page } from './types.ts';
import { useAnswer } from './use-answer.ts';
import { said, t } from './words.ts';

const SHOWN = 2000;

export function ChargesCard({ customer }: { readonly customer: string | null }) {
  const query = new URLSearchParams({ limit: String(SHOWN), ...(customer === null ? {} : { customer }) }).toString();
  const charges = useAnswer<Page<Charge>>(`/billing/v1/charges?${query}`, { every: 6 });
  return (
    <section class="card" aria-label={t('charges')}>
      <header>
        <h2>{t('charges')}</h2>
        <span class="note">{t('charges.note', { n: SHOWN })}</span>
      </header>
      <Listed
        answer={{ ...charges, data: charges.data?.items ?? null }}
        name={t('charges')}
        keyOf={({ id }) => id}
        columns={[
          {
            id: 'id',
            title: t('charge'),
            value: ({ id }) => Number(id),
            cell: ({ id }) => <a href={hrefOf(['charges', id])}>{id}</a>,
          },
          { id: 'customer', title: t('customer'), value: (one) => one.customer, kind: 'wide' },
          { id: 'service', title: t('service'), value: ({ service }) => service },
          { id: 'item', title: t('bill.item'), value: ({ itemName }) => itemName },
          {
            id: 'window',
            title: t('when'),
            value: ({ windowStart }) => windowStart,
            cell: ({ windowStart }) => moment(windowStart),
            kind: 'wide',
          },
          {
            id: 'quantity',
            title: t('bill.quantity'),
            value: ({ quantity }) => Number(quantity),
            cell: ({ quantity, unit }) => `${quantity} ${unit}`,
            kind: 'wide figure',
          },
          {
            id: 'amount',
            title: t('bill.amount'),
            value: ({ amount }) => Number(amount),
            cell: ({ amount, currency }) => `${amount} ${currency}`,
            kind: 'figure',
          },
          { id: 'status', title: t('state'), value: ({ status }) => said('state', status), kind: 'wide' },
        ]}
      />
    </section>
  );
}

export function ChargeView({ id }: { readonly id: string }) {
  const { may } = useReader();
  const path = `/billing/v1/charges/${encodeURIComponent(id)}`;
  const answer = useAnswer<ChargeDetail>(path, { every: 10 });
  const evidence = useAnswer<Evidence>(may.sums ? `${path}/evidence?records=50` : null, { every: 1000 });
  const charge = answer.data;
  return (
    <>
      <p class="trail">
        <a href={hrefOf(['usage'], { tab: 'charges' })}>{t('charges')}</a> / {id}
      </p>
      <Problem text={answer.problem ?? evidence.problem} old={charge !== null} />
      {charge !== null && (
        <section class="card" aria-label={t('charge')}>
          <header>
            <h2>
              <bdi>{charge.service}</bdi>: <bdi>{charge.itemName}</bdi>
            </h2>
            <span class="note">
              {said('state', charge.status)}, {moment(charge.windowStart)} – {moment(charge.windowEnd)}
            </span>
          </header>
          <Facts
            facts={[
              ['customer', charge.customer],
              ['bill.quantity', `${charge.quantity} ${charge.unit}`],
              ['nav.plans', `${charge.plan}, ${charge.planVersion}`],
              ['version', String(charge.version)],
              ['when', moment(charge.ratedAt)],
            ]}
          />
          <WorkingOf working={charge.working} currency={charge.currency} exact={charge.amount} />
          {charge.bills.map(({ bill, line }) => (
            <p key={`${bill} ${line}`}>
              <a class="target" href={hrefOf(['bills', bill])}>
                {t('bill')} <bdi>{bill}</bdi>, {line}
              </a>
            </p>
          ))}
          {evidence.data !== null && <ChargeEvidence evidence={evidence.data} />}
        </section>
      )}
    </>
  );
}
