// The whole port of usage on records that a test writes down itself, with what mediation knows beside them in the test's hand.
import type {
  MeterReading,
  ReadingsSource,
  ReleasedSuspense,
  SuspenseDecisions,
  SuspenseItem,
  UsageBook,
  UsageCounts,
  UsagePage,
  UsageProof,
  UsageQuery,
  UsageReconciliation,
} from '../../billing-bridge/mediate/mediation.ts';
import type { Meter, UsageRecord } from '../../billing-bridge/mediate/usage.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import type { MeterReadingsAnswer, ReadingsAnswer } from '../../common/wire/reading-page.ts';
import { MemoryUsage } from './memory-usage.ts';

type Finding = Readonly<Record<string, unknown>>;

export class MemoryUsageBook extends MemoryUsage implements UsageBook {
  suspended: SuspenseItem[] = [];
  conservationFindings: Finding[] = [];
  clockFindings: Finding[] = [];
  quarantinedBatches = 0;

  async page(query: UsageQuery): Promise<UsagePage> {
    const meters = new Map((await this.allMeters()).map((meter) => [meter.id, meter]));
    const ids = [...meters.keys()];
    const all =
      query.versions === 'all'
        ? await this.changedAfter(0n, Number.MAX_SAFE_INTEGER)
        : await this.latest(ids, query.fromMs, query.toMs);
    const found = all.filter((record) => wanted(record, meters.get(record.meter), query));
    const begin = query.cursor === null ? 0 : Number(query.cursor);
    const items = found.slice(begin, begin + query.limit);
    return { items, next: begin + items.length < found.length ? String(begin + items.length) : null };
  }

  async counts(): Promise<UsageCounts> {
    const records = await this.changedAfter(0n, Number.MAX_SAFE_INTEGER);
    const last = records.reduce((most, record) => Math.max(most, record.bucketStartMs), 0);
    return {
      records: BigInt(records.length),
      meters: (await this.allMeters()).length,
      lastBucketStartMs: records.length === 0 ? null : last,
    };
  }

  async begin(): Promise<number | null> {
    const records = await this.changedAfter(0n, Number.MAX_SAFE_INTEGER);
    return records.length === 0 ? null : records.reduce((first, one) => Math.min(first, one.bucketStartMs), Infinity);
  }

  suspense(query: {
    cursor: string | null;
    limit: number;
  }): Promise<{ items: readonly SuspenseItem[]; next: string | null }> {
    const begin = query.cursor === null ? 0 : Number(query.cursor);
    const items = this.suspended.slice(begin, begin + query.limit);
    const next = begin + items.length < this.suspended.length ? String(begin + items.length) : null;
    return Promise.resolve({ items, next });
  }

  async totals(fromMs: number, toMs: number): Promise<{ meter: Meter; octets: bigint }[]> {
    const totals: { meter: Meter; octets: bigint }[] = [];
    for (const meter of await this.allMeters()) {
      const records = await this.latest([meter.id], fromMs, toMs);
      if (records.length > 0)
        totals.push({ meter, octets: records.reduce((sum, record) => sum + record.octets.good, 0n) });
    }
    return totals.toSorted((left, right) => Number(right.octets - left.octets));
  }

  conservation(): Promise<readonly Finding[]> {
    return Promise.resolve(this.conservationFindings);
  }

  quarantined(): Promise<number> {
    return Promise.resolve(this.quarantinedBatches);
  }

  unsoundClocks(): Promise<readonly Finding[]> {
    return Promise.resolve(this.clockFindings);
  }
}

function wanted(record: UsageRecord, meter: Meter | undefined, query: UsageQuery): boolean {
  if (record.bucketStartMs < query.fromMs || record.bucketStartMs >= query.toMs) return false;
  const holds = query.held?.some(
    ({ device, interfaceKey, fromMs, toMs }) =>
      device === meter?.device &&
      interfaceKey === meter.interfaceKey &&
      record.bucketStartMs >= fromMs &&
      record.bucketStartMs < (toMs ?? Infinity),
  );
  if (holds === false) return false;
  if (query.meter !== null && record.meter !== query.meter) return false;
  if (query.device !== null && meter?.device !== query.device) return false;
  return query.interfaceKey === null || meter?.interfaceKey === query.interfaceKey;
}

/** A proof that finds what it is told to find. */
export class ToldProof implements UsageProof {
  differences: UsageReconciliation['differences'] = [];

  reconcile(): Promise<UsageReconciliation> {
    const octets = { good: '0', wrapped: '0', gap: '0', suspended: '0' };
    return Promise.resolve({ meters: 0, readings: 0, records: 0, octets, lostSpans: 0, differences: this.differences });
  }
}

/** A collector that has two readings a bucket, or does not answer. */
export class ReadingsDouble implements ReadingsSource {
  away = false;
  readonly #bucketMs: number;

  constructor(bucketMs: number) {
    this.#bucketMs = bucketMs;
  }

  after(): Promise<ReadingsAnswer> {
    return this.#answer({ items: [], layouts: [], next: '{}', more: false, watermarks: {}, quarantined: 0 });
  }

  ofMeter(query: { meter: number; fromMs: number; toMs: number; limit: number }): Promise<MeterReadingsAnswer> {
    const items: MeterReading[] = [];
    for (let at = query.fromMs; at < query.toMs && items.length < query.limit; at += this.#bucketMs / 2)
      items.push(readingAt(query.meter, at));
    return this.#answer({ items, next: null });
  }

  #answer<T>(answer: T): Promise<T> {
    if (this.away) return Promise.reject(new WeirError('collector_unreachable', 'The collector does not answer.'));
    return Promise.resolve(answer);
  }
}

function readingAt(meter: number, at: number): MeterReading {
  return {
    meter,
    observedAt: new Date(at).toISOString(),
    value: String(at),
    width: 64,
    uptimeTicks: 1,
    discontinuityTicks: null,
    monotonicMs: at,
    processId: 'process',
    intervalMs: 60_000,
    speedBps: null,
    clockSound: true,
    agent: 'agent-1',
    incarnation: 'incarnation',
    sequence: 7,
    batchSha256: 'ab',
    journal: 'journal',
    position: 1,
    ordinal: 0,
  };
}

/** A desk where nothing is held. */
export class NoSuspense implements SuspenseDecisions {
  release({ meter }: { readonly meter: number }): Promise<ReleasedSuspense> {
    return Promise.reject(new WeirError('not_found', `Nothing of meter ${meter} is held back.`));
  }

  released(): Promise<ReleasedSuspense[]> {
    return Promise.resolve([]);
  }
}
