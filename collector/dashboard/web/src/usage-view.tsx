// Customers and what they cost so far, their services, ports that nobody pays for, what is held back, and the bills.
import { BillsTable } from './bills-table.tsx';
import { moment, octets } from './format.ts';
import { hrefOf, hrefOfResource } from './place.ts';
import { useReader } from './reader.ts';
import { Listed } from './device-parts.tsx';
import type { Meter, Service, Suspense } from './billing-types.ts';
import { useAll } from './use-answer.ts';
import { said, t } from './words.ts';

export function UsageView() {
  const { may, who } = useReader();
  return (
    <>
      <ServicesCard />
      {may.bills && (
        <section class="card" aria-label={t('bills')}>
          <header>
            <h2>{t('bills')}</h2>
          </header>
          <BillsTable path="/billing/v1/bills" />
        </section>
      )}
      {may.network && who.scope === null && (
        <div class="columns even">
          <Unassigned />
          <HeldBack />
        </div>
      )}
    </>
  );
}

function ServicesCard() {
  const services = useAll<Service>('/api/v1/services', 6);
  return (
    <section class="card" aria-label={t('services')}>
      <header>
        <h2>{t('services')}</h2>
        <span class="note">{t('services.note')}</span>
      </header>
      <Listed
        answer={services}
        name={t('services')}
        keyOf={({ id }) => id}
        columns={[
          {
            id: 'customer',
            title: t('customer'),
            value: ({ customer }) => customer.name,
            cell: ({ customer }) => (
              <a href={hrefOf(['usage', customer.id])}>
                <bdi>{customer.name}</bdi>
              </a>
            ),
          },
          { id: 'service', title: t('service'), value: ({ name }) => name },
          {
            id: 'ports',
            title: t('ports'),
            value: ({ bindings }) => bindings.map(({ resource }) => resource).join(' '),
            cell: ({ bindings }) =>
              bindings.map(({ resource, from }) => (
                <span key={`${resource} ${from}`}>
                  <a href={hrefOfResource(resource)}>
                    <bdi>{resource}</bdi>
                  </a>{' '}
                </span>
              )),
            kind: 'wide',
          },
          {
            id: 'running',
            title: t('money.soFar'),
            value: ({ running }) => running?.amount ?? null,
            cell: ({ running }) => (running === null ? '–' : `${running.amount} ${running.currency}`),
            kind: 'figure',
          },
        ]}
      />
    </section>
  );
}

function Unassigned() {
  const meters = useAll<Meter>('/billing/v1/meters?state=unassigned', 10);
  return (
    <section class="card" aria-label={t('unassigned')}>
      <header>
        <h2>{t('unassigned')}</h2>
        <span class="note">{t('unassigned.note')}</span>
      </header>
      <Listed
        answer={meters}
        name={t('unassigned')}
        keyOf={({ id }) => String(id)}
        columns={[
          {
            id: 'port',
            title: t('interface'),
            value: ({ device, interfaceKey }) => `${device}/${interfaceKey}`,
            cell: ({ device, interfaceKey }) => (
              <a href={hrefOf(['interfaces', device, interfaceKey])}>
                <bdi>{`${device}/${interfaceKey}`}</bdi>
              </a>
            ),
          },
          { id: 'direction', title: t('direction'), value: ({ direction }) => said('kind', direction) },
          { id: 'meter', title: t('meters'), value: ({ id }) => id, kind: 'figure' },
        ]}
      />
    </section>
  );
}

function HeldBack() {
  const suspense = useAll<Suspense>('/billing/v1/suspense', 10);
  return (
    <section class="card" aria-label={t('suspense')}>
      <header>
        <h2>{t('suspense')}</h2>
        <span class="note">{t('suspense.note')}</span>
      </header>
      <Listed
        answer={suspense}
        name={t('suspense')}
        keyOf={({ meter, from, reason }) => `${meter} ${from} ${reason}`}
        columns={[
          {
            id: 'port',
            title: t('interface'),
            value: ({ device, interfaceKey, direction }) => `${device}/${interfaceKey} ${direction}`,
            cell: ({ device, interfaceKey, direction }) => (
              <>
                <a href={hrefOf(['interfaces', device, interfaceKey])}>
                  <bdi>{`${device}/${interfaceKey}`}</bdi>
                </a>{' '}
                {said('kind', direction)}
              </>
            ),
          },
          { id: 'reason', title: t('reason'), value: ({ reason }) => said('kind', reason) },
          { id: 'from', title: t('when'), value: ({ from }) => from, cell: ({ from }) => moment(from) },
          {
            id: 'octets',
            title: t('octets'),
            value: ({ octets: held }) => held,
            cell: ({ octets: held }) => (held === null ? '?' : <span title={held}>{octets(held)}</span>),
            kind: 'figure',
          },
        ]}
      />
    </section>
  );
}
