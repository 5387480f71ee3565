// Series as a graph draws them: several of the same steps side by side, what is hardly known left out.
import { ask } from './api.ts';
import type { Line } from './graph.tsx';
import { piecesOf } from './series-pieces.ts';
import type { Series } from './types.ts';

export interface Drawn {
  /** Seconds since 1970. */
  readonly at: readonly number[];
  readonly lines: readonly Line[];
}

export interface Wanted {
  readonly label: string;
  readonly colour: string;
  readonly look?: NonNullable<Line['look']>;
  readonly points: Series['points'];
}

/** What readings cover less than half of is drawn as not known. */
function shownValue({ value, coverage }: Series['points'][number]): number | null {
  return typeof value === 'number' && coverage >= 0.5 ? value : null;
}

export function drawnOf(wanted: readonly Wanted[]): Drawn {
  const times = [...new Set(wanted.flatMap(({ points }) => points.map(({ at }) => at)))].toSorted();
  const place = new Map(times.map((at, index) => [at, index]));
  const lines = wanted.map(({ points, ...line }) => {
    const values = Array.from<number | null>({ length: times.length }).fill(null);
    for (const point of points) values[place.get(point.at) ?? 0] = shownValue(point);
    return { ...line, values };
  });
  return { at: times.map((at) => Date.parse(at) / 1000), lines };
}

export function isKnown({ lines }: Drawn): boolean {
  return lines.some(({ values }) => values.some((value) => value !== null));
}

export function seriesPath(query: Readonly<Record<string, string>>): string {
  return `/api/v1/series?${new URLSearchParams(query).toString()}`;
}

/** All pieces as one answer; the period before only where there is one piece. */
export async function wholeSeries(path: string): Promise<Series> {
  const answers = await Promise.all(piecesOf(path).map((piece) => ask<Series>(piece)));
  const [first] = answers;
  if (first === undefined) throw new Error('BUG: a series of no pieces');
  return answers.length === 1 ? first : { ...first, points: answers.flatMap(({ points }) => points) };
}
