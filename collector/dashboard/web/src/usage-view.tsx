// Customers and what they cost so far, their services, ports that nobody pays for, what is held back, and the bills.
import { BillsTable } from './bills-table.tsx';
import { ChargesCard } from './charges-view.tsx';
import { choose, hrefOf, hrefOfResource, usePlace } from './place.ts';
import { useReader } from './reader.ts';
import { Listed } from './device-parts.tsx';
import { ReconcileCard } from './reconcile-view.tsx';
import { SuspenseCard } from './suspense-card.tsx';
import type { Meter, Service } from './billing-types.ts';
import { useAll } from './use-answer.ts';
import { said, t } from './words.ts';

export function UsageView() {
  const { may } = useReader();
  const { query } = usePlace();
  const tabs = (
    [
      ['bills', 'usage.overview', true],
      ['charges', 'charges', may.bills],
      ['reconcile', 'reconcile', may.sums],
    ] as const
  ).filter(([, , shown]) => shown);
  const chosen = tabs.find(([id]) => id === query.get('tab'))?.[0] ?? 'bills';
  return (
    <>
      {tabs.length > 1 && (
        <div class="tabs" role="tablist" aria-label={t('nav.usage')}>
          {tabs.map(([id, word]) => (
            <button
              key={id}
              type="button"
              role="tab"
              aria-selected={chosen === id}
              onClick={() => choose({ tab: id, q: null, sort: null })}
            >
              {t(word)}
            </button>
          ))}
        </div>
      )}
      {chosen === 'bills' && <Overall />}
      {chosen === 'charges' && <ChargesCard customer={null} />}
      {chosen === 'reconcile' && <ReconcileCard />}
    </>
  );
}

function Overall() {
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
          <SuspenseCard />
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
        id="services"
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
        id="ports"
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
