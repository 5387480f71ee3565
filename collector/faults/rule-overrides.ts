// Rules that differ for some devices: which devices an override is for, and the rules as it leaves them.
import { fitsPattern } from '../../common/model/name-pattern.ts';
import { z } from 'zod';

/** `*` stands for any text. */
const glob = z.string().min(1).max(100);

/** Fields of rules by rule; what they may be is what the rules themselves may be. */
const changedRules = z.record(z.string(), z.record(z.string(), z.unknown()));

export const overrideSchema = z
  .strictObject({ device: glob.optional(), site: glob.optional(), tag: glob.optional(), rules: changedRules })
  .refine(({ device, site, tag }) => (device ?? site ?? tag) !== undefined, {
    message: 'expected a device, a site or a tag',
  });

export type RuleOverride = z.output<typeof overrideSchema>;

/** Of agents and of Weir itself: no device has them. */
const NOT_OF_DEVICES: ReadonlySet<string> = new Set([
  'agent_silent',
  'agent_clock',
  'spool_filling',
  'journal_lag',
  'receiver_failing',
  'link_mismatch',
]);

export interface OverriddenDevice {
  readonly name: string;
  readonly site: string | null;
  readonly tags: readonly string[];
}

/** Every one of what it names must fit. */
export function isFor(override: RuleOverride, device: OverriddenDevice): boolean {
  const { device: name, site, tag } = override;
  if (name !== undefined && !fitsPattern(name, device.name)) return false;
  if (site !== undefined && !fitsPattern(site, device.site ?? '')) return false;
  return tag === undefined || device.tags.some((one) => fitsPattern(tag, one));
}

type Fields = Readonly<Record<string, unknown>>;

/** The configuration of rules with the fields of the override in place of its own. */
export function overridden(rules: Fields, changed: RuleOverride['rules']): Fields {
  return merged(rules, changed);
}

function merged(base: Fields, changed: Fields): Fields {
  const made: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(changed)) {
    const held = made[key];
    made[key] = isFields(held) && isFields(value) ? merged(held, value) : value;
  }
  return made;
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What is wrong with each override by itself; `parse` is the schema of all rules. */
export function wrongOverrides(
  rules: Fields,
  overrides: readonly RuleOverride[],
  parse: z.ZodType,
): readonly { readonly path: (string | number)[]; readonly message: string }[] {
  return overrides.flatMap((override, at) => {
    const strange = Object.keys(override.rules).filter((name) => NOT_OF_DEVICES.has(name));
    if (strange.length > 0)
      return [{ path: ['overrides', at, 'rules', strange[0] ?? ''], message: 'expected a rule of devices' }];
    const parsed = parse.safeParse(overridden(rules, override.rules));
    if (parsed.success) return [];
    return parsed.error.issues.map(({ path, message }) => ({
      path: ['overrides', at, 'rules', ...path.map((part) => (typeof part === 'symbol' ? String(part) : part))],
      message,
    }));
  });
}
