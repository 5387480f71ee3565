// Fees where the terms change: the stretches of a service follow each other, and their parts add up to what one price would be, in months of every length and over both changes of the clock.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ContractBook } from '../../../billing-bridge/account/contract-book.ts';
import { cycleOf, type Customer, type PlanVersion, type Service } from '../../../billing-bridge/account/contract.ts';
import { type PlanDocument, planSchema, planTerms } from '../../../billing-bridge/contract-schema.ts';
import { feeInput } from '../../../billing-bridge/rate/price-window.ts';
import { rateItem } from '../../../billing-bridge/rate/price-item.ts';
import { type FeeStretch, stretchesIn } from '../../../billing-bridge/rate/stretches.ts';
import { CYCLE_ANCHORS, cycleAt, cycleRule } from '../../../common/model/cycle.ts';
import { Exact } from '../../../common/model/exact.ts';
import { nextPeriod, periodAt } from '../../../common/model/period.ts';

const DAY = 86_400_000;
const ZONES = ['UTC', 'Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe'] as const;
const BEGIN = Date.parse('2027-01-01T00:00:00Z');

interface Scene {
  readonly zone: string;
  readonly day: number;
  readonly fromMs: number;
  readonly toMs: number | null;
  readonly switches: readonly number[];
  readonly versions: readonly number[];
}

/** Two plans in turn, each in versions, all with the same fee. */
function bookOf(scene: Scene, item: object, amounts: (version: number) => string): ContractBook {
  const customer: Customer = {
    id: 'c',
    name: 'C',
    currency: 'EUR',
    zone: scene.zone,
    cycle: cycleOf({ billing_cycle: 'month', billing_day: scene.day }),
  };
  const plans = ['p', 'q'].flatMap((id) =>
    [0, ...scene.versions].map((validFromMs, at): PlanVersion => {
      const document: PlanDocument = planSchema.parse({
        id,
        currency: 'EUR',
        items: [{ id: 'fee', kind: 'flat', amount: amounts(at), ...item }],
      });
      return { ...planTerms(document), id, version: at + 1, validFromMs };
    }),
  );
  const begins = [scene.fromMs, ...scene.switches.toSorted((one, other) => one - other)];
  const service: Service = {
    id: 's',
    name: 'S',
    customer: 'c',
    fromMs: scene.fromMs,
    toMs: scene.toMs,
    recurringFromMs: scene.fromMs,
    plans: begins.map((fromMs, at) => ({ plan: at % 2 === 0 ? 'p' : 'q', fromMs })),
    bindings: [],
  };
  return new ContractBook({ serial: 1n, customers: [customer], services: [service], plans });
}

/** Every charge that a service has in so many periods, by where it stands: each once. */
function chargesOf(book: ContractBook, months: number): Map<string, { amount: Exact; stretch: FeeStretch }> {
  const service = book.services.get('s');
  const customer = book.customers.get('c');
  if (service === undefined || customer === undefined) throw new Error('no service');
  const found = new Map<string, { amount: Exact; stretch: FeeStretch }>();
  let period = periodAt(service.fromMs, customer.cycle, customer.zone);
  for (let month = 0; month < months; month += 1) {
    for (const stretch of stretchesIn(book, service, period)) {
      const { amount } = rateItem(stretch.item, feeInput(customer, service, period, stretch));
      const key = `${stretch.item.id} ${stretch.window.startMs}`;
      expect(found.get(key)?.stretch.fromMs ?? stretch.fromMs).toBe(stretch.fromMs);
      expect(stretch.window.endMs).toBeGreaterThan(stretch.window.startMs);
      found.set(key, { amount, stretch });
    }
    period = nextPeriod(period);
  }
  return found;
}

const total = (charges: ReturnType<typeof chargesOf>): string =>
  [...charges.values()].reduce((sum, { amount }) => sum.add(amount), Exact.zero).toString();

const at = fc.integer({ min: 0, max: 420 * 24 * 60 }).map((minutes) => BEGIN + minutes * 60_000);
const scenes = fc
  .record({
    zone: fc.constantFrom(...ZONES),
    day: fc.constantFrom(1, 15, 28, 31),
    fromMs: at,
    length: fc.option(fc.integer({ min: 1, max: 300 * 24 }), { nil: null }),
    switches: fc.uniqueArray(at, { maxLength: 3 }),
    versions: fc.uniqueArray(at, { maxLength: 3 }),
  })
  .map(({ length, ...scene }): Scene => {
    const toMs = length === null ? null : scene.fromMs + length * 3_600_000;
    const inside = scene.switches.filter((one) => one > scene.fromMs && (toMs === null || one < toMs));
    return { ...scene, toMs, switches: inside, versions: scene.versions.toSorted((one, other) => one - other) };
  });
const fees = fc.record(
  {
    billed: fc.constantFrom('arrears', 'advance'),
    proration: fc.constantFrom('day', 'second', 'none'),
    discounts: fc.constantFrom([{ name: 'loyal', amount: '7' }], [{ name: 'ten', percent: '10' }]),
    min_spend: fc.constantFrom('5', '120'),
    cycle_months: fc.constantFrom(1, 3, 6, 12, 24),
    cycle_from: fc.constantFrom(...CYCLE_ANCHORS),
  },
  { requiredKeys: ['cycle_months'] },
);

test('however often the terms change, the parts of one price add up to it exactly, and follow each other without hole or overlap', () => {
  fc.assert(
    fc.property(scenes, fees, (scene, fee) => {
      const months = 40;
      // A cent of difference in the second version makes each a stretch of its own; the price is the same in all.
      const split = chargesOf(
        bookOf(scene, fee, (version) => `100.${'0'.repeat(version + 1)}`),
        months,
      );
      const whole = chargesOf(
        bookOf({ ...scene, switches: [], versions: [] }, fee, () => '100'),
        months,
      );
      const ends = [...whole.values()].map(({ stretch }) => stretch.toMs);
      const until = Math.max(0, ...ends);
      const within = new Map([...split].filter(([, { stretch }]) => stretch.toMs <= until));
      expect(total(within)).toBe(total(whole));
      const spans = [...within.values()]
        .map(({ stretch }) => stretch)
        .toSorted((one, other) => one.fromMs - other.fromMs);
      for (const [index, span] of spans.entries()) if (index > 0) expect(span.fromMs).toBe(spans[index - 1]?.toMs);
    }),
    { numRuns: 60 },
  );
});

test.each([
  // The month, its days, and what 10 days at 30 and the rest at 60 come to.
  ['2027-02', 28, '345/7'],
  ['2028-02', 29, '1440/29'],
  ['2027-04', 30, '50'],
  ['2027-03', 31, '1560/31'],
  ['2027-10', 31, '1560/31'],
  ['2027-11', 30, '50'],
])('the eleventh of %s, of %d days, in three zones, in advance and in arrears', (month, days, expected) => {
  for (const zone of ZONES.slice(0, 3))
    for (const billed of ['arrears', 'advance']) {
      const period = periodAt(Date.parse(`${month}-15T00:00:00Z`), 'month', zone);
      // Half past eleven in the morning: the day is the new plan's.
      const noonish = period.startMs + 10 * DAY + 11.5 * 3_600_000;
      const scene: Scene = { zone, day: 1, fromMs: 0, toMs: null, switches: [], versions: [noonish] };
      const book = bookOf(scene, { billed }, (version) => (version === 0 ? '30' : '60'));
      const service = book.services.get('s');
      const customer = book.customers.get('c');
      if (service === undefined || customer === undefined) throw new Error('no service');
      const parts = stretchesIn(book, service, period).map((one) =>
        rateItem(one.item, feeInput(customer, service, period, one)),
      );
      expect(parts.map(({ quantity }) => quantity.multiply(Exact.integer(days)).toString())).toEqual([
        '10',
        `${days - 10}`,
      ]);
      expect(parts.reduce((sum, { amount }) => sum.add(amount), Exact.zero).toString()).toBe(expected);
      expect(parts[0]?.steps[0]?.what).toBe(`10 of ${days}, ${month}-01 to ${month}-10`);
    }
});

test('cycles of several months tile time, each as long as it says, and begin where they are anchored', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(1, 2, 3, 6, 12, 24),
      fc.constantFrom(...CYCLE_ANCHORS),
      fc.constantFrom(...ZONES),
      fc.integer({ min: 1, max: 31 }),
      at,
      at,
      (months, anchor, zone, billingDay, fromMs, when) => {
        const rule = cycleRule(months, anchor, { fromMs, zone, billingDay });
        const cycle = cycleAt(rule, when, zone);
        expect(cycle.startMs <= when && when < cycle.endMs).toBe(true);
        expect(cycleAt(rule, cycle.endMs, zone).startMs).toBe(cycle.endMs);
        expect(cycleAt(rule, cycle.startMs - 1, zone).endMs).toBe(cycle.startMs);
        const days = (cycle.endMs - cycle.startMs) / DAY;
        expect(Math.abs(days - months * 30.44)).toBeLessThan(5);
        if (anchor === 'anniversary')
          expect(cycleAt(rule, fromMs, zone).startMs).toBe(periodAt(fromMs, 'day', zone).startMs);
      },
    ),
  );
});
