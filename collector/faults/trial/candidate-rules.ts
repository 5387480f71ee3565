// A change of the rules that somebody wants to try: fields of rules and further overrides, laid over what is configured now.
import { z } from 'zod';
import { WeirError } from '../../../common/runtime/errors.ts';
import { type FaultsConfig, faultsConfigOf, faultsSchema } from '../fault-rules.ts';
import { overridden, overrideSchema } from '../rule-overrides.ts';

/** As `collector.faults` has it: only what is to change. */
export const candidateSchema = z.looseObject({ overrides: z.array(overrideSchema).max(1000).default([]) });
export type CandidateRules = z.output<typeof candidateSchema>;

/** Rules that cannot be tried, and what of then is not stored. */
export const UNTRIED_RULES: Readonly<Record<string, string>> = {
  agent_silent: 'when each batch came is not stored, and no device has it',
  agent_clock: 'the clock offsets of agents of then are not stored',
  spool_filling: 'which batches were thinned is not stored',
  journal_lag: 'how far projections were behind is not stored',
  receiver_failing: 'messages are kept as they ended, not as they were tried',
  link_mismatch: 'frame sizes, duplex and VLANs of then are not stored',
  sensor_state: 'states are stored as the numbers of the device, without their words',
  half_duplex: 'duplex of then is not stored',
  poll_partial: 'whether a poll was cut short is not stored',
  no_data:
    'a poll that was cut short is stored like one without interfaces, and polls that did not come are not stored',
};

/** Not of rules. */
const NO_RULES: ReadonlySet<string> = new Set(['cause', 'history_entries', 'retention', 'tick_ms']);

/** Throws invalid_request with the path of each mistake. */
export function candidateConfig(
  now: Pick<FaultsConfig, 'configured' | 'overrides'>,
  { overrides, ...rules }: CandidateRules,
): FaultsConfig {
  const known = Object.keys(now.configured);
  const issues = Object.keys(rules).flatMap((name) =>
    known.includes(name)
      ? []
      : [{ path: name, message: NO_RULES.has(name) ? 'nothing that can be tried' : 'not a rule that is known here' }],
  );
  const parsed = faultsSchema.safeParse({
    ...overridden(now.configured, onlyFields(rules)),
    overrides: [...now.overrides, ...overrides],
  });
  if (!parsed.success)
    for (const { path, message } of parsed.error.issues) {
      const [first, at, ...rest] = path.map(String);
      // Numbered as they were given, not after those that are configured.
      const own =
        first === 'overrides' ? [first, String(Number(at) - now.overrides.length), ...rest] : path.map(String);
      issues.push({ path: own.join('.'), message });
    }
  const [wrong] = issues;
  if (wrong !== undefined)
    throw new WeirError('invalid_request', `rules.${wrong.path}: ${wrong.message}`, { issues: issues.slice(0, 20) });
  if (!parsed.success) throw new Error('BUG: rules are wrong, and nothing is');
  return faultsConfigOf(parsed.data);
}

/** Rules named by the candidate that cannot be tried. */
export function untriedOf({ overrides, ...rules }: CandidateRules): string[] {
  const named = [...Object.keys(rules), ...overrides.flatMap((one) => Object.keys(one.rules))];
  return [...new Set(named)].filter((name) => Object.hasOwn(UNTRIED_RULES, name)).toSorted();
}

function onlyFields(rules: Readonly<Record<string, unknown>>): Record<string, Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(rules).flatMap(([name, value]) =>
      typeof value === 'object' && value !== null && !Array.isArray(value)
        ? [[name, value as Record<string, unknown>] as const]
        : [],
    ),
  );
}
