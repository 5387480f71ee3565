// What the traffic costs, and the way from a charge back to the readings it came from.
import { exactInteger, moment, octets, time } from './format.ts';
import { Problem } from './problem.tsx';
import type { BillingOverview, ChargeChain } from './types.ts';
import type { Answer } from './use-answer.ts';

const UNASSIGNED_SHOWN = 8;

export function Money({ billing }: { readonly billing: Answer<BillingOverview> }) {
  const { data, problem } = billing;
  return (
    <section class="card" aria-label="Usage and charges">
      <header>
        <h2>Usage and charges</h2>
        {data?.watermark != null && <span class="watermark">{data.watermark}</span>}
        <span class="note">the running period of each customer</span>
      </header>
      <Problem text={problem} old={data !== null} />
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

/** Law 6: every charge leads back to usage records, readings and the batch they came in. */
function Chain({ chain }: { readonly chain: ChargeChain | null }) {
  if (chain === null) return <p class="empty">No charge has been rated yet: a window of usage must end first.</p>;
  const { charge, usage, readings } = chain;
  return (
    <>
      <h3>The latest charge, explained down to the counter</h3>
      <ol class="chain">
        <li>
          <div class="what">
            charge {charge.id}: {moment(charge.windowStart)} to {time(charge.windowEnd)}
          </div>
          <div class="exact">
            {charge.service}, {charge.item}: {charge.quantity} {charge.unit} = {charge.amount} {charge.currency}
          </div>
        </li>
        {usage.map((record) => (
          <li key={`${record.meter} ${record.bucketStart}`} class="usage">
            <div class="what">
              usage of {record.device}/{record.interfaceKey} {record.direction} from {time(record.bucketStart)}, version{' '}
              {record.version}
            </div>
            <div class="exact">
              {exactInteger(record.octets)} octets, {record.quality}
            </div>
          </li>
        ))}
        {readings.map((reading) => (
          <li key={`${reading.meter} ${reading.observedAt}`} class="reading">
            <div class="what">
              reading of meter {reading.meter} at {time(reading.observedAt)}, batch {reading.sequence} of{' '}
              {reading.agent}
            </div>
            <div class="exact">counter {exactInteger(reading.value)}</div>
          </li>
        ))}
      </ol>
    </>
  );
}
