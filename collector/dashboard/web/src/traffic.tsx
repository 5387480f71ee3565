// The graph of one interface; until one is chosen, of the busiest.
import { useMemo } from 'preact/hooks';
import { type GraphData, TrafficGraph } from './graph.tsx';
import { rate } from './format.ts';
import { Problem } from './problem.tsx';
import type { Page, Series, Top } from './types.ts';
import { useAnswer } from './use-answer.ts';

const WINDOW_MS = 15 * 60_000;
/** Shown while nothing older is known, so that the first minutes are not a line at the edge. */
const SHORT_WINDOW_MS = 5 * 60_000;
const BUSIEST = 6;

interface TrafficProps {
  readonly round: number;
  readonly resource: string | null;
  readonly onResource: (resource: string) => void;
}

function span(): Record<'from' | 'to', string> {
  const to = Date.now();
  return { from: new Date(to - WINDOW_MS).toISOString(), to: new Date(to).toISOString() };
}

function seriesPath(metric: string, resource: string): string {
  const query = new URLSearchParams({ metric, resource, ...span(), function: 'rate' });
  return `/api/v1/series?${query.toString()}`;
}

/** What readings cover less than half of is drawn as not known. */
function shownValue({ value, coverage }: Series['points'][number]): number | null {
  return typeof value === 'number' && coverage >= 0.5 ? value : null;
}

function merge(inward: Series | null, outward: Series | null): GraphData {
  const rows = new Map<string, [number | null, number | null]>();
  for (const point of inward?.points ?? []) rows.set(point.at, [shownValue(point), null]);
  for (const point of outward?.points ?? []) rows.set(point.at, [rows.get(point.at)?.[0] ?? null, shownValue(point)]);
  const sorted = [...rows].toSorted(([a], [b]) => a.localeCompare(b));
  return {
    at: sorted.map(([at]) => Date.parse(at) / 1000),
    in: sorted.map(([, [value]]) => value),
    out: sorted.map(([, [, value]]) => value),
  };
}

/** The short window where all that is known fits into it. */
function latest(data: GraphData, nowMs: number): { readonly data: GraphData; readonly minutes: number } {
  const first = data.at.findIndex((_, place) => data.in[place] !== null || data.out[place] !== null);
  const from = (nowMs - SHORT_WINDOW_MS) / 1000;
  const recent = data.at.findIndex((at) => at >= from);
  if (first < 0 || recent < 0 || first < recent) return { data, minutes: WINDOW_MS / 60_000 };
  const cut = { at: data.at.slice(recent), in: data.in.slice(recent), out: data.out.slice(recent) };
  return { data: cut, minutes: SHORT_WINDOW_MS / 60_000 };
}

export function Traffic({ round, resource, onResource }: TrafficProps) {
  // A new span in each round: the path is what is asked, the subject what it is about.
  const topPath = useMemo(
    () => `/api/v1/series/top?${new URLSearchParams({ metric: 'in_bps', limit: `${BUSIEST}`, ...span() }).toString()}`,
    [round],
  );
  const busiest = useAnswer<Page<Top>>(topPath, round, 'busiest');
  const items = busiest.data?.items ?? [];
  const shown = resource ?? items[0]?.resource ?? null;
  const paths = useMemo(
    () => (shown === null ? null : { in: seriesPath('in_bps', shown), out: seriesPath('out_bps', shown) }),
    [shown, round],
  );
  const inward = useAnswer<Series>(paths?.in ?? null, round, shown);
  const outward = useAnswer<Series>(paths?.out ?? null, round, shown);
  const { data, minutes } = useMemo(
    () => latest(merge(inward.data, outward.data), Date.now()),
    [inward.data, outward.data],
  );
  const problem = inward.problem ?? outward.problem ?? busiest.problem;
  const known = data.in.some((value) => value !== null) || data.out.some((value) => value !== null);
  return (
    <section class="card" aria-label="Traffic">
      <header>
        <h2>{shown ?? 'Traffic'}</h2>
        <span class="note">
          last {minutes} minutes, mean of {inward.data === null ? '…' : `${inward.data.stepMs / 1000} s`}; a missing
          poll is a gap
        </span>
      </header>
      <Problem text={problem} old={inward.data !== null} />
      {!known && problem === null && <p class="empty">{waitingFor(shown, inward.data)}</p>}
      <TrafficGraph data={data} />
      {items.length > 0 && (
        <p class="note busiest">
          Busiest:
          {items.map((item) => (
            <button key={item.resource} type="button" class="row" onClick={() => onResource(item.resource)}>
              {item.resource} <span class="note">{rate(item.value)}</span>
            </button>
          ))}
        </p>
      )}
    </section>
  );
}

function waitingFor(shown: string | null, series: Series | null): string {
  if (shown === null) return 'A rate needs two polls; the first ones are still on their way.';
  return series === null ? 'Asking…' : 'Nothing is known of this interface in this time.';
}
