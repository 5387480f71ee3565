// Contracts taken together: each mistake with its place and its code, and nothing said where nothing is wrong.
import { describe, expect, test } from 'vitest';
import { type ContractDocuments, contractIssues } from '../../../billing-bridge/account/check.ts';
import { customerSchema, planSchema, serviceSchema } from '../../../billing-bridge/contract-schema.ts';
import { meteredIssues } from '../../../billing-bridge/metered-check.ts';
import { tierMistakes } from '../../../billing-bridge/rate/tiers.ts';
import { Exact } from '../../../common/model/exact.ts';

interface Text {
  readonly customers?: readonly object[];
  readonly price_plans?: readonly object[];
  readonly services?: readonly object[];
  readonly devices?: ContractDocuments['devices'];
}

const CUSTOMER = { id: 'acme', name: 'Acme', currency: 'EUR', billing_zone: 'Europe/Berlin' };
const ITEM = { id: 'traffic', kind: 'per_unit', unit: 'GB', price: '0.07' };
const FLAT = { id: 'flat', kind: 'flat', amount: '29' };
const PLAN = { id: 'transit', currency: 'EUR', items: [ITEM] };
const SERVICE = {
  id: 'port',
  customer: 'acme',
  plan: 'transit',
  from: '2026-11-01',
  bindings: [{ device: 'r1', interface: 'xe-0/0/0' }],
};

function issuesOf(text: Text): [string, string][] {
  const documents: ContractDocuments = {
    customers: (text.customers ?? [CUSTOMER]).map((one) => customerSchema.parse(one)),
    price_plans: (text.price_plans ?? [PLAN]).map((one) => planSchema.parse(one)),
    services: (text.services ?? [SERVICE]).map((one) => serviceSchema.parse(one)),
    devices: text.devices ?? [{ name: 'r1' }, { name: 'r2' }],
  };
  const options = {
    bucketMs: 300_000,
    meteredIssues,
    tierMistakes: (ends: readonly (string | null)[]) =>
      tierMistakes(ends.map((upTo) => ({ upTo: upTo === null ? null : Exact.parse(upTo) }))),
  };
  return contractIssues(documents, options).map((issue) => [issue.path.join('.'), issue.code]);
}

const plan = (...items: object[]): Text => ({ price_plans: [{ ...PLAN, items }] });
const graduated = (...tiers: object[]): Text => plan({ id: 'g', kind: 'graduated', unit: 'GB', tiers });
const bound = (...bindings: object[]): Text => ({ services: [{ ...SERVICE, bindings }] });
const port = (name: string, more: object = {}): object => ({ device: 'r1', interface: name, ...more });

describe('contracts without a mistake', () => {
  test.each<[string, Text]>([
    ['one of each', {}],
    ['none at all', { customers: [], price_plans: [], services: [] }],
    ['no list of devices: they are kept elsewhere', { devices: [] }],
    ['two versions of a plan', { price_plans: [PLAN, { ...PLAN, valid_from: '2027-01-01' }] }],
    ['the same item in two plans', { price_plans: [PLAN, { ...PLAN, id: 'other' }] }],
    ['tiers that join', graduated({ up_to: '10', price: '2' }, { up_to: '100.5', price: '1' }, { price: '0.5' })],
    ['one tier', graduated({ price: '2' })],
    ['a port that changes hands', bound(port('a', { to: '2026-11-10' }), port('a', { from: '2026-11-10' }))],
    ['the same interface of two devices', bound(port('a'), { device: 'r2', interface: 'a' })],
    ['sub-interfaces beside each other', bound(port('a.1'), port('a.2'))],
    ['a sub-interface after its parent', bound(port('a', { to: '2026-11-10' }), port('a.1', { from: '2026-11-10' }))],
    ['a binding as long as its service', bound(port('a', { from: '2026-11-01' }))],
    [
      'spans of days in the zone of the customer',
      {
        services: [
          { ...SERVICE, from: '2026-11-01', to: '2026-11-02', bindings: [port('a', { to: '2026-11-01T23:00:00Z' })] },
        ],
      },
    ],
    ['a minimum that is the maximum', plan({ ...ITEM, min_spend: '10.0', max_spend: '10' })],
    [
      'bands',
      plan({
        ...ITEM,
        kind: 'time_of_day',
        bands: [{ name: 'day', days: ['mon'], from: '08:00', to: '24:00', price: '1' }],
      }),
    ],
    ['energy in kWh', plan({ ...ITEM, meter: 'energy', unit: 'kWh', factor: '1.4' })],
    [
      'power held for a quarter',
      plan({
        id: 'd',
        kind: 'demand',
        meter: { class: 'power', longest_hold_ms: 900_000 },
        unit: 'kW',
        overage_price: '1',
      }),
    ],
    ['the hundredth percentile', plan({ id: 'p', kind: 'percentile', percentile: '100', overage_price: '1' })],
    [
      'infrastructure that nobody bought',
      { devices: [{ name: 'r1', infrastructure: [{ interface: 'ae0', reason: 'uplink' }] }] },
    ],
  ])('%s', (_name, text) => {
    expect(issuesOf(text)).toEqual([]);
  });
});

const MISTAKES: readonly [string, Text, readonly [string, string][]][] = [
  ['a customer twice', { customers: [CUSTOMER, { ...CUSTOMER, name: 'Other' }] }, [['customers.1.id', 'duplicate']]],
  ['a service twice', { services: [SERVICE, { ...SERVICE, bindings: [] }] }, [['services.1.id', 'duplicate']]],
  ['a plan twice', { price_plans: [PLAN, PLAN] }, [['price_plans.1.id', 'duplicate']]],
  [
    'a version of a plan twice',
    { price_plans: [PLAN, { ...PLAN, valid_from: '2027-01-01' }, { ...PLAN, valid_from: '2027-01-01T00:00:00Z' }] },
    [['price_plans.2.id', 'duplicate']],
  ],
  [
    'energy in gigabytes',
    plan({ ...ITEM, meter: 'energy' }),
    [['price_plans.0.items.0.unit', 'unit_of_another_meter']],
  ],
  [
    'a demand of power in kWh',
    plan({ id: 'd', kind: 'demand', meter: 'power', unit: 'Mbit/s', overage_price: '1' }),
    [['price_plans.0.items.0.unit', 'unit_of_another_meter']],
  ],
  [
    'a percentile of hours',
    plan({ id: 'd', kind: 'percentile', meter: 'uptime', unit: 'kW', overage_price: '1' }),
    [['price_plans.0.items.0.unit', 'unit_of_another_meter']],
  ],
  [
    'trapezoids of a counter',
    plan({ ...ITEM, meter: { class: 'energy', integration: 'trapezoid' }, unit: 'kWh' }),
    [['price_plans.0.items.0.meter.integration', 'meter_is_no_gauge']],
  ],
  [
    'a demand off the grid',
    plan({ id: 'd', kind: 'demand', meter: 'power', interval_ms: 100_000, unit: 'kW', overage_price: '1' }),
    [['price_plans.0.items.0.interval_ms', 'interval_off_grid']],
  ],
  ['an item twice', plan(ITEM, { ...ITEM, price: '1' }), [['price_plans.0.items.1.id', 'duplicate']]],
  [
    'a currency that does not exist',
    { customers: [{ ...CUSTOMER, currency: 'EUX' }], services: [] },
    [['customers.0.currency', 'currency_unknown']],
  ],
  [
    'a plan in a currency that does not exist',
    { price_plans: [{ ...PLAN, currency: 'AAA' }], services: [] },
    [['price_plans.0.currency', 'currency_unknown']],
  ],
  [
    'a plan from a day that does not exist',
    { price_plans: [{ ...PLAN, valid_from: '2027-02-29' }] },
    [['price_plans.0.valid_from', 'date_invalid']],
  ],
  [
    'tiers that overlap',
    graduated({ up_to: '10' }, { up_to: '10' }, { price: '1' }),
    [['price_plans.0.items.0.tiers.1.up_to', 'tiers_overlap']],
  ],
  [
    'tiers that go back',
    graduated({ up_to: '10' }, { up_to: '9.99' }, { price: '1' }),
    [['price_plans.0.items.0.tiers.1.up_to', 'tiers_overlap']],
  ],
  [
    'a tier without an end before others',
    graduated({ price: '2' }, { up_to: '10' }, { price: '1' }),
    [['price_plans.0.items.0.tiers.0.up_to', 'tiers_overlap']],
  ],
  [
    'a table that ends',
    graduated({ up_to: '10', price: '1' }),
    [['price_plans.0.items.0.tiers.0.up_to', 'tiers_overlap']],
  ],
  [
    'a first tier without room',
    graduated({ up_to: '0' }, { price: '1' }),
    [['price_plans.0.items.0.tiers.0.up_to', 'tiers_overlap']],
  ],
  [
    'tiers of a volume price',
    plan({ id: 'v', kind: 'volume', unit: 'GB', tiers: [{ up_to: '2' }, { up_to: '1' }, {}] }),
    [['price_plans.0.items.0.tiers.1.up_to', 'tiers_overlap']],
  ],
  [
    'steps of a stair',
    plan({
      id: 's',
      kind: 'stairstep',
      unit: 'GB',
      steps: [
        { up_to: '2', flat: '1' },
        { up_to: '3', flat: '2' },
      ],
    }),
    [['price_plans.0.items.0.steps.1.up_to', 'tiers_overlap']],
  ],
  [
    'a maximum below the minimum',
    plan({ ...ITEM, min_spend: '10', max_spend: '9.99' }),
    [['price_plans.0.items.0.max_spend', 'limits_crossed']],
  ],
  [
    'a maximum below by a hair',
    plan({ ...ITEM, min_spend: '1.0000000001', max_spend: '1' }),
    [['price_plans.0.items.0.max_spend', 'limits_crossed']],
  ],
  [
    'a credit of nothing',
    plan(ITEM, { id: 'c', kind: 'service_credit', credit: { per: 'hour', amount: '1' } }),
    [['price_plans.0.items.1', 'credit_of_unknown']],
  ],
  [
    'a credit of what is not flat, twice',
    plan(ITEM, { id: 'c', kind: 'service_credit', of: ['traffic', 'traffic'], credit: { per: 'hour', amount: '1' } }),
    [
      ['price_plans.0.items.1.of.0', 'credit_of_unknown'],
      ['price_plans.0.items.1.of.1', 'credit_of_unknown'],
      ['price_plans.0.items.1.of.1', 'duplicate'],
    ],
  ],
  [
    'a table of credits that is no ladder',
    plan(FLAT, {
      id: 'c',
      kind: 'service_credit',
      max_percent: '101',
      hours: [{ days: ['monday'], from: '18:00', to: '08:00' }],
      credit: {
        below: [
          { availability: '99', percent: '20' },
          { availability: '99.5', percent: '10' },
          { availability: '100.1', percent: '110' },
        ],
      },
    }),
    [
      ['price_plans.0.items.1.hours.0.to', 'bands_crossed'],
      ['price_plans.0.items.1.max_percent', 'credit_impossible'],
      ['price_plans.0.items.1.credit.below.1.availability', 'credit_impossible'],
      ['price_plans.0.items.1.credit.below.1.percent', 'credit_impossible'],
      ['price_plans.0.items.1.credit.below.2.availability', 'credit_impossible'],
      ['price_plans.0.items.1.credit.below.2.percent', 'credit_impossible'],
      ['price_plans.0.items.1.credit.below.2.availability', 'credit_impossible'],
    ],
  ],
  [
    'a band that ends before it begins',
    plan({
      ...ITEM,
      kind: 'time_of_day',
      bands: [{ name: 'night', days: ['mon'], from: '22:00', to: '06:00', price: '1' }],
    }),
    [['price_plans.0.items.0.bands.0.to', 'bands_crossed']],
  ],
  [
    'a band without time',
    plan({
      ...ITEM,
      kind: 'time_of_day',
      bands: [{ name: 'never', days: ['mon'], from: '06:00', to: '06:00', price: '1' }],
    }),
    [['price_plans.0.items.0.bands.0.to', 'bands_crossed']],
  ],
  [
    'more than all',
    plan({ id: 'p', kind: 'percentile', percentile: '100.5', overage_price: '1' }),
    [['price_plans.0.items.0.percentile', 'percentile_impossible']],
  ],
  [
    'an interval off the grid',
    plan({ id: 'p', kind: 'percentile', interval_ms: 450_000, overage_price: '1' }),
    [['price_plans.0.items.0.interval_ms', 'interval_off_grid']],
  ],
  [
    'an interval finer than the grid',
    plan({ id: 'p', kind: 'percentile', interval_ms: 60_000, overage_price: '1' }),
    [['price_plans.0.items.0.interval_ms', 'interval_off_grid']],
  ],
  [
    'an unknown customer',
    { services: [{ ...SERVICE, customer: 'nobody' }] },
    [['services.0.customer', 'customer_unknown']],
  ],
  ['an unknown plan', { services: [{ ...SERVICE, plan: 'nothing' }] }, [['services.0.plan', 'plan_unknown']]],
  ['an unknown device', bound({ device: 'r9', interface: 'a' }), [['services.0.bindings.0.device', 'device_unknown']]],
  [
    'a plan in another currency',
    { price_plans: [{ ...PLAN, currency: 'USD' }] },
    [['services.0.plan', 'currency_mismatch']],
  ],
  [
    'a later version in another currency',
    { price_plans: [PLAN, { ...PLAN, valid_from: '2027-01-01', currency: 'USD' }] },
    [['services.0.plan', 'currency_mismatch']],
  ],
  [
    'a service that ends before it begins',
    { services: [{ ...SERVICE, to: '2026-10-31' }] },
    [['services.0.to', 'dates_crossed']],
  ],
  ['a service without time', { services: [{ ...SERVICE, to: '2026-11-01' }] }, [['services.0.to', 'dates_crossed']]],
  [
    'a service from a day that does not exist',
    { services: [{ ...SERVICE, from: '2026-02-30' }] },
    [['services.0.from', 'date_invalid']],
  ],
  [
    'a service to an hour that does not exist',
    { services: [{ ...SERVICE, to: '2027-01-01T25:00:00Z' }] },
    [['services.0.to', 'date_invalid']],
  ],
  [
    'an instant on a day that does not exist',
    { services: [{ ...SERVICE, from: '2026-02-30T00:00:00Z' }] },
    [['services.0.from', 'date_invalid']],
  ],
  [
    'billed from a day that does not exist',
    { services: [{ ...SERVICE, billed_from: '2026-11-31' }] },
    [['services.0.billed_from', 'date_invalid']],
  ],
  [
    'a binding before its service',
    bound(port('a', { from: '2026-10-31' })),
    [['services.0.bindings.0', 'dates_crossed']],
  ],
  [
    'a binding after its service',
    { services: [{ ...SERVICE, to: '2026-12-01', bindings: [port('a', { to: '2026-12-02' })] }] },
    [['services.0.bindings.0', 'dates_crossed']],
  ],
  [
    'a binding that ends before it begins',
    bound(port('a', { from: '2026-11-05', to: '2026-11-04' })),
    [['services.0.bindings.0.to', 'dates_crossed']],
  ],
  [
    'a binding to a day that does not exist',
    bound(port('a', { to: '2026-11-31' })),
    [['services.0.bindings.0.to', 'date_invalid']],
  ],
  ['a port twice in a service', bound(port('a'), port('a')), [['services.0.bindings.1', 'meter_bound_twice']]],
  [
    'a port twice for an hour',
    bound(port('a', { to: '2026-11-10T12:00:00Z' }), port('a', { from: '2026-11-10T11:00:00Z' })),
    [['services.0.bindings.1', 'meter_bound_twice']],
  ],
  [
    'a port in two services',
    { services: [SERVICE, { ...SERVICE, id: 'other', from: '2026-12-01' }] },
    [['services.1.bindings.0', 'meter_bound_twice']],
  ],
  [
    'a sub-interface beside its parent',
    bound(port('xe-0/0/0'), port('xe-0/0/0.100')),
    [['services.0.bindings.1', 'port_in_its_parent']],
  ],
  [
    'a parent beside its sub-interface',
    bound(port('xe-0/0/0.100'), port('xe-0/0/0')),
    [['services.0.bindings.0', 'port_in_its_parent']],
  ],
  [
    'a port that is infrastructure',
    { devices: [{ name: 'r1', infrastructure: [{ interface: 'xe-0/0/0', reason: 'uplink' }] }] },
    [['services.0.bindings.0', 'infrastructure_bound']],
  ],
  [
    'each of several',
    {
      services: [
        { ...SERVICE, customer: 'nobody', plan: 'nothing' },
        { ...SERVICE, id: 'other', bindings: [{ device: 'r9', interface: 'a' }] },
      ],
    },
    [
      ['services.0.customer', 'customer_unknown'],
      ['services.0.plan', 'plan_unknown'],
      ['services.1.bindings.0.device', 'device_unknown'],
    ],
  ],
];

describe('a mistake is told at its place', () => {
  test.each(MISTAKES)('%s', (_name, text, expected) => {
    expect(issuesOf(text)).toEqual(expected);
  });
});

describe('the form of a contract', () => {
  const item =
    (more: object): (() => unknown) =>
    () =>
      planSchema.parse({ ...PLAN, items: [{ ...ITEM, ...more }] });

  test.each<[string, () => unknown, string]>([
    ['a price that is a float', item({ price: 0.07 }), 'expected a decimal in quotes'],
    ['a price that is no number', item({ price: '1,50' }), 'expected a decimal in quotes'],
    ['a price without digits before the point', item({ price: '.5' }), 'expected a decimal in quotes'],
    ['a price below zero', item({ price: '-0.01' }), 'cannot be negative'],
    ['a price that is not there', item({ price: undefined }), 'expected a decimal in quotes'],
    ['a package of nothing', item({ kind: 'package', size: '0' }), 'expected more than zero'],
    ['a unit that does not exist', item({ unit: 'Gb' }), 'unit'],
    ['a kind that does not exist', item({ kind: 'per_gb' }), 'kind'],
    [
      'a hint that is none',
      item({ kind: 'time_of_day', bands: [{ name: 'x', days: ['mon'], from: '24:00', to: '9:00', price: '1' }] }),
      'expected HH:MM',
    ],
    ['a plan without items', () => planSchema.parse({ ...PLAN, items: [] }), 'items'],
    [
      'a zone that does not exist',
      () => customerSchema.parse({ ...CUSTOMER, billing_zone: 'Europe/Atlantis' }),
      'expected an IANA time zone',
    ],
    ['a currency in words', () => customerSchema.parse({ ...CUSTOMER, currency: 'euro' }), 'expected an ISO 4217 code'],
    [
      'a cycle that does not exist',
      () => customerSchema.parse({ ...CUSTOMER, billing_cycle: 'week' }),
      'billing_cycle',
    ],
    [
      'an instant without a zone',
      () => serviceSchema.parse({ ...SERVICE, from: '2026-11-01T00:00:00' }),
      'expected a date such as',
    ],
    ['a name with blanks', () => serviceSchema.parse({ ...SERVICE, id: 'a b' }), 'expected a name'],
  ])('%s is refused', (_name, parse, message) => {
    expect(parse).toThrow(message);
  });

  test('whole numbers may be written plain; prices stay exact', () => {
    const parsed = planSchema.parse({
      ...PLAN,
      items: [
        { ...ITEM, price: 3 },
        { ...ITEM, id: 'x', price: '0.0000000001' },
      ],
    });
    expect(parsed.items.map((one) => 'price' in one && one.price)).toEqual(['3', '0.0000000001']);
  });
});
