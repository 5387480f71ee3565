// Poll tiers of devices, the same at every collector: decided in the database, laid over what is configured, and pulled by agents.
import type { Database, Migration, Queryable } from '../../common/database/database.ts';
import type { DurationMs } from '../../common/model/time.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import { codeOf, messageOf } from '../../common/runtime/errors.ts';
import type { Reporter } from '../../common/runtime/reporter.ts';
import type { ConfiguredDevice } from './configured-devices.ts';
import { type HeldTier, nextTiers, type PollTierConfig, tierInterval, type Weight } from './poll-tier.ts';

export const pollTierMigrations: readonly Migration[] = [
  {
    id: 'agents-poll-tier-001',
    sql: `
      create table agents.poll_tier (
        device text primary key,
        interval_ms int8 not null,
        lower_since_ms int8
      );`,
  },
];

export interface PollTiersDeps {
  readonly database: Database;
  readonly clock: Pick<Clock, 'now'>;
  /** Takes up what is to be polled otherwise. */
  readonly replace: (devices: readonly ConfiguredDevice[]) => void;
}

interface Row {
  readonly device: string;
  readonly interval_ms: bigint;
  readonly lower_since_ms: bigint | null;
}

/** Any constant that nothing else in the database uses: "tier" in ASCII. */
const ADVISORY_LOCK = 0x74_69_65_72;

export class PollTiers {
  readonly #reporter: Reporter;
  readonly #config: PollTierConfig;
  readonly #deps: PollTiersDeps;
  #configured: readonly ConfiguredDevice[] = [];
  #intervals: ReadonlyMap<string, DurationMs> = new Map();

  constructor(reporter: Reporter, config: PollTierConfig, deps: PollTiersDeps) {
    this.#reporter = reporter;
    this.#config = config;
    this.#deps = deps;
  }

  /** Devices as configured; what carries much is polled more often. */
  configure(devices: readonly ConfiguredDevice[]): void {
    this.#configured = devices;
    this.#apply();
  }

  /** Decides anew by what each device carries; what fails now is decided the next time. */
  async look(weightOf: (device: string) => Weight | null): Promise<void> {
    const { tiers } = this.#config;
    const wanted = new Map<string, DurationMs>();
    for (const { name, intervalMs } of tiers.length === 0 ? [] : this.#configured) {
      const weight = weightOf(name);
      const own = weight === null ? null : tierInterval(tiers, weight);
      if (own !== null && own < intervalMs) wanted.set(name, own);
    }
    try {
      const held = await this.#deps.database.transaction((connection) => this.#decide(connection, wanted));
      const intervals = new Map([...held].map(([device, { intervalMs }]) => [device, intervalMs]));
      if (sameIntervals(intervals, this.#intervals)) return;
      this.#intervals = intervals;
      this.#apply();
    } catch (error) {
      this.#reporter.warn('poll tiers not decided', { code: codeOf(error), message: messageOf(error) });
    }
  }

  async #decide(
    connection: Queryable,
    wanted: ReadonlyMap<string, DurationMs>,
  ): Promise<ReadonlyMap<string, HeldTier>> {
    await connection.query('select pg_advisory_xact_lock($1)', [ADVISORY_LOCK]);
    const { rows } = await connection.query<Row>('select device, interval_ms, lower_since_ms from agents.poll_tier');
    const held = new Map(rows.map((row) => [row.device, tierOf(row)]));
    const { tiers, leftOut } = nextTiers(held, wanted, this.#config, this.#deps.clock.now());
    this.#reporter.gauge('poll_tier_devices', 'Devices polled more often by what they carry').set(tiers.size);
    this.#reporter
      .gauge('poll_tier_devices_left_out', 'Devices not polled more often, because as many as may be are already')
      .set(leftOut);
    const gone = [...held.keys()].filter((device) => !tiers.has(device));
    const changed = [...tiers].filter(([device, tier]) => {
      const before = held.get(device);
      return before?.intervalMs !== tier.intervalMs || before.lowerSinceMs !== tier.lowerSinceMs;
    });
    if (gone.length > 0) await connection.query('delete from agents.poll_tier where device = any($1::text[])', [gone]);
    if (changed.length > 0)
      await connection.query(
        `insert into agents.poll_tier (device, interval_ms, lower_since_ms)
         select * from unnest($1::text[], $2::int8[], $3::int8[])
         on conflict (device) do update
            set interval_ms = excluded.interval_ms, lower_since_ms = excluded.lower_since_ms`,
        [
          changed.map(([device]) => device),
          changed.map(([, { intervalMs }]) => intervalMs),
          changed.map(([, { lowerSinceMs }]) => lowerSinceMs),
        ],
      );
    return tiers;
  }

  #apply(): void {
    this.#deps.replace(this.#configured.map((device) => raised(device, this.#intervals.get(device.name) ?? Infinity)));
  }
}

/** Never less often than it is configured. */
function raised(device: ConfiguredDevice, intervalMs: DurationMs): ConfiguredDevice {
  if (intervalMs >= device.intervalMs) return device;
  return { ...device, intervalMs, definition: { ...device.definition, interval_ms: intervalMs } };
}

function tierOf({ interval_ms: intervalMs, lower_since_ms: lowerSinceMs }: Row): HeldTier {
  return { intervalMs: Number(intervalMs), lowerSinceMs: lowerSinceMs === null ? null : Number(lowerSinceMs) };
}

function sameIntervals(one: ReadonlyMap<string, DurationMs>, other: ReadonlyMap<string, DurationMs>): boolean {
  return one.size === other.size && [...one].every(([device, intervalMs]) => other.get(device) === intervalMs);
}
