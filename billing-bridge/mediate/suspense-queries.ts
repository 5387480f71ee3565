// What is held back, newest first: octets above line rate, and spans in which an epoch ended.
import type { Queryable } from '../../common/database/database.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import type { SuspenseItem } from './mediation.ts';
import { meterOf } from './usage-queries.ts';

interface SuspenseRow {
  readonly id: number;
  readonly device: string;
  readonly interface_key: string;
  readonly direction: 'in' | 'out';
  readonly class: string;
  readonly ended: string | null;
  readonly from_ms: bigint;
  readonly to_ms: bigint;
  readonly octets: string | null;
}

export async function pageOfSuspense(
  connection: Queryable,
  query: { readonly cursor: string | null; readonly limit: number },
): Promise<{ items: SuspenseItem[]; next: string | null }> {
  const [toMs, meter] = query.cursor === null ? [Number.MAX_SAFE_INTEGER, 2 ** 31 - 1] : placeIn(query.cursor);
  const values = [toMs, meter, query.limit + 1];
  const { rows } = await connection.query<SuspenseRow>(
    `select m.id, m.device, m.interface_key, m.direction, m.class, ended, from_ms, to_ms, octets from (
       (select meter, ended, previous_at_ms as from_ms, first_at_ms as to_ms, null::numeric as octets from usage.epoch
         where ended is not null and (first_at_ms, meter) < ($1, $2) order by first_at_ms desc, meter desc limit $3)
       union all
       (select meter, null, from_ms, to_ms, octets from usage.implausible
         where (to_ms, meter) < ($1, $2) order by to_ms desc, meter desc limit $3)) held
       join usage.meter m on m.id = held.meter
      order by to_ms desc, m.id desc limit $3`,
    values,
  );
  const shown = rows.slice(0, query.limit);
  const last = shown.at(-1);
  return {
    items: shown.map((row) => ({
      meter: meterOf(row),
      reason: row.ended === null ? 'implausible' : 'lost',
      end: row.ended,
      fromMs: Number(row.from_ms),
      toMs: Number(row.to_ms),
      octets: row.octets,
    })),
    next: rows.length > shown.length && last !== undefined ? `${last.to_ms}.${last.id}` : null,
  };
}

function placeIn(cursor: string): [number, number] {
  const found = /^(\d{1,15})\.(\d{1,10})$/.exec(cursor);
  if (found !== null && Number(found[2]) < 2 ** 31) return [Number(found[1]), Number(found[2])];
  throw new WeirError('invalid_request', 'cursor: expected one that a page gave as `next`.', {
    issues: [{ path: 'cursor', message: 'expected one that a page gave as `next`' }],
  });
}
