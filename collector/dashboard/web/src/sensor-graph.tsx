// What a sensor measured over time, between the limits that its device gives it.
import { measured } from './format.ts';
import { Graph } from './graph.tsx';
import { Problem } from './problem.tsx';
import { zoomTo } from './range.tsx';
import { drawnOf, isKnown, seriesPath } from './series.ts';
import { type Span, spanName, spanQuery } from './span.ts';
import type { Series } from './types.ts';
import { useAnswer } from './use-answer.ts';
import { t } from './words.ts';

export interface Limited {
  readonly unit: string | null;
  readonly lowLimit: number | null;
  readonly highLimit: number | null;
}

export interface DrawnSensor extends Limited {
  readonly metric: string;
  readonly resource: string;
  readonly description: string | null;
}

export function stateLook(state: unknown): string {
  if (state === 'ok') return 'state-up';
  return state === 'critical' ? 'state-down' : state === 'warning' ? 'state-doubt' : '';
}

/** "≥ -14 dBm ≤ 1 dBm"; null where it has none. */
export function limitsText({ lowLimit, highLimit, unit }: Limited): string | null {
  const text = [
    lowLimit === null ? '' : `≥ ${measured(lowLimit, unit ?? '')}`,
    highLimit === null ? '' : `≤ ${measured(highLimit, unit ?? '')}`,
  ].filter(Boolean);
  return text.length === 0 ? null : text.join(' ');
}

export function SensorGraph({ sensor, span }: { readonly sensor: DrawnSensor; readonly span: Span }) {
  const { metric, resource, unit, lowLimit, highLimit } = sensor;
  const description = sensor.description ?? resource;
  const query = { metric, resource, ...spanQuery(span), function: 'avg' };
  const series = useAnswer<Series>(seriesPath(query), { subject: `${metric} ${resource} ${spanName(span)}`, every: 3 });
  const points = series.data?.points ?? [];
  const flat = (value: number) => points.map((point) => ({ ...point, value, coverage: 1 }));
  const limits = (
    [
      ['lowLimit', lowLimit],
      ['highLimit', highLimit],
    ] as const
  ).flatMap(([word, value]) =>
    value === null ? [] : [{ label: t(word), colour: '--critical', look: 'dashed' as const, points: flat(value) }],
  );
  const measure = { label: description, colour: '--in', look: 'line' as const, points };
  const drawn = drawnOf([measure, ...limits]);
  return (
    <div>
      <Problem text={series.problem} old={series.data !== null} />
      {series.data !== null && !isKnown(drawnOf([measure])) && <p class="empty">{t('traffic.nothing')}</p>}
      <Graph
        label={description}
        {...drawn}
        format={(value) => measured(value, unit ?? '')}
        height={180}
        span={span}
        onZoom={zoomTo}
      />
    </div>
  );
}
