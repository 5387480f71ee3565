// What mediation remembers of devices: rows of PostgreSQL, with copies in memory that are good while nobody else has mediated.
import type { Queryable } from '../../common/database/database.ts';
import type { DurationMs } from '../../common/model/time.ts';
import type { Bucket } from './grid.ts';
import type { MeterState } from './meter-state.ts';
import { decodeStates, encodeStates } from './state-codec.ts';

export interface DeviceState {
  readonly device: string;
  readonly meters: Map<number, MeterState>;
  /** Meters not seen for long: kept apart, so that interfaces that come and go do not make every write larger. */
  readonly dormant: Set<number>;
  metersChanged: boolean;
  dormantChanged: boolean;
}

/** What is remembered of every device. */
export interface DeviceMark {
  /** Buckets before this one are final by the device's watermark. */
  closedBefore: Bucket;
  /** The interval at which the device is meant to be read. */
  intervalMs: DurationMs;
  changed: boolean;
}

/** Copies of more meters than this are dropped and read again when needed. */
const MAX_METERS = 200_000;
const ROWS_AT_ONCE = 200;
/** A meter that was silent this long while its device was not is put apart. */
const DORMANT_MS: DurationMs = 2 * 86_400_000;
/** Of the meters; somewhere there is always a device that is dead or late. */
const LATE_SHARE = 0.02;
const NOTHING = Buffer.alloc(0);

export class DeviceBook {
  #marks: Map<string, DeviceMark> | null = null;
  readonly #devices = new Map<string, DeviceState>();

  /** After somebody else has mediated, or a transaction failed: memory and database may differ. */
  forget(): void {
    this.#marks = null;
    this.#devices.clear();
  }

  async marks(connection: Queryable): Promise<ReadonlyMap<string, DeviceMark>> {
    return this.#read(connection);
  }

  async #read(connection: Queryable): Promise<Map<string, DeviceMark>> {
    if (this.#marks !== null) return this.#marks;
    const { rows } = await connection.query<{ device: string; closed_before: number; interval_ms: bigint }>(
      'select device, closed_before, interval_ms from usage.device',
    );
    this.#marks = new Map(
      rows.map((row) => [
        row.device,
        { closedBefore: row.closed_before, intervalMs: Number(row.interval_ms), changed: false },
      ]),
    );
    return this.#marks;
  }

  /** The mark of a device, made where there is none. */
  async mark(connection: Queryable, device: string): Promise<DeviceMark> {
    const marks = await this.#read(connection);
    let mark = marks.get(device);
    if (mark === undefined) {
      mark = { closedBefore: 0, intervalMs: 0, changed: true };
      marks.set(device, mark);
    }
    return mark;
  }

  /** The states of these devices; what is changed in them must be saved or forgotten. */
  async load(connection: Queryable, names: readonly string[]): Promise<Map<string, DeviceState>> {
    const missing = names.filter((name) => !this.#devices.has(name));
    for (let at = 0; at < missing.length; at += ROWS_AT_ONCE) {
      const some = missing.slice(at, at + ROWS_AT_ONCE);
      const { rows } = await connection.query<{ device: string; meters: Buffer; dormant: Buffer }>(
        'select device, meters, dormant from usage.device where device = any($1::text[])',
        [some],
      );
      const found = new Map(rows.map((row) => [row.device, row]));
      for (const name of some)
        this.#devices.set(name, stateOf(name, found.get(name)?.meters, found.get(name)?.dormant));
    }
    const states = new Map<string, DeviceState>();
    for (const name of names) {
      const state = this.#devices.get(name);
      if (state === undefined) throw new Error(`BUG: no state of ${name}`);
      states.set(name, state);
      // The youngest stand last.
      this.#devices.delete(name);
      this.#devices.set(name, state);
    }
    return states;
  }

  async save(connection: Queryable): Promise<void> {
    const marks = await this.#read(connection);
    const changed = [...this.#devices.values()].filter((state) => state.metersChanged || state.dormantChanged);
    const names = new Set(changed.map((state) => state.device));
    for (let at = 0; at < changed.length; at += ROWS_AT_ONCE)
      await writeStates(connection, changed.slice(at, at + ROWS_AT_ONCE), marks);
    const marked = [...marks].filter(([device, mark]) => mark.changed && !names.has(device));
    if (marked.length > 0) await writeMarks(connection, marked);
    for (const mark of marks.values()) mark.changed = false;
  }

  /** Before which bucket usage of nearly all meters is final, as far as there are copies of them; 0 where there are none. */
  nearlyFinalBefore(): Bucket {
    const closed: Bucket[] = [];
    for (const { device, meters, dormant } of this.#devices.values()) {
      const byMark = this.#marks?.get(device)?.closedBefore ?? 0;
      for (const { meter, closedBefore } of meters.values())
        if (!dormant.has(meter)) closed.push(Math.max(byMark, closedBefore));
    }
    return Int32Array.from(closed).sort()[Math.floor(closed.length * LATE_SHARE)] ?? 0;
  }

  /** Lets go of the copies that were not used longest, beyond the bound. After a commit only. */
  trim(): void {
    let meters = 0;
    for (const state of this.#devices.values()) meters += state.meters.size;
    for (const [name, state] of this.#devices) {
      if (meters <= MAX_METERS) return;
      this.#devices.delete(name);
      meters -= state.meters.size;
    }
  }
}

/** Puts meters apart that were silent for long while others of the device were not. */
export function putApart(state: DeviceState): void {
  let newest = 0;
  for (const meter of state.meters.values()) newest = Math.max(newest, meter.seenMs);
  for (const meter of state.meters.values()) {
    if (meter.open !== null || meter.seenMs > newest - DORMANT_MS || state.dormant.has(meter.meter)) continue;
    state.dormant.add(meter.meter);
    state.dormantChanged = true;
    state.metersChanged = true;
  }
}

/** A meter that was put apart is back. */
export function wakeUp(state: DeviceState, meter: number): void {
  if (!state.dormant.delete(meter)) return;
  state.dormantChanged = true;
}

export function stateOf(device: string, meters: Buffer = NOTHING, dormant: Buffer = NOTHING): DeviceState {
  const apart = decodeStates(dormant);
  return {
    device,
    meters: new Map([...decodeStates(meters), ...apart].map((state) => [state.meter, state])),
    dormant: new Set(apart.map((state) => state.meter)),
    metersChanged: false,
    dormantChanged: false,
  };
}

async function writeStates(
  connection: Queryable,
  states: readonly DeviceState[],
  marks: ReadonlyMap<string, DeviceMark>,
): Promise<void> {
  // One binary parameter that is cut in pieces: in an array each state would travel as hexadecimal text.
  const meters = states.map((state) => encodeStates(metersOf(state, false)));
  const dormant = states.map((state) => (state.dormantChanged ? encodeStates(metersOf(state, true)) : NOTHING));
  await connection.query(
    `insert into usage.device as held (device, closed_before, interval_ms, meters, dormant)
     select device, closed_before, interval_ms, substring($4::bytea from meters_at for meters_length),
            substring($5::bytea from dormant_at for dormant_length)
       from unnest($1::text[], $2::int4[], $3::int8[], $6::int4[], $7::int4[], $8::int4[], $9::int4[])
            as new (device, closed_before, interval_ms, meters_at, meters_length, dormant_at, dormant_length)
     on conflict (device) do update set closed_before = excluded.closed_before, interval_ms = excluded.interval_ms,
       meters = excluded.meters, dormant = case when held.device = any($10::text[]) then excluded.dormant else held.dormant end`,
    [
      states.map((state) => state.device),
      states.map((state) => marks.get(state.device)?.closedBefore ?? 0),
      states.map((state) => marks.get(state.device)?.intervalMs ?? 0),
      Buffer.concat(meters),
      Buffer.concat(dormant),
      ...placesOf(meters),
      ...placesOf(dormant),
      states.filter((state) => state.dormantChanged).map((state) => state.device),
    ],
  );
  for (const state of states) {
    state.metersChanged = false;
    state.dormantChanged = false;
  }
}

/** Where each of them begins when they stand one after the other, counted from 1, and how long it is. */
function placesOf(buffers: readonly Buffer[]): [number[], number[]] {
  let at = 1;
  const places = buffers.map((buffer) => {
    at += buffer.length;
    return at - buffer.length;
  });
  return [places, buffers.map((buffer) => buffer.length)];
}

function metersOf(state: DeviceState, dormant: boolean): MeterState[] {
  return [...state.meters.values()].filter((meter) => state.dormant.has(meter.meter) === dormant);
}

async function writeMarks(connection: Queryable, marks: readonly (readonly [string, DeviceMark])[]): Promise<void> {
  await connection.query(
    `insert into usage.device (device, closed_before, interval_ms, meters, dormant)
     select device, closed_before, interval_ms, '', '' from unnest($1::text[], $2::int4[], $3::int8[])
       as new (device, closed_before, interval_ms)
     on conflict (device) do update set closed_before = excluded.closed_before, interval_ms = excluded.interval_ms`,
    [
      marks.map(([device]) => device),
      marks.map(([, mark]) => mark.closedBefore),
      marks.map(([, mark]) => mark.intervalMs),
    ],
  );
}
