// A collector's readings in memory: what was polled, in the order it was committed, given page by page as the real one does.
import type { ReadingsSource } from '../../billing-bridge/mediate/mediation.ts';
import { INTEGRATION_OF, isGauge, type MeterClass } from '../../common/model/meter-class.ts';
import type { EpochMs } from '../../common/model/time.ts';
import { isoTime } from '../../common/model/time.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import {
  type Layout,
  type LayoutRow,
  type MeterReading,
  type MeterReadingsAnswer,
  PAGE_COLUMNS,
  packValues,
  type ReadingPage,
  type ReadingsAnswer,
  unpackValues,
} from '../../common/wire/reading-page.ts';

export interface PortWords {
  readonly name: string;
  readonly width?: 32 | 64;
  readonly speedBps?: string | null;
  /** Of another meter than octets: what has no direction gives its value as `in`, a gauge as both. */
  readonly class?: MeterClass;
}

export interface PollWords {
  readonly layout: number;
  readonly atMs: EpochMs;
  /** Of each port: octets in and out; null where the device gave none. */
  readonly octets: readonly (readonly [bigint | null, bigint | null])[];
  readonly discontinuity?: readonly (bigint | null)[];
  readonly uptimeTicks?: number | null;
  /** Default `atMs`: the monotonic clock runs with the wall clock. */
  readonly monotonicMs?: number;
  readonly processId?: string;
  readonly intervalMs?: number;
  readonly clockSound?: boolean;
  readonly agent?: string;
  readonly segments?: ReadingPage['segments'];
}

type Event = { readonly page: ReadingPage } | { readonly device: string; readonly watermarkMs: EpochMs };

export class MemoryReadings implements ReadingsSource {
  readonly layouts = new Map<number, Layout>();
  events: Event[] = [];
  quarantined = 0;
  /** Cursors begin with it; another makes the old ones unknown. */
  journal = 'journal-1';
  /** Questions for single meters. */
  asked = 0;
  /** Thrown instead of the next answer for a meter. */
  failure: Error | null = null;
  #position = 0;
  #nextMeter: number;
  readonly #ports = new Map<string, { interfaceId: number; in: number; out: number }>();

  constructor(firstMeter = 1) {
    this.#nextMeter = firstMeter;
  }

  /** A layout of a device; ports of one name have the same meters in all of its layouts. */
  layout(device: string, ports: readonly PortWords[]): number {
    const id = this.#nextMeter * 1000 + this.layouts.size + 1;
    const rows = ports.map(({ name, width = 64, speedBps = null, class: meterClass = 'octets' }, at): LayoutRow => {
      const { interfaceId, ...pair } = this.port(device, meterClass === 'octets' ? name : `${name} ${meterClass}`);
      const alone = meterClass === 'energy' || meterClass === 'uptime';
      const meters = alone ? { ...pair, out: 0 } : pair;
      const names = { interfaceKey: name, ifIndex: String(at + 1), ifName: name, ifAlias: '' };
      const more = meterClass === 'octets' ? {} : { class: meterClass };
      return { interfaceId, ...names, speedBps, meters, width, ...more };
    });
    this.layouts.set(id, { id, device, rows });
    return id;
  }

  port(device: string, name: string): { interfaceId: number; in: number; out: number } {
    const key = `${device} ${name}`;
    let port = this.#ports.get(key);
    if (port === undefined) {
      port = { interfaceId: this.#nextMeter, in: this.#nextMeter, out: this.#nextMeter + 1 };
      this.#nextMeter += 2;
      this.#ports.set(key, port);
    }
    return port;
  }

  page(words: PollWords): ReadingPage {
    const layout = this.layouts.get(words.layout);
    if (layout === undefined) throw new Error('no such layout');
    const { atMs, monotonicMs = atMs, uptimeTicks = null, octets } = words;
    const discontinuity = words.discontinuity ?? octets.map(() => null);
    this.#position += 1;
    return {
      journal: this.journal,
      position: this.#position,
      ordinal: 0,
      agent: words.agent ?? 'agent-1',
      incarnation: 'incarnation-1',
      sequence: this.#position,
      batchSha256: 'ab'.repeat(32),
      device: layout.device,
      layout: layout.id,
      processId: words.processId ?? 'process-1',
      intervalMs: words.intervalMs ?? 60_000,
      clockSound: words.clockSound ?? true,
      segments: words.segments ?? [[0, atMs, monotonicMs, uptimeTicks]],
      ...packValues([...octets.map((pair) => pair[0]), ...octets.map((pair) => pair[1]), ...discontinuity]),
    };
  }

  poll(words: PollWords): ReadingPage {
    const page = this.page(words);
    this.events.push({ page });
    return page;
  }

  add(...pages: readonly ReadingPage[]): void {
    this.events.push(...pages.map((page) => ({ page })));
  }

  watermark(device: string, watermarkMs: EpochMs): void {
    this.events.push({ device, watermarkMs });
  }

  get pages(): ReadingPage[] {
    return this.events.flatMap((event) => ('page' in event ? [event.page] : []));
  }

  after(cursor: string | null, limit: number): Promise<ReadingsAnswer> {
    const begin = cursor === null ? 0 : this.#placeOf(cursor);
    const end = Math.min(this.events.length, begin + limit);
    const items = this.events.slice(begin, end).flatMap((event) => ('page' in event ? [event.page] : []));
    const watermarks: Record<string, EpochMs> = {};
    for (const event of this.events.slice(0, end)) if ('device' in event) watermarks[event.device] = event.watermarkMs;
    return Promise.resolve({
      items,
      layouts: [...new Set(items.map((page) => page.layout))].flatMap((id) => this.layouts.get(id) ?? []),
      next: `${this.journal}:${end}`,
      more: end < this.events.length,
      watermarks,
      quarantined: this.quarantined,
    });
  }

  ofMeter(query: Parameters<ReadingsSource['ofMeter']>[0]): Promise<MeterReadingsAnswer> {
    this.asked += 1;
    if (this.failure !== null) return Promise.reject(this.failure);
    const all = this.readingsOf(query.meter).toSorted((a, b) => a.observedAt.localeCompare(b.observedAt));
    const inside = all.filter((one) => at(one) >= query.fromMs && at(one) < query.toMs);
    const before = all.findLast((one) => at(one) < query.fromMs);
    const after = all.find((one) => at(one) >= query.toMs);
    const wanted = query.withNeighbours ? [before, ...inside, after].filter((one) => one !== undefined) : inside;
    const begin = Number(query.cursor ?? 0);
    const end = begin + query.limit;
    return Promise.resolve({ items: wanted.slice(begin, end), next: end < wanted.length ? String(end) : null });
  }

  /** Every reading of a meter, in the order of commits. */
  readingsOf(meter: number): MeterReading[] {
    return this.pages.flatMap((page) => this.#readingsIn(page, meter));
  }

  #readingsIn(page: ReadingPage, meter: number): MeterReading[] {
    const layout = this.layouts.get(page.layout);
    if (layout === undefined) return [];
    const count = layout.rows.length;
    const values = unpackValues(page.values, page.present, count * PAGE_COLUMNS.length);
    return layout.rows.flatMap((row, place): MeterReading[] => {
      const column = row.meters.in === meter ? 0 : row.meters.out === meter ? 1 : -1;
      const value = column < 0 ? null : (values[column * count + place] ?? null);
      const segment = page.segments.findLast(([firstRow]) => firstRow <= place);
      if (value === null || segment === undefined) return [];
      const discontinuity = values[2 * count + place] ?? null;
      const { processId, intervalMs, clockSound, agent, incarnation, sequence, batchSha256, journal } = page;
      return [
        {
          meter,
          observedAt: isoTime(segment[1]),
          value: value.toString(),
          width: row.width,
          ...(isGauge(row.class ?? 'octets') ? { integration: INTEGRATION_OF[column === 0 ? 'in' : 'out'] } : {}),
          uptimeTicks: segment[3],
          discontinuityTicks: discontinuity === null ? null : Number(discontinuity),
          monotonicMs: segment[2],
          processId,
          intervalMs,
          speedBps: row.speedBps,
          clockSound,
          agent,
          incarnation,
          sequence,
          batchSha256,
          journal,
          position: page.position,
          ordinal: page.ordinal,
        },
      ];
    });
  }

  #placeOf(cursor: string): number {
    const found = /^(.+):(\d+)$/.exec(cursor);
    const place = Number(found?.[2]);
    if (found?.[1] === this.journal && place <= this.events.length) return place;
    throw new WeirError('invalid_request', 'after: expected a cursor that was given.', {});
  }
}

function at(reading: MeterReading): EpochMs {
  return Date.parse(reading.observedAt);
}
