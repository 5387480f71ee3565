// Usage records that a test writes down itself, read through the same port as mediation's.
import type { MeterClass } from '../../common/model/meter-class.ts';
import { columnsOf, type UsageColumns } from '../../common/model/usage-columns.ts';
import type {
  Meter,
  TouchedCell,
  TouchedUsage,
  UsageReader,
  UsageRecord,
  UsageSpan,
} from '../../billing-bridge/mediate/usage.ts';

export class MemoryUsage implements UsageReader {
  readonly #meters: Meter[] = [];
  readonly #records: UsageRecord[] = [];
  /** By meter and bucket: a month of a port is 17,000 records. */
  readonly #newest = new Map<string, UsageRecord>();
  readonly #final = new Map<number, number>();
  readonly bucketMs: number;

  constructor(bucketMs: number) {
    this.bucketMs = bucketMs;
  }

  /** Makes the two meters of a port and returns their ids. */
  port(device: string, interfaceKey: string): { in: number; out: number } {
    const [incoming, outgoing] = [this.#meters.length + 1, this.#meters.length + 2];
    this.#meters.push({ id: incoming, device, interfaceKey, direction: 'in' });
    this.#meters.push({ id: outgoing, device, interfaceKey, direction: 'out' });
    return { in: incoming, out: outgoing };
  }

  /** Makes a meter of another class than octets; of a gauge the integral with the value held. */
  meter(device: string, interfaceKey: string, meterClass: MeterClass): number {
    const id = this.#meters.length + 1;
    this.#meters.push({ id, device, interfaceKey, direction: 'in', class: meterClass });
    return id;
  }

  /** Adds a record, or the next version of the one that is there. */
  add(meter: number, bucketStartMs: number, good: bigint, more: Partial<UsageRecord> = {}): void {
    const key = `${meter} ${bucketStartMs}`;
    const before = this.#newest.get(key);
    const record: UsageRecord = {
      serial: BigInt(this.#records.length + 1),
      meter,
      bucketStartMs,
      bucketMs: this.bucketMs,
      version: (before?.version ?? 0) + 1,
      octets: { good, wrapped: 0n, gap: 0n, suspended: 0n },
      coveredMs: this.bucketMs,
      gapMs: 0,
      lostMs: 0,
      evidence: { epoch: 1n, firstReadingAtMs: bucketStartMs, lastReadingAtMs: bucketStartMs + this.bucketMs },
      ...more,
    };
    this.#records.push(record);
    this.#newest.set(key, record);
  }

  /** All buckets that start before are final, for every meter or for one. */
  finish(untilMs: number, meter?: number): void {
    for (const one of this.#meters) if (meter === undefined || one.id === meter) this.#final.set(one.id, untilMs);
  }

  latest(meters: readonly number[], fromMs: number, toMs: number): Promise<UsageRecord[]> {
    const wanted = new Set(meters);
    const found = [...this.#newest.values()].filter(
      (record) => wanted.has(record.meter) && record.bucketStartMs >= fromMs && record.bucketStartMs < toMs,
    );
    return Promise.resolve(found.toSorted((a, b) => a.meter - b.meter || a.bucketStartMs - b.bucketStartMs));
  }

  async columns(meters: readonly number[], fromMs: number, toMs: number): Promise<ReadonlyMap<number, UsageColumns>> {
    return columnsOf(await this.latest(meters, fromMs, toMs), fromMs, toMs, this.bucketMs);
  }

  async touchedAfter(serial: bigint, limit: number, cellMs: number): Promise<TouchedUsage> {
    const records = await this.changedAfter(serial, limit);
    return { records: records.length, lastSerial: records.at(-1)?.serial ?? null, cells: cellsOf(records, cellMs) };
  }

  cellsIn(spans: readonly UsageSpan[], cellMs: number): Promise<TouchedCell[]> {
    const records = [...this.#newest.values()].filter((record) =>
      spans.some(
        ({ meter, fromMs, toMs }) =>
          record.meter === meter && record.bucketStartMs >= fromMs && record.bucketStartMs < toMs,
      ),
    );
    return Promise.resolve(cellsOf(records, cellMs));
  }

  changedAfter(serial: bigint, limit: number): Promise<UsageRecord[]> {
    return Promise.resolve(this.#records.filter((record) => record.serial > serial).slice(0, limit));
  }

  finalUntil(meters: readonly number[]): Promise<ReadonlyMap<number, number>> {
    return Promise.resolve(new Map([...this.#final].filter(([meter]) => meters.includes(meter))));
  }

  /** When each was read last, where a test says so. */
  readonly seen = new Map<number, number>();

  lastSeen(meters: readonly number[]): Promise<ReadonlyMap<number, number>> {
    return Promise.resolve(new Map([...this.seen].filter(([meter]) => meters.includes(meter))));
  }

  readUntil(): Promise<number | null> {
    return Promise.resolve(this.#final.size === 0 ? null : Math.max(...this.#final.values()));
  }

  metersOf(device: string, interfaceKey: string): Promise<{ in: Meter; out: Meter } | null> {
    const of = (direction: 'in' | 'out'): Meter | undefined =>
      this.#meters.find(
        (meter) => meter.device === device && meter.interfaceKey === interfaceKey && meter.direction === direction,
      );
    const [incoming, outgoing] = [of('in'), of('out')];
    return Promise.resolve(incoming === undefined || outgoing === undefined ? null : { in: incoming, out: outgoing });
  }

  allMeters(): Promise<Meter[]> {
    return Promise.resolve([...this.#meters]);
  }
}

function cellsOf(records: readonly UsageRecord[], cellMs: number): TouchedCell[] {
  const cells = new Map<string, TouchedCell>();
  for (const { meter, bucketStartMs } of records) {
    const key = `${meter} ${Math.floor(bucketStartMs / cellMs)}`;
    const before = cells.get(key) ?? { meter, firstMs: bucketStartMs, lastMs: bucketStartMs };
    cells.set(key, {
      meter,
      firstMs: Math.min(before.firstMs, bucketStartMs),
      lastMs: Math.max(before.lastMs, bucketStartMs),
    });
  }
  return [...cells.values()];
}
