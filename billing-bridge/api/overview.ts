// The bridge's part of the first page: what is counted, what each customer's running period costs, and the newest charge back to its readings.
import { Exact } from '../../common/model/exact.ts';
import { type DurationMs, type EpochMs, isoTime } from '../../common/model/time.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import type { MeterReading } from '../../common/wire/reading-page.ts';
import type { Ledger } from '../ledger.ts';
import type { Meter, UsageRecord } from '../mediate/usage.ts';
import type { Charge } from '../rate/charge-store.ts';
import { Paced } from './paced.ts';
import type { RunningTotal, RunningTotals } from './running-totals.ts';

export interface OverviewDeps {
  readonly ledger: Ledger;
  readonly running: RunningTotals;
  readonly clock: Clock;
}

const PACE = { freshMs: 1_000, share: 1 };
const DAY_MS: DurationMs = 86_400_000;
/** What a page can show. */
const MAX_CUSTOMERS = 200;
const MAX_UNASSIGNED = 20;
const MAX_RECORDS = 12;
/** Of each meter: those at the beginning of what its records rest on. */
const MAX_READINGS = 4;

export class Overview {
  readonly #deps: OverviewDeps;
  readonly #whole: Paced<object>;

  constructor(deps: OverviewDeps) {
    this.#deps = deps;
    this.#whole = new Paced(() => this.#find(), deps.clock, PACE);
  }

  get(): Promise<object> {
    return this.#whole.get();
  }

  async #find(): Promise<object> {
    const { ledger } = this.#deps;
    const [counts, charges] = [await ledger.usage.counts(), await ledger.chargeCount()];
    return {
      usageRecords: counts.records.toString(),
      charges: charges.toString(),
      watermark: ledger.watermark,
      customers: await this.#customers(),
      running: currencies(await this.#deps.running.all()),
      unassigned: await this.#unassigned(),
      latest: await this.#latest(),
    };
  }

  async #customers(): Promise<object[]> {
    const [book, totals] = [await this.#deps.ledger.book(), await this.#deps.running.all()];
    return [...book.customers.values()].slice(0, MAX_CUSTOMERS).flatMap(({ id, name, currency }) => {
      const total = totals.get(id);
      return total === undefined ? [] : [{ id, name, currency, running: total.total }];
    });
  }

  /** Ports with traffic within a day that are neither billed nor explained, the busiest first. */
  async #unassigned(): Promise<object[]> {
    const { ledger, clock } = this.#deps;
    const [book, now] = [await ledger.book(), clock.now()];
    const ports = new Map<string, { device: string; interface: string; octets: bigint }>();
    for (const { meter, octets } of await ledger.usage.totals(now - DAY_MS, now)) {
      const { device, interfaceKey } = meter;
      if (octets === 0n || ledger.stateOf(book, device, interfaceKey, now).state !== 'unassigned') continue;
      const key = `${device}\n${interfaceKey}`;
      const port = ports.get(key) ?? { device, interface: interfaceKey, octets: 0n };
      port.octets += octets;
      ports.set(key, port);
    }
    return [...ports.values()]
      .toSorted((left, right) => (left.octets > right.octets ? -1 : left.octets < right.octets ? 1 : 0))
      .slice(0, MAX_UNASSIGNED)
      .map((port) => ({ ...port, octets: port.octets.toString() }));
  }

  /** Law 6, for everybody to see: the newest charge, its usage records, and the readings that these came from. */
  async #latest(): Promise<object | null> {
    const { ledger } = this.#deps;
    const charge = await ledger.newestCharge();
    if (charge === null) return null;
    const meters = new Map((await ledger.usage.allMeters()).map((meter) => [meter.id, meter]));
    const records = (await ledger.recordsBehind(charge)).slice(0, MAX_RECORDS);
    const readings = await Promise.all([...spansOf(records)].map(([meter, span]) => this.#readings(meter, span)));
    return {
      charge: shownCharge(charge),
      usage: records.flatMap((record) => {
        const meter = meters.get(record.meter);
        return meter === undefined ? [] : [shownRecord(record, meter)];
      }),
      readings: readings.flat(),
    };
  }

  async #readings(meter: number, span: { fromMs: EpochMs; toMs: EpochMs }): Promise<object[]> {
    try {
      const query = { meter, ...span, withNeighbours: false, cursor: null, limit: MAX_READINGS };
      return (await this.#deps.ledger.readings.ofMeter(query)).items.map(shownReading);
    } catch (error) {
      // A collector that is away takes the end of the chain with it, not the page.
      if (error instanceof WeirError) return [];
      throw error;
    }
  }
}

/** Of all customers, also of those beyond what the page lists; in as many places as the longest has. */
function currencies(totals: ReadonlyMap<string, RunningTotal>): object[] {
  const sums = new Map<string, { readonly sum: Exact; readonly places: number; readonly customers: number }>();
  for (const { currency, total } of totals.values()) {
    const { sum, places, customers } = sums.get(currency) ?? { sum: Exact.zero, places: 0, customers: 0 };
    const own = total.split('.')[1]?.length ?? 0;
    const more = sum.add(Exact.parse(total) ?? Exact.zero);
    sums.set(currency, { sum: more, places: Math.max(places, own), customers: customers + 1 });
  }
  return [...sums]
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([currency, { sum, places, customers }]) => ({ currency, total: sum.toFixed(places, 'half_up'), customers }));
}

/** By meter, from its first reading to its last. */
function spansOf(records: readonly UsageRecord[]): Map<number, { fromMs: EpochMs; toMs: EpochMs }> {
  const spans = new Map<number, { fromMs: EpochMs; toMs: EpochMs }>();
  for (const { meter, evidence } of records) {
    const span = spans.get(meter);
    spans.set(meter, {
      fromMs: Math.min(span?.fromMs ?? Infinity, evidence.firstReadingAtMs),
      toMs: Math.max(span?.toMs ?? 0, evidence.lastReadingAtMs + 1),
    });
  }
  return spans;
}

function shownCharge(charge: Charge): object {
  const { service, item, windowStartMs, windowEndMs, quantity, unit, amount, currency } = charge;
  return {
    id: charge.id.toString(),
    service,
    item,
    windowStart: isoTime(windowStartMs),
    windowEnd: isoTime(windowEndMs),
    quantity,
    unit,
    amount,
    currency,
  };
}

function shownRecord(record: UsageRecord, meter: Meter): object {
  const { good, wrapped, gap, suspended } = record.octets;
  const kinds = { good, wrapped, gap, suspended };
  const present = Object.entries(kinds)
    .filter(([, octets]) => octets > 0n)
    .map(([kind]) => kind);
  if (record.lostMs > 0) present.push('lost in part');
  return {
    meter: record.meter,
    device: meter.device,
    interfaceKey: meter.interfaceKey,
    direction: meter.direction,
    bucketStart: isoTime(record.bucketStartMs),
    version: record.version,
    octets: (good + wrapped + gap + suspended).toString(),
    quality: present.join(', ') || 'good',
  };
}

function shownReading({ meter, observedAt, value, uptimeTicks, agent, sequence }: MeterReading): object {
  return { meter, observedAt, value, uptimeTicks, agent, sequence };
}
