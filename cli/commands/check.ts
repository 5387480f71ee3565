// `weir check FILE`: every mistake of a configuration with file, line, path and what was expected.
import { z } from 'zod';
import { profilesFor } from '../../agent/main.ts';
import { notificationNames } from '../../agent/notifications.ts';
import type { NotificationNames } from '../../agent/trap/names.ts';
import { taxNotes } from '../../billing-bridge/invoice-schema.ts';
import { composeLibrary } from '../../collector/compose-library.ts';
import { repairConfigOf } from '../../collector/repair/repair-config.ts';
import {
  type ConfigurationIssue,
  parseConfiguration,
  readConfigurationFile,
} from '../../common/runtime/configuration.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import type { Command } from '../command.ts';
import { loadWhole, unresolvedSecrets, type WholeConfiguration } from '../configuration.ts';

export const checkCommand: Command = {
  name: 'check',
  summary: 'say what is wrong with a configuration',
  help: 'usage: weir check FILE [--json]\n\nPrints each mistake as FILE:LINE: PATH: what was expected. Secrets that cannot be resolved here are notes, not mistakes:\nthey need to exist only where the agent runs; so are names in rules of notifications that no file has, and rates of tax that come from the built-in table, which you should confirm. The files in agent.profiles, agent.traps.names and collector.repair.runbooks are checked too. Exit code 0 without mistakes, else 1.',
  options: {},
  run: async (context) => {
    const file = context.positionals[0];
    if (file === undefined || context.positionals.length > 1)
      throw new WeirError('misused', 'weir check takes one file.');
    const { issues, notes } = examine(file, context.environment);
    if (context.json) context.print(JSON.stringify({ file, issues, notes }));
    else {
      for (const issue of issues)
        context.print(`${issue.file}:${issue.line}: ${issue.path === '' ? '' : `${issue.path}: `}${issue.message}`);
      for (const note of notes) context.print(`note: ${note}`);
      context.print(
        issues.length === 0
          ? `${file}: no mistakes`
          : `${file}: ${issues.length} ${issues.length === 1 ? 'mistake' : 'mistakes'}`,
      );
    }
    return issues.length === 0 ? 0 : 1;
  },
};

function examine(
  file: string,
  environment: Readonly<Record<string, string | undefined>>,
): { issues: readonly ConfigurationIssue[]; notes: readonly string[] } {
  try {
    const whole = loadWhole(file);
    checkFolder(file, ['agent', 'profiles'], () => profilesFor(whole.agent.profiles ?? null));
    const names = (): NotificationNames => notificationNames(whole.agent.traps?.names ?? null);
    checkFolder(file, ['agent', 'traps', 'names'], names);
    const repair = repairConfigOf(whole.collector.repair);
    checkFolder(file, ['collector', 'repair', 'runbooks'], () => composeLibrary({ ...repair, policies: [] }));
    checkFolder(file, ['collector', 'repair', 'policies'], () => composeLibrary(repair));
    const taxes = taxNotes(whole.legal_entities, whole.customers, whole.tax_table);
    return { issues: [], notes: [...unresolvedSecrets(whole, environment), ...unknownNames(whole, names()), ...taxes] };
  } catch (error) {
    if (!(error instanceof WeirError) || !Array.isArray(error.detail['issues'])) throw error;
    return { issues: error.detail['issues'], notes: [] };
  }
}

/** Rules of notifications by names that no file has here: mostly a slip, but an agent elsewhere may have names of its own. */
function unknownNames(whole: WholeConfiguration, { notifications, objects }: NotificationNames): string[] {
  const known = new Set([...Object.values(notifications), ...Object.values(objects)].map(({ name }) => name));
  return whole.collector.faults.notifications.conditions.flatMap((rule) => {
    const used = [rule.raised_by, rule.cleared_by, Object.keys(rule.raises_when), Object.keys(rule.clears_when)].flat();
    const unknown = [...used, rule.index_of ?? [], rule.told_apart_by ?? []]
      .flat()
      .filter((name) => !known.has(name) && !/^\d+(\.\d+)+$/.test(name));
    return [...new Set(unknown)].map(
      (name) => `collector.faults.notifications.conditions: ${rule.name}: no file of names has ${name}`,
    );
  });
}

/** Mistakes in the files of a folder name their own lines; a folder that cannot be read is a mistake of the key at the path. */
function checkFolder(file: string, keyPath: readonly string[], load: () => unknown): void {
  try {
    load();
  } catch (error) {
    if (!(error instanceof WeirError) || Array.isArray(error.detail['issues'])) throw error;
    const { message } = error;
    const wrong: z.ZodType = z.string().refine(() => false, message);
    const whole = keyPath.reduceRight((inner, key) => z.looseObject({ [key]: inner }), wrong);
    parseConfiguration(readConfigurationFile(file), file, whole);
  }
}
