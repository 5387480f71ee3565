// What the traffic costs, and the way from a charge back to the readings it came from.
import { exactInteger, octets, time } from './format.ts';
import type { BillingOverview, ChargeChain } from './types.ts';
import { useAnswer } from './use-answer.ts';

export function Money({ round }: { readonly round: number }) {
  const { data, problem } = useAnswer<BillingOverview>('/billing/v1/overview', round);
  return (
    <section class="card" aria-label="Usage and charges">
      <header>
        <h2>Usage and charges</h2>
        <span class="note">running month{data?.watermark === null || data === null ? '' : `, ${data.watermark}`}</span>
      </header>
      {problem !== null && <p class="problem">{problem}</p>}
      <div class="scroll">
        <table>
          <thead>
            <tr>
              <th>Customer</th>
              <th class="figure">So far</th>
            </tr>
          </thead>
          <tbody>
            {(data?.customers ?? []).map((customer) => (
              <tr key={customer.id}>
                <td>{customer.name}</td>
                <td class="figure">
                  {customer.running} {customer.currency}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {data !== null && data.unassigned.length > 0 && (
        <p class="note">
          Unassigned interfaces with traffic (a bill run stops here until each is billed or given a reason):{' '}
          {data.unassigned.map((one) => `${one.device}/${one.interface} (${octets(one.octets)})`).join(', ')}
        </p>
      )}
      {data?.latest !== undefined && data?.latest !== null && <Chain chain={data.latest} />}
    </section>
  );
}

/** Law 6: every charge leads back to usage records, readings and the batch they came in. */
function Chain({ chain }: { readonly chain: ChargeChain }) {
  const { charge, usage, readings } = chain;
  return (
    <>
      <h3>The latest charge, explained</h3>
      <ul class="chain">
        <li>
          <div class="what">charge</div>
          <div class="exact">
            {charge.service}, {charge.item}: {charge.quantity} {charge.unit} = {charge.amount} {charge.currency}
          </div>
          <div class="what">
            {time(charge.windowStart)} to {time(charge.windowEnd)}
          </div>
        </li>
        {usage.map((record) => (
          <li key={`${record.meter} ${record.bucketStart}`}>
            <div class="what">
              usage record of {record.device}/{record.interfaceKey} {record.direction}, {time(record.bucketStart)},
              version {record.version}
            </div>
            <div class="exact">
              {exactInteger(record.octets)} octets, {record.quality}
            </div>
          </li>
        ))}
        {readings.map((reading) => (
          <li key={`${reading.meter} ${reading.observedAt}`}>
            <div class="what">
              reading at {time(reading.observedAt)}, batch {reading.sequence} of {reading.agent}
            </div>
            <div class="exact">counter {exactInteger(reading.value)}</div>
          </li>
        ))}
      </ul>
    </>
  );
}
