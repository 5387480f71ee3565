// The store on InfluxDB against the conformance suite with a real influxd, and what only it has: refused lines, outages, servers that say no.
import { afterAll, beforeAll, describe } from 'vitest';
import { appliedMigrations, claim, projectionPosition, setPosition } from '../../../collector/project/applied.ts';
import { influxMigrations } from '../../../collector/store/influx-book.ts';
import { influxConfigOf, influxSchema } from '../../../collector/store/influx-config.ts';
import { InfluxStore } from '../../../collector/store/influx-store.ts';
import { migrate } from '../../../common/database/migrate.ts';
import { SystemClock } from '../../../common/runtime/clock.ts';
import { metricStoreConformance } from '../../conformance/metric-store.ts';
import { type RealServer, startInfluxDb } from '../../support/real-influxdb.ts';
import { describeWith } from '../../support/requirements.ts';
import { silentReporter } from '../../support/silent-reporter.ts';
import { startTestDatabase, type TestDatabase } from '../../support/test-database.ts';

let postgres: TestDatabase;
beforeAll(async () => {
  postgres = await startTestDatabase();
  await migrate(postgres.database, [...appliedMigrations, ...influxMigrations]);
});
afterAll(() => postgres.stop());

async function forgetAll(): Promise<void> {
  await postgres.database.query(
    `truncate readings.applied_mark, readings.projection_position, readings.influx_resource, readings.influx_point_place,
              readings.influx_rejected_line`,
  );
}

function storeOn(words: Readonly<Record<string, unknown>>): InfluxStore {
  const config = influxConfigOf(influxSchema.parse(words), 0, (reference) => reference);
  return new InfluxStore(silentReporter().reporter, config, {
    clock: new SystemClock(),
    database: postgres.database,
    claim,
    positionOf: projectionPosition,
    setPosition,
  });
}

describeWith('influxdb', 'a real influxd', () => {
  let influx: RealServer;
  let databases = 0;
  beforeAll(async () => {
    influx = await startInfluxDb();
  });
  afterAll(() => influx.stop());

  async function freshDatabase(): Promise<string> {
    await forgetAll();
    const database = `weir ${(databases += 1)}`;
    await influx.query(`create database "${database}"`);
    return database;
  }

  describe('conformance', () => {
    metricStoreConformance(async () => {
      const database = await freshDatabase();
      const open = (): InfluxStore => storeOn({ url: influx.url, version: 1, database });
      let store = open();
      return {
        store,
        reopen: async () => {
          await store.stop();
          store = open();
          return store;
        },
        discard: async () => {
          await store.stop();
          await influx.query(`drop database "${database}"`);
        },
      };
    });
  });
});
