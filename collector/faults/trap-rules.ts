// Rules of notifications that come with Weir: `rules` in the files of config/traps, beside the names that they use.
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { parseConfiguration, readConfigurationFile } from '../../common/runtime/configuration.ts';
import { messageOf, WeirError } from '../../common/runtime/errors.ts';
import type { FaultRules } from './fault-rules.ts';
import { conditionSchema } from './notification-rules.ts';
import { camelOf } from './rule-fields.ts';

export type TrapRule = FaultRules['notifications']['conditions'][number];

/** Names of notifications and objects are the agent's. */
const fileSchema = z.looseObject({ rules: z.array(conditionSchema).max(500).default([]) });

/** Throws configuration_missing, and configuration_* with file and line; two of one name are a mistake too. */
export function readTrapRules(folder: string): readonly TrapRule[] {
  const rules = new Map<string, TrapRule>();
  for (const file of yamlFiles(folder)) {
    const place = path.join(folder, file);
    for (const rule of parseConfiguration(readConfigurationFile(place), place, fileSchema).rules) {
      if (rules.has(rule.name))
        throw new WeirError('configuration_invalid', `${place}:1: rules: ${rule.name} stands in another file too`, {
          issues: [{ file: place, line: 1, path: 'rules', message: `${rule.name} stands in another file too` }],
        });
      rules.set(rule.name, camelOf(rule) as TrapRule);
    }
  }
  return [...rules.values()];
}

function yamlFiles(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((file) => file.endsWith('.yaml'))
      .toSorted();
  } catch (cause) {
    const message = `Cannot read the rules of notifications in ${folder}: ${messageOf(cause)}.`;
    throw new WeirError('configuration_missing', message, { folder }, cause);
  }
}

/** Those of the configuration go before those that come with Weir. */
export function withTrapRules(rules: FaultRules, shipped: readonly TrapRule[]): FaultRules {
  if (shipped.length === 0) return rules;
  const { notifications } = rules;
  const own = new Set(notifications.conditions.map(({ name }) => name));
  const conditions = [...shipped.filter(({ name }) => !own.has(name)), ...notifications.conditions];
  return { ...rules, notifications: { ...notifications, conditions } };
}
