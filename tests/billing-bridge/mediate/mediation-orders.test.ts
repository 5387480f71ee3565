// Late, doubled and shuffled pages in chunks of any size, on a real PostgreSQL: the newest records are those of mediating everything in order.
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { GatheringSink } from '../../../billing-bridge/mediate/gathering-sink.ts';
import {
  closeBefore,
  firstState,
  mediateReading,
  type MeterState,
} from '../../../billing-bridge/mediate/meter-state.ts';
import { readingOf } from '../../../billing-bridge/mediate/page-readings.ts';
import { inOrder } from '../../../billing-bridge/mediate/reading.ts';
import type { UsageRecord } from '../../../billing-bridge/mediate/usage.ts';
import { historyArbitrary, playHistory } from '../../support/device-history.ts';
import { BUCKET, MediationFixture, NO_FENCE, T0 } from '../../support/mediation-fixture.ts';
import { startTestDatabase, type TestDatabase } from '../../support/test-database.ts';

let server: TestDatabase;
beforeAll(async () => {
  server = await startTestDatabase();
  await MediationFixture.empty(server.database);
});
afterAll(() => server.stop());

const FAR = T0 + 86_400_000;

/** What a record says, without how it came about; epochs begin where in-order mediation begins them. */
function saying(record: UsageRecord): object {
  const { bucketStartMs, octets, coveredMs, gapMs, lostMs, evidence } = record;
  return { bucketStartMs, ...octets, coveredMs, gapMs, lostMs, ...evidence };
}

/** Every reading of a meter mediated in order, all buckets closed. */
function inOrderRecords(fixture: MediationFixture, meter: number): object[] {
  const sink = new GatheringSink();
  let state: MeterState | null = null;
  for (const reading of inOrder(fixture.source.readingsOf(meter).map(readingOf)))
    if (state === null) state = firstState(meter, reading, BUCKET, sink);
    else mediateReading(state, reading, 0, BUCKET, sink);
  if (state !== null) closeBefore(state, FAR / BUCKET, sink);
  const epochs = sink.history.epochs.map((epoch) => epoch.first.observedAtMs);
  return [...sink.contents.values()].map(({ bucket, good, wrapped, gap, suspended, ...rest }) => ({
    bucketStartMs: bucket * BUCKET,
    good,
    wrapped,
    gap,
    suspended,
    coveredMs: rest.coveredMs,
    gapMs: rest.gapMs,
    lostMs: rest.lostMs,
    epoch: BigInt(epochs.findLast((first) => first <= rest.firstMs) ?? 0),
    firstReadingAtMs: rest.firstMs,
    lastReadingAtMs: rest.lastMs,
  }));
}

interface Delivery {
  /** Where each page goes: shuffled by these, kept in order where they grow. */
  readonly order: readonly number[];
  readonly doubled: readonly number[];
  readonly pagesAtOnce: number;
  /** Every so many pages mediation runs, and its process may be another. */
  readonly runEvery: number;
  readonly restart: boolean;
  /** The watermark follows the newest page, so that silent meters are closed. */
  readonly watermarks: boolean;
}

const delivery: fc.Arbitrary<Delivery> = fc.record({
  order: fc.oneof(
    fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 40, maxLength: 40 }),
    fc.array(fc.integer({ min: 0, max: 40 }), { minLength: 40, maxLength: 40 }),
    fc.constant([]),
  ),
  doubled: fc.array(fc.nat(39), { maxLength: 5 }),
  pagesAtOnce: fc.integer({ min: 1, max: 12 }),
  runEvery: fc.integer({ min: 1, max: 20 }),
  restart: fc.boolean(),
  watermarks: fc.boolean(),
});

test('any order, any doubles, any chunks', { timeout: 300_000 }, async () => {
  const history = historyArbitrary({
    events: ['reboot', 'discontinuity', 'width', 'restart agent'],
    agents: 2,
    widths: [32, 64],
    most: 30,
  });
  await fc.assert(
    fc.asyncProperty(history, delivery, async (words, how) => {
      const fixture = await MediationFixture.beside(server.database);
      const { source } = fixture;
      const device = `r${source.port('x', 'x').in}`;
      const layouts = {
        32: source.layout(device, [{ name: 'a', width: 32 }]),
        64: source.layout(device, [{ name: 'a' }]),
      };
      const pages = playHistory(words).map(({ width, octets, ...poll }) =>
        source.page({ ...poll, layout: layouts[width], octets: [octets] }),
      );
      const shuffled = pages
        .map((page, at) => ({ page, place: at + (how.order[at] ?? 0) }))
        .toSorted((a, b) => a.place - b.place)
        .map(({ page }) => page);
      const sent = [...shuffled, ...how.doubled.flatMap((at) => pages[at] ?? [])];
      fixture.mediation = fixture.fresh({ pagesAtOnce: how.pagesAtOnce });
      for (const [at, page] of sent.entries()) {
        source.add(page);
        if (how.watermarks) source.watermark(device, page.segments[0]?.[1] ?? 0);
        if (at % how.runEvery !== 0) continue;
        if (how.restart) fixture.mediation = fixture.fresh({ pagesAtOnce: how.pagesAtOnce });
        await fixture.run();
      }
      source.watermark(device, FAR + 10 * BUCKET);
      await fixture.run();
      const { in: incoming, out: outgoing } = source.port(device, 'a');
      for (const meter of [incoming, outgoing]) {
        const records = (await fixture.latest(meter)).filter(
          ({ evidence }) => evidence.firstReadingAtMs < evidence.lastReadingAtMs,
        );
        expect(records.map(saying)).toEqual(inOrderRecords(fixture, meter));
      }
      expect(await fixture.store.conservation([incoming, outgoing], 0, FAR)).toEqual([]);
      expect((await fixture.proof().reconcile(0, FAR)).differences).toEqual([]);
      // Once more, by a process that knows nothing, and from the beginning: nothing changes.
      const before = await fixture.store.counts();
      await fixture.fresh().run(NO_FENCE);
      await server.database.query('update usage.mediation set cursor = null, number = number + 1');
      await fixture.fresh({ pagesAtOnce: 7 }).run(NO_FENCE);
      expect(await fixture.store.counts()).toEqual(before);
    }),
    { numRuns: 60 },
  );
});
