// Where epochs begin and end, the value of counters on week lines, and what was suspended: derived from readings, written anew when late ones change them.
import type { Queryable } from '../../common/database/database.ts';
import type { EpochMs } from '../../common/model/time.ts';
import type { EpochBegin } from './meter-state.ts';
import type { Span } from './span.ts';

export interface History {
  readonly epochs: EpochBegin[];
  readonly checkpoints: { readonly meter: number; readonly at: EpochMs; readonly value: bigint }[];
  readonly suspended: { readonly meter: number; readonly span: Span }[];
}

export function newHistory(): History {
  return { epochs: [], checkpoints: [], suspended: [] };
}

export async function insertHistory(connection: Queryable, history: History): Promise<void> {
  const { epochs, checkpoints, suspended } = history;
  if (epochs.length > 0)
    await connection.query(
      `insert into usage.epoch (meter, first_at_ms, first_value, width, previous_at_ms, previous_value, ended)
       select * from unnest($1::int4[], $2::int8[], $3::numeric[], $4::int2[], $5::int8[], $6::numeric[], $7::text[])`,
      [
        epochs.map((one) => one.meter),
        epochs.map((one) => one.first.observedAtMs),
        epochs.map((one) => one.first.value),
        epochs.map((one) => one.first.width),
        epochs.map((one) => one.previous?.observedAtMs ?? null),
        epochs.map((one) => one.previous?.value ?? null),
        epochs.map((one) => one.end),
      ],
    );
  if (checkpoints.length > 0)
    await connection.query(
      `insert into usage.checkpoint (meter, at_ms, value) select * from unnest($1::int4[], $2::int8[], $3::numeric[])`,
      [checkpoints.map((one) => one.meter), checkpoints.map((one) => one.at), checkpoints.map((one) => one.value)],
    );
  if (suspended.length > 0)
    await connection.query(
      `insert into usage.implausible (meter, from_ms, to_ms, octets)
       select * from unnest($1::int4[], $2::int8[], $3::int8[], $4::numeric[])`,
      [
        suspended.map((one) => one.meter),
        suspended.map((one) => one.span.fromMs),
        suspended.map((one) => one.span.toMs),
        suspended.map((one) => one.span.octets),
      ],
    );
}

/** What spans that end in (after, until] left. */
export async function deleteHistory(
  connection: Queryable,
  meter: number,
  afterMs: EpochMs,
  untilMs: EpochMs,
): Promise<void> {
  await connection.query(
    `with checkpoints as (delete from usage.checkpoint where meter = $1 and at_ms > $2 and at_ms <= $3),
          suspended as (delete from usage.implausible where meter = $1 and to_ms > $2 and to_ms <= $3)
     delete from usage.epoch where meter = $1 and first_at_ms > $2 and first_at_ms <= $3`,
    [meter, afterMs, untilMs],
  );
}
