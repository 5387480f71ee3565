// Traffic of one interface in and out over the last minutes; a missing poll is a gap, never a zero.
import { useEffect, useRef, useState } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { rate, time } from './format.ts';

export interface GraphData {
  /** Seconds since 1970. */
  readonly at: readonly number[];
  readonly in: readonly (number | null)[];
  readonly out: readonly (number | null)[];
}

const HEIGHT = 240;

function colour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** As the reader's language writes the time of day. */
function hour(at: number): string {
  return time(new Date(at * 1000).toISOString());
}

function options(width: number): uPlot.Options {
  const axis = {
    stroke: colour('--soft'),
    grid: { stroke: colour('--line'), width: 1 },
    ticks: { stroke: colour('--line'), width: 1 },
  };
  const line = (label: string, name: string): uPlot.Series => ({
    label,
    stroke: colour(name),
    width: 2,
    fill: `${colour(name)}22`,
    spanGaps: false,
    value: (_plot, value: number | null) => rate(value),
  });
  return {
    width,
    height: HEIGHT,
    cursor: { points: { size: 6 } },
    legend: { live: true },
    scales: { y: { range: (_plot, _low, high) => [0, Math.max(1000, high * 1.1)] } },
    axes: [
      { ...axis, space: 90, values: (_plot, ticks) => ticks.map(hour) },
      { ...axis, size: 86, values: (_plot, ticks) => ticks.map((tick) => rate(tick)) },
    ],
    series: [
      { label: 'at', value: (_plot, at: number | null) => (at === null ? '–' : hour(at)) },
      line('in', '--in'),
      line('out', '--out'),
    ],
  };
}

/** Grows when the colours of the page change between light and dark. */
function useScheme(): number {
  const [scheme, setScheme] = useState(0);
  useEffect(() => {
    const dark = matchMedia('(prefers-color-scheme: dark)');
    const changed = () => setScheme((last) => last + 1);
    dark.addEventListener('change', changed);
    return () => dark.removeEventListener('change', changed);
  }, []);
  return scheme;
}

export function TrafficGraph({ data }: { readonly data: GraphData }) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const latest = useRef(data);
  const scheme = useScheme();
  latest.current = data;
  useEffect(() => {
    const element = place.current;
    if (element === null) return undefined;
    const drawn = new uPlot(options(element.clientWidth), aligned(latest.current), element);
    plot.current = drawn;
    const observer = new ResizeObserver(() => drawn.setSize({ width: element.clientWidth, height: HEIGHT }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      drawn.destroy();
    };
  }, [scheme]);
  useEffect(() => {
    plot.current?.setData(aligned(data));
  }, [data]);
  return <div class="graph" ref={place} role="img" aria-label="Traffic in and out over the last minutes" />;
}

function aligned(data: GraphData): uPlot.AlignedData {
  return [[...data.at], [...data.in], [...data.out]];
}
