// The graph of one interface; until one is chosen, of the busiest.
import { useMemo } from 'preact/hooks';
import { type GraphData, TrafficGraph } from './graph.tsx';
import type { Series } from './types.ts';
import { useAnswer } from './use-answer.ts';

const WINDOW_MS = 15 * 60_000;

interface TrafficProps {
  readonly round: number;
  readonly resource: string | null;
  readonly onResource: (resource: string) => void;
}

interface Busiest {
  readonly items: readonly { readonly resource: string; readonly bps: number }[];
}

function seriesPath(metric: string, resource: string, round: number): string {
  const to = new Date(Date.now() - (round < 0 ? 1 : 0));
  const query = new URLSearchParams({
    metric,
    resource,
    from: new Date(to.getTime() - WINDOW_MS).toISOString(),
    to: to.toISOString(),
    function: 'rate',
  });
  return `/api/v1/series?${query.toString()}`;
}

function merge(inward: Series | null, outward: Series | null): GraphData {
  const rows = new Map<string, [number | null, number | null]>();
  for (const point of inward?.points ?? []) rows.set(point.at, [point.value, null]);
  for (const point of outward?.points ?? []) rows.set(point.at, [rows.get(point.at)?.[0] ?? null, point.value]);
  const sorted = [...rows].toSorted(([a], [b]) => a.localeCompare(b));
  return {
    at: sorted.map(([at]) => Date.parse(at) / 1000),
    in: sorted.map(([, [value]]) => value),
    out: sorted.map(([, [, value]]) => value),
  };
}

export function Traffic({ round, resource, onResource }: TrafficProps) {
  const busiest = useAnswer<Busiest>('/api/v1/series/top?metric=in_bps&limit=6', round);
  const shown = resource ?? busiest.data?.items[0]?.resource ?? null;
  const paths = useMemo(
    () =>
      shown === null ? null : { in: seriesPath('in_bps', shown, round), out: seriesPath('out_bps', shown, round) },
    [shown, round],
  );
  const inward = useAnswer<Series>(paths?.in ?? null, round);
  const outward = useAnswer<Series>(paths?.out ?? null, round);
  const data = useMemo(() => merge(inward.data, outward.data), [inward.data, outward.data]);
  const problem = inward.problem ?? outward.problem ?? busiest.problem;
  return (
    <section class="card" aria-label="Traffic">
      <header>
        <h2>{shown ?? 'Traffic'}</h2>
        <span class="note">last 15 minutes; a missing poll is a gap</span>
        <span class="legend">
          <b class="in">in</b>
          <b class="out">out</b>
        </span>
      </header>
      {problem !== null && <p class="problem">{problem}</p>}
      {data.at.length === 0 && <p class="empty">The first two polls are still on their way.</p>}
      <TrafficGraph data={data} />
      <p class="note">
        Busiest:{' '}
        {(busiest.data?.items ?? []).map((item) => (
          <>
            <button key={item.resource} type="button" class="row" onClick={() => onResource(item.resource)}>
              {item.resource}
            </button>{' '}
          </>
        ))}
      </p>
    </section>
  );
}
