// Up to when a device's polls are complete: what an agent says counts once all its batches up to the one that says so are applied.
import type { Queryable } from '../../common/database/database.ts';
import type { EpochMs } from '../../common/model/time.ts';
import type { JournaledBatch } from '../project/projection.ts';

/** By device id. */
export type Watermarks = ReadonlyMap<number, EpochMs>;

export interface Watermarked {
  /** Id of the stream of the entry. */
  readonly stream: number;
  readonly entry: JournaledBatch;
}

/** UTC of a watermark, never later than the batch arrived: a clock that was ahead must not make usage final that is still to come. */
export function watermarkTime(entry: JournaledBatch, completeUntilMs: EpochMs): EpochMs {
  return Math.min(Math.round(completeUntilMs - entry.clockOffsetMs), entry.receivedAtMs);
}

/**
 * The watermarks that hold now that the entries are applied, of several agents of a device the latest. Those of an entry whose stream
 * lacks an earlier batch (another collector has it) wait in the database until it came.
 */
export async function settleWatermarks(
  connection: Queryable,
  entries: readonly Watermarked[],
  through: ReadonlyMap<number, number>,
  deviceId: (name: string) => number,
): Promise<Watermarks> {
  const settled = new Map<number, EpochMs>();
  const waiting: {
    readonly stream: number;
    readonly sequence: number;
    readonly devices: number[];
    readonly untils: EpochMs[];
  }[] = [];
  for (const { stream, entry } of entries) {
    const { watermarks, sequence } = entry.batch;
    const devices = watermarks.map(({ device }) => deviceId(device));
    const untils = watermarks.map(({ completeUntilMs }) => watermarkTime(entry, completeUntilMs));
    if (sequence <= (through.get(stream) ?? 0)) raise(settled, devices, untils);
    else if (devices.length > 0) waiting.push({ stream, sequence, devices, untils });
  }
  if (waiting.length > 0) {
    await connection.query(
      `insert into readings.waiting_watermark (stream, sequence, devices, complete_until_ms)
       select stream, sequence, array(select jsonb_array_elements_text(devices)::int),
              array(select jsonb_array_elements_text(untils)::int8)
         from jsonb_to_recordset($1::jsonb) as new (stream int, sequence int8, devices jsonb, untils jsonb)
       on conflict do nothing`,
      [JSON.stringify(waiting)],
    );
  }
  const { rows } = await connection.query<{ devices: readonly number[]; complete_until_ms: readonly bigint[] }>(
    `delete from readings.waiting_watermark held using unnest($1::int[], $2::int8[]) as mark (stream, through)
      where held.stream = mark.stream and held.sequence <= mark.through returning held.devices, held.complete_until_ms`,
    [[...through.keys()], [...through.values()]],
  );
  for (const row of rows) raise(settled, row.devices, row.complete_until_ms.map(Number));
  return settled;
}

function raise(settled: Map<number, EpochMs>, devices: readonly number[], untils: readonly EpochMs[]): void {
  for (const [at, device] of devices.entries()) {
    const untilMs = untils[at] ?? 0;
    if (untilMs > (settled.get(device) ?? Number.NEGATIVE_INFINITY)) settled.set(device, untilMs);
  }
}
