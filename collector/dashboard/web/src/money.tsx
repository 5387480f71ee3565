// What the traffic costs each customer, and what of it nobody pays for.
import { Chain } from './chain.tsx';
import { octets } from './format.ts';
import { hrefOf } from './place.ts';
import { Problem } from './problem.tsx';
import type { BillingOverview } from './billing-types.ts';
import type { Answer } from './use-answer.ts';
import { t } from './words.ts';

const UNASSIGNED_SHOWN = 8;

export function Money({ billing }: { readonly billing: Answer<BillingOverview> }) {
  const { data, problem, refused } = billing;
  return (
    <section class="card" aria-label={t('money')}>
      <header>
        <h2>
          <a href={hrefOf(['usage'])}>{t('money')}</a>
        </h2>
        {data?.watermark != null && <span class="watermark">{data.watermark}</span>}
        <span class="note">{t('money.note')}</span>
      </header>
      {refused === 403 ? <p class="empty">{t('money.refused')}</p> : <Problem text={problem} old={data !== null} />}
      {data === null && problem === null && <p class="empty">{t('asking')}</p>}
      {data !== null && <Customers customers={data.customers} />}
      {data !== null && data.unassigned.length > 0 && <Unassigned interfaces={data.unassigned} />}
      {data !== null && <Chain chain={data.latest} />}
    </section>
  );
}

function Customers({ customers }: { readonly customers: BillingOverview['customers'] }) {
  if (customers.length === 0) return <p class="empty">{t('money.none')}</p>;
  return (
    <div class="scroll short" tabIndex={0} role="group" aria-label={t('customers')}>
      <table>
        <thead>
          <tr>
            <th>{t('customer')}</th>
            <th class="figure">{t('money.soFar')}</th>
          </tr>
        </thead>
        <tbody>
          {customers.map((customer) => (
            <tr key={customer.id}>
              <td class="name">
                <a href={hrefOf(['usage', customer.id])} class="quiet">
                  <bdi>{customer.name}</bdi>
                </a>
              </td>
              <td class="figure">
                {customer.running} {customer.currency}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Unassigned({ interfaces }: { readonly interfaces: BillingOverview['unassigned'] }) {
  const more = interfaces.length - UNASSIGNED_SHOWN;
  const named = interfaces
    .slice(0, UNASSIGNED_SHOWN)
    .map((one) => `${one.device}/${one.interface} (${octets(one.octets)})`);
  return (
    <p class="note">
      {t('money.unassigned')} <bdi>{named.join(', ')}</bdi>
      {more > 0 && ` ${t('money.andMore', { n: more })}`}
    </p>
  );
}
