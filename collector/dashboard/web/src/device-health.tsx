// What a device measures of itself: processors, memory, storage, sensors against the device's own limits; each opens its graph.
import { useState } from 'preact/hooks';
import { measured, moment } from './format.ts';
import { Graph } from './graph.tsx';
import { Problem } from './problem.tsx';
import { drawnOf, isKnown, seriesPath } from './series.ts';
import { spanName, spanQuery, useSpan } from './span.ts';
import { usePlace } from './place.ts';
import { RangeChooser, zoomTo } from './range.tsx';
import { type Column, Table } from './table.tsx';
import type { Gauge, Page, Part, Series } from './types.ts';
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
      cell: ({ sensor }) => <span class={stateLook(sensor)}>{stateText(sensor) ?? ''}</span>,
    },
    {
      id: 'limits',
      title: t('limits'),
      value: limitsOf,
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

function stateLook(sensor: Part | null): string {
  const state = sensor?.['state'];
  if (state === 'ok') return 'state-up';
  return state === 'critical' ? 'state-down' : state === 'warning' ? 'state-doubt' : '';
}

function limitsOf({ sensor, unit }: Row): string | null {
  const [low, high] = [sensor?.['lowLimit'], sensor?.['highLimit']];
  const text = [
    typeof low === 'number' ? `≥ ${measured(low, unit)}` : '',
    typeof high === 'number' ? `≤ ${measured(high, unit)}` : '',
  ].filter(Boolean);
  return text.length === 0 ? null : text.join(' ');
}

function GaugeGraph({ row }: { readonly row: Row }) {
  const place = usePlace();
  const span = useSpan(place, '1d');
  const query = { metric: row.metric, resource: row.resource, ...spanQuery(span), function: 'avg' };
  const subject = `${row.metric} ${row.resource} ${spanName(span)}`;
  const series = useAnswer<Series>(seriesPath(query), { subject });
  const points = series.data?.points ?? [];
  const flat = (value: unknown) => points.map((point) => ({ ...point, value: value as number, coverage: 1 }));
  const limits = (['lowLimit', 'highLimit'] as const).flatMap((name) => {
    const value = row.sensor?.[name];
    if (typeof value !== 'number') return [];
    return [{ label: t(name), colour: '--critical', look: 'dashed' as const, points: flat(value) }];
  });
  const drawn = drawnOf([{ label: row.description, colour: '--in', look: 'line', points }, ...limits]);
  return (
    <div class="framed">
      <h3>
        <bdi>{row.description}</bdi>
      </h3>
      <RangeChooser span={span} />
      <Problem text={series.problem} old={series.data !== null} />
      {series.data !== null && !isKnown(drawn) && <p class="empty">{t('traffic.nothing')}</p>}
      <Graph
        label={row.description}
        {...drawn}
        format={(value) => measured(value, row.unit)}
        height={180}
        span={span}
        onZoom={zoomTo}
      />
      {series.data !== null && <p class="note">{t('graph.until', { at: moment(series.data.to) })}</p>}
    </div>
  );
}
