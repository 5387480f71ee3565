// From what the collector sends to readings: pages with their layouts, and single readings of one meter.
import { INTEGRATION_OF, isGauge, type MeterClass } from '../../common/model/meter-class.ts';
import { type EpochMs, isoTime } from '../../common/model/time.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import {
  type Layout,
  type LayoutRow,
  type MeterReading,
  PAGE_COLUMNS,
  type ReadingPage,
} from '../../common/wire/reading-page.ts';
import { Reading, type ReadingClock, type ReadingPort } from './reading.ts';

const COLUMNS = PAGE_COLUMNS.length;

/** A layout as pages are read by it. */
export interface ReadyLayout {
  readonly id: number;
  readonly device: string;
  readonly rows: readonly ReadyRow[];
}

export interface ReadyRow {
  readonly interfaceKey: string;
  readonly class: MeterClass;
  /** 0 where there is none. */
  readonly meters: readonly [number, number];
  /** Of each meter. */
  readonly ports: readonly [ReadingPort, ReadingPort];
}

/** Times beyond cannot be those of a reading, and would not fit the grid: 2000 to 2037. */
const EARLIEST_MS = Date.UTC(2000, 0, 1);
const LATEST_MS = Date.UTC(2037, 0, 1);

export function readyLayout(layout: Layout): ReadyLayout {
  return {
    id: layout.id,
    device: layout.device,
    rows: layout.rows.map((row: LayoutRow) => ({
      interfaceKey: row.interfaceKey,
      class: row.class ?? 'octets',
      meters: [row.meters.in, row.meters.out],
      ports: portsOf(row),
    })),
  };
}

function portsOf(row: LayoutRow): [ReadingPort, ReadingPort] {
  const port = { width: row.width, speedBps: row.speedBps === null ? null : BigInt(row.speedBps) };
  if (!isGauge(row.class ?? 'octets')) return [port, port];
  return [
    { ...port, integration: INTEGRATION_OF.in },
    { ...port, integration: INTEGRATION_OF.out },
  ];
}

/** When a page was observed, for its place among those of its device. */
export function pageTime(page: ReadingPage): EpochMs {
  return page.segments[0]?.[1] ?? 0;
}

/** False for a time that no reading of Weir can have, `notAfterMs` being a day from now: such readings are left out and counted. */
export function isBelievable(observedAtMs: EpochMs, notAfterMs: EpochMs): boolean {
  return observedAtMs >= EARLIEST_MS && observedAtMs < LATEST_MS && observedAtMs <= notAfterMs;
}

/** The rows of a page, from the first to the last. */
export class PageRows {
  readonly #page: ReadingPage;
  readonly #layout: ReadyLayout;
  readonly #notAfterMs: EpochMs;
  readonly #values: DataView;
  readonly #present: Buffer;
  #row = 0;
  #segment = -1;
  #clock: ReadingClock | null = null;
  /** Rows with a time that cannot be. */
  unbelievable = 0;

  /** Throws collector_answer_unusable where page and layout do not fit. */
  constructor(page: ReadingPage, layout: ReadyLayout, notAfterMs: EpochMs) {
    const count = layout.rows.length;
    const words = Buffer.from(page.values, 'base64');
    this.#page = page;
    this.#layout = layout;
    this.#notAfterMs = notAfterMs;
    this.#values = new DataView(words.buffer, words.byteOffset, words.byteLength);
    this.#present = Buffer.from(page.present, 'base64');
    const fits = words.length === count * COLUMNS * 8 && this.#present.length === count * COLUMNS;
    if (!fits || layout.device !== page.device) throw unusable(page, 'does not hold what its layout says');
  }

  /** Visits the counters that the device gave in the next row; false where there is no other row. */
  next(visit: (meter: number, reading: Reading) => void): boolean {
    const row = this.#row;
    const described = this.#layout.rows[row];
    if (described === undefined) return false;
    this.#row += 1;
    const clock = this.#clockOf(row);
    if (!isBelievable(clock.observedAtMs, this.#notAfterMs)) {
      this.unbelievable += 1;
      return true;
    }
    const discontinuity = this.#valueAt(2, row);
    const discontinuityTicks = discontinuity === null ? null : Number(discontinuity);
    for (let column = 0; column < 2; column += 1) {
      const value = this.#valueAt(column, row);
      const meter = described.meters[column];
      const port = described.ports[column];
      if (value === null || meter === undefined || meter === 0 || port === undefined) continue;
      visit(meter, new Reading(clock, port, value, discontinuityTicks));
    }
    return true;
  }

  /** A row belongs to the last segment that does not begin behind it. */
  #clockOf(row: number): ReadingClock {
    const { segments, processId, intervalMs } = this.#page;
    for (let next = segments[this.#segment + 1]; next !== undefined && next[0] <= row; ) {
      const [, observedAtMs, monotonicMs, uptimeTicks] = next;
      this.#clock = { observedAtMs: Math.round(observedAtMs), monotonicMs, uptimeTicks, processId, intervalMs };
      this.#segment += 1;
      next = segments[this.#segment + 1];
    }
    if (this.#clock === null) throw unusable(this.#page, 'has a row without a time');
    return this.#clock;
  }

  #valueAt(column: number, row: number): bigint | null {
    const at = column * this.#layout.rows.length + row;
    return this.#present[at] === 1 ? this.#values.getBigUint64(at * 8, true) : null;
  }
}

/** A reading of one meter, as the collector gives it by itself. */
export function readingOf(one: MeterReading): Reading {
  const { monotonicMs, uptimeTicks, processId, intervalMs, width } = one;
  return new Reading(
    { observedAtMs: Date.parse(one.observedAt), monotonicMs, uptimeTicks, processId, intervalMs },
    {
      width,
      speedBps: one.speedBps === null ? null : BigInt(one.speedBps),
      ...(one.integration === undefined ? {} : { integration: one.integration }),
    },
    BigInt(one.value),
    one.discontinuityTicks,
  );
}

function unusable(page: ReadingPage, why: string): WeirError {
  const { journal, position, ordinal, device } = page;
  return new WeirError(
    'collector_answer_unusable',
    `A page of readings of ${device} from ${isoTime(pageTime(page))} ${why}.`,
    { journal, position, ordinal, device },
  );
}
