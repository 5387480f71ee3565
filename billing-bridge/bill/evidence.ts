// From a bill line back to what it rests on: charges, usage records, and the readings they came from.
import type { Queryable } from '../../common/database/database.ts';
import { type EpochMs, isoTime } from '../../common/model/time.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import type { ReadingsSource } from '../mediate/mediation.ts';
import type { Meter, UsageReader, UsageRecord } from '../mediate/usage.ts';
import type { Charge, ChargeRow } from '../rate/charge-store.ts';
import type { ReadCharges } from './line-groups.ts';

export interface ReadingsBehind {
  /** As the collector keeps them; null where it cannot be asked, and `problem` says why. */
  readonly items: readonly unknown[] | null;
  /** False where the span holds more than an answer may. */
  readonly complete: boolean;
  readonly problem: string | null;
}

/** Readings of a meter in a span. */
export type ReadReadings = (meter: number, fromMs: EpochMs, toMs: EpochMs) => Promise<ReadingsBehind>;

/** Charges behind a line, oldest window first, after an id. */
export async function chargesBehind(
  connection: Queryable,
  read: ReadCharges,
  bill: string,
  line: number,
  after: { readonly windowStartMs: EpochMs; readonly id: bigint } | null,
  limit: number,
): Promise<Charge[]> {
  const { rows } = await connection.query<ChargeRow>(
    `select ${read.columns} from billing.charge
      where id in (select charge from billing.bill_line_charge where bill = $1 and line = $2)
        and ($3::int8 is null or (window_start_ms, id) > ($3, $4))
      order by window_start_ms, id limit $5`,
    [bill, line, after?.windowStartMs ?? null, after?.id ?? null, limit],
  );
  return rows.map(read.charge);
}

/** The meters and spans that a charge names as its evidence. */
export function metersBehind(charge: Charge): { meter: number; direction: string; fromMs: EpochMs; toMs: EpochMs }[] {
  const { evidence } = charge;
  if (typeof evidence !== 'object' || evidence === null || !('meters' in evidence) || !Array.isArray(evidence.meters))
    return [];
  return evidence.meters.flatMap((one: unknown) => {
    if (!Array.isArray(one)) return [];
    const parts: readonly unknown[] = one;
    const [meter, direction, fromMs, toMs] = parts;
    return typeof meter === 'number' && typeof fromMs === 'number' && typeof toMs === 'number'
      ? [{ meter, direction: String(direction), fromMs, toMs }]
      : [];
  });
}

export interface EvidenceDeps {
  readonly usage: UsageReader;
  readonly readings: ReadReadings;
}

/** One charge with its usage records and, where asked, the readings they came from. */
export async function evidenceOf(
  deps: EvidenceDeps,
  charge: Charge,
  options: { readonly maxRecords: number; readonly readings: boolean },
): Promise<object> {
  const meters = new Map((await deps.usage.allMeters()).map((meter) => [meter.id, meter]));
  const usage: object[] = [];
  let left = options.maxRecords;
  for (const span of metersBehind(charge)) {
    const records = await deps.usage.latest([span.meter], span.fromMs, span.toMs);
    const shown = records.slice(0, Math.max(0, left));
    left -= shown.length;
    usage.push({
      ...describeMeter(meters.get(span.meter), span.meter),
      from: isoTime(span.fromMs),
      to: isoTime(span.toMs),
      records: shown.map(describeRecord),
      recordsInAll: records.length,
      ...(options.readings ? await readingsBehind(deps, span.meter, shown) : {}),
    });
  }
  return { charge: charge.id.toString(), evidence: charge.evidence, usage };
}

async function readingsBehind(deps: EvidenceDeps, meter: number, records: readonly UsageRecord[]): Promise<object> {
  if (records.length === 0) return { readings: [], readingsComplete: true };
  const first = records.reduce((least, record) => Math.min(least, record.evidence.firstReadingAtMs), Infinity);
  const last = records.reduce((most, record) => Math.max(most, record.evidence.lastReadingAtMs), 0);
  const { items, complete, problem } = await deps.readings(meter, first, last + 1);
  return {
    readings: items,
    readingsComplete: complete,
    ...(problem === null ? {} : { readingsProblem: problem }),
  };
}

function describeMeter(meter: Meter | undefined, id: number): object {
  return meter === undefined
    ? { meter: id }
    : { meter: id, device: meter.device, interfaceKey: meter.interfaceKey, direction: meter.direction };
}

export function describeRecord(record: UsageRecord): object {
  return {
    serial: record.serial.toString(),
    meter: record.meter,
    bucketStart: isoTime(record.bucketStartMs),
    bucketMs: record.bucketMs,
    version: record.version,
    octets: {
      good: record.octets.good.toString(),
      wrapped: record.octets.wrapped.toString(),
      gap: record.octets.gap.toString(),
      suspended: record.octets.suspended.toString(),
    },
    coveredMs: record.coveredMs,
    gapMs: record.gapMs,
    lostMs: record.lostMs,
    evidence: {
      epoch: record.evidence.epoch.toString(),
      firstReadingAt: isoTime(record.evidence.firstReadingAtMs),
      lastReadingAt: isoTime(record.evidence.lastReadingAtMs),
    },
  };
}

/** Readings of one meter that evidence shows at most. */
const MAX_READINGS = 2_000;

/** What the bridge itself holds is shown also where the collector is away: the problem is named then. */
export async function askReadings(
  source: ReadingsSource,
  meter: number,
  fromMs: EpochMs,
  toMs: EpochMs,
): Promise<ReadingsBehind> {
  try {
    const query = { meter, fromMs, toMs, withNeighbours: false, cursor: null, limit: MAX_READINGS };
    const { items, next } = await source.ofMeter(query);
    return { items, complete: next === null, problem: null };
  } catch (error) {
    if (!(error instanceof WeirError)) throw error;
    return { items: null, complete: false, problem: `${error.message} [${error.code}]` };
  }
}
