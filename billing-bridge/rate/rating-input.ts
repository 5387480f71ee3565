// From contracts and usage to the input of a price, and to the evidence of what went in. Pure.
import { createHash } from 'node:crypto';
import { coveredPart, type Period } from '../../common/model/period.ts';
import type { DurationMs, EpochMs } from '../../common/model/time.ts';
import type { Customer, PlanVersion, Service } from '../account/contract.ts';
import type { Meter, UsageRecord } from '../mediate/usage.ts';
import type { PercentileMeter } from './percentile.ts';
import { isAdditive, type PriceItem, type RatingInput } from './price-item.ts';
import type { RatingWindow } from './windows.ts';

/** Meters by port, as mediation knows them. */
export class MeterIndex {
  readonly #byPort = new Map<string, { in?: Meter; out?: Meter }>();
  readonly #byId = new Map<number, Meter>();

  constructor(meters: readonly Meter[]) {
    for (const meter of meters) {
      this.#byId.set(meter.id, meter);
      const port = `${meter.device}\n${meter.interfaceKey}`;
      this.#byPort.set(port, { ...this.#byPort.get(port), [meter.direction]: meter });
    }
  }

  byId(id: number): Meter | undefined {
    return this.#byId.get(id);
  }

  /** In and out of a port; empty where it was never read. */
  ofPort(device: string, interfaceKey: string): Meter[] {
    const port = this.#byPort.get(`${device}\n${interfaceKey}`);
    return [port?.in, port?.out].filter((meter) => meter !== undefined);
  }

  all(): Meter[] {
    return [...this.#byId.values()];
  }
}

const OPEN_MS = Number.MAX_SAFE_INTEGER;

/** The meters of a service in a window, each cut to its binding. */
export function metersIn(service: Service, window: RatingWindow, index: MeterIndex): PercentileMeter[] {
  return service.bindings.flatMap((binding) => {
    const fromMs = Math.max(binding.fromMs, window.startMs);
    const toMs = Math.min(binding.toMs ?? OPEN_MS, window.endMs);
    if (toMs <= fromMs) return [];
    return index
      .ofPort(binding.device, binding.interface)
      .map((meter) => ({ meter: meter.id, direction: meter.direction, fromMs, toMs }));
  });
}

export interface InputParts {
  readonly customer: Customer;
  readonly service: Service;
  readonly period: Period;
  readonly window: RatingWindow;
  readonly meters: readonly PercentileMeter[];
  readonly records: readonly UsageRecord[];
  readonly bucketMs: DurationMs;
}

export function ratingInput(parts: InputParts): RatingInput {
  return {
    fromMs: parts.window.startMs,
    toMs: parts.window.endMs,
    zone: parts.customer.zone,
    bucketMs: parts.bucketMs,
    meters: parts.meters,
    records: parts.records,
    part: coveredPart(parts.period, parts.service.fromMs, parts.service.toMs ?? OPEN_MS),
  };
}

/** The records that count for the meters: those whose bucket begins inside a binding. */
export function recordsFor(
  meters: readonly PercentileMeter[],
  byMeter: ReadonlyMap<number, UsageRecord[]>,
): UsageRecord[] {
  return meters.flatMap((meter) =>
    (byMeter.get(meter.meter) ?? []).filter(
      (record) => record.bucketStartMs >= meter.fromMs && record.bucketStartMs < meter.toMs,
    ),
  );
}

export function groupByMeter(records: readonly UsageRecord[]): Map<number, UsageRecord[]> {
  const groups = new Map<number, UsageRecord[]>();
  for (const record of records) {
    const group = groups.get(record.meter);
    if (group === undefined) groups.set(record.meter, [record]);
    else group.push(record);
  }
  return groups;
}

/** Versions above one that a charge names itself; more are told by their number. */
const MAX_NAMED_VERSIONS = 500;

/** Which usage a charge rests on: every newest record of the meters in their spans, of version 1 unless named. */
export interface ChargeEvidence {
  /** [meter, direction, from, to]. */
  readonly meters: readonly (readonly [number, string, EpochMs, EpochMs])[];
  readonly records: number;
  /** [meter, bucket start, version] of records that were corrected before. */
  readonly corrected: readonly (readonly [number, EpochMs, number])[];
  readonly correctedRecords: number;
}

export function evidenceOf(meters: readonly PercentileMeter[], records: readonly UsageRecord[]): ChargeEvidence {
  const corrected = records.filter((record) => record.version > 1);
  return {
    meters: meters.map((one) => [one.meter, one.direction, one.fromMs, one.toMs]),
    records: records.length,
    corrected: corrected
      .slice(0, MAX_NAMED_VERSIONS)
      .map((record) => [record.meter, record.bucketStartMs, record.version]),
    correctedRecords: corrected.length,
  };
}

/** Equal where contract and usage are equal: then the charge that stands is right. */
export function inputDigest(
  plan: PlanVersion,
  item: PriceItem,
  input: RatingInput,
  records: readonly UsageRecord[],
): string {
  const hash = createHash('sha256');
  const part = isAdditive(item) ? '' : `${input.part.covered}/${input.part.whole}`;
  hash.update(`${plan.id} ${plan.version} ${item.id} ${input.fromMs} ${input.toMs} ${part}\n`);
  for (const meter of input.meters) hash.update(`${meter.meter} ${meter.fromMs} ${meter.toMs}\n`);
  for (const record of records) hash.update(`${record.meter} ${record.bucketStartMs} ${record.version}\n`);
  return hash.digest('hex');
}
