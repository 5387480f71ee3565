// The whole pipeline with its metrics in a real influxd, which is killed and comes back while the collector is killed too: every reading is there, exactly.
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { counterOfSigned } from '../../collector/store/influx-lines.ts';
import { seriesIn, wholeOf } from '../../collector/store/influx-results.ts';
import type { MeterReading } from '../../common/wire/reading-page.ts';
import { startInfluxDb } from '../support/real-influxdb.ts';
import { describeWith } from '../support/requirements.ts';
import { startPipeline } from '../support/running-pipeline.ts';
import { waitFor } from '../support/weir-process.ts';

interface Meter {
  readonly id: number;
  readonly device: string;
  readonly interfaceKey: string;
  readonly direction: 'in' | 'out';
}

describeWith('influxdb', 'a collector with its metrics in InfluxDB', () => {
  test('keeps every reading over deaths of the server and of itself', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'weir-influx-pipeline-'));
    chmodSync(folder, 0o711);
    const influx = await startInfluxDb();
    await influx.query('create database weir');
    const pipeline = await startPipeline({
      folder,
      pollIntervalMs: 1000,
      bucketMs: 10_000,
      ratingWindowMs: 20_000,
      settings: {
        'collector.store': {
          kind: 'influxdb',
          influxdb: { url: influx.url, version: 1, database: 'weir', timeout_ms: 2000 },
        },
      },
    });
    try {
      const pause = (ms: number): Promise<unknown> => new Promise((resolve) => setTimeout(resolve, ms));
      await pause(6000);
      await influx.kill();
      await pause(5000);
      pipeline.killChild('collector');
      await pause(5000);
      await influx.start();
      await pause(3000);
      pipeline.killChild('collector');
      await pause(6000);
      const meters = await pipeline.all<Meter>('/billing/v1/meters?limit=1000');
      const some = meters.filter((meter) => meter.direction === 'in').slice(0, 12);
      expect(some).toHaveLength(12);
      const untilMs = Date.now() - 3000;
      for (const meter of some) {
        const readings = (
          await pipeline.all<MeterReading & { readonly observedAt: string }>(
            `/api/v1/readings?meter=${meter.id}&from=2020-01-01T00:00:00Z&to=2100-01-01T00:00:00Z&limit=1000`,
          )
        ).filter((reading) => Date.parse(reading.observedAt) < untilMs);
        const wanted = readings.map((reading) => [Date.parse(reading.observedAt), String(reading.value)]);
        expect(wanted.length).toBeGreaterThan(5);
        const statement = `select in_octets from weir_interface where device = '${meter.device}' and interface = '${meter.interfaceKey}'`;
        const stored = async (): Promise<unknown[]> =>
          seriesIn(await influx.query(statement, 'weir')).flatMap(({ values }) =>
            values.map(([at, value]) => [Number(at), String(counterOfSigned(wholeOf(value) ?? 0n))]),
          );
        await waitFor(
          async () => (await stored()).length >= wanted.length,
          30_000,
          () => `every reading of ${meter.device} ${meter.interfaceKey} in InfluxDB`,
        );
        expect(await stored()).toEqual(expect.arrayContaining(wanted));
      }
      const rejected = await pipeline.askPatiently<{ items: unknown[] }>('/api/v1/store/rejected-lines');
      expect(rejected.items).toEqual([]);
      const span = { from: new Date(untilMs - 60_000).toISOString(), to: new Date(untilMs).toISOString() };
      const top = await pipeline.askPatiently<{ items: unknown[] }>(
        `/api/v1/series/top?${new URLSearchParams({ metric: 'in_bps', limit: '3', ...span }).toString()}`,
      );
      expect(top.items).toHaveLength(3);
    } finally {
      await pipeline.stop();
      await influx.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  }, 180_000);
});
