// A real link's traffic replayed as a counter: the 95th percentile from polls on and off the grid, held against one computed by other tools.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type PercentileContract, pricePercentile } from '../../../billing-bridge/rate/percentile.ts';
import { pairsIn } from '../../../billing-bridge/mediate/meter-pairs.ts';
import { Reading } from '../../../billing-bridge/mediate/reading.ts';
import { Exact } from '../../../common/model/exact.ts';
import { BUCKET, MediationFixture } from '../../support/mediation-fixture.ts';
import { CORPUS, describeWith } from '../../support/requirements.ts';
import { startTestDatabase, type TestDatabase } from '../../support/test-database.ts';

interface Reference {
  readonly months: readonly { readonly month: string; readonly n: number; readonly nearest_rank_ceil: number }[];
}

const CONTRACT: PercentileContract = {
  percentile: Exact.integer(95),
  intervalMs: BUCKET,
  direction: 'in',
  rank: 'nearest_rank',
  gaps: 'exclude',
  partPeriod: 'full',
  unit: 'Mbit/s',
  commit: Exact.zero,
  commitPrice: Exact.zero,
  overagePrice: Exact.one,
};

/** [begin of the interval, bits in it]; the clock of the series is taken for UTC. */
function series(): [number, bigint][] {
  const text = readFileSync(path.join(CORPUS, 'traffic/isp-link/internet-traffic-data-in-bits-fr_EU_5m.csv'), 'utf8');
  return text
    .trim()
    .split('\n')
    .slice(1)
    .map((line): [number, bigint] => {
      const [time = '', bits = ''] = line.trim().split(',');
      return [Date.parse(`${time.replace(' ', 'T')}Z`), BigInt(bits)];
    });
}

describeWith('corpus', 'a real link', () => {
  let server: TestDatabase;
  beforeAll(async () => {
    server = await startTestDatabase();
  });
  afterAll(() => server.stop());

  const reference = JSON.parse(readFileSync(path.join(CORPUS, 'traffic/p95-reference.json'), 'utf8')) as Reference;

  /** Octets at the percentile of each month, from polls every five minutes `phaseMs` behind the grid, or every minute. */
  async function percentiles(phaseMs: number, everyMs: number): Promise<{ octets: bigint; ranked: number }[]> {
    const fixture = await MediationFixture.empty(server.database);
    const { source } = fixture;
    const layout = source.layout('router', [{ name: 'link' }]);
    const real = series();
    const [[beginMs] = [0]] = real;
    let bits = 0n;
    for (const [startMs, moved] of real) {
      for (let at = startMs + phaseMs; at < startMs + BUCKET; at += everyMs) {
        // Inside an interval the counter is taken to grow evenly: nothing else is known.
        const octets = (bits + (moved * BigInt(at - startMs)) / BigInt(BUCKET)) / 8n;
        const uptimeTicks = (at - beginMs) / 10 + 1_000_000;
        source.poll({ layout, atMs: at, octets: [[octets, null]], uptimeTicks, intervalMs: everyMs });
      }
      bits += moved;
    }
    const endMs = beginMs + real.length * BUCKET;
    const last = { layout, atMs: endMs, octets: [[bits / 8n, null]] as const, intervalMs: everyMs };
    source.poll({ ...last, uptimeTicks: (endMs - beginMs) / 10 + 1_000_000 });
    await fixture.run();
    const meter = source.port('router', 'link').in;
    const found: { octets: bigint; ranked: number }[] = [];
    for (const { month } of reference.months) {
      const fromMs = Date.parse(`${month}-01T00:00:00Z`);
      const toMs = new Date(fromMs).setUTCMonth(new Date(fromMs).getUTCMonth() + 1);
      const input = {
        fromMs,
        toMs,
        meters: [{ meter, direction: 'in' as const, fromMs, toMs }],
        usage: await fixture.store.columns([meter], fromMs, toMs),
        part: { covered: 1n, whole: 1n },
      };
      const [ranking] = pricePercentile(input, CONTRACT).rankings;
      found.push({ octets: ranking?.octets ?? 0n, ranked: ranking?.ranked ?? 0 });
    }
    return found;
  }

  /** Parts of a million by which the percentile is off, by month. */
  const deviations = (found: readonly { octets: bigint }[]): number[] =>
    found.map(({ octets }, at) => {
      const expected = reference.months[at]?.nearest_rank_ceil ?? 0;
      return Math.round(((Number(octets) * 8) / expected - 1) * 1e6);
    });

  test('polled on the grid it is the reference, to the octet', async () => {
    const found = await percentiles(0, BUCKET);
    expect(found.map(({ ranked }) => ranked)).toEqual(reference.months.map(({ n }) => n));
    for (const [at, { octets }] of found.entries()) {
      // The counter counts whole octets: at each end of an interval up to seven bits are not counted yet.
      const bits = (reference.months[at]?.nearest_rank_ceil ?? 0) - Number(octets) * 8;
      expect(Math.abs(bits)).toBeLessThan(16);
    }
  });

  // A split of off-grid polls averages neighbours and takes the tops off; the links of others show that it may be much more.
  test.each([
    [0, 60_000],
    [45_000, 60_000],
    [75_000, BUCKET],
    [150_000, BUCKET],
  ])('polled %i ms behind the grid, every %i ms, it is off by parts of a million', async (phaseMs, everyMs) => {
    const off = deviations(await percentiles(phaseMs, everyMs));
    expect(off).toEqual(DEVIATIONS[`${phaseMs} ${everyMs}`]);
  });

  // Pairs of polls are averages of their own time: nothing is cut at a line, but the tops are off all the same.
  test.each([0, 75_000, 150_000])('by pairs of polls %i ms behind the grid', (phaseMs) => {
    const off = deviations(byPairs(phaseMs, reference));
    expect(off).toEqual(PAIR_DEVIATIONS[phaseMs]);
  });
});

/** The same with the pairs of polls every five minutes as samples. */
function byPairs(phaseMs: number, reference: Reference): { octets: bigint }[] {
  const real = series();
  let bits = 0n;
  const readings = real.map(([startMs, moved]) => {
    const observedAtMs = startMs + phaseMs;
    const clock = { observedAtMs, monotonicMs: observedAtMs, uptimeTicks: null, processId: 'a', intervalMs: BUCKET };
    const value = (bits + (moved * BigInt(phaseMs)) / BigInt(BUCKET)) / 8n;
    bits += moved;
    return new Reading(clock, { width: 64, speedBps: null }, value, null);
  });
  const pairs = pairsIn(readings, [], BUCKET);
  return reference.months.map(({ month }) => {
    const fromMs = Date.parse(`${month}-01T00:00:00Z`);
    const toMs = new Date(fromMs).setUTCMonth(new Date(fromMs).getUTCMonth() + 1);
    const meters = [{ meter: 1, direction: 'in' as const, fromMs, toMs }];
    const input = {
      fromMs,
      toMs,
      meters,
      usage: new Map(),
      pairs: new Map([[1, pairs]]),
      part: { covered: 1n, whole: 1n },
    };
    const [ranking] = pricePercentile(input, { ...CONTRACT, samples: 'poll_pair' }).rankings;
    return { octets: ranking?.octets ?? 0n };
  });
}

const PAIR_DEVIATIONS: Readonly<Record<number, readonly number[]>> = {
  0: [0, 0],
  75_000: [-268, 746],
  150_000: [-728, 1142],
};

/** Measured; deterministic, since the series, the phases and the split are. */
const DEVIATIONS: Readonly<Record<string, readonly number[]>> = {
  '0 60000': [0, 0],
  '45000 60000': [-769, 470],
  '75000 300000': [-1072, 876],
  '150000 300000': [-1222, 871],
};
