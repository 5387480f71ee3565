// What is given back for outages: rules as a table, laws on random outages, and from the collector's records to a line of a bill and its correction.
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { planSchema, planTerms } from '../../../billing-bridge/contract-schema.ts';
import { priceServiceCredit, type ServiceCreditPrice } from '../../../billing-bridge/rate/service-credit.ts';
import { Exact } from '../../../common/model/exact.ts';
import { serviceLevelOf, USUAL_TERMS } from '../../../common/model/service-level.ts';
import { WeirError } from '../../../common/runtime/errors.ts';
import { LedgerFixture } from '../../support/ledger-fixture.ts';
import { startTestDatabase, type TestDatabase } from '../../support/test-database.ts';

const MINUTE = 60_000;
const DAY = 86_400_000;
/** Thirty days. */
const MONTH = { fromMs: Date.parse('2026-11-01T00:00:00Z'), toMs: Date.parse('2026-12-01T00:00:00Z') };
const at = (text: string): number => Date.parse(`2026-${text}:00Z`);

function priceOf(words: object): ServiceCreditPrice {
  const plan = planSchema.parse({
    id: 'plan',
    currency: 'EUR',
    items: [
      { id: 'port', kind: 'flat', amount: '300' },
      { id: 'credit', kind: 'service_credit', ...words },
    ],
  });
  const price = planTerms(plan).items[1]?.price;
  if (price?.kind !== 'service_credit') throw new Error('no credit');
  return price;
}

const down = (alarm: string, fromMs: number, toMs: number | null, resource = 'r1/ge-0') => ({
  alarm,
  alarmType: 'interface-down',
  resource,
  fromMs,
  toMs,
});
function levelOf(minutes: number) {
  const downs = minutes === 0 ? [] : [down('1', MONTH.fromMs, MONTH.fromMs + minutes * MINUTE)];
  return serviceLevelOf(USUAL_TERMS, MONTH, [{ resource: 'r1/ge-0', ...MONTH, downs, windows: [] }]);
}
const given = (words: object, minutes: number): string =>
  priceServiceCredit(priceOf(words), {
    level: levelOf(minutes),
    recurring: Exact.integer(300),
    digest: '',
  }).amount.toString();

const TABLE = {
  credit: {
    below: [
      { availability: '99.9', percent: '5' },
      { availability: '99', percent: '10' },
      { availability: '95', percent: '50' },
    ],
  },
};

describe('the rules of a credit', () => {
  test.each<[string, object, number, string]>([
    ['availability as promised', TABLE, 43, '0'],
    // 43.2 minutes are 0.1 % of thirty days.
    ['just below the first row', TABLE, 44, '-15'],
    ['exactly the second row is not below it', TABLE, 432, '-15'],
    ['below the second', TABLE, 433, '-30'],
    ['below all of them', TABLE, 43_200, '-150'],
    ['within the allowed minutes', { credit: { allowed_minutes: '60', per: 'hour', amount: '7' } }, 60, '0'],
    ['an hour that was begun', { credit: { allowed_minutes: '60', per: 'hour', amount: '7' } }, 61, '-7'],
    ['two hours', { credit: { allowed_minutes: '60', per: 'hour', amount: '7' } }, 181, '-21'],
    ['percent a minute', { credit: { per: 'minute', percent: '0.5' } }, 10, '-15'],
    ['no more than the recurring charge', { credit: { per: 'minute', percent: '0.5' } }, 1000, '-300'],
    ['no more than a share of it', { credit: { per: 'minute', percent: '0.5' }, max_percent: '20' }, 1000, '-60'],
    ['no more than an amount', { credit: { per: 'minute', percent: '0.5' }, max_amount: '12.5' }, 1000, '-12.5'],
  ])('%s', (_, words, minutes, amount) => expect(given(words, minutes)).toBe(amount));

  test('steps add up to the amount, and name each outage with its alarm', () => {
    const price = priceOf({ credit: { per: 'minute', percent: '0.5' }, max_amount: '12.5' });
    const { amount, steps } = priceServiceCredit(price, {
      level: levelOf(90),
      recurring: Exact.integer(300),
      digest: '',
    });
    const sum = steps.reduce((all, step) => all.add(Exact.fromText(step.amount) ?? Exact.zero), Exact.zero);
    expect(sum.toString()).toBe(amount.toString());
    expect(steps[0]?.what).toContain('interface-down 1');
  });
});

test('more outage never gives back less, and never more than the cap', () => {
  const rules = [TABLE, { credit: { allowed_minutes: '10', per: 'hour', percent: '3' } }].map((one) => ({
    ...one,
    max_percent: '40',
  }));
  fc.assert(
    fc.property(fc.constantFrom(...rules), fc.nat(43_200), fc.nat(43_200), (rule, one, other) => {
      const [less, more] = [Math.min(one, other), Math.max(one, other)].map((minutes) =>
        Exact.parse(given(rule, minutes)),
      );
      expect(less?.compare(more ?? Exact.zero)).toBeGreaterThanOrEqual(0);
      expect(more?.compare(Exact.integer(-120))).toBeGreaterThanOrEqual(0);
      expect(less?.compare(Exact.zero)).toBeLessThanOrEqual(0);
    }),
  );
});

const contracts = (interfaceKey = 'ge-0') => ({
  customers: [{ id: 'acme', name: 'Acme', currency: 'EUR' }],
  price_plans: [
    {
      id: 'plan',
      currency: 'EUR',
      items: [
        { id: 'port', kind: 'flat', amount: '300' },
        { id: 'credit', name: 'Availability', kind: 'service_credit', ...TABLE, notice_hours: 24 },
      ],
    },
  ],
  services: [
    {
      id: 'acme-1',
      customer: 'acme',
      plan: 'plan',
      from: '2026-11-01',
      bindings: [{ device: 'r1', interface: interfaceKey, from: '2026-11-01' }],
    },
  ],
});

describe('from records to bills', () => {
  let server: TestDatabase;
  let fixture: LedgerFixture;
  beforeAll(async () => {
    server = await startTestDatabase();
    fixture = await LedgerFixture.make(server.database, MONTH.fromMs + DAY, { hardGates: ['finality'] });
    await fixture.apply(contracts());
    const port = fixture.usage.port('r1', 'ge-0');
    fixture.usage.finish(MONTH.toMs + 90 * DAY);
    expect(port.in).toBe(1);
    await fixture.clock.advance(MONTH.toMs - MONTH.fromMs);
  });
  afterAll(() => server.stop());

  const charges = async (): Promise<string[]> =>
    (await fixture.ledger.charges({ customers: null, limit: 100 }))
      .filter(({ item }) => item === 'credit')
      .map((one) => `${one.version} ${one.quantity} ${one.amount}`);
  const bill = (period: string) =>
    fixture.ledger.billRun.run({
      period,
      interim: false,
      accept: [],
      by: 'test',
      fence: () => Promise.resolve(),
    });

  test('a credit waits for the collector and for what agents have not told, and holds the bill back', async () => {
    fixture.outages.failure = new WeirError('collector_unreachable', 'away', {});
    expect(await fixture.rate()).toMatchObject({ charges: 1, waiting: 1 });
    await expect(fixture.levels()).rejects.toMatchObject({ code: 'collector_unreachable' });
    fixture.outages.failure = null;
    fixture.outages.knownUntilMs = MONTH.toMs - MINUTE;
    expect(await fixture.levels()).toEqual({ asked: 1, kept: 0, waiting: 1 });
    expect(await fixture.rate()).toMatchObject({ charges: 0, waiting: 1 });
    expect((await bill('2026-11')).accounts[0]).toMatchObject({ outcome: 'held' });
  });

  test('then it is a line of the bill, explained down to alarms', async () => {
    const { outages } = fixture;
    outages.knownUntilMs = null;
    outages.downs = [
      down('7', at('11-05T10:00'), at('11-05T11:00')),
      down('8', at('11-05T10:30'), at('11-05T12:00'), 'r1'),
      down('9', at('11-30T23:00'), null),
      down('7', at('11-20T01:00'), at('11-20T09:00')),
    ];
    outages.windows = [
      {
        window: '3',
        fromMs: at('11-20T00:00'),
        toMs: at('11-20T08:00'),
        announcedAtMs: at('11-18T00:00'),
        reason: 'new card',
      },
    ];
    await fixture.clock.advance(5 * MINUTE);
    expect(await fixture.levels()).toEqual({ asked: 1, kept: 1, waiting: 0 });
    await fixture.rate();
    // Two hours, one after the window, one at the end of the month: 240 minutes of 42,720, 99.438 %.
    expect(await charges()).toEqual(['1 240 -15']);
    expect((await bill('2026-11')).accounts[0]).toMatchObject({ outcome: 'made', total: '285.00' });
    const [line] = (await fixture.ledger.lines('acme-2026-11')).filter(({ item }) => item === 'credit');
    expect(line).toMatchObject({ itemName: 'Availability', amount: '-15.00', unit: 'minute', quantity: '240' });
    const api = fixture.api();
    const answer = await api.inject({
      url: `/billing/v1/bills/acme-2026-11/lines/${line?.line}/evidence`,
      headers: { authorization: 'Bearer billing' },
    });
    const [behind] = answer.json<{ items: { evidence: { serviceLevel: Record<string, unknown> } }[] }>().items;
    expect(behind?.evidence.serviceLevel).toMatchObject({
      version: 1,
      complete: true,
      recurring: '300',
      outagesInAll: 4,
      measuredMs: 42_720 * MINUTE,
      outages: [
        { from: '2026-11-05T10:00:00.000Z', counted: true, alarms: [{ alarm: '7' }, { alarm: '8' }] },
        { from: '2026-11-20T01:00:00.000Z', counted: false, windows: ['3'] },
        { from: '2026-11-20T08:00:00.000Z', counted: true, alarms: [{ alarm: '7' }] },
        { from: '2026-11-30T23:00:00.000Z', counted: true, alarms: [{ alarm: '9' }] },
      ],
    });
    await api.close();
  });

  test('asked again nothing is another, and everything is computed again to the bit', async () => {
    await fixture.clock.advance(7 * 3_600_000);
    fixture.outages.downs = fixture.outages.downs.toReversed();
    expect(await fixture.levels()).toEqual({ asked: 1, kept: 0, waiting: 0 });
    expect(await fixture.rate()).toMatchObject({ charges: 0 });
    const { charges: proof, bills } = await fixture.ledger.reconcile(MONTH.fromMs, MONTH.toMs);
    expect([...proof.differences, ...bills.differences]).toEqual([]);
    expect(proof.charges).toBe(2);
  });

  test('an alarm that clears late corrects it: an adjustment on the next bill, and the closed one stays', async () => {
    fixture.outages.downs = fixture.outages.downs.map((one) =>
      one.alarm === '7' && one.fromMs === at('11-20T01:00') ? { ...one, toMs: at('11-20T15:00') } : one,
    );
    await fixture.clock.advance(7 * 3_600_000);
    expect(await fixture.levels()).toMatchObject({ kept: 1 });
    await fixture.rate();
    // Six hours more: 600 minutes, 98.596 %.
    expect(await charges()).toEqual(['2 600 -30']);
    await fixture.clock.advance(31 * DAY);
    await fixture.rate();
    await fixture.levels();
    await fixture.rate();
    const made = await bill('2026-12');
    // Alarm 9 was never cleared: half of December is given back, too.
    expect(made.accounts[0]).toMatchObject({ outcome: 'made', total: '135.00' });
    const [adjustment] = (await fixture.ledger.lines('acme-2026-12')).filter(({ kind }) => kind === 'adjustment');
    expect(adjustment).toMatchObject({ item: 'credit', billedBefore: '-15', amount: '-15.00' });
    expect((await fixture.ledger.bill('acme-2026-11', null))?.total).toBe('285.00');
    const { charges: proof, bills } = await fixture.ledger.reconcile(MONTH.fromMs, MONTH.toMs + 31 * DAY);
    expect([...proof.differences, ...bills.differences]).toEqual([]);
  });

  test('another port is asked for anew', async () => {
    fixture.outages.asked = [];
    fixture.outages.downs = [];
    await fixture.apply(contracts('ge-1'));
    await fixture.clock.advance(DAY);
    await fixture.levels();
    expect(new Set(fixture.outages.asked)).toEqual(new Set(['r1/ge-0', 'r1/ge-1']));
  });
});
