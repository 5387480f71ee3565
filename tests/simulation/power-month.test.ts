// A month of colocation power on a virtual clock: feeds A and B of a rack from counters and gauges to charges, against sums made from the truth alone.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { spreadRacks } from '../../billing-bridge/account/racks.ts';
import { rackSchema, serviceSchema } from '../../billing-bridge/contract-schema.ts';
import type { Charge } from '../../billing-bridge/rate/charge-store.ts';
import { reconcileCharges } from '../../billing-bridge/rate/reconcile-charges.ts';
import { localDate, periodNamed, zoneOffset } from '../../common/model/period.ts';
import { BillingFixture, BUCKET_MS, WINDOW_MS } from '../support/billing-fixture.ts';
import { MediationFixture } from '../support/mediation-fixture.ts';
import { startTestDatabase, type TestDatabase } from '../support/test-database.ts';

const QUARTER = 900_000;
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const ZONE = 'Europe/Berlin';
const FEEDS = ['pdu-a', 'pdu-b'] as const;

let server: TestDatabase;
beforeAll(async () => {
  server = await startTestDatabase();
});
afterAll(() => server.stop());

/** What a feed draws from a time on, in mW, so that a quarter of an hour is whole mWh in each third. */
function drawn(feed: number, at: number): bigint {
  const noise = Math.imul((at / QUARTER) ^ (feed * 977), 0x9e37_79b1) >>> 12;
  return 12_000n * BigInt(60 + 40 * feed + (noise % 120));
}

interface Poll {
  readonly at: number;
  readonly mWh: bigint;
  readonly mW: bigint;
}

/** Feed B is silent for two hours on the tenth and set to nothing by hand on the twentieth; of feed A one poll is missing on the fifth. */
function pollsOf(feed: number, startMs: number, endMs: number): Poll[] {
  const polls: Poll[] = [];
  let mWh = 5_000_000_000n;
  for (let at = startMs - HOUR; at <= endMs + HOUR; at += QUARTER) {
    const reset = feed === 1 && at === startMs + 19 * DAY + 10 * HOUR;
    if (reset) mWh = 0n;
    const silent = feed === 1 && at > startMs + 9 * DAY && at < startMs + 9 * DAY + 2 * HOUR;
    const missed = feed === 0 && at === startMs + 4 * DAY + QUARTER;
    if (!silent && !missed) polls.push({ at, mWh, mW: drawn(feed, at) });
    mWh += drawn(feed, at) / 4n;
  }
  return polls;
}

/** By day of the week and hour of the zone. */
function isPeak(at: number): boolean {
  const weekday = new Date(Date.parse(localDate(at, ZONE))).getUTCDay();
  const minute = ((at + zoneOffset(at, ZONE)) % DAY) / 60_000;
  return weekday >= 1 && weekday <= 5 && minute >= 7 * 60 && minute < 20 * 60;
}

interface Truth {
  readonly peak: bigint;
  readonly other: bigint;
  /** The highest sum of both feeds over a quarter of an hour, in mW, and how many quarters have both. */
  readonly demand: bigint;
  readonly quarters: number;
}

function truthOf(feeds: readonly Poll[][], startMs: number, endMs: number): Truth {
  const energy = { peak: 0n, other: 0n };
  const sums = new Map<number, { mW: bigint; feeds: number }>();
  for (const polls of feeds)
    for (const [place, poll] of polls.entries()) {
      const next = polls[place + 1];
      if (next === undefined || poll.at < startMs || poll.at >= endMs) continue;
      // A counter that was set back says nothing of the span; over a silence it says how much, spread evenly.
      if (next.mWh >= poll.mWh) {
        const quarters = BigInt((next.at - poll.at) / QUARTER);
        for (let at = poll.at; at < next.at; at += QUARTER)
          energy[isPeak(at) ? 'peak' : 'other'] += (next.mWh - poll.mWh) / quarters;
      }
      if (next.at - poll.at > HOUR) continue;
      for (let at = poll.at; at < next.at; at += QUARTER) {
        const sum = sums.get(at) ?? { mW: 0n, feeds: 0 };
        sums.set(at, { mW: sum.mW + poll.mW, feeds: sum.feeds + 1 });
      }
    }
  const both = [...sums.values()].filter((sum) => sum.feeds === FEEDS.length);
  return {
    ...energy,
    demand: both.reduce((most, { mW }) => (mW > most ? mW : most), 0n),
    quarters: both.length,
  };
}

const PLAN = {
  id: 'power',
  currency: 'EUR',
  items: [
    {
      id: 'energy',
      kind: 'time_of_day',
      meter: 'energy',
      factor: '1.25',
      unit: 'kWh',
      price: '0.20',
      bands: [{ name: 'peak', days: ['mon', 'tue', 'wed', 'thu', 'fri'], from: '07:00', to: '20:00', price: '0.30' }],
    },
    {
      id: 'demand',
      kind: 'demand',
      meter: { class: 'power', longest_hold_ms: 1_800_000 },
      unit: 'kW',
      factor: '1.25',
      commit: '2',
      commit_price: '90',
      overage_price: '70',
    },
    // Without a hold the quarter that lacks a poll is not ranked either.
    { id: 'strict', kind: 'demand', meter: { class: 'power', longest_hold_ms: 0 }, unit: 'kW', overage_price: '0' },
  ],
};

test('November of a rack: energy by time of use, the highest quarter of both feeds, and what was not measured', async () => {
  const period = periodNamed('2026-11', ZONE);
  if (period === null) throw new Error('no such month');
  const { startMs, endMs } = period;
  const mediation = await MediationFixture.empty(server.database);
  const feeds = FEEDS.map((_, feed) => pollsOf(feed, startMs, endMs));
  for (const [feed, device] of FEEDS.entries()) {
    const layout = mediation.source.layout(device, [
      { name: 'outlet:7', class: 'energy', speedBps: '222223' },
      { name: 'outlet:7', class: 'power' },
    ]);
    for (const { at, mWh, mW } of feeds[feed] ?? [])
      mediation.source.poll({
        layout,
        atMs: at,
        intervalMs: QUARTER,
        octets: [
          [mWh, null],
          [mW, mW],
        ],
        uptimeTicks: (at - startMs + 10 * DAY) / 10,
      });
    mediation.source.watermark(device, endMs + HOUR);
  }
  await mediation.clock.advance(Math.max(0, endMs + DAY - mediation.clock.now()));
  await mediation.run();

  const billing = await BillingFixture.make(server.database, endMs + DAY, mediation.store);
  const rack = rackSchema.parse({ id: 'r12', feeds: FEEDS.map((device) => ({ device, outlet: '7' })) });
  const service = serviceSchema.parse({
    id: 'acme-rack',
    customer: 'acme',
    plan: 'power',
    from: '2026-11-01',
    racks: [{ rack: 'r12' }],
  });
  const { services } = spreadRacks([service], [rack]);
  await billing.apply({
    customers: [{ id: 'acme', name: 'Acme', currency: 'EUR', billing_zone: ZONE }],
    price_plans: [PLAN],
    services,
  });
  await billing.rate();
  const truth = truthOf(feeds, startMs, endMs);
  const charges = (await billing.charges()).filter((charge) => charge.windowStartMs < endMs);
  const of = (item: string): Charge[] => charges.filter((charge) => charge.item === item);

  // 1.25 × (0.30 × peak + 0.20 × other), of mWh: in units of 10^-9.
  const billed = of('energy').reduce((sum, { amount }) => sum + nanos(amount), 0n);
  expect(billed).toBe((125n * (30n * truth.peak + 20n * truth.other)) / 10n);
  expect(truth.peak).toBeGreaterThan(0n);

  const [demand] = of('demand');
  const kW = (truth.demand * 125n) / 100n;
  expect(nanos(demand?.quantity ?? '')).toBe(kW * 1000n);
  // The commit costs its price whole; what lies above it, by the kW.
  expect(nanos(demand?.amount ?? '')).toBe(90n * 10n ** 9n + 70n * (kW * 1000n - 2n * 10n ** 9n));
  const working: unknown = demand?.working;
  const { rankings, coverage } = working as {
    rankings: { ranked: number; missing: number; octets: string }[];
    coverage: { lostMs: number; gapMs: number };
  };
  expect(rankings).toMatchObject([{ ranked: truth.quarters, missing: 8 }]);
  expect(coverage).toMatchObject({ lostMs: 2 * HOUR, gapMs: 2 * QUARTER });
  const strict = of('strict')[0]?.working as typeof demand & { rankings: { ranked: number }[] };
  expect(strict.rankings[0]?.ranked).toBe(truth.quarters - 2);

  const meters = (await mediation.store.allMeters()).map(({ id }) => id);
  expect(await mediation.store.conservation(meters, startMs, endMs)).toEqual([]);
  expect((await mediation.proof().reconcile(startMs, endMs)).differences).toEqual([]);
  const deps = { database: server.database, usage: mediation.store, bucketMs: BUCKET_MS, windowMs: WINDOW_MS };
  const reconciled = await reconcileCharges(deps, await billing.accounts.book(), startMs, startMs + 5 * DAY);
  expect(reconciled.differences).toEqual([]);
});

function nanos(decimal: string): bigint {
  const [whole = '0', fraction = ''] = decimal.split('.');
  return BigInt(whole) * 1_000_000_000n + BigInt(fraction.padEnd(9, '0').slice(0, 9));
}
