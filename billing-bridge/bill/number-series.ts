// Numbers of bills and credit notes: given in the transaction of what carries them, so that a series has neither a hole nor a double.
import type { Queryable } from '../../common/database/database.ts';
import type { NumberSeries } from './legal-entity.ts';

export interface TakenNumber {
  /** The format with its year: what counts by itself. */
  readonly series: string;
  readonly sequence: bigint;
  /** As it is printed. */
  readonly number: string;
}

const TOKEN = /\{(year|number)(?::(\d{1,2}))?\}/g;

/** Why a format cannot be used; null where it can. */
export function formatMistake(format: string): string | null {
  const rest = format.replaceAll(TOKEN, '');
  if (/[{}]/.test(rest)) return 'knows {year}, {number} and {number:DIGITS}';
  const numbers = [...format.matchAll(TOKEN)].filter((match) => match[1] === 'number');
  return numbers.length === 1 ? null : 'needs {number} once';
}

export function seriesOf(format: string, date: string): string {
  return format.replaceAll('{year}', date.slice(0, 4));
}

export function numberOf(series: string, sequence: bigint): string {
  return series.replaceAll(TOKEN, (_whole, _name, digits: string | undefined) =>
    sequence.toString().padStart(Number(digits ?? '1'), '0'),
  );
}

/** The next of the series. Whoever else takes one waits until this transaction has ended, and gets the same where it failed. */
export async function takeNumber(
  connection: Queryable,
  legalEntity: string,
  { format, first }: NumberSeries,
  date: string,
): Promise<TakenNumber> {
  const series = seriesOf(format, date);
  const { rows } = await connection.query<{ taken: bigint }>(
    `insert into billing.number_series as s (legal_entity, series, next) values ($1, $2, $3::int8 + 1)
     on conflict (legal_entity, series) do update set next = s.next + 1 returning next - 1 as taken`,
    [legalEntity, series, first],
  );
  const sequence = rows[0]?.taken;
  if (sequence === undefined) throw new Error('BUG: a series gave no number');
  return { series, sequence, number: numberOf(series, sequence) };
}
