// What a device measures of itself: processors, memory, storage, sensors against the device's own limits; each opens its graph.
import { useState } from 'preact/hooks';
import { measured } from './format.ts';
import { Problem } from './problem.tsx';
import { type Limited, limitsText, SensorGraph, stateLook } from './sensor-graph.tsx';
import { useSpan } from './span.ts';
import { usePlace } from './place.ts';
import { RangeChooser } from './range.tsx';
import { type Column, Table } from './table.tsx';
import type { Gauge, Page, Part } from './types.ts';
import { useAll, useAnswer } from './use-answer.ts';
import { said, t } from './words.ts';

interface Row extends Gauge {
  readonly sensor: Part | null;
}

export function DeviceHealth({ device }: { readonly device: string }) {
  const name = encodeURIComponent(device);
  const gauges = useAnswer<Page<Gauge>>(`/api/v1/devices/${name}/gauges`, { every: 3 });
  const sensors = useAll<Part>(`/api/v1/devices/${name}/sensors?gone=false`, 3);
  const [chosen, setChosen] = useState<Row | null>(null);
  const byResource = new Map((sensors.data ?? []).map((sensor) => [String(sensor['resource']), sensor]));
  const rows = (gauges.data?.items ?? []).map((gauge) => ({
    ...gauge,
    sensor: byResource.get(gauge.resource) ?? null,
  }));
  const columns: readonly Column<Row>[] = [
    {
      id: 'description',
      title: t('description'),
      value: (row) => row.description || row.resource.slice(device.length + 1),
      cell: (row) => (
        <button type="button" class="row" onClick={() => setChosen(row)}>
          <bdi>{row.description || row.resource.slice(device.length + 1)}</bdi>
        </button>
      ),
    },
    { id: 'metric', title: t('metric'), value: ({ metric }) => said('kind', metric.replace(/^sensor_/, '')) },
    {
      id: 'value',
      title: t('value'),
      value: ({ value }) => value,
      cell: ({ value, unit }) => measured(value, unit),
      kind: 'figure',
    },
    {
      id: 'state',
      title: t('state'),
      value: ({ sensor }) => stateText(sensor),
      cell: ({ sensor }) => <span class={stateLook(sensor?.['state'])}>{stateText(sensor) ?? ''}</span>,
    },
    {
      id: 'limits',
      title: t('limits'),
      value: (row) => limitsText(limitedOf(row)),
      kind: 'wide',
    },
  ];
  return (
    <>
      {chosen !== null && <GaugeGraph key={chosen.resource + chosen.metric} row={chosen} />}
      <Problem text={gauges.problem ?? sensors.problem} old={gauges.data !== null} />
      <Table
        name={t('tab.health')}
        rows={rows}
        columns={columns}
        keyOf={({ resource, metric }) => `${metric} ${resource}`}
        empty={gauges.data === null ? null : t('none')}
      />
    </>
  );
}

function stateText(sensor: Part | null): string | null {
  const state = sensor?.['state'];
  return typeof state === 'string' ? said('state', state) : null;
}

function numberOf(sensor: Part | null, name: string): number | null {
  const value = sensor?.[name];
  return typeof value === 'number' ? value : null;
}

function limitedOf({ sensor, unit }: Row): Limited {
  return { unit, lowLimit: numberOf(sensor, 'lowLimit'), highLimit: numberOf(sensor, 'highLimit') };
}

function GaugeGraph({ row }: { readonly row: Row }) {
  const place = usePlace();
  const span = useSpan(place, '1d');
  return (
    <div class="framed">
      <h3>
        <bdi>{row.description}</bdi>
      </h3>
      <RangeChooser span={span} />
      <SensorGraph sensor={{ ...row, ...limitedOf(row) }} span={span} />
    </div>
  );
}
