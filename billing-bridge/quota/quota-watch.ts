// Quotas: says once a period when a service has used a share of what was agreed, on the record and on the billing queue.
import type { Database, Queryable } from '../../common/database/database.ts';
import { type Period, periodAt, previousPeriod } from '../../common/model/period.ts';
import { isoTime } from '../../common/model/time.ts';
import type { EpochMs } from '../../common/model/time.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import type { CounterMetric, Reporter } from '../../common/runtime/reporter.ts';
import type { ContractBook } from '../account/contract-book.ts';
import type { Customer, Service } from '../account/contract.ts';
import type { UsageReader } from '../mediate/usage.ts';

export interface Quota {
  readonly id: string;
  readonly service: string;
  readonly octets: bigint;
  readonly direction: 'in' | 'out' | 'sum' | 'higher';
  /** Percent, in rising order; above 100 is allowed. */
  readonly shares: readonly number[];
  /** Addresses, and names of webhooks, that are told beside the billing queue. */
  readonly mail?: readonly string[];
  readonly webhooks?: readonly string[];
}

export interface QuotaEvent {
  readonly serial: bigint;
  readonly quota: string;
  readonly service: string;
  readonly customer: string;
  readonly period: string;
  readonly share: number;
  readonly limitOctets: string;
  readonly usedOctets: string;
  readonly atMs: EpochMs;
}

/** As it travels; schema and version as in docs/billing-queue.md. */
export interface QuotaJob {
  readonly id: string;
  readonly name: 'quota-threshold';
  readonly data: QuotaThreshold;
}

export interface QuotaThreshold {
  readonly schema: 'weir.quota-threshold';
  readonly version: 1;
  readonly quota: string;
  readonly service: string;
  readonly account: string;
  readonly period: string;
  readonly share: number;
  readonly limitOctets: string;
  readonly usedOctets: string;
  readonly reachedAt: string;
}

export interface QuotaWatchDeps {
  readonly database: Database;
  readonly usage: Pick<UsageReader, 'latest' | 'metersOf'>;
  readonly book: () => Promise<ContractBook>;
  /** In the transaction of the event. */
  readonly publish: (connection: Queryable, jobs: readonly QuotaJob[], quota: Quota) => Promise<void>;
  /** After thresholds that were not told before. */
  readonly onReached?: () => void;
  readonly clock: Clock;
}

export interface QuotaSummary {
  readonly quotas: number;
  readonly reached: number;
}

/** How long after its end a period is still looked at. */
const AFTERWARDS_MS = 6 * 3_600_000;

/** The shares that are reached. Pure, exact. */
export function sharesReached(used: bigint, { octets, shares }: Pick<Quota, 'octets' | 'shares'>): number[] {
  return shares.filter((share) => used * 100n >= octets * BigInt(share));
}

export function usedOf(direction: Quota['direction'], inward: bigint, outward: bigint): bigint {
  if (direction === 'in') return inward;
  if (direction === 'out') return outward;
  if (direction === 'sum') return inward + outward;
  return inward > outward ? inward : outward;
}

export class QuotaWatch {
  readonly #quotas: readonly Quota[];
  readonly #deps: QuotaWatchDeps;
  readonly #reached: CounterMetric;

  constructor(reporter: Reporter, quotas: readonly Quota[], deps: QuotaWatchDeps) {
    this.#quotas = quotas;
    this.#deps = deps;
    this.#reached = reporter.counter('quota_thresholds_total', 'Shares of quotas that were reached');
  }

  /** What was reached before is not said again, whoever looks and however often. `fence` throws lease_lost. */
  async run(fence: (connection: Queryable) => Promise<void>): Promise<QuotaSummary> {
    const book = await this.#deps.book();
    const now = this.#deps.clock.now();
    let reached = 0;
    for (const quota of this.#quotas) {
      const service = book.services.get(quota.service);
      if (service === undefined) continue;
      const customer = book.customerOf(service);
      const running = periodAt(now, customer.cycle, customer.zone);
      // What was used in the last minutes of a period is known only when the next has begun.
      const periods = now - running.startMs < AFTERWARDS_MS ? [previousPeriod(running), running] : [running];
      for (const period of periods) {
        const used = await this.#used(quota, service, period.startMs, Math.min(now, period.endMs));
        const shares = sharesReached(used, quota);
        if (shares.length > 0) reached += await this.#record(fence, { quota, customer, period, used, shares, now });
      }
    }
    this.#reached.add(reached);
    if (reached > 0) this.#deps.onReached?.();
    return { quotas: this.#quotas.length, reached };
  }

  async #used(quota: Quota, service: Service, fromMs: EpochMs, toMs: EpochMs): Promise<bigint> {
    let [inward, outward] = [0n, 0n];
    for (const { device, interface: name, ...held } of service.bindings) {
      const [from, to] = [Math.max(fromMs, held.fromMs), Math.min(toMs, held.toMs ?? toMs)];
      const meters = to <= from ? null : await this.#deps.usage.metersOf(device, name);
      if (meters === null) continue;
      for (const { meter, octets } of await this.#deps.usage.latest([meters.in.id, meters.out.id], from, to)) {
        const moved = octets.good + octets.wrapped + octets.gap;
        if (meter === meters.in.id) inward += moved;
        else outward += moved;
      }
    }
    return usedOf(quota.direction, inward, outward);
  }

  #record(fence: (connection: Queryable) => Promise<void>, found: Found): Promise<number> {
    const { quota, customer, period, used, shares, now } = found;
    return this.#deps.database.transaction(async (connection) => {
      await fence(connection);
      const { rows } = await connection.query<{ serial: bigint; share: number }>(
        `insert into billing.quota_event (quota, service, customer, period, period_start_ms, share, limit_octets, used_octets, at_ms)
         select $1, $2, $3, $4, $5, share, $7, $8, $9 from unnest($6::int[]) as share
         on conflict (quota, period_start_ms, share) do nothing returning serial, share`,
        [quota.id, quota.service, customer.id, period.name, period.startMs, shares, quota.octets, used, now],
      );
      await this.#deps.publish(
        connection,
        rows.map(({ serial, share }) => jobOf(found, serial, share)),
        quota,
      );
      return rows.length;
    });
  }
}

interface Found {
  readonly quota: Quota;
  readonly customer: Customer;
  readonly period: Period;
  readonly used: bigint;
  readonly shares: readonly number[];
  readonly now: EpochMs;
}

function jobOf({ quota, customer, period, used, now }: Found, serial: bigint, share: number): QuotaJob {
  return {
    id: `quota-threshold-${serial}`,
    name: 'quota-threshold',
    data: {
      schema: 'weir.quota-threshold',
      version: 1,
      quota: quota.id,
      service: quota.service,
      account: customer.id,
      period: period.name,
      share,
      limitOctets: quota.octets.toString(),
      usedOctets: used.toString(),
      reachedAt: isoTime(now),
    },
  };
}

/** Newest first. */
export async function findQuotaEvents(
  connection: Queryable,
  query: { readonly customers: readonly string[] | null; readonly before: bigint | null; readonly limit: number },
): Promise<QuotaEvent[]> {
  const { rows } = await connection.query<{
    serial: bigint;
    quota: string;
    service: string;
    customer: string;
    period: string;
    share: number;
    limit_octets: string;
    used_octets: string;
    at_ms: bigint;
  }>(
    `select * from billing.quota_event where ($1::text[] is null or customer = any($1)) and ($2::int8 is null or serial < $2)
      order by serial desc limit $3`,
    [query.customers, query.before, query.limit],
  );
  return rows.map(({ limit_octets: limitOctets, used_octets: usedOctets, at_ms: at, ...row }) => ({
    serial: row.serial,
    quota: row.quota,
    service: row.service,
    customer: row.customer,
    period: row.period,
    share: row.share,
    limitOctets,
    usedOctets,
    atMs: Number(at),
  }));
}
