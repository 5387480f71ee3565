// The form of customers, price plans and services in the configuration, and what each means to rating; how they fit together is checked in account/check.ts.
import { z } from 'zod';
import { CYCLE_ANCHORS } from '../common/model/cycle.ts';
import { WEEKDAYS } from '../common/model/local-time.ts';
import { INTEGRATIONS, LONGEST_HOLD_MS, METER_CLASSES } from '../common/model/meter-class.ts';
import { BILLING_CYCLES, zoneKnown } from '../common/model/period.ts';
import { nameSchema } from '../common/runtime/device-configuration.ts';
import { SERVICE_LEVELS } from '../common/model/service-level.ts';
import type { PlanTerms } from './account/contract.ts';
import { instant, minuteText, notNegative, positive } from './contract-values.ts';
import { buyerShape, taxCategorySchema } from './invoice-schema.ts';
import { itemTerms, WEEK } from './price-terms.ts';
import { RATE_UNIT_NAMES, VOLUME_UNIT_NAMES } from './rate/unit.ts';

/** What is counted: a class of meters, and of gauges how they become usage, and how long a value may stand for one that was not read. */
const meterSchema = z.union([
  z.enum(METER_CLASSES),
  z.strictObject({
    class: z.enum(METER_CLASSES),
    integration: z.enum(INTEGRATIONS).default('held'),
    longest_hold_ms: z.number().int().min(0).max(LONGEST_HOLD_MS).default(300_000),
  }),
]);
export type MeterDocument = z.output<typeof meterSchema>;
/** Which unit belongs to which class of meters is looked at in account/check.ts. */
const metered = { meter: meterSchema.optional(), factor: positive.optional() };

const common = {
  discounts: z
    .array(
      z.union([
        z.strictObject({ name: z.string().min(1).max(100), percent: notNegative }),
        z.strictObject({ name: z.string().min(1).max(100), amount: notNegative }),
      ]),
    )
    .max(20)
    .optional(),
  id: nameSchema,
  name: z.string().max(200).optional(),
  min_spend: notNegative.optional(),
  max_spend: notNegative.optional(),
  tax: taxCategorySchema.optional(),
};
const ofVolume = {
  ...metered,
  unit: z.enum(VOLUME_UNIT_NAMES),
  direction: z.enum(['in', 'out', 'sum', 'higher']).default('sum'),
};
const tiers = z
  .array(
    z.strictObject({
      up_to: notNegative.nullable().default(null),
      price: notNegative.default('0'),
      flat: notNegative.default('0'),
    }),
  )
  .min(1)
  .max(100);

const timeCredit = {
  allowed_minutes: notNegative.default('0'),
  per: z.enum(['minute', 'hour']),
};
/** What is given back where a service was down; how that is measured goes to the collector with the feed. */
const serviceCreditSchema = z.strictObject({
  id: common.id,
  name: common.name,
  tax: common.tax,
  kind: z.literal('service_credit'),
  down_when: z.enum(['every_port', 'any_port']).default('every_port'),
  maintenance: z.enum(['excluded', 'counted']).default('excluded'),
  notice_hours: z.number().int().min(0).max(8760).default(0),
  hours: z
    .union([
      z.literal('always'),
      z
        .array(
          z.strictObject({
            days: z.array(z.enum(WEEKDAYS)).min(1).max(7),
            from: z.string().regex(minuteText, 'expected HH:MM'),
            to: z.string().regex(minuteText, 'expected HH:MM'),
          }),
        )
        .min(1)
        .max(50),
    ])
    .default('always'),
  of: z.array(nameSchema).min(1).max(50).optional(),
  credit: z.union([
    z.strictObject({
      below: z
        .array(z.strictObject({ availability: positive, percent: notNegative }))
        .min(1)
        .max(50),
    }),
    z.strictObject({ ...timeCredit, amount: notNegative }),
    z.strictObject({ ...timeCredit, percent: notNegative }),
  ]),
  max_percent: notNegative.default('100'),
  max_amount: notNegative.optional(),
});

const itemSchema = z.discriminatedUnion('kind', [
  serviceCreditSchema,
  z.strictObject({
    ...common,
    kind: z.literal('flat'),
    amount: notNegative,
    /** advance: on the bill before the period. */
    billed: z.enum(['arrears', 'advance']).optional(),
    /** How a part of a period is counted; none: as the whole. */
    proration: z.enum(['day', 'second', 'none']).optional(),
    /** What the amount is for, where that is not the period of the bill; of two years at most. */
    cycle_months: z.number().int().min(1).max(24).optional(),
    cycle_from: z.enum(CYCLE_ANCHORS).optional(),
  }),
  z.strictObject({
    ...common,
    kind: z.literal('one_off'),
    amount: notNegative,
    when: z.enum(['start', 'end']).default('start'),
  }),
  z.strictObject({
    ...common,
    kind: z.literal('commitment'),
    ...ofVolume,
    commit: notNegative,
    commit_price: notNegative,
    overage_price: notNegative,
    part_period: z.enum(['full', 'prorated']).default('prorated'),
  }),
  z.strictObject({ ...common, kind: z.literal('per_unit'), ...ofVolume, price: notNegative }),
  z.strictObject({
    ...common,
    kind: z.literal('graduated'),
    ...ofVolume,
    tiers,
    flat_at_zero: z.boolean().default(false),
  }),
  z.strictObject({
    ...common,
    kind: z.literal('volume'),
    ...ofVolume,
    tiers,
    flat_at_zero: z.boolean().default(false),
  }),
  z.strictObject({
    ...common,
    kind: z.literal('package'),
    ...ofVolume,
    size: positive,
    price: notNegative,
    free: notNegative.default('0'),
    one_at_zero: z.boolean().default(false),
  }),
  z.strictObject({
    ...common,
    kind: z.literal('stairstep'),
    ...ofVolume,
    steps: z
      .array(z.strictObject({ up_to: notNegative.nullable().default(null), flat: notNegative }))
      .min(1)
      .max(100),
  }),
  z.strictObject({
    ...common,
    kind: z.literal('time_of_day'),
    ...ofVolume,
    price: notNegative,
    bands: z
      .array(
        z.strictObject({
          name: z.string().max(100),
          days: z.array(z.enum(WEEK)).min(1).max(7),
          from: z.string().regex(minuteText, 'expected HH:MM'),
          to: z.string().regex(minuteText, 'expected HH:MM'),
          price: notNegative,
        }),
      )
      .min(1)
      .max(100),
  }),
  z.strictObject({
    ...common,
    kind: z.literal('percentile'),
    ...metered,
    percentile: positive.default('95'),
    interval_ms: z.number().int().min(1000).max(86_400_000).default(300_000),
    direction: z.enum(['higher', 'per_interval_max', 'sum', 'in', 'out']).default('higher'),
    rank: z.enum(['nearest_rank', 'round_rank', 'interpolated']).default('nearest_rank'),
    /** Instead of the percentile, such as the fifth highest. */
    nth_highest: z.number().int().min(1).max(10_000).optional(),
    /** Each day has its value; of these the one at a percentile of the days, or the mean of the highest. */
    days: z
      .union([
        z.strictObject({ percentile: positive }),
        z.strictObject({ mean_of_highest: z.number().int().min(1).max(31) }),
      ])
      .optional(),
    /** poll_pair: the pairs of polls that end in an interval, not cut at its lines. */
    samples: z.enum(['grid', 'poll_pair']).optional(),
    /** port: each port is ranked by itself, and what counts is summed. */
    aggregation: z.enum(['interval', 'port']).optional(),
    /** Units that are billed at least. */
    floor: notNegative.optional(),
    gaps: z.enum(['exclude', 'zero', 'spread']).default('exclude'),
    part_period: z.enum(['full', 'prorated', 'measured_days']).default('prorated'),
    unit: z.enum(RATE_UNIT_NAMES).default('Mbit/s'),
    commit: notNegative.default('0'),
    commit_price: notNegative.default('0'),
    overage_price: notNegative,
  }),
  // The highest average of an interval, all feeds together: the hundredth percentile of power.
  z.strictObject({
    ...common,
    kind: z.literal('demand'),
    ...metered,
    meter: meterSchema,
    interval_ms: z.number().int().min(1000).max(86_400_000).default(900_000),
    gaps: z.enum(['exclude', 'zero', 'spread']).default('spread'),
    part_period: z.enum(['full', 'prorated']).default('prorated'),
    unit: z.enum(RATE_UNIT_NAMES),
    commit: notNegative.default('0'),
    commit_price: notNegative.default('0'),
    overage_price: notNegative,
  }),
  // So much for each port that is bound, for the part of the period that it is.
  z.strictObject({ ...common, kind: z.literal('assigned_ports'), price: notNegative }),
]);

export const customerSchema = z.strictObject({
  id: nameSchema,
  name: z.string().min(1).max(200),
  currency: z.string().regex(/^[A-Z]{3}$/, 'expected an ISO 4217 code such as EUR'),
  billing_zone: z.string().refine(zoneKnown, 'expected an IANA time zone such as Europe/Berlin').default('UTC'),
  billing_cycle: z.enum(BILLING_CYCLES).default('month'),
  /** On which day of the month a month begins; in shorter months on the last. */
  billing_day: z.number().int().min(1).max(31).optional(),
  ...buyerShape,
});

export const planSchema = z.strictObject({
  id: nameSchema,
  name: z.string().max(200).optional(),
  currency: z.string().regex(/^[A-Z]{3}$/, 'expected an ISO 4217 code such as EUR'),
  valid_from: instant.optional(),
  rounding: z
    .strictObject({
      places: z.number().int().min(0).max(20).optional(),
      mode: z.enum(['half_up', 'half_even', 'down', 'up']).default('half_up'),
    })
    .prefault({}),
  items: z.array(itemSchema).min(1).max(50),
});

const span = { from: instant.optional(), to: instant.optional() };
const index = z.string().min(1).max(200);
const interfaceName = { device: nameSchema, interface: z.string().min(1).max(255) };

/** What is metered of a device: an interface, an outlet, or a sensor by its index; the latter two are kept as what their meters are called. */
const meteredThing = z.union([
  z.strictObject(interfaceName),
  z
    .strictObject({ device: nameSchema, outlet: index })
    .transform(({ device, outlet }) => ({ device, interface: `outlet:${outlet}` })),
  z
    .strictObject({ device: nameSchema, sensor: index })
    .transform(({ device, sensor }) => ({ device, interface: `sensor:${sensor}` })),
]);
const bindingSchema = z.union([
  z.strictObject({ ...interfaceName, ...span }),
  z
    .strictObject({ device: nameSchema, outlet: index, ...span })
    .transform(({ outlet, ...rest }) => ({ ...rest, interface: `outlet:${outlet}` })),
  z
    .strictObject({ device: nameSchema, sensor: index, ...span })
    .transform(({ sensor, ...rest }) => ({ ...rest, interface: `sensor:${sensor}` })),
]);

export const serviceSchema = z.strictObject({
  id: nameSchema,
  name: z.string().max(200).optional(),
  customer: nameSchema,
  plan: nameSchema,
  from: instant,
  to: instant.optional(),
  /** What was promised of how soon faults of it are seen to. */
  service_level: z.enum(SERVICE_LEVELS).optional(),
  /** Where a service is entered late: from when on to charge what costs without usage. */
  billed_from: instant.optional(),
  bindings: z.array(bindingSchema).max(1000).default([]),
  /** Everything that feeds the rack. */
  racks: z
    .array(z.strictObject({ rack: nameSchema, ...span }))
    .max(100)
    .optional(),
});

/** A rack, and the outlets (A and B) or sensors that feed it. */
export const rackSchema = z.strictObject({
  id: nameSchema,
  name: z.string().max(200).optional(),
  feeds: z.array(meteredThing).min(1).max(100),
});

export type CustomerDocument = z.output<typeof customerSchema>;
export type PlanDocument = z.output<typeof planSchema>;
export type ServiceDocument = z.output<typeof serviceSchema>;
export type RackDocument = z.output<typeof rackSchema>;
export type ItemDocument = z.output<typeof itemSchema>;

/** The terms of a plan as rating needs them; `places` follow the currency where the plan does not state them. */
export function planTerms(document: PlanDocument): PlanTerms {
  return {
    currency: document.currency,
    rounding: { places: document.rounding.places ?? currencyPlaces(document.currency), mode: document.rounding.mode },
    items: document.items.map(itemTerms),
    taxCategories: Object.fromEntries(
      document.items.flatMap(({ id, tax }) => (tax === undefined ? [] : [[id, tax] as const])),
    ),
  };
}

/** Reads a plan as it was kept. */
export function readPlanTerms(kept: unknown): PlanTerms {
  return planTerms(planSchema.parse(kept));
}

/** Decimal places of the currency by ISO 4217, as the runtime's CLDR knows them. */
function currencyPlaces(currency: string): number {
  return new Intl.NumberFormat('en', { style: 'currency', currency }).resolvedOptions().maximumFractionDigits ?? 2;
}
