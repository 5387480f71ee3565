// The readings projection of a real collector, pulled and mediated: what the bridge counts is what polls in order say, whatever way they took.
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { MediationRun } from '../../../billing-bridge/mediate/mediation-run.ts';
import { PulledAgainProof } from '../../../billing-bridge/mediate/usage-proof.ts';
import { octetsOf } from '../../../billing-bridge/mediate/bucket-content.ts';
import type { JournaledBatch } from '../../../collector/project/projection.ts';
import { PostgresReadings } from '../../../collector/readings/postgres-readings.ts';
import {
  clearReadings,
  migrateReadings,
  portsPoll,
  readingsProjection,
  withWatermarks,
} from '../../collector/readings/readings-fixture.ts';
import { historyArbitrary, playHistory } from '../../support/device-history.ts';
import { BUCKET, MediationFixture, NO_FENCE, T0 } from '../../support/mediation-fixture.ts';
import { journalEntry } from '../../support/poll-builder.ts';
import { startTestDatabase, type TestDatabase } from '../../support/test-database.ts';

let server: TestDatabase;
beforeAll(async () => {
  server = await startTestDatabase();
  await migrateReadings(server.database);
});
afterAll(() => server.stop());

const FAR = T0 + 86_400_000;

test('two agents, two journals, late batches', { timeout: 300_000 }, async () => {
  const history = historyArbitrary({
    events: ['reboot', 'discontinuity', 'restart agent'],
    agents: 2,
    widths: [64],
    most: 25,
  });
  const delivery = fc.record({
    order: fc.array(fc.integer({ min: 0, max: 6 }), { minLength: 25, maxLength: 25 }),
    runEvery: fc.integer({ min: 1, max: 10 }),
    pagesAtOnce: fc.integer({ min: 1, max: 12 }),
    rowsInSegment: fc.integer({ min: 1, max: 2 }),
  });
  await fc.assert(
    fc.asyncProperty(history, delivery, async (words, how) => {
      await clearReadings(server.database);
      const { store, clock, reporter } = await MediationFixture.empty(server.database);
      const { database } = server;
      const source = new PostgresReadings({ database });
      const mediation = new MediationRun(
        reporter,
        { bucketMs: BUCKET, pagesAtOnce: how.pagesAtOnce },
        { database, source, clock },
      );
      const sequences = new Map<string, number>();
      const polls = playHistory(words);
      const entries = polls.map((poll): JournaledBatch => {
        const { agent = '', octets, discontinuity, atMs, monotonicMs, uptimeTicks, processId } = poll;
        const sequence = (sequences.get(agent) ?? 0) + 1;
        sequences.set(agent, sequence);
        const given = (value: bigint | null): bigint | undefined => value ?? undefined;
        const port = (ifName: string, at: 0 | 1) => ({
          ifIndex: String(at + 1),
          ifName,
          discontinuity: Number(discontinuity?.[0] ?? 0n),
          ...(given(octets[at]) === undefined ? {} : { in: given(octets[at]) ?? 0n }),
        });
        const sent = portsPoll({
          atMs,
          monotonicMs: monotonicMs ?? 0,
          uptimeTicks: uptimeTicks ?? 0,
          processId: processId ?? '',
          ports: [port('a', 0), port('b', 1)],
          rowsInSegment: how.rowsInSegment,
        });
        const entry = journalEntry({
          position: sequence,
          sequence,
          agent,
          journal: `journal of ${agent}`,
          polls: [sent],
        });
        return withWatermarks({ ...entry, batch: { ...entry.batch, incarnation: agent } });
      });
      const projection = readingsProjection(database);
      const arriving = entries
        .map((entry, at) => ({ entry, place: at + (how.order[at] ?? 0) }))
        .toSorted((one, other) => one.place - other.place)
        .map(({ entry }) => entry);
      // A journal has its entries in the order of their arrival.
      const positions = new Map<string, number>();
      for (const [at, entry] of arriving.entries()) {
        const position = (positions.get(entry.journal) ?? 0) + 1;
        positions.set(entry.journal, position);
        await projection.apply([{ ...entry, position }]);
        if (at % how.runEvery === 0) await mediation.run(NO_FENCE);
      }
      await mediation.run(NO_FENCE);
      const meters = await store.allMeters();
      const ids = meters.map((meter) => meter.id);
      expect(await store.conservation(ids, 0, FAR)).toEqual([]);
      const proof = await new PulledAgainProof({ bucketMs: BUCKET }, { database, source, clock }).reconcile(0, FAR);
      expect(proof.differences).toEqual([]);
      const before = await store.counts();
      await mediation.run(NO_FENCE);
      expect(await store.counts()).toEqual(before);
      // Without an epoch's end everything up to the first bucket that is not final is there.
      if (words.steps.some((step) => !['none', 'restart agent'].includes(step.event))) return;
      for (const meter of meters.filter((one) => one.direction === 'in')) {
        const at = meter.interfaceKey === 'a' ? 0 : 1;
        if (words.begin[at] >= 2n ** 63n) continue;
        const final = (await store.finalUntil([meter.id])).get(meter.id) ?? 0;
        const records = await store.latest([meter.id], 0, FAR);
        const found = records.reduce((sum, { octets }) => sum + octetsOf(octets), 0n);
        const given = polls.filter((poll) => poll.octets[at] !== null);
        const flowed = (given.at(-1)?.truth[at] ?? 0n) - (given[0]?.truth[at] ?? 0n);
        expect(found <= flowed).toBe(true);
        if (given.every((poll) => poll.atMs <= final)) expect(found).toBe(flowed);
      }
    }),
    { numRuns: 40 },
  );
});
