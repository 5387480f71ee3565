// What a configuration changes in the contracts: versions with their validity, and never the past, unless a date says so.
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { applicationOf } from '../../../billing-bridge/account/apply.ts';
import type { ContractBook } from '../../../billing-bridge/account/contract-book.ts';
import { type KeptVersion, statedDigest } from '../../../billing-bridge/account/kept-version.ts';
import { interfaceState } from '../../../billing-bridge/account/interface-state.ts';
import { planSchema } from '../../../billing-bridge/contract-schema.ts';
import { BillingFixture, type ContractsText } from '../../support/billing-fixture.ts';
import { startTestDatabase, type TestDatabase } from '../../support/test-database.ts';

const DAY = 86_400_000;
const NOV_20 = Date.parse('2026-11-20T12:00:00Z');

const CUSTOMER = { id: 'acme', name: 'Acme', currency: 'EUR' };
const OTHER = { id: 'other', name: 'Other', currency: 'EUR' };

function planOf(id: string, price: string, more: object = {}): object {
  return { id, currency: 'EUR', items: [{ id: 'traffic', kind: 'per_unit', unit: 'GB', price }], ...more };
}

const port = (name: string, more: object = {}): object => ({ device: 'r1', interface: name, ...more });

function serviceOf(id: string, bindings: readonly object[], more: object = {}): object {
  return { id, customer: 'acme', plan: 'p', from: '2026-11-01', bindings, ...more };
}

const CONTRACTS: ContractsText = {
  customers: [CUSTOMER],
  price_plans: [planOf('p', '1')],
  services: [serviceOf('s', [port('a')])],
};

let server: TestDatabase;
let billing: BillingFixture;
beforeAll(async () => {
  server = await startTestDatabase();
});
afterAll(() => server.stop());
beforeEach(async () => {
  billing = await BillingFixture.make(server.database, NOV_20);
});

const at = (text: string): number => Date.parse(text);
const apply = (text: Partial<ContractsText>): Promise<void> => billing.apply({ ...CONTRACTS, ...text });
const refusal = (text: Partial<ContractsText>): Promise<unknown> =>
  apply(text).then(
    () => 'applied',
    (error: unknown) => error,
  );

function priceAt(book: ContractBook, service: string, when: number): string | null {
  const found = book.services.get(service);
  const price = found === undefined ? undefined : book.planAt(found, when)?.items[0]?.price;
  return price?.kind === 'per_unit' ? price.price.toString() : null;
}

const holderAt = (book: ContractBook, name: string, when: number): string | null =>
  book.holderAt('r1', name, when)?.service.id ?? null;

async function versions(): Promise<string[]> {
  const { rows } = await server.database.query<{ kind: string; id: string; version: number }>(
    'select kind, id, version from billing.contract_version order by serial',
  );
  return rows.map((row) => `${row.kind} ${row.id} ${row.version}`);
}

async function reratings(): Promise<{ service: string; from: string; to: string }[]> {
  const { rows } = await server.database.query<{ service: string; from_ms: bigint; to_ms: bigint }>(
    'select service, from_ms, to_ms from billing.rerating order by id',
  );
  return rows.map((row) => ({
    service: row.service,
    from: new Date(Number(row.from_ms)).toISOString(),
    to: new Date(Number(row.to_ms)).toISOString(),
  }));
}

describe('applied again', () => {
  test('nothing changes: no version, no rating anew, the same book', async () => {
    await apply({});
    const [before, book] = [await versions(), await billing.accounts.book()];
    await billing.clock.advance(DAY);
    await apply({});
    expect(await versions()).toEqual(before);
    expect(before).toEqual(['customer acme 1', 'price_plan p 1', 'service s 1']);
    expect(await billing.accounts.book()).toBe(book);
  });

  test('the order of keys and of what has a name says nothing', async () => {
    const services = [serviceOf('s', [port('a')]), serviceOf('t', [port('b')])];
    await apply({ services });
    const before = await versions();
    await apply({
      services: [
        { bindings: [port('b')], from: '2026-11-01', plan: 'p', customer: 'acme', id: 't' },
        serviceOf('s', [port('a')]),
      ],
    });
    expect(await versions()).toEqual(before);
  });

  test('by two at once, it is applied once', async () => {
    await Promise.all(Array.from({ length: 5 }, () => apply({})));
    expect(await versions()).toEqual(['customer acme 1', 'price_plan p 1', 'service s 1']);
  });

  test('what is refused leaves nothing behind', async () => {
    await apply({});
    const before = await versions();
    expect(
      await refusal({ customers: [CUSTOMER, OTHER], services: [serviceOf('s', [port('a')], { customer: 'other' })] }),
    ).toMatchObject({ code: 'contract_change_refused' });
    expect(await versions()).toEqual(before);
  });

  test('the history of each kind is kept under its key, oldest first', async () => {
    await apply({});
    await apply({ customers: [{ ...CUSTOMER, name: 'Acme Ltd' }] });
    await apply({ customers: [CUSTOMER, OTHER] });
    const history = await billing.accounts.history('customer');
    expect(history.map((one) => [one.id, one.version, one.document])).toMatchObject([
      ['acme', 1, { name: 'Acme' }],
      ['acme', 2, { name: 'Acme Ltd' }],
      ['acme', 3, { name: 'Acme' }],
      ['other', 1, { name: 'Other' }],
    ]);
  });

  test('versions cannot be changed, deleted or emptied', async () => {
    await apply({});
    for (const sql of [
      `update billing.contract_version set stated = ''`,
      'delete from billing.contract_version',
      'truncate billing.contract_version',
    ])
      await expect(server.database.query(sql)).rejects.toThrow('never change');
  });

  test('a digest is of the content', () => {
    expect(statedDigest({ a: 1, b: [{ c: '2', d: undefined }] })).toBe(statedDigest({ b: [{ c: '2' }], a: 1 }));
    for (const [one, two] of [
      [{ a: 1 }, { a: '1' }],
      [{ a: [1, 2] }, { a: [2, 1] }],
      [{ a: null }, {}],
      [{ a: 'b"c' }, { a: 'b', c: '' }],
    ])
      expect(statedDigest(one)).not.toBe(statedDigest(two));
  });
});

describe('a customer', () => {
  test.each([
    ['currency', { currency: 'USD' }],
    ['billing_zone', { billing_zone: 'Europe/Berlin' }],
    ['billing_cycle', { billing_cycle: 'day' }],
  ])('cannot change its %s, which charges and bills were cut by', async (field, more) => {
    await apply({ services: [] });
    expect(await refusal({ customers: [{ ...CUSTOMER, ...more }], services: [] })).toMatchObject({
      code: 'contract_change_refused',
      detail: { kind: 'customer', id: 'acme', field },
    });
    // Nor by way of leaving and coming back.
    await apply({ customers: [], services: [] });
    expect(await refusal({ customers: [{ ...CUSTOMER, ...more }], services: [] })).toMatchObject({
      code: 'contract_change_refused',
      detail: { kind: 'customer', id: 'acme', field },
    });
    await apply({ services: [] });
  });

  test('that is no longer stated is kept: its bills still name it', async () => {
    await apply({});
    await apply({ customers: [], services: [] });
    expect((await billing.accounts.book()).customers.get('acme')).toMatchObject({ name: 'Acme' });
    const before = await versions();
    await apply({ customers: [], services: [] });
    expect(await versions()).toEqual(before);
  });
});

describe('a price plan', () => {
  test('that is edited in place counts from now on', async () => {
    await apply({});
    await billing.clock.advance(DAY);
    await apply({ price_plans: [planOf('p', '2')] });
    const book = await billing.accounts.book();
    expect(priceAt(book, 's', at('2026-01-01'))).toBe('1');
    expect(priceAt(book, 's', NOV_20 + DAY - 1)).toBe('1');
    expect(priceAt(book, 's', NOV_20 + DAY)).toBe('2');
  });

  test('edited and put back has both turns in its history', async () => {
    await apply({});
    await billing.clock.advance(DAY);
    await apply({ price_plans: [planOf('p', '2')] });
    await billing.clock.advance(DAY);
    await apply({});
    const book = await billing.accounts.book();
    expect([0, 1, 2].map((days) => priceAt(book, 's', NOV_20 + days * DAY))).toEqual(['1', '2', '1']);
  });

  test('has its first version from the beginning, and a later one from its date', async () => {
    await apply({ price_plans: [planOf('p', '1'), planOf('p', '2', { valid_from: '2026-12-01' })] });
    const book = await billing.accounts.book();
    expect(priceAt(book, 's', at('2020-01-01'))).toBe('1');
    expect(priceAt(book, 's', at('2026-12-01') - 1)).toBe('1');
    expect(priceAt(book, 's', at('2026-12-01'))).toBe('2');
  });

  test('a version whose date has passed counts from now on, never backwards', async () => {
    await apply({});
    await apply({ price_plans: [planOf('p', '1'), planOf('p', '2', { valid_from: '2026-11-10' })] });
    const book = await billing.accounts.book();
    expect(priceAt(book, 's', NOV_20 - 1)).toBe('1');
    expect(priceAt(book, 's', NOV_20)).toBe('2');
  });

  test('a version that has not begun may be edited, and taken back', async () => {
    const later = (price: string): object => planOf('p', price, { valid_from: '2026-12-01' });
    await apply({ price_plans: [planOf('p', '1'), later('2')] });
    await apply({ price_plans: [planOf('p', '1'), later('3')] });
    expect(priceAt(await billing.accounts.book(), 's', at('2026-12-01'))).toBe('3');
    await apply({ price_plans: [planOf('p', '1')] });
    expect(priceAt(await billing.accounts.book(), 's', at('2026-12-01'))).toBe('1');
    const before = await versions();
    await apply({ price_plans: [planOf('p', '1')] });
    expect(await versions()).toEqual(before);
    await apply({ price_plans: [planOf('p', '1'), later('3')] });
    expect(priceAt(await billing.accounts.book(), 's', at('2026-12-01'))).toBe('3');
  });

  test('a version that has begun stays, though it is no longer stated', async () => {
    await apply({ price_plans: [planOf('p', '1'), planOf('p', '2', { valid_from: '2026-12-01' })] });
    await billing.clock.advance(30 * DAY);
    await apply({ price_plans: [planOf('p', '1')] });
    expect(priceAt(await billing.accounts.book(), 's', at('2026-12-25'))).toBe('2');
  });

  test('an edit of a version that was followed by another does not bring it back', async () => {
    const later = planOf('p', '2', { valid_from: '2026-12-01' });
    await apply({ price_plans: [planOf('p', '1'), later] });
    await billing.clock.advance(20 * DAY);
    await apply({ price_plans: [planOf('p', '1', { name: 'The old prices' }), later] });
    const book = await billing.accounts.book();
    expect(priceAt(book, 's', at('2026-11-30'))).toBe('1');
    expect(priceAt(book, 's', at('2026-12-05'))).toBe('2');
    expect(priceAt(book, 's', at('2026-12-25'))).toBe('2');
    const before = await versions();
    await apply({ price_plans: [planOf('p', '1', { name: 'The old prices' }), later] });
    expect(await versions()).toEqual(before);
    // It does where the later one is stated no more.
    await apply({ price_plans: [planOf('p', '1', { name: 'The old prices' })] });
    expect(priceAt(await billing.accounts.book(), 's', at('2026-12-25'))).toBe('1');
  });

  test('a version that is stated late, between two others, does not push the later one aside', async () => {
    const december = planOf('p', '3', { valid_from: '2026-12-01' });
    await apply({ price_plans: [planOf('p', '1'), december] });
    await billing.clock.advance(20 * DAY);
    await apply({ price_plans: [planOf('p', '1'), planOf('p', '2', { valid_from: '2026-11-25' }), december] });
    expect(priceAt(await billing.accounts.book(), 's', at('2026-12-25'))).toBe('3');
  });

  test('an edit before a later version counts until that one', async () => {
    const later = planOf('p', '3', { valid_from: '2026-12-01' });
    await apply({ price_plans: [planOf('p', '1'), later] });
    await apply({ price_plans: [planOf('p', '2'), later] });
    const book = await billing.accounts.book();
    expect(
      [at('2026-11-20'), NOV_20, at('2026-12-01') - 1, at('2026-12-01')].map((when) => priceAt(book, 's', when)),
    ).toEqual(['1', '2', '2', '3']);
  });
});

describe('a service', () => {
  test('cannot go to another customer', async () => {
    await apply({ customers: [CUSTOMER, OTHER] });
    const moved = { customers: [CUSTOMER, OTHER], services: [serviceOf('s', [port('a')], { customer: 'other' })] };
    expect(await refusal(moved)).toMatchObject({
      code: 'contract_change_refused',
      detail: { kind: 'service', id: 's', field: 'customer' },
    });
    await apply({ customers: [CUSTOMER, OTHER], services: [] });
    expect(await refusal(moved)).toMatchObject({ code: 'contract_change_refused' });
  });

  test('that changes its plan keeps the old one for what was', async () => {
    const price_plans = [planOf('p', '1'), planOf('q', '5')];
    await apply({ price_plans });
    await billing.clock.advance(DAY);
    await apply({ price_plans, services: [serviceOf('s', [port('a')], { plan: 'q' })] });
    const book = await billing.accounts.book();
    expect(priceAt(book, 's', NOV_20)).toBe('1');
    expect(priceAt(book, 's', NOV_20 + DAY)).toBe('5');
    expect(await reratings()).toHaveLength(1); // the first statement alone
  });

  test('binds from its beginning at first; what comes later without a date begins now, what goes ends now', async () => {
    await apply({});
    await billing.clock.advance(DAY);
    await apply({ services: [serviceOf('s', [port('b')])] });
    const book = await billing.accounts.book();
    const now = NOV_20 + DAY;
    expect([at('2026-11-01') - 1, at('2026-11-01'), now - 1, now].map((when) => holderAt(book, 'a', when))).toEqual([
      null,
      's',
      's',
      null,
    ]);
    expect([now - 1, now].map((when) => holderAt(book, 'b', when))).toEqual([null, 's']);
  });

  test('a port that goes and comes back was away meanwhile', async () => {
    await apply({});
    await billing.clock.advance(DAY);
    await apply({ services: [serviceOf('s', [])] });
    await billing.clock.advance(DAY);
    await apply({});
    const book = await billing.accounts.book();
    expect([0.5, 1.5, 2.5].map((days) => holderAt(book, 'a', NOV_20 + days * DAY))).toEqual(['s', null, 's']);
    expect(book.services.get('s')?.bindings).toHaveLength(2);
  });

  test('a port changes hands in one step', async () => {
    await apply({ services: [serviceOf('s', [port('a')]), serviceOf('t', [])] });
    await billing.clock.advance(DAY);
    await apply({ services: [serviceOf('s', []), serviceOf('t', [port('a')])] });
    const book = await billing.accounts.book();
    expect([NOV_20, NOV_20 + DAY].map((when) => holderAt(book, 'a', when))).toEqual(['s', 't']);
    expect(book.holdersIn('r1', 'a', at('2026-11-01'), at('2026-12-01')).map((one) => one.service.id)).toEqual([
      's',
      't',
    ]);
  });

  test('two cannot hold a port at one time, also where one of them is history', async () => {
    await apply({});
    const both = { services: [serviceOf('s', [port('a')]), serviceOf('t', [port('a')])] };
    expect(await refusal(both)).toMatchObject({
      code: 'meter_bound_twice',
      detail: { device: 'r1', interface: 'a', services: ['s', 't'] },
    });
    await billing.clock.advance(DAY);
    // The old service is gone, the new one reaches back into its time.
    const back = { services: [serviceOf('t', [port('a', { from: '2026-11-15' })])] };
    expect(await refusal(back)).toMatchObject({ code: 'meter_bound_twice' });
    await apply({ services: [serviceOf('t', [port('a', { from: new Date(NOV_20 + DAY).toISOString() })])] });
    expect(holderAt(await billing.accounts.book(), 'a', NOV_20 + 2 * DAY)).toBe('t');
  });

  test('that is no longer stated ends now; stated again it goes on', async () => {
    await apply({});
    await billing.clock.advance(DAY);
    await apply({ services: [] });
    const ended = (await billing.accounts.book()).services.get('s');
    expect(ended).toMatchObject({ toMs: NOV_20 + DAY, bindings: [{ toMs: NOV_20 + DAY }] });
    const before = await versions();
    await apply({ services: [] });
    expect(await versions()).toEqual(before);
    await billing.clock.advance(DAY);
    await apply({});
    const book = await billing.accounts.book();
    expect(book.services.get('s')).toMatchObject({ toMs: null });
    expect([0.5, 1.5, 2.5].map((days) => holderAt(book, 'a', NOV_20 + days * DAY))).toEqual(['s', null, 's']);
  });

  test('that never began leaves nothing', async () => {
    await apply({ services: [serviceOf('s', [port('a')], { from: '2026-12-01' })] });
    await apply({ services: [] });
    const book = await billing.accounts.book();
    expect(book.services.get('s')).toMatchObject({ fromMs: at('2026-12-01'), toMs: at('2026-12-01'), bindings: [] });
    expect(holderAt(book, 'a', at('2026-12-05'))).toBeNull();
  });

  test('whose beginning moves takes its undated ports with it', async () => {
    await apply({});
    await apply({ services: [serviceOf('s', [port('a')], { from: '2026-11-10' })] });
    const book = await billing.accounts.book();
    expect([at('2026-11-05'), at('2026-11-10')].map((when) => holderAt(book, 'a', when))).toEqual([null, 's']);
  });

  test('counts days in the zone of its customer', async () => {
    await apply({
      customers: [{ ...CUSTOMER, billing_zone: 'Asia/Kathmandu' }],
      services: [serviceOf('s', [port('a', { to: '2026-11-15' })])],
    });
    const book = await billing.accounts.book();
    expect(book.services.get('s')).toMatchObject({
      fromMs: at('2026-10-31T18:15:00Z'),
      bindings: [{ toMs: at('2026-11-14T18:15:00Z') }],
    });
  });

  test('that is entered late pays from the period that runs, or from where it says', async () => {
    await apply({ services: [serviceOf('s', [], { from: '2025-01-15' })] });
    expect((await billing.accounts.book()).services.get('s')?.recurringFromMs).toBe(at('2026-11-01'));
    await apply({ services: [serviceOf('s', [], { from: '2025-01-15', billed_from: '2026-03-01' })] });
    expect((await billing.accounts.book()).services.get('s')?.recurringFromMs).toBe(at('2026-03-01'));
  });
});

describe('what has to be rated again', () => {
  const [november, now] = ['2026-11-01T00:00:00.000Z', new Date(NOV_20).toISOString()];

  test.each<[string, Partial<ContractsText>, { service: string; from: string; to: string }[]]>([
    ['nothing where only a name changes', { services: [serviceOf('s', [port('a')], { name: 'Port' })] }, []],
    ['nothing where a port goes or comes now', { services: [serviceOf('s', [port('b')])] }, []],
    ['nothing where something ends later', { services: [serviceOf('s', [port('a', { to: '2026-12-01' })])] }, []],
    [
      'a port that ended in the past',
      { services: [serviceOf('s', [port('a', { to: '2026-11-15' })])] },
      [{ service: 's', from: '2026-11-15T00:00:00.000Z', to: now }],
    ],
    [
      'a port that began later',
      { services: [serviceOf('s', [port('a', { from: '2026-11-10' })])] },
      [{ service: 's', from: november, to: '2026-11-10T00:00:00.000Z' }],
    ],
    [
      'a port of the past',
      { services: [serviceOf('s', [port('a'), port('b', { from: '2026-11-18' })])] },
      [{ service: 's', from: '2026-11-18T00:00:00.000Z', to: now }],
    ],
    [
      'a service that ended in the past',
      { services: [serviceOf('s', [port('a')], { to: '2026-11-15' })] },
      [{ service: 's', from: '2026-11-15T00:00:00.000Z', to: now }],
    ],
    [
      'a service that ended in the past and has no port',
      { services: [serviceOf('s', [port('a')]), serviceOf('flat', [], { to: '2026-11-15' })] },
      [{ service: 'flat', from: '2026-11-15T00:00:00.000Z', to: now }],
    ],
    [
      'a service that began earlier',
      { services: [serviceOf('s', [port('a')]), serviceOf('flat', [], { from: '2026-10-01' })] },
      [{ service: 'flat', from: '2026-10-01T00:00:00.000Z', to: november }],
    ],
  ])('%s', async (_name, text, expected) => {
    await apply({ services: [serviceOf('s', [port('a')]), serviceOf('flat', [])] });
    const before = (await reratings()).length;
    const services = text.services ?? [];
    const flat = services.some((one) => 'id' in one && one.id === 'flat') ? [] : [serviceOf('flat', [])];
    await apply({ ...text, services: [...services, ...flat] });
    expect((await reratings()).slice(before)).toEqual(expected);
  });
});

describe('an interface', () => {
  test('is billed, infrastructure, or nobody’s; a binding counts before a rule', async () => {
    await apply({});
    const book = await billing.accounts.book();
    const rules = [
      { device: 'r1', interface: 'ae*', reason: 'uplinks' },
      { device: 'r1', interface: 'a', reason: 'by mistake' },
    ];
    const state = (name: string, when = NOV_20): unknown => interfaceState(book, rules, 'r1', name, when);
    expect(state('a')).toEqual({ state: 'billed', service: 's', customer: 'acme' });
    expect(state('a', at('2026-10-01'))).toEqual({ state: 'infrastructure', reason: 'by mistake' });
    expect(state('ae0.100')).toEqual({ state: 'infrastructure', reason: 'uplinks' });
    expect(state('xe-0')).toEqual({ state: 'unassigned' });
    expect(interfaceState(book, rules, 'r2', 'ae0', NOV_20)).toEqual({ state: 'unassigned' });
  });
});

test('a change of version of Weir alone changes no price of the past', () => {
  // What was kept by an older version has another digest: the same terms are stated again, from now on.
  const old: KeptVersion = {
    kind: 'price_plan',
    id: 'p',
    version: 1,
    stated: 'by an older version',
    validFromMs: 0,
    document: planSchema.parse(planOf('p', '1')),
  };
  const stated = { customers: [], price_plans: [planSchema.parse(planOf('p', '1'))], services: [] };
  expect(applicationOf([old], stated, NOV_20).versions).toMatchObject([{ version: 2, validFromMs: NOV_20 }]);
});

describe('however contracts are changed', () => {
  const slots = ['', '2026-11-25', '2026-12-01', '2026-12-10'];
  const plan = fc.array(fc.option(fc.integer({ min: 1, max: 3 }), { freq: 2 }), { minLength: 3, maxLength: 3 });
  const owners = fc.array(fc.constantFrom('', 's', 't'), { minLength: 3, maxLength: 3 });
  const config = fc.record({
    p: fc.tuple(fc.integer({ min: 1, max: 3 }), plan),
    q: fc.tuple(fc.integer({ min: 1, max: 3 }), plan),
    owners,
    plans: fc.tuple(fc.constantFrom('p', 'q'), fc.constantFrom('p', 'q')),
    gone: fc.constantFrom('', '', '', 's', 't'),
    later: fc.integer({ min: 1, max: 8 * 24 }),
  });

  type Config = typeof config extends fc.Arbitrary<infer T> ? T : never;

  function textOf(one: Config): ContractsText {
    const versionsOf = (id: string, [first, more]: [number, (number | null)[]]): object[] =>
      [first, ...more].flatMap((price, index) =>
        price === null ? [] : [planOf(id, String(price), slots[index] === '' ? {} : { valid_from: slots[index] })],
      );
    const services = (['s', 't'] as const).flatMap((id, index) =>
      one.gone === id
        ? []
        : [
            serviceOf(
              id,
              one.owners.flatMap((owner, at) => (owner === id ? [port(`port${at}`)] : [])),
              { plan: one.plans[index] },
            ),
          ],
    );
    return { customers: [CUSTOMER], price_plans: [...versionsOf('p', one.p), ...versionsOf('q', one.q)], services };
  }

  const instants = Array.from({ length: 60 }, (_, day) => NOV_20 + (day - 10) * DAY + 1);
  const seen = (book: ContractBook, until: number): unknown[] =>
    instants
      .filter((when) => when < until)
      .map((when) => [
        when,
        ...['s', 't'].map((service) => priceAt(book, service, when)),
        ...[0, 1, 2].map((name) => holderAt(book, `port${name}`, when)),
      ]);

  test('without dates the past stays, nobody holds a port twice, and a second time changes nothing', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(config, { minLength: 2, maxLength: 6 }), async (configs) => {
        billing = await BillingFixture.make(server.database, NOV_20);
        const first = { ...textOf(configs[0] as Config), services: [serviceOf('s', []), serviceOf('t', [])] };
        await billing.apply(first);
        for (const one of configs) {
          const before = await billing.accounts.book();
          await billing.clock.advance(one.later * 3_600_000);
          const now = billing.clock.now();
          await billing.apply(textOf(one));
          const after = await billing.accounts.book();
          expect(seen(after, now)).toEqual(seen(before, now));
          const count = (await versions()).length;
          await billing.apply(textOf(one));
          expect((await versions()).length).toBe(count);
          for (const name of [0, 1, 2])
            for (const when of instants)
              expect(after.holdersIn('r1', `port${name}`, when, when + 1).length).toBeLessThanOrEqual(1);
        }
      }),
      { numRuns: 30 },
    );
  }, 120_000);
});
