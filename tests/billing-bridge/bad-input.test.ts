// Bad input of contracts and of devices, case by case: each has its coded refusal at `weir check`, or its quality mark in the usage.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkCommand } from '../../cli/commands/check.ts';
import { BUCKET, MediationFixture, MINUTE, T0 } from '../support/mediation-fixture.ts';
import { startTestDatabase, type TestDatabase } from '../support/test-database.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'weir-bad-input-'));
let server: TestDatabase;
beforeAll(async () => {
  server = await startTestDatabase();
  await MediationFixture.empty(server.database);
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await server.stop();
});

interface Contracts {
  readonly customer?: string;
  readonly plan?: string;
  readonly item?: string;
  readonly service?: string;
  readonly more?: string;
}

/** One of each, with one thing put in its place. */
function written(words: Contracts): string {
  const {
    customer = 'currency: EUR',
    plan = 'currency: EUR',
    item = 'kind: per_unit, unit: GB, price: "1"',
    service = 'from: "2026-01-01", bindings: [{ device: sw1, interface: ge-0 }]',
    more = '',
  } = words;
  return `credentials: { c: { version: 2c, community: public } }
devices: [{ name: sw1, address: 192.0.2.1, credential: c }]
customers: [{ id: acme, name: Acme, ${customer} }]
price_plans: [{ id: p, ${plan}, items: [{ id: a, ${item} }] }]
services: [{ id: s, customer: acme, plan: p, ${service} }${more}]
`;
}

async function check(text: string): Promise<{ code: number; told: string }> {
  const file = path.join(folder, 'weir.yaml');
  writeFileSync(file, text);
  const lines: string[] = [];
  const code = await checkCommand.run({
    options: {},
    positionals: [file],
    environment: {},
    json: false,
    signal: new AbortController().signal,
    print: (line) => void lines.push(line),
    progress: () => undefined,
  });
  return { code, told: lines.join('\n') };
}

const graduated = (tiers: string): Contracts => ({ item: `kind: graduated, unit: GB, tiers: [${tiers}]` });
const bound = (more: string): Contracts => ({
  service: `from: "2026-02-01", to: "2026-03-01", bindings: [{ device: sw1, interface: ge-0, ${more} }]`,
});

describe('refused by weir check, with its code', () => {
  test('what all of these differ from by one thing is right', async () => {
    expect(await check(written({}))).toMatchObject({ code: 0 });
  });

  test.each<[string, string, Contracts]>([
    ['tiers that overlap', 'tiers_overlap', graduated('{ up_to: "10" }, { up_to: "5" }, { price: "1" }')],
    ['an open tier before others', 'tiers_overlap', graduated('{ price: "1" }, { up_to: "5" }')],
    ['a table that ends: usage above it would have no price', 'tiers_overlap', graduated('{ up_to: "10" }')],
    ['a negative price', 'price_negative', { item: 'kind: per_unit, unit: GB, price: "-1"' }],
    ['a negative price of a tier', 'price_negative', graduated('{ price: "-0.1" }')],
    ['a currency that there is not', 'currency_unknown', { plan: 'currency: EUX' }],
    ['a currency without an exponent', 'exponent_missing', { customer: 'currency: XDR', plan: 'currency: XDR' }],
    [
      'a plan in another currency than the customer’s: there is no rate',
      'currency_mismatch',
      { plan: 'currency: USD' },
    ],
    [
      'a port bound twice at one time',
      'meter_bound_twice',
      {
        more: ', { id: t, customer: acme, plan: p, from: "2026-01-01", bindings: [{ device: sw1, interface: ge-0 }] }',
      },
    ],
    [
      'a sub-interface beside its parent',
      'port_in_its_parent',
      {
        service: 'from: "2026-01-01", bindings: [{ device: sw1, interface: ge-0 }, { device: sw1, interface: ge-0.7 }]',
      },
    ],
    ['a service that ends before it begins', 'dates_crossed', { service: 'from: "2026-02-01", to: "2026-01-01"' }],
    ['a binding that ends before it begins', 'dates_crossed', bound('from: "2026-02-10", to: "2026-02-09"')],
    ['a binding beyond its service', 'dates_crossed', bound('to: "2026-04-01"')],
    ['a day that does not exist', 'date_invalid', { service: 'from: "2026-02-30"' }],
    [
      'a minimum above the maximum',
      'limits_crossed',
      { item: 'kind: flat, amount: "1", min_spend: "5", max_spend: "4"' },
    ],
    [
      'a discount of more than all',
      'discount_impossible',
      { item: 'kind: flat, amount: "1", discounts: [{ name: d, percent: "101" }]' },
    ],
    [
      'a percentile above a hundred',
      'percentile_impossible',
      { item: 'kind: percentile, percentile: "101", overage_price: "1"' },
    ],
    [
      'an interval off the grid',
      'interval_off_grid',
      { item: 'kind: percentile, interval_ms: 400000, overage_price: "1"' },
    ],
    ['energy in octets', 'unit_of_another_meter', { item: 'kind: per_unit, meter: energy, unit: GB, price: "1"' }],
    ['a rack that there is not', 'rack_unknown', { service: 'from: "2026-01-01", racks: [{ rack: r1 }]' }],
    [
      'a device that there is not',
      'device_unknown',
      { service: 'from: "2026-01-01", bindings: [{ device: sw9, interface: a }]' },
    ],
  ])('%s: %s', async (_name, code, words) => {
    const found = await check(written(words));
    expect(found.code).toBe(1);
    expect(found.told).toContain(`[${code}]`);
  });
});

interface Poll {
  readonly minute: number;
  readonly octets: bigint;
  /** Of the device; the usual is that it goes on. */
  readonly uptimeTicks?: number;
  /** Of the agent, in minutes. */
  readonly monotonic?: number;
  readonly clockSound?: boolean;
}

const MARKS: readonly [string, readonly Poll[], readonly string[]][] = [
  [
    'a counter that goes backwards without a restart: lost',
    [
      { minute: 0, octets: 100n },
      { minute: 1, octets: 40n },
      { minute: 2, octets: 50n },
    ],
    ['0 v1: good 10, 1 min lost 1'],
  ],
  [
    'a restart: lost',
    [
      { minute: 0, octets: 100n },
      { minute: 1, octets: 140n, uptimeTicks: 500 },
    ],
    ['0 v1: nothing, 0 min lost 1'],
  ],
  [
    'more than the line can carry: suspended',
    [
      { minute: 0, octets: 0n },
      { minute: 1, octets: 10n ** 12n },
    ],
    ['0 v1: suspended 1000000000000, 0 min'],
  ],
  [
    'a silence: a gap',
    [
      { minute: 0, octets: 0n },
      { minute: 4, octets: 40n },
    ],
    ['0 v1: gap 40, 4 min gap 4'],
  ],
  [
    'a wall clock that steps back: what is older by the monotonic clock is left out; every octet counts once',
    [
      { minute: 0, octets: 0n },
      { minute: 3, octets: 10n },
      { minute: 2, octets: 20n, monotonic: 4, uptimeTicks: 124_000 },
      { minute: 5, octets: 40n, monotonic: 5, uptimeTicks: 130_000 },
    ],
    ['0 v1: good 20 gap 20, 5 min gap 2'],
  ],
  [
    'a wall clock that steps forward: the octets of the minute that passed, over the time that the clock says',
    [
      { minute: 0, octets: 0n, monotonic: 0 },
      { minute: 4, octets: 10n, monotonic: 1, uptimeTicks: 106_000 },
    ],
    ['0 v1: good 10, 4 min'],
  ],
];

describe('marked in the usage', () => {
  async function mediated(
    polls: readonly Poll[],
  ): Promise<{ fixture: MediationFixture; meter: number; device: string }> {
    const fixture = await MediationFixture.beside(server.database);
    const device = `d${fixture.source.port('x', 'x').in}`;
    const layout = fixture.source.layout(device, [{ name: 'a', speedBps: '1000000000' }]);
    for (const {
      minute,
      octets,
      uptimeTicks = 100_000 + minute * 6000,
      monotonic = minute,
      clockSound = true,
    } of polls)
      fixture.source.poll({
        layout,
        atMs: T0 + minute * MINUTE,
        octets: [[octets, null]],
        uptimeTicks,
        monotonicMs: monotonic * MINUTE,
        clockSound,
      });
    fixture.source.watermark(device, T0 + 100 * BUCKET);
    await fixture.run();
    return { fixture, meter: fixture.source.port(device, 'a').in, device };
  }

  test.each(MARKS)('%s', async (_name, polls, expected) => {
    const { fixture, meter } = await mediated(polls);
    expect(await fixture.told(meter)).toEqual(expected);
    expect(await fixture.store.conservation([meter], T0, T0 + 100 * BUCKET)).toEqual([]);
  });

  test('a clock of an agent that is off: the readings count, and the bill is held', async () => {
    const { fixture, meter, device } = await mediated([
      { minute: 0, octets: 0n, clockSound: false },
      { minute: 1, octets: 10n, clockSound: false },
    ]);
    expect(await fixture.told(meter)).toEqual(['0 v1: good 10, 1 min']);
    expect(await fixture.store.unsoundClocks([meter], T0, T0 + BUCKET)).toMatchObject([{ device, polls: 2 }]);
  });

  test('readings from the future, and from before there was Weir, are none, and are counted', async () => {
    const future = 500 * 1440;
    const { fixture, meter } = await mediated([
      { minute: 0, octets: 0n },
      { minute: 1, octets: 10n },
      { minute: future, octets: 20n },
      { minute: -30 * 365 * 1440, octets: 30n },
    ]);
    expect(await fixture.told(meter)).toEqual(['0 v1: good 10, 1 min']);
    const text = await fixture.reporter.metricsText();
    expect(text).toMatch(/readings_total\{[^}]*outcome="unbelievable"[^}]*\} 2/);
  });
});
