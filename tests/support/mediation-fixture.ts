// Mediation on a real PostgreSQL with a collector in memory; each test has devices and meters of its own in one database.
import { type MediationConfig, MediationRun } from '../../billing-bridge/mediate/mediation-run.ts';
import type { MediationSummary } from '../../billing-bridge/mediate/mediation.ts';
import { usageMigrations } from '../../billing-bridge/mediate/migrations.ts';
import { PulledAgainProof } from '../../billing-bridge/mediate/usage-proof.ts';
import { UsageStore } from '../../billing-bridge/mediate/usage-store.ts';
import type { UsageRecord } from '../../billing-bridge/mediate/usage.ts';
import type { Database, Queryable } from '../../common/database/database.ts';
import { migrate } from '../../common/database/migrate.ts';
import { createReporter, type Reporter } from '../../common/runtime/reporter.ts';
import { MemoryReadings } from './memory-readings.ts';
import { VirtualClock } from './virtual-clock.ts';

export const MINUTE = 60_000;
export const BUCKET = 5 * MINUTE;
/** On the grid of every bucket there is. */
export const T0 = Date.parse('2026-11-24T00:00:00Z');

export const NO_FENCE = (): Promise<void> => Promise.resolve();
const ALWAYS = 2 ** 42;

let nextMeter = 1;

/** Meters that no other test of this process has. */
export function freshMeters(): number {
  nextMeter += 10_000;
  return nextMeter;
}

export class MediationFixture {
  readonly database: Database;
  readonly clock = new VirtualClock(T0 + 400 * 86_400_000);
  readonly bucketMs: number;
  readonly source: MemoryReadings;
  readonly store: UsageStore;
  readonly reporter: Reporter;
  readonly lines: string[] = [];
  mediation: MediationRun;

  constructor(database: Database, bucketMs: number, source: MemoryReadings) {
    this.database = database;
    this.bucketMs = bucketMs;
    this.source = source;
    this.store = new UsageStore({ bucketMs }, { database });
    this.reporter = createReporter({ component: 'test', level: 'debug', write: (line) => this.lines.push(line) });
    this.mediation = this.fresh();
  }

  /** A database that begins anew. */
  static async empty(database: Database, bucketMs = BUCKET): Promise<MediationFixture> {
    await database.query('drop schema if exists usage cascade');
    await database.query('drop schema if exists weir cascade');
    await migrate(database, usageMigrations);
    return new MediationFixture(database, bucketMs, new MemoryReadings());
  }

  /** Another collector on a database that is in use, whose meters are no longer known: those of this one must be new. */
  static async beside(database: Database, bucketMs = BUCKET): Promise<MediationFixture> {
    await database.query('delete from usage.meter');
    await database.query('delete from usage.journal');
    await database.query('update usage.mediation set cursor = null, number = number + 1');
    return new MediationFixture(database, bucketMs, new MemoryReadings(freshMeters()));
  }

  /** As after a restart: nothing in memory. */
  fresh(config: Partial<MediationConfig> = {}, database: Database = this.database): MediationRun {
    return new MediationRun(
      this.reporter,
      { bucketMs: this.bucketMs, ...config },
      { database, source: this.source, clock: this.clock },
    );
  }

  run(fence: (connection: Queryable) => Promise<void> = NO_FENCE): Promise<MediationSummary> {
    return this.mediation.run(fence);
  }

  proof(): PulledAgainProof {
    return new PulledAgainProof(
      { bucketMs: this.bucketMs },
      { database: this.database, source: this.source, clock: this.clock },
    );
  }

  latest(...meters: number[]): Promise<UsageRecord[]> {
    return this.store.latest(meters, 0, ALWAYS);
  }

  /** The newest records of a meter in a few words: minutes from T0, version, octets by how they are known, minutes covered, in gaps and lost. */
  async told(meter: number): Promise<string[]> {
    return (await this.latest(meter)).map(toldRecord);
  }

  async metric(name: string): Promise<number> {
    const text = await this.reporter.metricsText();
    const found = text.split('\n').find((line) => line.startsWith(`weir_${name} `));
    return Number(found?.split(' ').at(-1) ?? 0);
  }
}

export function toldRecord(record: UsageRecord): string {
  const { good, wrapped, gap, suspended } = record.octets;
  const named = [
    ['good', good],
    ['wrapped', wrapped],
    ['gap', gap],
    ['suspended', suspended],
  ].filter(([, octets]) => octets !== 0n);
  const octets = named.map(([kind, amount]) => `${kind} ${amount}`).join(' ') || 'nothing';
  const minutes = (ms: number): number => ms / MINUTE;
  const gaps = record.gapMs === 0 ? '' : ` gap ${minutes(record.gapMs)}`;
  const lost = record.lostMs === 0 ? '' : ` lost ${minutes(record.lostMs)}`;
  const at = minutes(record.bucketStartMs - T0);
  return `${at} v${record.version}: ${octets}, ${minutes(record.coveredMs)} min${gaps}${lost}`;
}
