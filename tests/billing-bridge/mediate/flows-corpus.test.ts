// Real flows over real links (Bell Labs): the usage of a link is the sum of the usage of the flows that cross it.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { BUCKET, MediationFixture, T0 } from '../../support/mediation-fixture.ts';
import { CORPUS, describeWith } from '../../support/requirements.ts';
import { startTestDatabase, type TestDatabase } from '../../support/test-database.ts';

function numbers(name: string): number[][] {
  const text = readFileSync(path.join(CORPUS, 'traffic/flows-and-links', name), 'utf8');
  const rows = text.trim().split('\n').slice(1);
  return rows.map((row) => row.split(',').slice(1).map(Number));
}

describeWith('corpus', 'flows and links', () => {
  let server: TestDatabase;
  beforeAll(async () => {
    server = await startTestDatabase();
  });
  afterAll(() => server.stop());

  test('287 intervals of 16 flows and 7 links, polled off the grid', async () => {
    const fixture = await MediationFixture.empty(server.database);
    const { source } = fixture;
    const flows = numbers('bell_labs_od_flows_5min.csv');
    const loads = numbers('bell_labs_link_loads_5min.csv');
    const crossing = numbers('bell_labs_A.csv');
    const layout = source.layout('router', [
      ...(flows[0] ?? []).map((_, at) => ({ name: `flow${at}` })),
      ...crossing.map((_, at) => ({ name: `link${at}` })),
    ]);
    const counters = (crossing[0] ?? []).map(() => 2n ** 40n);
    const linkCounters = crossing.map(() => 5n);
    const pollAt = (row: number): void => {
      const octets = [...counters, ...linkCounters].map((value) => [value, null] as const);
      const atMs = T0 + 137_000 + row * BUCKET;
      source.poll({ layout, atMs, octets, uptimeTicks: 100_000 + row * 30_000, intervalMs: BUCKET });
    };
    pollAt(0);
    for (const [row, values] of flows.entries()) {
      const octets = values.map((value) => BigInt(Math.round(value * 300)));
      for (const [at, amount] of octets.entries()) counters[at] = (counters[at] ?? 0n) + amount;
      for (const [link, over] of crossing.entries()) {
        const sum = over.reduce((total, crosses, at) => total + (crosses === 1 ? (octets[at] ?? 0n) : 0n), 0n);
        linkCounters[link] = (linkCounters[link] ?? 0n) + sum;
        // What the data set says of the link itself.
        expect(Math.abs(Number(sum) - (loads[row]?.[link] ?? 0) * 300)).toBeLessThan(300);
      }
      pollAt(row + 1);
    }
    source.watermark('router', T0 + 300 * BUCKET);
    await fixture.run();
    const usage = async (name: string): Promise<Map<number, bigint>> => {
      const records = await fixture.latest(source.port('router', name).in);
      expect(records).toHaveLength(288);
      return new Map(records.map((record) => [record.bucketStartMs, record.octets.good]));
    };
    const ofFlows = await Promise.all(counters.map((_, at) => usage(`flow${at}`)));
    for (const [link, over] of crossing.entries()) {
      const ofLink = await usage(`link${link}`);
      const parts = ofFlows.filter((_, at) => over[at] === 1);
      const sumAt = (bucket: number): bigint => parts.reduce((sum, flow) => sum + (flow.get(bucket) ?? 0n), 0n);
      let total = 0n;
      for (const [bucket, octets] of ofLink) {
        // Each flow is split to the octet by itself.
        const difference = octets - sumAt(bucket);
        expect(difference >= -16n && difference <= 16n).toBe(true);
        total += difference;
      }
      expect(total).toBe(0n);
    }
    expect((await fixture.proof().reconcile(T0, T0 + 300 * BUCKET)).differences).toEqual([]);
  });
});
