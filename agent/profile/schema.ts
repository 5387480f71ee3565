// What a profile file may say: which objects a kind of device has and what they mean. Data for people to write; see config/profiles/base.yaml.
import { z } from 'zod';
import { unknownCells } from './references.ts';
import { ruleLists } from './schema-rules.ts';
import { name, oid, pattern } from './schema-values.ts';

export const RULE_KINDS = [
  'system',
  'processor',
  'memory',
  'sensor',
  'neighbour',
  'storage',
  'bgp_peer',
  'outlet',
  'entity',
] as const;

/** Which devices a profile is for: a prefix of sysObjectID, and what else must be so. */
const match = z
  .union([
    oid,
    z.strictObject({
      oid,
      /** sysDescr matches. */
      descr: pattern.optional(),
      /** The device has this scalar (with its instance), and its value matches. */
      has: z.strictObject({ oid, matches: pattern.optional() }).optional(),
    }),
  ])
  .transform((given) => (typeof given === 'string' ? { oid: given } : given));

const interfaceColumn = z.strictObject({ name, oid });
const counterColumn = z.strictObject({
  name,
  oid,
  width: z.union([z.literal(32), z.literal(64)]),
  /** The 32-bit twin, for rows and devices without the wide one. */
  narrow: interfaceColumn.optional(),
});

const header = {
  name,
  /** What this profile builds on; default base. Its rules come after one's own; a rule of the same name is replaced. */
  extends: name.nullable().optional(),
  /** The longest prefix of all profiles wins; of equal ones the one with more conditions. */
  matches: z.array(match).default([]),
};

/** The keys by which a profile is found. */
export const headerSchema = z.strictObject(header);

const profileShape = z.strictObject({
  ...header,
  /** Names of inherited rules that this kind of device must not be asked for. */
  without: z.array(name).default([]),
  interface: z
    .strictObject({
      counters: z.array(counterColumn),
      status: z.array(interfaceColumn),
    })
    .optional(),
  ...ruleLists,
});

export const profileSchema = profileShape.superRefine((profile, context) => {
  for (const kind of RULE_KINDS) {
    for (const [at, rule] of profile[kind].entries()) {
      if (profile[kind].findIndex((one) => one.name === rule.name) < at) {
        const message = `another ${kind} rule is called ${rule.name}`;
        context.addIssue({ code: 'custom', path: [kind, at, 'name'], message });
      }
      for (const { path, cell } of unknownCells(rule, kind === 'system')) {
        const message = `there is no column, scalar or lookup called ${cell} in the rule ${rule.name}`;
        context.addIssue({ code: 'custom', path: [kind, at, ...path], message });
      }
    }
  }
});

/** Vendor by IANA private enterprise number. */
export const enterprisesSchema = z.record(z.string().regex(/^\d+$/), z.string());

export type RuleKind = (typeof RULE_KINDS)[number];
export type ProfileFile = z.output<typeof profileShape>;
export type Match = ProfileFile['matches'][number];
export type Rules = Pick<ProfileFile, RuleKind>;
export type InterfaceColumns = NonNullable<ProfileFile['interface']>;
