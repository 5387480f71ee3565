// `weir up` and SIGHUP: collector and agent take up what changed in the file while everything runs; a mistake changes nothing and is told.
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseDocument } from 'yaml';
import { type RunningPipeline, startPipeline } from '../support/running-pipeline.ts';
import { waitFor } from '../support/weir-process.ts';

let folder: string;
let pipeline: RunningPipeline;

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'weir-reload-'));
  chmodSync(folder, 0o711);
  pipeline = await startPipeline({ folder, pollIntervalMs: 2000, bucketMs: 10_000, ratingWindowMs: 20_000 });
}, 240_000);

afterAll(async () => {
  await pipeline?.stop();
  rmSync(folder, { recursive: true, force: true });
}, 60_000);

interface Device {
  readonly configured: boolean;
  readonly reachable: boolean | null;
  readonly lastPollAt: string | null;
}

async function deviceOf(name: string): Promise<Device | null> {
  return pipeline.ask<Device>(`/api/v1/devices/${name}`).catch(() => null);
}

test('a device is added and taken out; children stay the same processes; a mistake is told and changes nothing', async () => {
  const before = (['agent', 'collector', 'billing-bridge'] as const).map((child) => pipeline.pidsOf(child));
  const text = readFileSync(pipeline.configurationFile, 'utf8');
  const document = parseDocument(text);
  const first: unknown = document.toJS();
  const [known] = (first as { devices: { name: string; address: string; credential: string }[] }).devices;
  if (known === undefined) throw new Error('the demo has no devices');
  document.addIn(['devices'], { name: 'late1', address: known.address, credential: known.credential });
  writeFileSync(pipeline.configurationFile, document.toString());
  pipeline.weir.process.kill('SIGHUP');
  await waitFor(
    async () => (await deviceOf('late1'))?.reachable === true,
    60_000,
    () => `late1 to be polled: ${pipeline.weir.output()}`,
  );
  writeFileSync(pipeline.configurationFile, document.toString().replace('credential:', 'credental:'));
  pipeline.weir.process.kill('SIGHUP');
  await pipeline.weir.says('"code":"configuration_invalid"', 20_000);
  const polledAt = (await deviceOf('late1'))?.lastPollAt ?? '';
  await waitFor(
    async () => ((await deviceOf('late1'))?.lastPollAt ?? '') > polledAt,
    20_000,
    () => 'it to be polled on',
  );
  writeFileSync(pipeline.configurationFile, text);
  pipeline.weir.process.kill('SIGHUP');
  await waitFor(
    async () => (await deviceOf('late1'))?.configured === false,
    20_000,
    () => 'late1 to be gone from the configuration',
  );
  expect((await deviceOf(known.name))?.reachable).toBe(true);
  expect((['agent', 'collector', 'billing-bridge'] as const).map((child) => pipeline.pidsOf(child))).toEqual(before);
}, 180_000);
