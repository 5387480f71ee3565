// What a profile file may say: which objects a kind of device has and what they mean. Data for people to write; see config/profiles/base.yaml.
import { z } from 'zod';
import { unknownCells } from './references.ts';

const oid = z.string().regex(/^[0-2](\.\d{1,10}){1,127}$/, 'expected an object identifier such as 1.3.6.1.2.1.1.1');
const name = z.string().regex(/^[A-Za-z][A-Za-z0-9_-]{0,62}$/, 'expected a name of letters, digits, "_" or "-"');

const pattern = z.string().transform((text, context) => {
  try {
    return new RegExp(text, 'm');
  } catch {
    context.addIssue({ code: 'custom', message: 'expected a regular expression' });
    return z.NEVER;
  }
});

const plain = z.union([z.string(), z.number()]);

/** An object: its OID, or the OID and how its octets are to be read. */
const object = z
  .union([oid, z.strictObject({ oid, form: z.enum(['value', 'hex', 'address']).default('value') })])
  .transform((given) => (typeof given === 'string' ? { oid: given, form: 'value' as const } : given));

/** An object of another table, fetched for the rows that are left after `where`. */
const lookup = z.strictObject({
  oid,
  form: z.enum(['value', 'hex', 'address']).default('value'),
  /** Template of the other table's index; `{index}` is the row's own. */
  key: z.string().default('{index}'),
});

/** All conditions must hold: the value is in a list, in none, or matches. */
const condition = z.union([
  z.array(plain).transform((values) => ({ in: values.map(String) })),
  z.strictObject({ not: z.array(plain) }).transform(({ not }) => ({ not: not.map(String) })),
  z.strictObject({ matches: pattern }),
]);
const conditions = z.record(z.string(), condition);

const numberStep = z.union([
  z.number(),
  z.string(),
  z.strictObject({
    column: z.string(),
    when: conditions.optional(),
    /** Values that mean "none". */
    absent: z.array(plain.transform(String)).optional(),
    /** Its first group is read as a number. */
    pattern: pattern.optional(),
    map: z.record(z.string(), z.number()).optional(),
    /** Columns to add and to take away; absent ones count 0. */
    plus: z.array(z.string()).optional(),
    minus: z.array(z.string()).optional(),
    /** This number less the value: 100 for "idle". */
    from: z.number().optional(),
    multiply: z.number().optional(),
    divide: z.number().optional(),
    multiply_by: z.string().optional(),
    /** Columns of EntitySensorDataScale and EntitySensorPrecision (RFC 3433). */
    scale: z.string().optional(),
    precision: z.string().optional(),
    /** What the other keys leave is milliwatts and is told in dBm; no light is no value. */
    as_dbm: z.boolean().optional(),
  }),
]);
const numberExpression = z
  .union([numberStep, z.array(numberStep)])
  .transform((given) => (Array.isArray(given) ? given : [given]));

const textStep = z.union([
  z.string(),
  z.strictObject({
    column: z.string(),
    when: conditions.optional(),
    /** Its first group, or all of the match. */
    pattern: pattern.optional(),
    map: z.record(z.string(), z.string()).optional(),
    /** Hex octets as text, as a MAC address (which some agents send as text), or as an address behind a family octet (LLDP). */
    format: z.enum(['text', 'mac', 'network-address']).optional(),
  }),
]);
const textExpression = z
  .union([textStep, z.array(textStep)])
  .transform((given) => (Array.isArray(given) ? given : [given]));

const ruleBase = {
  name,
  /** Walked side by side; they share their index. */
  columns: z.record(name, object).default({}),
  /** With their instance (`.0`). A rule without columns has one row. */
  scalars: z.record(name, object).default({}),
  lookups: z.record(name, lookup).default({}),
  where: conditions.default({}),
  /** The index stands alone instead of behind the rule's name; for the one standard rule of a table. */
  bare_index: z.boolean().default(false),
};

const systemRule = z.strictObject({
  ...ruleBase,
  vendor: textExpression.optional(),
  model: textExpression.optional(),
  os: textExpression.optional(),
  version: textExpression.optional(),
  serial: textExpression.optional(),
});
const processorRule = z.strictObject({
  ...ruleBase,
  description: textExpression,
  usage_percent: numberExpression,
});
const memoryRule = z.strictObject({
  ...ruleBase,
  description: textExpression,
  total_bytes: numberExpression.optional(),
  used_bytes: numberExpression.optional(),
  free_bytes: numberExpression.optional(),
  used_percent: numberExpression.optional(),
});
const sensorRule = z.strictObject({
  ...ruleBase,
  class: textExpression,
  unit: textExpression,
  description: textExpression,
  value: numberExpression,
  low_limit: numberExpression.optional(),
  high_limit: numberExpression.optional(),
});
const neighbourRule = z.strictObject({
  ...ruleBase,
  /** Tried in turn against names, descriptions, addresses and `#ifIndex` of the device's interfaces. */
  local_interface: textExpression,
  remote_device: textExpression,
  remote_port: textExpression,
  protocol: textExpression,
});

const interfaceColumn = z.strictObject({ name, oid });
const counterColumn = z.strictObject({
  name,
  oid,
  width: z.union([z.literal(32), z.literal(64)]),
  /** The 32-bit twin, for rows and devices without the wide one. */
  narrow: interfaceColumn.optional(),
});

const profileShape = z.strictObject({
  name,
  /** What this profile builds on; default base. Its rules come after one's own; a rule of the same name is replaced. */
  extends: name.nullable().optional(),
  /** Prefixes of sysObjectID; the longest of all profiles wins. */
  matches: z.array(oid).default([]),
  /** Names of inherited rules that this kind of device must not be asked for. */
  without: z.array(name).default([]),
  interface: z
    .strictObject({
      counters: z.array(counterColumn),
      status: z.array(interfaceColumn),
    })
    .optional(),
  system: z.array(systemRule).default([]),
  processor: z.array(processorRule).default([]),
  memory: z.array(memoryRule).default([]),
  sensor: z.array(sensorRule).default([]),
  neighbour: z.array(neighbourRule).default([]),
});

export const profileSchema = profileShape.superRefine((profile, context) => {
  for (const kind of ['system', 'processor', 'memory', 'sensor', 'neighbour'] as const) {
    for (const [at, rule] of profile[kind].entries()) {
      for (const { path, cell } of unknownCells(rule, kind === 'system')) {
        const message = `there is no column, scalar or lookup called ${cell} in the rule ${rule.name}`;
        context.addIssue({ code: 'custom', path: [kind, at, ...path], message });
      }
    }
  }
});

/** Vendor by IANA private enterprise number. */
export const enterprisesSchema = z.record(z.string().regex(/^\d+$/), z.string());

export type ProfileFile = z.output<typeof profileShape>;
export type NumberExpression = z.output<typeof numberExpression>;
export type TextExpression = z.output<typeof textExpression>;
export type Conditions = z.output<typeof conditions>;
export type SystemRule = z.output<typeof systemRule>;
export type ProcessorRule = z.output<typeof processorRule>;
export type MemoryRule = z.output<typeof memoryRule>;
export type SensorRule = z.output<typeof sensorRule>;
export type NeighbourRule = z.output<typeof neighbourRule>;
export type Rule = Pick<ProcessorRule, 'name' | 'columns' | 'scalars' | 'lookups' | 'where' | 'bare_index'>;
export type InterfaceColumns = NonNullable<ProfileFile['interface']>;
