// A graph over time: a missing reading is a gap, never a zero; a span that is drawn with the mouse is looked at closer.
import { useEffect, useRef, useState } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { moment, time } from './format.ts';
import { watchMoves } from './graph-moves.ts';
import { afterKey, type Ends } from './span-moves.ts';
import { t } from './words.ts';

export interface Line {
  readonly label: string;
  /** A colour of the style sheet: `--in`. */
  readonly colour: string;
  readonly values: readonly (number | null)[];
  readonly look?: 'filled' | 'line' | 'dashed' | 'faint';
}

/** A span that is marked along the top of the graph. */
export interface Mark {
  readonly fromMs: number;
  readonly toMs: number;
  readonly colour: string;
}

interface GraphProps {
  readonly label: string;
  /** Seconds since 1970. */
  readonly at: readonly number[];
  readonly lines: readonly Line[];
  readonly format: (value: number | null) => string;
  readonly height?: number;
  /** The highest value of the axis is at least that. */
  readonly least?: number;
  /** The span that is shown, where it can be moved. */
  readonly span?: Ends;
  readonly onZoom?: (fromMs: number, toMs: number) => void;
  readonly marks?: readonly Mark[];
}

const HEIGHT = 240;
const DAY_S = 86_400;

function colourOf(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function tickText(at: number, spanS: number): string {
  const date = new Date(at * 1000);
  if (spanS > 3 * DAY_S) return date.toLocaleDateString(undefined, { day: '2-digit', month: '2-digit' });
  const hour = time(date.toISOString());
  return spanS > 1800 ? hour.slice(0, 5) : hour;
}

function optionsOf(width: number, props: () => GraphProps): uPlot.Options {
  const { lines, format, height = HEIGHT, least = 0 } = props();
  const axis = {
    stroke: colourOf('--soft'),
    grid: { stroke: colourOf('--line'), width: 1 },
    ticks: { stroke: colourOf('--line'), width: 1 },
    font: '12px system-ui, sans-serif',
  };
  const span = (plot: uPlot): number => (plot.scales['x']?.max ?? 0) - (plot.scales['x']?.min ?? 0);
  return {
    width,
    height,
    cursor: { points: { size: 6 }, drag: { x: props().onZoom !== undefined, y: false, setScale: false } },
    legend: { live: true },
    scales: {
      y: {
        range: (_plot, low, high) => [
          Math.min(0, Number.isFinite(low) ? low : 0),
          Math.max(least, (Number.isFinite(high) ? high : 0) * 1.1, Number.MIN_VALUE),
        ],
      },
    },
    axes: [
      { ...axis, space: 90, values: (plot, ticks) => ticks.map((tick) => tickText(tick, span(plot))) },
      { ...axis, size: 90, values: (_plot, ticks) => ticks.map((tick) => format(tick)) },
    ],
    series: [
      {
        label: t('when'),
        value: (_plot, at: number | null) => (at === null ? '–' : moment(new Date(at * 1000).toISOString())),
      },
      ...lines.map((line) => seriesOf(line, format)),
    ],
    hooks: {
      draw: [(plot) => drawMarks(plot, props().marks ?? [])],
      setSelect: [
        (plot) => {
          const { left, width: wide } = plot.select;
          if (wide < 8) return;
          const [from, to] = [plot.posToVal(left, 'x'), plot.posToVal(left + wide, 'x')];
          plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
          props().onZoom?.(Math.floor(from) * 1000, Math.ceil(to) * 1000);
        },
      ],
    },
  };
}

const MARK_PX = 6;

/** However short, it is seen. */
function drawMarks(plot: uPlot, marks: readonly Mark[]): void {
  const { ctx, bbox } = plot;
  ctx.save();
  for (const { fromMs, toMs, colour } of marks) {
    const [from, to] = [fromMs, toMs].map((atMs) =>
      Math.max(bbox.left, Math.min(bbox.left + bbox.width, plot.valToPos(atMs / 1000, 'x', true))),
    ) as [number, number];
    if (toMs / 1000 <= (plot.scales['x']?.min ?? 0) || fromMs / 1000 >= (plot.scales['x']?.max ?? 0)) continue;
    ctx.fillStyle = colourOf(colour);
    ctx.fillRect(from, bbox.top, Math.max(2, to - from), MARK_PX * devicePixelRatio);
  }
  ctx.restore();
}

function seriesOf({ label, colour, look = 'filled' }: Line, format: GraphProps['format']): uPlot.Series {
  const stroke = colourOf(colour);
  return {
    label,
    stroke: look === 'faint' ? `${stroke}88` : stroke,
    width: look === 'filled' ? 2 : 1.5,
    spanGaps: false,
    value: (_plot, value: number | null) => format(value),
    ...(look === 'filled' ? { fill: `${stroke}22` } : {}),
    ...(look === 'dashed' || look === 'faint' ? { dash: [6, 4] } : {}),
    points: { show: look !== 'dashed' && look !== 'faint', size: 4, filter: alone },
  };
}

/** Only values without a neighbour need a point to be seen. */
function alone(plot: uPlot, series: number, _show: boolean, gaps?: number[][] | null): number[] | null {
  if (gaps == null) return null;
  const values = plot.data[series] ?? [];
  const found: number[] = [];
  for (let at = 0; at < values.length; at += 1)
    if (values[at] != null && values[at - 1] == null && values[at + 1] == null) found.push(at);
  return found;
}

/** Grows when the colours of the page change between light and dark. */
function useScheme(): number {
  const [scheme, setScheme] = useState(0);
  useEffect(() => {
    const dark = matchMedia('(prefers-color-scheme: dark)');
    const changed = () => setScheme((last) => last + 1);
    dark.addEventListener('change', changed);
    addEventListener('weir-theme', changed);
    return () => {
      dark.removeEventListener('change', changed);
      removeEventListener('weir-theme', changed);
    };
  }, []);
  return scheme;
}

export function Graph(props: GraphProps) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const latest = useRef(props);
  const scheme = useScheme();
  latest.current = props;
  const { at, lines, height = HEIGHT } = props;
  const kinds = lines.map(({ label, colour, look }) => `${label} ${colour} ${look}`).join();
  useEffect(() => {
    const element = place.current;
    if (element === null) return undefined;
    const drawn = new uPlot(
      optionsOf(element.clientWidth, () => latest.current),
      aligned(latest.current),
      element,
    );
    plot.current = drawn;
    const moves = {
      span: () => latest.current.span ?? null,
      to: ({ fromMs, toMs }: Ends) => latest.current.onZoom?.(Math.round(fromMs), Math.round(toMs)),
    };
    const unwatch = watchMoves(drawn, moves);
    const observer = new ResizeObserver(() => drawn.setSize({ width: element.clientWidth, height }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      unwatch();
      drawn.destroy();
      plot.current = null;
    };
  }, [scheme, kinds, height]);
  useEffect(() => {
    plot.current?.setData(aligned(latest.current));
  }, [at, lines, props.marks]);
  const { span, onZoom } = props;
  const graph = <div class="graph" ref={place} role="img" aria-label={props.label} dir="ltr" />;
  if (span === undefined || onZoom === undefined) return graph;
  return (
    <div
      class="movable"
      role="group"
      tabIndex={0}
      aria-label={`${props.label}. ${t('graph.keys')}`}
      title={t('graph.keys')}
      onKeyDown={(event) => {
        const ends = afterKey(event.key, span, Date.now());
        if (ends === null || event.ctrlKey || event.altKey || event.metaKey) return;
        event.preventDefault();
        onZoom(Math.round(ends.fromMs), Math.round(ends.toMs));
      }}
    >
      {graph}
    </div>
  );
}

function aligned({ at, lines }: GraphProps): uPlot.AlignedData {
  return [[...at], ...lines.map(({ values }) => [...values])];
}
