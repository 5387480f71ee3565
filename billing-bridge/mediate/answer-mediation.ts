// What one answer of the collector makes of usage, inside one transaction: its pages in order, then what came late, then what its watermarks close.
import type { Queryable } from '../../common/database/database.ts';
import { bucketStart, type DurationMs, type EpochMs } from '../../common/model/time.ts';
import type { ReadingPage, ReadingsAnswer } from '../../common/wire/reading-page.ts';
import { type DeviceBook, type DeviceMark, type DeviceState, putApart, wakeUp } from './device-book.ts';
import type { Bucket } from './grid.ts';
import { mediateLate } from './late-readings.ts';
import type { ReadingsSource } from './mediation.ts';
import type { MeterBook } from './meter-book.ts';
import { closeBefore, firstState, mediateReading } from './meter-state.ts';
import { PageRows, pageTime, type ReadyLayout, readyLayout } from './page-readings.ts';
import { movePlace, type Place } from './place.ts';
import { type Reading, sameReading } from './reading.ts';
import { RecordWriter } from './record-writer.ts';

export interface AnswerDeps {
  readonly source: ReadingsSource;
  readonly bucketMs: DurationMs;
  readonly nowMs: EpochMs;
}

export interface AnswerMemory {
  readonly devices: DeviceBook;
  readonly meters: MeterBook;
  readonly place: Place;
}

export interface AnswerCounts {
  readings: number;
  late: number;
  /** Late readings whose surroundings the collector no longer has. */
  unresolved: number;
  /** Readings with a time that cannot be. */
  unbelievable: number;
  /** Pages passed over because their journal had given them before. */
  passedOver: number;
}

const DAY_MS = 86_400_000;
/** Meters whose readings the collector is asked for at one time. */
const LATE_AT_ONCE = 8;

export class AnswerMediation {
  readonly #connection: Queryable;
  readonly #deps: AnswerDeps;
  readonly #memory: AnswerMemory;
  readonly #writer: RecordWriter;
  readonly counts: AnswerCounts = { readings: 0, late: 0, unresolved: 0, unbelievable: 0, passedOver: 0 };

  constructor(connection: Queryable, deps: AnswerDeps, memory: AnswerMemory) {
    this.#connection = connection;
    this.#deps = deps;
    this.#memory = memory;
    this.#writer = new RecordWriter(memory.place.nextSerial, deps.bucketMs, memory.place.sealing);
  }

  /** `boundaries`: up to which bucket each device is closed by its watermark. */
  async mediate(
    answer: ReadingsAnswer,
    boundaries: ReadonlyMap<string, Bucket>,
    recovering: boolean,
  ): Promise<RecordWriter> {
    const layouts = new Map(answer.layouts.map((layout) => [layout.id, readyLayout(layout)]));
    await this.#memory.meters.keep(this.#connection, layouts.values());
    const pages = recovering ? await this.#notGivenBefore(answer.items) : answer.items;
    await this.#pages(pages, layouts);
    await this.#watermarks(boundaries);
    await this.#writer.flush(this.#connection);
    await keepUnsoundClocks(this.#connection, pages);
    await keepPositions(this.#connection, pages);
    await this.#memory.devices.save(this.#connection);
    const { lastBucket } = this.#memory.place;
    await movePlace(this.#connection, this.#deps.bucketMs, {
      cursor: answer.next,
      nextSerial: this.#writer.serial,
      lastBucket: this.#writer.lastBucket === null ? lastBucket : Math.max(lastBucket ?? 0, this.#writer.lastBucket),
      quarantined: answer.quarantined,
    });
    return this.#writer;
  }

  async #pages(pages: readonly ReadingPage[], layouts: ReadonlyMap<number, ReadyLayout>): Promise<void> {
    const byDevice = groupedBy(pages, (page) => page.device);
    const states = await this.#memory.devices.load(this.#connection, [...byDevice.keys()]);
    for (const [device, own] of byDevice) {
      const state = states.get(device);
      if (state === undefined) throw new Error(`BUG: no state of ${device}`);
      const mark = await this.#memory.devices.mark(this.#connection, device);
      const late = new Map<number, Reading[]>();
      for (const page of own.toSorted((a, b) => pageTime(a) - pageTime(b))) {
        const layout = layouts.get(page.layout);
        if (layout === undefined) throw new Error(`BUG: the answer names no layout ${page.layout}`);
        if (mark.intervalMs !== page.intervalMs) Object.assign(mark, { intervalMs: page.intervalMs, changed: true });
        await this.#page(page, layout, state, mark, late);
      }
      state.metersChanged = true;
      if (late.size > 0) await this.#late(state, mark, late);
    }
  }

  async #page(
    page: ReadingPage,
    layout: ReadyLayout,
    device: DeviceState,
    mark: DeviceMark,
    late: Map<number, Reading[]>,
  ): Promise<void> {
    const { bucketMs, nowMs } = this.#deps;
    const writer = this.#writer;
    const visit = (meter: number, reading: Reading): void => {
      this.counts.readings += 1;
      const state = device.meters.get(meter);
      if (state === undefined) {
        device.meters.set(meter, firstState(meter, reading, bucketMs, writer));
      } else if (reading.observedAtMs > state.seenMs) {
        if (device.dormant.size > 0) wakeUp(device, meter);
        mediateReading(state, reading, mark.closedBefore, bucketMs, writer);
      } else if (!sameReading(state.last, reading)) {
        const before = late.get(meter);
        if (before === undefined) late.set(meter, [reading]);
        else before.push(reading);
      }
    };
    const rows = new PageRows(page, layout, nowMs + DAY_MS);
    // One row may make a record of every bucket of a long gap.
    while (rows.next(visit)) if (writer.full) await writer.flush(this.#connection);
    this.counts.unbelievable += rows.unbelievable;
  }

  async #late(device: DeviceState, mark: DeviceMark, late: ReadonlyMap<number, readonly Reading[]>): Promise<void> {
    await this.#writer.flush(this.#connection);
    const { source, bucketMs, nowMs } = this.#deps;
    const deps = { source, bucketMs, notAfterMs: nowMs + DAY_MS };
    const wanted = [...late].map(([meter, readings]) => ({ meter, readings, state: device.meters.get(meter) }));
    for (let at = 0; at < wanted.length; at += LATE_AT_ONCE) {
      const some = wanted.slice(at, at + LATE_AT_ONCE);
      const again = await Promise.all(
        some.map(({ state, readings }) => {
          if (state === undefined) throw new Error('BUG: a reading is late for a meter that was never read');
          return mediateLate(this.#connection, deps, state, readings);
        }),
      );
      for (const [place, { meter, readings }] of some.entries()) {
        this.counts.late += readings.length;
        wakeUp(device, meter);
        const found = again[place] ?? null;
        if (found === null) this.counts.unresolved += readings.length;
        else await found.write(mark.closedBefore, this.#writer);
        if (this.#writer.full) await this.#writer.flush(this.#connection);
      }
    }
  }

  async #watermarks(boundaries: ReadonlyMap<string, Bucket>): Promise<void> {
    const states = await this.#memory.devices.load(this.#connection, [...boundaries.keys()]);
    for (const [device, boundary] of boundaries) {
      const mark = await this.#memory.devices.mark(this.#connection, device);
      const state = states.get(device);
      if (state === undefined || boundary <= mark.closedBefore) continue;
      for (const meter of state.meters.values()) {
        if (meter.open === null || meter.open.bucket >= boundary) continue;
        closeBefore(meter, boundary, this.#writer);
        state.metersChanged = true;
      }
      putApart(state);
      mark.closedBefore = boundary;
      mark.changed = true;
      if (this.#writer.full) await this.#writer.flush(this.#connection);
    }
  }

  /** A journal gives its pages in order, so what is not above the last one was mediated. */
  async #notGivenBefore(pages: readonly ReadingPage[]): Promise<readonly ReadingPage[]> {
    const { rows } = await this.#connection.query<{ journal: string; position: bigint; ordinal: number }>(
      'select journal, position, ordinal from usage.journal',
    );
    const given = new Map(rows.map((row) => [row.journal, row]));
    const fresh = pages.filter((page) => {
      const last = given.get(page.journal);
      if (last === undefined) return true;
      const position = Number(last.position);
      return page.position > position || (page.position === position && page.ordinal > last.ordinal);
    });
    this.counts.passedOver += pages.length - fresh.length;
    return fresh;
  }
}

/** The last page of each journal. */
async function keepPositions(connection: Queryable, pages: readonly ReadingPage[]): Promise<void> {
  const last = new Map<string, ReadingPage>();
  for (const page of pages) {
    const known = last.get(page.journal);
    const later =
      known === undefined ||
      page.position > known.position ||
      (page.position === known.position && page.ordinal > known.ordinal);
    if (later) last.set(page.journal, page);
  }
  if (last.size === 0) return;
  await connection.query(
    `insert into usage.journal as held (journal, position, ordinal)
     select * from unnest($1::text[], $2::int8[], $3::int4[])
     on conflict (journal) do update set position = excluded.position, ordinal = excluded.ordinal
       where (held.position, held.ordinal) < (excluded.position, excluded.ordinal)`,
    [[...last.keys()], [...last.values()].map((page) => page.position), [...last.values()].map((page) => page.ordinal)],
  );
}

/** Per device and day and agent: readings whose clock was off, a gate of the bills they go into. */
async function keepUnsoundClocks(connection: Queryable, pages: readonly ReadingPage[]): Promise<void> {
  const unsound = groupedBy(
    pages.filter((page) => !page.clockSound),
    (page) => JSON.stringify([page.device, bucketStart(pageTime(page), DAY_MS) / DAY_MS, page.agent]),
  );
  for (const own of unsound.values()) {
    const times = own.map(pageTime);
    const [first] = own;
    if (first === undefined) continue;
    await connection.query(
      `insert into usage.unsound_clock as held (device, day, agent, pages, from_ms, to_ms) values ($1, $2, $3, $4, $5, $6)
       on conflict (device, day, agent) do update set pages = held.pages + excluded.pages,
         from_ms = least(held.from_ms, excluded.from_ms), to_ms = greatest(held.to_ms, excluded.to_ms)`,
      [
        first.device,
        bucketStart(pageTime(first), DAY_MS) / DAY_MS,
        first.agent,
        own.length,
        Math.min(...times),
        Math.max(...times),
      ],
    );
  }
}

function groupedBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return groups;
}
