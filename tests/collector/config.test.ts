// The collector's part of the configuration: what holds where nothing is said, what is refused, and what follows from it.
import path from 'node:path';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { collectorConfig, collectorShape } from '../../collector/config.ts';
import { loadWhole } from '../../cli/configuration.ts';

const schema = z.object(collectorShape);
const agent = { name: 'agent-1', poll_interval_ms: 60_000 };

const configOf = (collector: object, devices: object[] = []) =>
  collectorConfig({ ...schema.parse({ collector, devices }), agent });

test('without a word it listens on this machine only', () => {
  expect(configOf({})).toMatchObject({
    host: '127.0.0.1',
    port: 8080,
    insecure: false,
    failedSignInsPerMinute: 120,
    tls: null,
    bridgeUrl: 'http://127.0.0.1:8081',
    demo: false,
    devices: [],
  });
});

test('a device belongs to the agent it names, else to the agent of the file', () => {
  const device = { address: '192.0.2.1', credential: 'public' };
  const { devices } = configOf({}, [
    { ...device, name: 'a' },
    { ...device, name: 'b', agent: 'agent-2', interval_ms: 5000, site: 'hall-1' },
  ]);
  expect(devices.map(({ name, agent: whose, intervalMs, site }) => [name, whose, intervalMs, site])).toEqual([
    ['a', 'agent-1', 60_000, null],
    ['b', 'agent-2', 5000, 'hall-1'],
  ]);
});

test('entries that are kept after all have applied them never fill half of the journal', () => {
  for (const max of [16, 64, 1024, 8192]) {
    const { journal, ingest } = configOf({ journal: { max_bytes: max * 1024 * 1024 } });
    expect(journal.keepEntries * ingest.maxBatchBytes).toBeLessThanOrEqual(journal.maxBytes / 2);
  }
});

test.for([
  { port: 0 },
  { prot: 8080 },
  { bridge_url: 'ftp://127.0.0.1' },
  { journal: { max_bytes: 1 } },
  { ingest: { max_batch_bytes: 1e12 } },
  { events: { max_streams: 0 } },
  { faults: { high_utilisation: { raise_percent: 50, clear_percent: 60 } } },
])('refused: %j', (collector) => {
  expect(schema.safeParse({ collector }).success).toBe(false);
});

test('the demo says that it is one', () => {
  const whole = loadWhole(path.resolve(import.meta.dirname, '../../config/demo.yaml'));
  expect(collectorConfig(whole)).toMatchObject({ demo: true, agent: 'demo-agent', pollIntervalMs: 5000 });
});
