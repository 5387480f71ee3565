// From contracts and usage to the input of a price, and to the evidence of what went in. Pure.
import type { UsageColumns } from '../../common/model/usage-columns.ts';
import { createHash, type Hash } from 'node:crypto';
import {
  coveredPart,
  isMonthly,
  type Period,
  periodAt,
  type Stretch,
  stretchDays,
  stretchPart,
} from '../../common/model/period.ts';
import type { DurationMs, EpochMs } from '../../common/model/time.ts';
import type { Binding, Customer, PlanVersion, Service } from '../account/contract.ts';
import type { Meter } from '../mediate/usage.ts';
import type { AssignedPart } from './assigned-ports.ts';
import { type CountedMeter, countedPlaces, timeAt } from './counted-usage.ts';
import { isChargedIn } from './one-off.ts';
import { classOf, INTEGRATION_OF, isGauge, type MeterClass } from '../../common/model/meter-class.ts';
import type { MeterTerms } from './metered.ts';
import type { PollPair } from './poll-pairs.ts';
import { isAdditive, isFee, type PriceItem, type RatingInput } from './price-item.ts';
import type { RatingWindow } from './windows.ts';

/** Meters by port, as mediation knows them. */
export class MeterIndex {
  readonly #byPort = new Map<string, Meter[]>();
  readonly #byId = new Map<number, Meter>();

  constructor(meters: readonly Meter[]) {
    for (const meter of meters) {
      this.#byId.set(meter.id, meter);
      const port = `${meter.device}\n${meter.interfaceKey}`;
      const known = this.#byPort.get(port);
      if (known === undefined) this.#byPort.set(port, [meter]);
      else known.push(meter);
    }
  }

  byId(id: number): Meter | undefined {
    return this.#byId.get(id);
  }

  /** The meters of one class of a port, or of what else is metered, in before out; null: of all. Empty where it was never read. */
  ofPort(device: string, interfaceKey: string, meterClass: MeterClass | null = 'octets'): Meter[] {
    return (this.#byPort.get(`${device}\n${interfaceKey}`) ?? [])
      .filter((meter) => meterClass === null || classOf(meter) === meterClass)
      .toSorted((one, other) => (one.direction < other.direction ? -1 : one.direction > other.direction ? 1 : 0));
  }

  all(): Meter[] {
    return [...this.#byId.values()];
  }
}

const OPEN_MS = Number.MAX_SAFE_INTEGER;
const ALWAYS: Stretch = { fromMs: 0, toMs: OPEN_MS };

/** The meters of a service in a window that an item counts, each cut to its binding; without terms all that there are. */
export function metersIn(
  service: Service,
  window: RatingWindow,
  index: MeterIndex,
  terms: MeterTerms | null = null,
): CountedMeter[] {
  return service.bindings.flatMap((binding) => {
    const fromMs = Math.max(binding.fromMs, window.startMs);
    const toMs = Math.min(binding.toMs ?? OPEN_MS, window.endMs);
    if (toMs <= fromMs) return [];
    const port = `${binding.device} ${binding.interface}`;
    const leavesMs = binding.toMs;
    return index
      .ofPort(binding.device, binding.interface, terms === null ? null : terms.class)
      .filter((meter) => terms === null || countsOf(meter, terms))
      .map((meter) => ({ meter: meter.id, direction: directionOf(meter), fromMs, toMs, port, leavesMs }));
  });
}

/** Of a gauge only the integral that the contract names. */
export function countsOf(meter: Meter, { class: meterClass, integration }: MeterTerms): boolean {
  return !isGauge(meterClass) || INTEGRATION_OF[meter.direction] === integration;
}

/** What has no direction counts as one. */
function directionOf(meter: Meter): 'in' | 'out' {
  return isGauge(classOf(meter)) ? 'in' : meter.direction;
}

export interface InputParts {
  readonly customer: Customer;
  readonly service: Service;
  readonly period: Period;
  readonly window: RatingWindow;
  readonly meters: readonly CountedMeter[];
  readonly usage: ReadonlyMap<number, UsageColumns>;
  readonly bucketMs: DurationMs;
  /** Where the contract's samples are pairs of polls. */
  readonly pairs?: ReadonlyMap<number, readonly PollPair[]>;
  /** Of a fee: its part of the period, or of a cycle of its own. */
  readonly stretch?: Stretch & { readonly cycle: Period };
}

export function ratingInput(parts: InputParts): RatingInput {
  const service = { fromMs: parts.service.fromMs, toMs: parts.service.toMs ?? OPEN_MS };
  const period = parts.stretch?.cycle ?? parts.period;
  const stretch = parts.stretch ?? service;
  return {
    fromMs: parts.window.startMs,
    toMs: parts.window.endMs,
    zone: parts.customer.zone,
    bucketMs: parts.bucketMs,
    meters: parts.meters,
    usage: parts.usage,
    ...(parts.pairs === undefined ? {} : { pairs: parts.pairs }),
    service: { startMs: parts.service.fromMs, endMs: parts.service.toMs },
    ...datesOf(parts, service),
    part: stretchPart(period, service, stretch),
    present: coveredPart(period, service.fromMs, service.toMs),
    exactPart: secondsOf(period, service, stretch),
    exactPresent: secondsOf(period, service, service),
    assigned: assignedParts(parts.service, period, parts.stretch ?? ALWAYS).filter(({ covered }) => covered > 0n),
  };
}

/** Of each binding, in their order. A port that comes back on the day that it left has that day once. */
function assignedParts({ bindings }: Service, period: Period, stretch: Stretch): AssignedPart[] {
  const portOf = (binding: Binding): string => `${binding.device}\n${binding.interface}`;
  const byPort = new Map<string, Binding[]>();
  for (const binding of bindings) byPort.set(portOf(binding), [...(byPort.get(portOf(binding)) ?? []), binding]);
  return bindings.map((binding) => {
    const before = (byPort.get(portOf(binding)) ?? [])
      .filter(({ fromMs }) => fromMs < binding.fromMs)
      .map(({ toMs }) => dayEnd(toMs ?? OPEN_MS, period));
    const fromMs = Math.max(binding.fromMs, ...before);
    return stretchPart(period, { fromMs, toMs: binding.toMs ?? OPEN_MS }, stretch);
  });
}

/** Where the day ends that a month counts as touched; shorter periods count milliseconds. */
function dayEnd(at: EpochMs, { cycle, zone }: Period): EpochMs {
  return at === OPEN_MS || !isMonthly(cycle) ? at : periodAt(at - 1, 'day', zone).endMs;
}

function within({ fromMs, toMs }: Stretch, cycle: Period): Stretch {
  return { fromMs: Math.max(fromMs, cycle.startMs), toMs: Math.min(toMs, cycle.endMs) };
}

/** The days of a stretch that is not the whole of what the service has of its period. */
function datesOf({ period, stretch }: InputParts, service: Stretch): { dates?: string } {
  if (stretch === undefined) return {};
  const { cycle, fromMs, toMs } = stretch;
  const isWhole =
    cycle.startMs === period.startMs &&
    fromMs <= Math.max(period.startMs, service.fromMs) &&
    toMs >= Math.min(period.endMs, service.toMs);
  const days = isWhole ? null : stretchDays(cycle.zone, within(service, cycle), stretch);
  return days === null ? {} : { dates: days };
}

/** Whole seconds; one that is begun counts, and one in which two stretches meet belongs to the later. */
function secondsOf(period: Period, covered: Stretch, stretch: Stretch): { covered: bigint; whole: bigint } {
  const [first, past] = [Math.max(covered.fromMs, period.startMs), Math.min(covered.toMs, period.endMs)];
  const [from, to] = [Math.max(stretch.fromMs, first), Math.min(stretch.toMs, past)];
  const end = to === past ? Math.ceil(to / 1000) : Math.floor(to / 1000);
  return {
    covered: BigInt(to <= from ? 0 : end - Math.floor(from / 1000)),
    whole: BigInt(Math.round((period.endMs - period.startMs) / 1000)),
  };
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

export function evidenceOf(input: RatingInput): ChargeEvidence {
  const corrected: [number, EpochMs, number][] = [];
  let [records, correctedRecords] = [0, 0];
  for (const places of countedPlaces(input)) {
    const { meter, table, first, past } = places;
    for (let place = first; place < past; place += 1) {
      const version = table.versions[place] ?? 0;
      if (version === 0) continue;
      records += 1;
      if (version === 1) continue;
      correctedRecords += 1;
      if (corrected.length < MAX_NAMED_VERSIONS) corrected.push([meter.meter, timeAt(places, place), version]);
    }
  }
  return {
    meters: input.meters.map((one) => [one.meter, one.direction, one.fromMs, one.toMs]),
    records,
    corrected,
    correctedRecords,
  };
}

const BY_RUNS = 'runs:';

/** Equal where contract and usage are equal: then the charge that stands is right. Usage is told by runs of buckets of one version. */
export function inputDigest(plan: PlanVersion, item: PriceItem, input: RatingInput): string {
  const hash = contractDigest(plan, item, input);
  for (const places of countedPlaces(input)) {
    const { meter, first, past } = places;
    const { versions } = places.table;
    let begin = first;
    for (let place = first + 1; place <= past; place += 1) {
      if (place < past && versions[place] === versions[begin]) continue;
      const version = versions[begin] ?? 0;
      if (version > 0) hash.update(`${meter.meter} ${timeAt(places, begin)} ${timeAt(places, place)} ${version}\n`);
      begin = place;
    }
  }
  return `${BY_RUNS}${hash.digest('hex')}`;
}

/** Does a charge that stands rest on this input? Charges of before runs were told have each record in their digest. */
export function sameInput(standing: string, plan: PlanVersion, item: PriceItem, input: RatingInput): boolean {
  if (standing.startsWith(BY_RUNS)) return standing === inputDigest(plan, item, input);
  const hash = contractDigest(plan, item, input);
  for (const places of countedPlaces(input))
    for (let place = places.first; place < places.past; place += 1) {
      const version = places.table.versions[place] ?? 0;
      if (version > 0) hash.update(`${places.meter.meter} ${timeAt(places, place)} ${version}\n`);
    }
  return standing === hash.digest('hex');
}

function contractDigest(plan: PlanVersion, item: PriceItem, input: RatingInput): Hash {
  const hash = createHash('sha256');
  const part = isAdditive(item) ? '' : `${input.part.covered}/${input.part.whole}`;
  hash.update(`${plan.id} ${plan.version} ${item.id} ${input.fromMs} ${input.toMs} ${part}\n`);
  if ('proration' in item.price && item.price.proration === 'second' && input.exactPart !== undefined)
    hash.update(`${input.exactPart.covered}/${input.exactPart.whole}\n`);
  // Of a stretch the time that it shares with others: it decides on fixed discounts, and on what is not prorated.
  if (isFee(item.price) && input.present !== undefined && input.part.covered !== input.present.covered)
    hash.update(`${input.present.covered} ${input.exactPresent?.covered ?? ''}\n`);
  // Only there, lest charges of before rest on something else than they did.
  if (item.price.kind === 'one_off') hash.update(`${isChargedIn(item.price, input.service, input)}\n`);
  if (item.price.kind === 'service_credit')
    hash.update(`${input.credit?.digest ?? ''} ${input.credit?.recurring.toString() ?? ''}\n`);
  if (item.price.kind === 'assigned_ports')
    for (const { covered, whole } of input.assigned ?? []) hash.update(`${covered}/${whole}\n`);
  for (const [meter, pairs] of input.pairs ?? [])
    for (const { fromMs, toMs, octets } of pairs) hash.update(`${meter} ${fromMs} ${toMs} ${octets}\n`);
  for (const meter of input.meters) hash.update(`${meter.meter} ${meter.fromMs} ${meter.toMs}\n`);
  return hash;
}
