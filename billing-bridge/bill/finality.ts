// Whether everything that a bill rests on is final and rated: usage of every port, windows that are due, and what rating has not looked at yet.
import type { Queryable } from '../../common/database/database.ts';
import type { Period } from '../../common/model/period.ts';
import { type EpochMs, isoTime } from '../../common/model/time.ts';
import type { ContractBook } from '../account/contract-book.ts';
import type { Service } from '../account/contract.ts';
import type { Meter, UsageReader } from '../mediate/usage.ts';
import type { Finding } from './gates.ts';

/** A port of a service for its part of a period, with the meters it was ever read by. */
export interface BoundPort {
  readonly service: string;
  readonly device: string;
  readonly interface: string;
  readonly toMs: EpochMs;
  /** When it leaves the service; null: not yet. */
  readonly leavesMs: EpochMs | null;
  readonly meters: readonly Meter[];
}

/** Does a service have items that become due by time alone, for a period that ends in (afterMs, untilMs]? */
export type DueByTime = (book: ContractBook, service: Service, afterMs: EpochMs, untilMs: EpochMs) => boolean;

export interface FinalityDeps {
  readonly database: Queryable;
  readonly usage: UsageReader;
  readonly dueByTime: DueByTime;
  /** Is a port that left then no longer waited for? Rating asks the same. */
  readonly waitedOut?: (endedAtMs: EpochMs) => boolean;
  /** Is a device known up to there no longer waited for, where others are known up to then? As rating does. */
  readonly isSilent?: (finalUntilMs: EpochMs | undefined, readUntilMs: EpochMs | null) => boolean;
}

const USAGE_PAGE = 20_000;
const MAX_PAGES = 50;

/** Usage that rating has not looked at yet: the first bucket of each meter, and whether there is more than was looked through. */
export interface UnratedUsage {
  readonly firstByMeter: ReadonlyMap<number, EpochMs>;
  readonly complete: boolean;
}

export async function unratedUsage(deps: FinalityDeps): Promise<UnratedUsage> {
  const { rows } = await deps.database.query<{ usage_serial: bigint }>(
    'select usage_serial from billing.rating_position',
  );
  const firstByMeter = new Map<number, EpochMs>();
  let after = rows[0]?.usage_serial ?? 0n;
  for (let page = 0; page < MAX_PAGES; page += 1) {
    const records = await deps.usage.changedAfter(after, USAGE_PAGE);
    const last = records.at(-1);
    if (last === undefined) return { firstByMeter, complete: true };
    for (const { meter, bucketStartMs } of records)
      firstByMeter.set(meter, Math.min(firstByMeter.get(meter) ?? bucketStartMs, bucketStartMs));
    after = last.serial;
  }
  return { firstByMeter, complete: false };
}

/**
 * What of an account's period is not final. In the order in which usage goes on while this looks: what mediation has stored is not rated
 * yet, or marked as due, or charged, so that nothing slips from one into another that was looked at before.
 */
export async function notFinal(
  deps: FinalityDeps,
  unratedNow: () => Promise<UnratedUsage>,
  book: ContractBook,
  services: readonly Service[],
  period: Period,
  ports: readonly BoundPort[],
): Promise<Finding[]> {
  const open = await portsNotFinal(deps, ports);
  const unrated = await unratedNow();
  const changed = await contractsChanged(deps, services, period);
  const ended = await periodsDue(deps, book, services, period);
  const due = await windowsDue(deps, services, period);
  const unlooked = unrated.complete ? portsNotRated(unrated, period, ports) : [{ reason: 'rating is far behind' }];
  return [...open, ...unlooked, ...due, ...changed, ...ended];
}

async function portsNotFinal(deps: FinalityDeps, ports: readonly BoundPort[]): Promise<Finding[]> {
  // Before the meters are asked: what others are known up to is never ahead of what is known of these.
  const readUntilMs = await deps.usage.readUntil();
  const final = await deps.usage.finalUntil(ports.flatMap((port) => port.meters.map((meter) => meter.id)));
  return ports.flatMap(({ meters, service, device, interface: name, toMs, leavesMs }): Finding[] => {
    if (leavesMs !== null && deps.waitedOut?.(leavesMs) === true) return [];
    if (meters.length === 0) return [{ service, device, interface: name, reason: 'never read' }];
    const waited = meters.filter((meter) => deps.isSilent?.(final.get(meter.id), readUntilMs) !== true);
    const least = Math.min(toMs, ...waited.map((meter) => final.get(meter.id) ?? 0));
    return least >= toMs
      ? []
      : [{ service, device, interface: name, reason: 'usage not final', finalUntil: isoTime(least) }];
  });
}

function portsNotRated(unrated: UnratedUsage, period: Period, ports: readonly BoundPort[]): Finding[] {
  return ports.flatMap(({ meters, service, device, interface: name }): Finding[] =>
    meters.some((meter) => (unrated.firstByMeter.get(meter.id) ?? Infinity) < period.endMs)
      ? [{ service, device, interface: name, reason: 'usage not rated yet' }]
      : [],
  );
}

async function windowsDue(deps: FinalityDeps, services: readonly Service[], period: Period): Promise<Finding[]> {
  const ids = services.map((service) => service.id);
  const windows = await deps.database.query<{ service: string; item: string; windows: bigint }>(
    `select service, item, count(*)::int8 as windows from billing.due_window
      where service = any($1::text[]) and due_at_ms <= $2 group by 1, 2 order by 1, 2`,
    [ids, period.endMs],
  );
  return windows.rows.map((row) => ({ ...row, windows: row.windows.toString(), reason: 'not rated yet' }));
}

/** Services whose bindings changed since rating looked. */
async function contractsChanged(deps: FinalityDeps, services: readonly Service[], period: Period): Promise<Finding[]> {
  const { rows } = await deps.database.query<{ service: string }>(
    'select distinct service from billing.rerating where service = any($1::text[]) and from_ms < $2 order by 1',
    [services.map((service) => service.id), period.endMs],
  );
  return rows.map(({ service }) => ({ service, reason: 'contract changed, not rated yet' }));
}

/** Items without usage become due when rating finds that their period has ended. */
async function periodsDue(
  deps: FinalityDeps,
  book: ContractBook,
  services: readonly Service[],
  period: Period,
): Promise<Finding[]> {
  const { rows } = await deps.database.query<{ service: string; due_until_ms: bigint }>(
    'select service, due_until_ms from billing.service_progress where service = any($1::text[])',
    [services.map((service) => service.id)],
  );
  const progress = new Map(rows.map((row) => [row.service, Number(row.due_until_ms)]));
  return services
    .filter((service) =>
      deps.dueByTime(book, service, progress.get(service.id) ?? service.recurringFromMs, period.endMs),
    )
    .map((service) => ({ service: service.id, reason: 'period not rated yet' }));
}
