// The figures that say at a glance whether everything flows.
import type { ComponentChildren } from 'preact';
import { ago, exactInteger } from './format.ts';
import type { BillingOverview, Overview } from './types.ts';
import { useAnswer } from './use-answer.ts';

const SEVERITIES = ['critical', 'major', 'minor', 'warning', 'indeterminate'] as const;

function Tile({
  label,
  value,
  note,
}: {
  readonly label: string;
  readonly value: ComponentChildren;
  readonly note: ComponentChildren;
}) {
  return (
    <div class="tile">
      <div class="label">{label}</div>
      <div class="value">{value}</div>
      <div class="note">{note}</div>
    </div>
  );
}

export function Tiles({ overview, round }: { readonly overview: Overview | null; readonly round: number }) {
  const billing = useAnswer<BillingOverview>('/billing/v1/overview', round);
  const alarms = overview?.alarms ?? {};
  const active = SEVERITIES.reduce((total, severity) => total + (alarms[severity] ?? 0), 0);
  const bySeverity = SEVERITIES.filter((severity) => (alarms[severity] ?? 0) > 0).map((severity) => (
    <span key={severity} class={`severity ${severity}`}>
      {alarms[severity]} {severity}{' '}
    </span>
  ));
  return (
    <div class="tiles">
      <Tile
        label="Devices answering"
        value={overview === null ? '…' : `${overview.devices.reachable} / ${overview.devices.total}`}
        note={overview === null ? '' : `${overview.interfaces.total} interfaces, ${overview.interfaces.up} up`}
      />
      <Tile
        label="Alarms"
        value={overview === null ? '…' : active}
        note={active === 0 ? `${alarms['cleared'] ?? 0} cleared` : bySeverity}
      />
      <Tile
        label="Polls kept as evidence"
        value={overview === null ? '…' : exactInteger(overview.readings.pages)}
        note={`last ${ago(overview?.readings.lastAt ?? null, Date.now())}`}
      />
      <Tile
        label="Usage records"
        value={billing.data === null ? '…' : exactInteger(billing.data.usageRecords)}
        note={billing.problem ?? 'one a meter and bucket'}
      />
      <Tile
        label="Charges"
        value={billing.data === null ? '…' : exactInteger(billing.data.charges)}
        note={
          billing.data?.watermark === null || billing.data === null
            ? 'rated usage'
            : `bills are marked ${billing.data.watermark}`
        }
      />
    </div>
  );
}
