// Whom a problem hits, and what these services earn: alarm, service, customer, revenue at risk. Pure.
import { Exact } from '../../../common/model/exact.ts';
import { levelRank, SERVICE_LEVELS } from '../../../common/model/service-level.ts';
import type { EpochMs } from '../../../common/model/time.ts';
import type { Severity } from '../alarm.ts';
import { type AlarmTypeName, EXTERNAL_ALARM } from '../alarm-types.ts';
import type { MirroredService } from '../../services/service-book.ts';

export interface Revenue {
  readonly currency: string;
  /** Decimals. */
  readonly month: string;
  readonly hour: string;
}

export interface Impact {
  /** Each once, by id. */
  readonly services: readonly MirroredService[];
  readonly customers: readonly MirroredService['customer'][];
  /** The highest of them; null where nothing was promised. */
  readonly serviceLevel: string | null;
  /** By currency. */
  readonly revenueAtRisk: readonly Revenue[];
  /** To order problems by: of several currencies the largest, because nothing here knows a rate between them. */
  readonly hourly: Exact;
}

/** Hours of a month, a twelfth of 365.25 days. */
const MONTH_HOURS = Exact.ratio(1461n, 2n);
const HOUR_MS = 3_600_000n;
const MONTH_PLACES = 2;
const HOUR_PLACES = 4;

/** What people are told of an alarm, as far as it says whether services suffer. */
export interface HurtingAlarm {
  readonly resource: string;
  readonly alarmType: string;
  readonly severity: Severity;
  /** As another system says of its own alarm; null where it does not. */
  readonly serviceAffecting?: boolean | null;
}

/** Types whose resource no longer carries what it should. Any other tells of a risk, of lost redundancy, of what is not seen, or of what was changed. */
const HURTING: ReadonlySet<string> = new Set<AlarmTypeName>([
  'interface-down',
  'interface-flapping',
  'interface-errors',
  'interface-discards',
  'device-unreachable',
  'site-unreachable',
  'bgp-peer-down',
]);
/** At these nothing is lost yet. */
const HARMLESS: ReadonlySet<Severity> = new Set<Severity>(['warning', 'indeterminate']);

export function hurtsService({ alarmType, severity, serviceAffecting = null }: HurtingAlarm): boolean {
  if (alarmType === EXTERNAL_ALARM) return serviceAffecting ?? (severity === 'critical' || severity === 'major');
  return HURTING.has(alarmType) && !HARMLESS.has(severity);
}

/** Alarms that say nothing of whether services work: what is not seen may be well. */
const UNSEEN: ReadonlySet<string> = new Set(['agent-silent', 'agent-clock-offset', 'no-data']);

/** The services bound to what these alarms are of. */
export function servicesHit(
  alarms: readonly HurtingAlarm[],
  boundTo: (resource: string) => readonly MirroredService[],
): MirroredService[] {
  const found = new Map<string, MirroredService>();
  for (const alarm of alarms)
    if (!UNSEEN.has(alarm.alarmType)) for (const service of boundTo(alarm.resource)) found.set(service.id, service);
  return [...found.values()];
}

/** `suffering`: those of them that an alarm hurts now; only these put what they earn at risk. */
export function impactOf(hit: readonly MirroredService[], suffering: readonly MirroredService[] = hit): Impact {
  const earning = new Set(suffering.map(({ id }) => id));
  const services = hit.toSorted((one, other) => (one.id < other.id ? -1 : one.id > other.id ? 1 : 0));
  const customers = new Map(services.map(({ customer }) => [customer.id, customer]));
  const sums = new Map<string, Exact>();
  for (const { id, running } of services) {
    if (running === null || !earning.has(id)) continue;
    const hourly = hourlyOf(running);
    if (hourly !== null) sums.set(running.currency, (sums.get(running.currency) ?? Exact.zero).add(hourly));
  }
  const byCurrency = [...sums].toSorted(([one], [other]) => (one < other ? -1 : 1));
  return {
    services,
    customers: [...customers.values()],
    serviceLevel: highestLevel(services),
    revenueAtRisk: byCurrency.map(([currency, hourly]) => ({
      currency,
      month: hourly.multiply(MONTH_HOURS).toFixed(MONTH_PLACES, 'half_up'),
      hour: hourly.toFixed(HOUR_PLACES, 'half_up'),
    })),
    hourly: byCurrency.reduce((most, [, hourly]) => (hourly.compare(most) > 0 ? hourly : most), Exact.zero),
  };
}

function highestLevel(services: readonly MirroredService[]): string | null {
  const rank = services.reduce((most, { serviceLevel }) => Math.max(most, levelRank(serviceLevel ?? null)), 0);
  return SERVICE_LEVELS[rank - 1] ?? null;
}

/**
 * What the running period holds so far, over the hours of the whole period: fixed prices stand in it in full from the first day, usage grows,
 * so that it is never more than what the period will be worth.
 */
function hourlyOf(running: NonNullable<MirroredService['running']>): Exact | null {
  const amount = Exact.parse(running.amount);
  if (amount === null) return null;
  const endMs: EpochMs | undefined = running.periodEndMs;
  if (endMs === undefined || endMs <= running.periodStartMs) return amount.divide(MONTH_HOURS);
  return amount.divide(Exact.ratio(BigInt(endMs - running.periodStartMs), HOUR_MS));
}
