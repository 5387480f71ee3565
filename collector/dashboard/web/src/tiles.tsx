// The figures that say at a glance whether everything flows.
import type { ComponentChildren } from 'preact';
import { ago, amount, exactInteger } from './format.ts';
import { hrefOf } from './place.ts';
import { SEVERITIES } from './severity.tsx';
import type { BillingOverview } from './billing-types.ts';
import type { Overview } from './types.ts';
import type { Answer } from './use-answer.ts';
import { said, t } from './words.ts';

interface TileProps {
  readonly label: string;
  readonly value: ComponentChildren;
  readonly note: ComponentChildren;
}

function Tile({ label, value, note }: TileProps) {
  return (
    <div class="tile">
      <div class="label">{label}</div>
      <div class="value">{value}</div>
      <div class="note">{note}</div>
    </div>
  );
}

interface TilesProps {
  readonly overview: Overview | null;
  readonly billing: Answer<BillingOverview>;
}

export function Tiles({ overview, billing }: TilesProps) {
  return (
    <div class="tiles">
      {overview === null ? <Asking /> : <Network overview={overview} />}
      <Tile
        label={t('tile.running')}
        value={billing.data === null ? unknown(billing) : <Running billing={billing.data} />}
        note={noteOf(billing) ?? (billing.data === null ? ' ' : t('tile.runningNote'))}
      />
      <Tile
        label={t('tile.charges')}
        value={billing.data === null ? unknown(billing) : exactInteger(billing.data.charges)}
        note={noteOf(billing) ?? (billing.data === null ? ' ' : recordsOf(billing.data))}
      />
    </div>
  );
}

/** By currency: nothing here knows a rate between them. */
function Running({ billing: { running = [] } }: { readonly billing: BillingOverview }) {
  if (running.length === 0) return <>–</>;
  return (
    <a href={hrefOf(['usage'])}>
      {running.map(({ currency, total }) => (
        <span key={currency} class={running.length > 1 ? 'sum several' : 'sum'} dir="ltr">
          {amount(total)} {currency}
        </span>
      ))}
    </a>
  );
}

function recordsOf({ usageRecords, watermark }: BillingOverview): string {
  const records = t('tile.records', { n: exactInteger(usageRecords) });
  return watermark === null ? records : `${records}; ${t('tile.watermark', { mark: watermark })}`;
}

function unknown(billing: Answer<BillingOverview>): string {
  return billing.problem === null ? '…' : '–';
}

/** Why there is no figure, or an old one; null where nothing is wrong. */
function noteOf(billing: Answer<BillingOverview>): string | null {
  if (billing.problem === null) return null;
  return billing.refused === 403 ? t('tile.notShown') : t('tile.bridgeAway');
}

function Asking() {
  return (
    <>
      {(['tile.devices', 'tile.alarms', 'tile.polls'] as const).map((word) => (
        <Tile key={word} label={t(word)} value="…" note=" " />
      ))}
    </>
  );
}

function Network({ overview }: { readonly overview: Overview }) {
  const { devices, interfaces, readings, alarms, quarantined } = overview;
  const active = SEVERITIES.reduce((total, severity) => total + (alarms[severity] ?? 0), 0);
  const bySeverity = SEVERITIES.filter((severity) => (alarms[severity] ?? 0) > 0).map((severity) => (
    <a key={severity} class={`severity ${severity}`} href={hrefOf(['alarms'], { severity })}>
      {alarms[severity]} {said('severity', severity)}{' '}
    </a>
  ));
  return (
    <>
      <Tile
        label={t('tile.devices')}
        value={`${devices.reachable} / ${Math.max(devices.total, devices.configured)}`}
        note={t('tile.interfaces', { total: interfaces.total, up: interfaces.up })}
      />
      <Tile
        label={t('tile.alarms')}
        value={<a href={hrefOf(['alarms'])}>{active}</a>}
        note={
          <>
            {bySeverity}
            {t('tile.cleared', { n: alarms['cleared'] ?? 0 })}
          </>
        }
      />
      {readings !== null && (
        <Tile
          label={t('tile.polls')}
          value={exactInteger(readings.pages)}
          note={
            quarantined === 0 ? (
              t('tile.last', { ago: ago(readings.lastAt, Date.now()) })
            ) : (
              <a class="severity major" href={hrefOf(['health'])}>
                {t('tile.quarantined', { n: quarantined ?? 0 })}
              </a>
            )
          }
        />
      )}
    </>
  );
}
