// What a profile file may say of one value: objects to read, conditions on cells, and how cells become numbers and texts.
import { z } from 'zod';

export const oid = z
  .string()
  .regex(/^[0-2](\.\d{1,10}){1,127}$/, 'expected an object identifier such as 1.3.6.1.2.1.1.1');
export const name = z.string().regex(/^[A-Za-z][A-Za-z0-9_-]{0,62}$/, 'expected a name of letters, digits, "_" or "-"');

export const pattern = z.string().transform((text, context) => {
  try {
    return new RegExp(text, 'm');
  } catch {
    context.addIssue({ code: 'custom', message: 'expected a regular expression' });
    return z.NEVER;
  }
});

const plain = z.union([z.string(), z.number()]);
const texts = z.array(plain.transform(String));
const form = z.enum(['value', 'hex', 'address']).default('value');

/** An object: its OID, or the OID and how its octets are to be read. */
export const object = z
  .union([oid, z.strictObject({ oid, form })])
  .transform((given) => (typeof given === 'string' ? { oid: given, form: 'value' as const } : given));

/** An object of another table, fetched for the rows that are left after `where`. */
export const lookup = z.strictObject({
  oid,
  form,
  /** Template of the other table's index; `{index}` is the row's own. It may name lookups that stand before this one. */
  key: z.string().default('{index}'),
});

/** All that is said must hold of the cell; a list is short for `in`. */
const condition = z
  .union([
    texts,
    z.strictObject({
      in: texts.optional(),
      /** Also holds where the cell is absent. */
      not: texts.optional(),
      matches: pattern.optional(),
      not_matches: pattern.optional(),
      above: z.number().optional(),
      below: z.number().optional(),
      /** Whether there is a value that is not empty. */
      present: z.boolean().optional(),
    }),
  ])
  .transform((given) => (Array.isArray(given) ? { in: given } : given));
export const conditions = z.record(z.string(), condition);

const numberStep = z.union([
  z.number(),
  z.string(),
  z.strictObject({
    column: z.string(),
    when: conditions.optional(),
    /** Values that mean "none". */
    absent: texts.optional(),
    /** Its first group is read as a number. */
    pattern: pattern.optional(),
    /** `*` stands for every other value. */
    map: z.record(z.string(), z.number()).optional(),
    /** The text is hexadecimal, with or without colons. */
    base: z.literal(16).optional(),
    /** Two's complement of so many bits that the device sends as unsigned. */
    signed: z.union([z.literal(8), z.literal(16), z.literal(32)]).optional(),
    /** The other way round: some agents send numbers above the middle as negative. */
    unsigned: z.union([z.literal(16), z.literal(32)]).optional(),
    /** Columns to add and to take away; absent ones count 0. */
    plus: z.array(z.string()).optional(),
    minus: z.array(z.string()).optional(),
    /** This number less the value: 100 for "idle". */
    from: z.number().optional(),
    add: z.number().optional(),
    multiply: z.number().optional(),
    divide: z.number().optional(),
    multiply_by: z.string().optional(),
    divide_by: z.string().optional(),
    /** Columns of EntitySensorDataScale and EntitySensorPrecision (RFC 3433). */
    scale: z.string().optional(),
    precision: z.string().optional(),
    /** The value is in °F, and is told in °C. */
    fahrenheit: z.boolean().optional(),
    /** The value is in milliwatts, and is told in dBm. */
    as_dbm: z.boolean().optional(),
    /** Lowest and highest plausible result; any other is "none". */
    within: z.tuple([z.number(), z.number()]).optional(),
  }),
]);
export const numberExpression = z
  .union([numberStep, z.array(numberStep)])
  .transform((given) => (Array.isArray(given) ? given : [given]));

const textStep = z.union([
  z.string(),
  z
    .strictObject({
      column: z.string().optional(),
      /** A template in place of a cell. */
      text: z.string().optional(),
      when: conditions.optional(),
      /** Its first group, or all of the match. */
      pattern: pattern.optional(),
      /** What is written in place of it: `$1` … `$9` are the groups. */
      write: z.string().optional(),
      /** `*` stands for every other value. */
      map: z.record(z.string(), z.string()).optional(),
      /**
       * Hex octets as text, as a MAC address (which some agents send as text), or as an address behind a family octet (LLDP);
       * dotted octets of an index as an address or as text.
       */
      format: z.enum(['text', 'mac', 'network-address', 'dotted-address', 'dotted-text']).optional(),
    })
    .refine((step) => (step.column === undefined) !== (step.text === undefined), 'expected either column or text'),
]);
export const textExpression = z
  .union([textStep, z.array(textStep)])
  .transform((given) => (Array.isArray(given) ? given : [given]));

export type NumberExpression = z.output<typeof numberExpression>;
export type TextExpression = z.output<typeof textExpression>;
export type Conditions = z.output<typeof conditions>;
export type Condition = z.output<typeof condition>;
