// The way from a charge back to its usage records, and from those to the readings they came from: law 6, for everybody to see.
import { exactInteger, moment, time } from './format.ts';
import type { ChargeChain } from './billing-types.ts';
import { t } from './words.ts';

type Usage = ChargeChain['usage'][number];
type Reading = ChargeChain['readings'][number];

interface Meter {
  readonly meter: number;
  readonly usage: readonly Usage[];
  readonly readings: readonly Reading[];
}

function metersOf({ usage, readings }: ChargeChain): readonly Meter[] {
  const meters = [...new Set([...usage, ...readings].map(({ meter }) => meter))];
  return meters.map((meter) => ({
    meter,
    usage: usage.filter((record) => record.meter === meter),
    readings: readings.filter((reading) => reading.meter === meter),
  }));
}

export function Chain({ chain }: { readonly chain: ChargeChain | null }) {
  if (chain === null) return <p class="empty">{t('chain.none')}</p>;
  const { charge } = chain;
  return (
    <>
      <h3>{t('chain.title')}</h3>
      <div class="chain">
        <div class="what">
          {t('chain.charge', { id: charge.id, from: moment(charge.windowStart), to: time(charge.windowEnd) })}
        </div>
        <div class="exact">
          {charge.service}, {charge.item}: {charge.quantity} {charge.unit} = {charge.amount} {charge.currency}
        </div>
        {metersOf(chain).map((meter, place) => (
          <OneMeter key={meter.meter} of={meter} open={place === 0} />
        ))}
      </div>
    </>
  );
}

function OneMeter({ of, open }: { readonly of: Meter; readonly open: boolean }) {
  const [first] = of.usage;
  const name = first === undefined ? '' : `${first.device}/${first.interfaceKey} ${first.direction}`;
  return (
    <details open={open}>
      <summary>
        <bdi>{name}</bdi> {t('chain.meter', { id: of.meter })}
      </summary>
      <ul>
        {of.usage.map((record) => (
          <li key={record.bucketStart}>
            <div class="what">{t('chain.usage', { from: time(record.bucketStart), version: record.version })}</div>
            <div class="exact">
              {t('chain.octets', { octets: exactInteger(record.octets), quality: record.quality })}
            </div>
          </li>
        ))}
        {of.readings.map((reading) => (
          <li key={reading.observedAt} class="reading">
            <div class="what">
              {t('chain.reading', {
                at: time(reading.observedAt),
                sequence: reading.sequence,
                agent: reading.agent,
              })}
            </div>
            <div class="exact">{t('chain.counter', { value: exactInteger(reading.value) })}</div>
          </li>
        ))}
      </ul>
    </details>
  );
}
