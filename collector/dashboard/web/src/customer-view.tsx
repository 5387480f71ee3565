// One customer: the running period as its bill would be now, the services, and the bills.
import { BillsTable } from './bills-table.tsx';
import { LinesTable } from './bill-view.tsx';
import { day, moment } from './format.ts';
import { MessagesCard } from './messages-card.tsx';
import { hrefOf, hrefOfResource } from './place.ts';
import { Problem } from './problem.tsx';
import { useReader } from './reader.ts';
import type { Preview, Service } from './billing-types.ts';
import { UsageLinksCard } from './usage-links-card.tsx';
import { useAnswer } from './use-answer.ts';
import { t } from './words.ts';

interface Customer {
  readonly id: string;
  readonly name: string;
  readonly services: readonly Service[];
}

export function CustomerView({ id }: { readonly id: string }) {
  const { may } = useReader();
  const name = encodeURIComponent(id);
  const customer = useAnswer<Customer>(`/api/v1/customers/${name}`, { every: 3 });
  return (
    <>
      <p class="trail">
        <a href={hrefOf(['usage'])}>{t('nav.usage')}</a> / <bdi>{customer.data?.name ?? id}</bdi>
      </p>
      <Problem text={customer.problem} old={customer.data !== null} />
      {may.bills && <Running id={id} />}
      <section class="card" aria-label={t('services')}>
        <header>
          <h2>{t('services')}</h2>
        </header>
        <ul class="facts">
          {(customer.data?.services ?? []).map((service) => (
            <li key={service.id}>
              <strong>
                <bdi>{service.name}</bdi>
              </strong>{' '}
              {service.running !== null && (
                <span class="note">
                  {service.running.amount} {service.running.currency}
                </span>
              )}
              <div>
                {service.bindings.map(({ resource, from, to }) => (
                  <span key={`${resource} ${from}`} class={to === null ? '' : 'past'}>
                    <a href={hrefOfResource(resource)}>
                      <bdi>{resource}</bdi>
                    </a>{' '}
                  </span>
                ))}
              </div>
            </li>
          ))}
        </ul>
      </section>
      {may.bills && (
        <section class="card" aria-label={t('bills')}>
          <header>
            <h2>{t('bills')}</h2>
          </header>
          <BillsTable path={`/billing/v1/bills?customer=${name}`} />
        </section>
      )}
      {may.bills && <MessagesCard of={`customer=${name}`} title={t('messages')} />}
      {may.bills && <UsageLinksCard customer={id} />}
    </>
  );
}

function Running({ id }: { readonly id: string }) {
  const preview = useAnswer<Preview>(`/billing/v1/bills/preview?customer=${encodeURIComponent(id)}`, { every: 5 });
  const { data } = preview;
  return (
    <section class="card" aria-label={t('preview')}>
      <header>
        <h2>
          {t('preview')} {data?.period.name}
        </h2>
        {data !== null && (
          <span class="note">
            {t('preview.until', { until: moment(data.until), end: day(data.period.to, data.period.zone) })}
          </span>
        )}
        {data?.watermark != null && <span class="watermark">{data.watermark}</span>}
      </header>
      <Problem text={preview.problem} old={data !== null} />
      {data !== null && (
        <>
          <p class="total">
            {data.total} {data.currency}
          </p>
          <LinesTable lines={data.lines} currency={data.currency} bill={null} />
        </>
      )}
    </section>
  );
}
