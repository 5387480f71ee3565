// The JSON of InfluxQL answers as series, with integers beyond 2^53 exact.
import { z } from 'zod';
import { WeirError } from '../../common/runtime/errors.ts';

export type Cell = number | string | boolean | null;

export interface ResultSeries {
  readonly name: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly columns: readonly string[];
  /** In the order of the columns; the first is the time, in milliseconds. */
  readonly values: readonly (readonly Cell[])[];
}

const answer = z.object({
  error: z.string().optional(),
  results: z
    .array(
      z.object({
        error: z.string().optional(),
        series: z
          .array(
            z.object({
              name: z.string().default(''),
              tags: z.record(z.string(), z.string()).default({}),
              columns: z.array(z.string()),
              // Millions of cells: looked at where they are used.
              values: z.custom<readonly (readonly Cell[])[]>(Array.isArray).default([]),
            }),
          )
          .default([]),
      }),
    )
    .default([]),
});

const LONG = /\d{16}/;
const TOKEN = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
const LONG_INTEGER = /^-?\d{16,}$/;
const MARK = '\u0001';

/** Series of whole lines of JSON; throws store_refused where the server tells an error. */
export function seriesIn(text: string): ResultSeries[] {
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .flatMap((line) => {
      const { results, error } = parsed(line);
      const trouble = error ?? results.find((one) => one.error !== undefined)?.error;
      if (trouble !== undefined)
        throw new WeirError('store_refused', `The server of the metric store tells: ${trouble.slice(0, 500)}`);
      return results.flatMap((one) => one.series);
    });
}

function parsed(line: string): z.output<typeof answer> {
  try {
    // An integer that no number holds becomes text, marked so that it is not taken for a text of the server's.
    const exact = LONG.test(line)
      ? line.replace(TOKEN, (token) => (LONG_INTEGER.test(token) ? `"\\u0001${token}"` : token))
      : line;
    return answer.parse(JSON.parse(exact));
  } catch (cause) {
    throw new WeirError(
      'store_refused',
      'An answer of the server of the metric store is no answer to a query.',
      {},
      cause,
    );
  }
}

/** A cell of an integer field; null where there is none. */
export function wholeOf(cell: Cell | undefined): bigint | null {
  if (typeof cell === 'number') return Number.isSafeInteger(cell) ? BigInt(cell) : null;
  return typeof cell === 'string' && cell.startsWith(MARK) ? BigInt(cell.slice(1)) : null;
}

/** A cell of any field of numbers; null for text and where there is none. */
export function numberOf(cell: Cell | undefined): number | null {
  if (typeof cell === 'boolean') return cell ? 1 : 0;
  if (typeof cell === 'number') return cell;
  return typeof cell === 'string' && cell.startsWith(MARK) ? Number(cell.slice(1)) : null;
}
