// The figures that say at a glance whether everything flows.
import type { ComponentChildren } from 'preact';
import { ago, exactInteger } from './format.ts';
import type { BillingOverview, Overview } from './types.ts';
import type { Answer } from './use-answer.ts';

const SEVERITIES = ['critical', 'major', 'minor', 'warning', 'indeterminate'] as const;

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
        label="Usage records"
        value={billing.data === null ? unknown(billing) : exactInteger(billing.data.usageRecords)}
        note={noteOf(billing) ?? 'one a meter and bucket'}
      />
      <Tile
        label="Charges"
        value={billing.data === null ? unknown(billing) : exactInteger(billing.data.charges)}
        note={
          noteOf(billing) ??
          (billing.data?.watermark == null ? 'rated usage' : `bills are marked ${billing.data.watermark}`)
        }
      />
    </div>
  );
}

function unknown(billing: Answer<BillingOverview>): string {
  return billing.problem === null ? '…' : '–';
}

/** Why there is no figure, or an old one; null where nothing is wrong. */
function noteOf(billing: Answer<BillingOverview>): string | null {
  if (billing.problem === null) return null;
  return billing.refused === 403 ? 'not shown to your role' : 'the billing bridge does not answer';
}

function Asking() {
  return (
    <>
      {['Devices answering', 'Alarms', 'Polls kept as evidence'].map((label) => (
        <Tile key={label} label={label} value="…" note=" " />
      ))}
    </>
  );
}

function Network({ overview }: { readonly overview: Overview }) {
  const { devices, interfaces, readings, alarms, quarantined } = overview;
  const active = SEVERITIES.reduce((total, severity) => total + (alarms[severity] ?? 0), 0);
  const bySeverity = SEVERITIES.filter((severity) => (alarms[severity] ?? 0) > 0).map((severity) => (
    <span key={severity} class={`severity ${severity}`}>
      {alarms[severity]} {severity}{' '}
    </span>
  ));
  return (
    <>
      <Tile
        label="Devices answering"
        value={`${devices.reachable} / ${Math.max(devices.total, devices.configured)}`}
        note={`${interfaces.total} interfaces, ${interfaces.up} up`}
      />
      <Tile
        label="Alarms"
        value={active}
        note={
          <>
            {bySeverity}
            {alarms['cleared'] ?? 0} cleared
          </>
        }
      />
      {readings !== null && (
        <Tile
          label="Polls kept as evidence"
          value={exactInteger(readings.pages)}
          note={
            quarantined === 0 ? (
              `last ${ago(readings.lastAt, Date.now())}`
            ) : (
              <span class="severity major">{quarantined} batches in quarantine</span>
            )
          }
        />
      )}
    </>
  );
}
