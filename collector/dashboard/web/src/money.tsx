// What the traffic costs each customer, and what of it nobody pays for.
import { Chain } from './chain.tsx';
import { octets } from './format.ts';
import { Problem } from './problem.tsx';
import type { BillingOverview } from './types.ts';
import type { Answer } from './use-answer.ts';

const UNASSIGNED_SHOWN = 8;

export function Money({ billing }: { readonly billing: Answer<BillingOverview> }) {
  const { data, problem, refused } = billing;
  return (
    <section class="card" aria-label="Usage and charges">
      <header>
        <h2>Usage and charges</h2>
        {data?.watermark != null && <span class="watermark">{data.watermark}</span>}
        <span class="note">the running period of each customer</span>
      </header>
      {refused === 403 ? (
        <p class="empty">
          Your role sees no sums of all customers. Sign in with a token of the role billing to see them.
        </p>
      ) : (
        <Problem text={problem} old={data !== null} />
      )}
      {data === null && problem === null && <p class="empty">Asking…</p>}
      {data !== null && <Customers customers={data.customers} />}
      {data !== null && data.unassigned.length > 0 && <Unassigned interfaces={data.unassigned} />}
      {data !== null && <Chain chain={data.latest} />}
    </section>
  );
}

function Customers({ customers }: { readonly customers: BillingOverview['customers'] }) {
  if (customers.length === 0) return <p class="empty">No customer has a charge yet.</p>;
  return (
    <div class="scroll short">
      <table>
        <thead>
          <tr>
            <th>Customer</th>
            <th class="figure">So far</th>
          </tr>
        </thead>
        <tbody>
          {customers.map((customer) => (
            <tr key={customer.id}>
              <td class="name">{customer.name}</td>
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
      Traffic without a customer or a reason, which a bill run asks about: {named.join(', ')}
      {more > 0 && ` and ${more} more`}.
    </p>
  );
}
