// Draws the usage of a service: in as an area, out as a line, the billed percentile across them.
import { localDate } from '../../common/model/period.ts';
import { LEFT, type PageWriter, PLAIN, BOLD, RIGHT } from './page-writer.ts';
import type { Colour } from './pdf-document.ts';
import { axisTop, rateText, type UsageGraph } from './usage-graph.ts';

const HEIGHT = 120;
const AXIS = 52;
const GREY: Colour = [0.45, 0.45, 0.45];
const GRID: Colour = [0.86, 0.86, 0.86];
const IN: Colour = [0.62, 0.8, 0.68];
const OUT: Colour = [0.13, 0.36, 0.62];
const LEVEL: Colour = [0.8, 0.16, 0.16];

export function drawGraph(page: PageWriter, graph: UsageGraph): void {
  page.need(HEIGHT + 60);
  const { document } = page;
  page.y += 10;
  page.put(graph.title, { x: LEFT, width: RIGHT - LEFT }, BOLD, 9);
  const top = page.y + 10;
  const foot = top + HEIGHT;
  const left = LEFT + AXIS;
  const most = axisTop(graph);
  const placeOf = (bps: number): number => foot - (bps / most) * HEIGHT;
  for (const part of [0, 0.25, 0.5, 0.75, 1]) {
    const y = placeOf(most * part);
    const points = [
      [left, y],
      [RIGHT, y],
    ] as const;
    document.line(points, 0.4, GRID);
    const label = rateText(most * part);
    document.text(label, left - 4 - document.widthOf(label, PLAIN, 6.5), y + 2.5, PLAIN, 6.5, GREY);
  }
  const xOf = (column: number): number => left + ((RIGHT - left) * (column + 0.5)) / graph.in.length;
  for (const run of runsOf(graph.in)) {
    const points = run.map(([column, bps]) => [xOf(column), placeOf(bps)] as const);
    const [first, last] = [points[0], points.at(-1)];
    if (first !== undefined && last !== undefined) document.area([[first[0], foot], ...points, [last[0], foot]], IN);
  }
  for (const run of runsOf(graph.out))
    document.line(
      run.map(([column, bps]) => [xOf(column), placeOf(bps)] as const),
      0.8,
      OUT,
    );
  if (graph.level !== null) {
    const y = placeOf(graph.level.bps);
    document.line(
      [
        [left, y],
        [RIGHT, y],
      ],
      0.9,
      LEVEL,
      [4, 2],
    );
  }
  drawDates(page, graph, left, foot);
  drawLegend(page, graph, left, foot + 22);
  page.y = foot + 32;
}

/** Columns that follow each other without a hole. */
function runsOf(curve: readonly (number | null)[]): [column: number, bps: number][][] {
  const runs: [number, number][][] = [];
  let open: [number, number][] | null = null;
  for (const [column, bps] of curve.entries()) {
    if (bps === null) open = null;
    else if (open === null) runs.push((open = [[column, bps]]));
    else open.push([column, bps]);
  }
  // A lone interval is as wide as its column.
  return runs.map((run) =>
    run.length === 1
      ? run.flatMap(([at, bps]): [number, number][] => [
          [at - 0.4, bps],
          [at + 0.4, bps],
        ])
      : run,
  );
}

function drawDates({ document }: PageWriter, graph: UsageGraph, left: number, foot: number): void {
  const marks = 6;
  for (let at = 0; at <= marks; at += 1) {
    const time = graph.fromMs + ((graph.toMs - graph.fromMs) * at) / marks;
    const label = localDate(at === marks ? time - 1 : time, graph.zone).slice(5);
    const width = document.widthOf(label, PLAIN, 6.5);
    const x = left + ((RIGHT - left) * at) / marks;
    const placed = at === 0 ? x : at === marks ? x - width : x - width / 2;
    document.text(label, placed, foot + 9, PLAIN, 6.5, GREY);
  }
}

function drawLegend({ document }: PageWriter, graph: UsageGraph, left: number, y: number): void {
  const entries: [string, Colour][] = [
    ['in', IN],
    ['out', OUT],
    ...(graph.level === null ? [] : [[graph.level.label, LEVEL] as [string, Colour]]),
  ];
  let x = left;
  for (const [label, colour] of entries) {
    document.area(
      [
        [x, y - 5],
        [x + 10, y - 5],
        [x + 10, y - 1.5],
        [x, y - 1.5],
      ],
      colour,
    );
    document.text(label, x + 13, y, PLAIN, 7, GREY);
    x += 26 + document.widthOf(label, PLAIN, 7);
  }
}
