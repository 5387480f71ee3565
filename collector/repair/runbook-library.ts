// Every runbook and recipe there is: those that come with Weir, and those of a folder of the operator's own, which may replace them by name.
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { parseConfiguration, readConfigurationFile } from '../../common/runtime/configuration.ts';
import { messageOf, WeirError } from '../../common/runtime/errors.ts';
import type { Recipe, Runbook } from './runbook.ts';
import { recipeOf, runbookFileSchema, runbookOf } from './runbook-schema.ts';

export interface Library {
  readonly runbooks: ReadonlyMap<string, Runbook>;
  readonly recipes: ReadonlyMap<string, Recipe>;
}

export interface Vocabulary {
  readonly alarmTypes: readonly string[];
  readonly webhooks: readonly string[];
}

interface ReadFile {
  readonly file: string;
  readonly text: string;
  readonly runbooks: readonly string[];
  readonly recipes: readonly string[];
}

/**
 * Of several folders, in their order. Throws configuration_missing for a folder that cannot be read, configuration_syntax and
 * configuration_invalid for a file that is wrong, with file, line and path.
 */
export function loadLibrary(folders: readonly string[], vocabulary: Vocabulary): Library {
  const runbooks = new Map<string, Runbook>();
  const recipes = new Map<string, Recipe>();
  const files: ReadFile[] = [];
  for (const folder of folders)
    for (const file of yamlFiles(folder)) {
      const text = readConfigurationFile(file);
      const parsed = parseConfiguration(text, file, runbookFileSchema);
      for (const one of parsed.runbooks) runbooks.set(one.name, runbookOf(one));
      for (const one of parsed.actions) recipes.set(one.name, recipeOf(one));
      files.push({
        file,
        text,
        runbooks: parsed.runbooks.map((one) => one.name),
        recipes: parsed.actions.map((one) => one.name),
      });
    }
  for (const file of files) checkNames(file, { runbooks, recipes }, vocabulary);
  return { runbooks, recipes };
}

function yamlFiles(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((file) => file.endsWith('.yaml'))
      .toSorted()
      .map((file) => path.join(folder, file));
  } catch (cause) {
    const message = `Cannot read the folder of runbooks ${folder}: ${messageOf(cause)}.`;
    throw new WeirError('configuration_missing', message, { folder }, cause);
  }
}

/** The file is read once more with what does not fit put where it stands: that finds its line. */
function checkNames(file: ReadFile, library: Library, vocabulary: Vocabulary): void {
  const wrong = [...namesOfRunbooks(file, library, vocabulary), ...namesOfRecipes(file, library, vocabulary)];
  if (wrong.length === 0) return;
  const schema = runbookFileSchema.superRefine((_, context) => {
    for (const { path: place, message } of wrong) context.addIssue({ code: 'custom', path: [...place], message });
  });
  parseConfiguration(file.text, file.file, schema);
}

interface Wrong {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

function namesOfRunbooks(file: ReadFile, { runbooks, recipes }: Library, { alarmTypes }: Vocabulary): Wrong[] {
  return file.runbooks.flatMap((name, at) => {
    const place = ['runbooks', at] as const;
    const runbook = runbooks.get(name);
    const twice = file.runbooks.indexOf(name) === at ? [] : [{ path: [...place, 'name'], message: 'is there twice' }];
    if (runbook === undefined) return twice;
    return [
      ...twice,
      ...typesUnknown([...place, 'for', 'alarm_types'], runbook.selector.alarmTypes, alarmTypes),
      ...runbook.actions.flatMap((action, position) =>
        recipes.has(action) ? [] : [{ path: [...place, 'actions', position], message: `there is no action ${action}` }],
      ),
    ];
  });
}

function namesOfRecipes(file: ReadFile, { recipes }: Library, { alarmTypes, webhooks }: Vocabulary): Wrong[] {
  return file.recipes.flatMap((name, at) => {
    const place = ['actions', at] as const;
    const recipe = recipes.get(name);
    const twice = file.recipes.indexOf(name) === at ? [] : [{ path: [...place, 'name'], message: 'is there twice' }];
    if (recipe === undefined) return twice;
    const { webhook } = recipe;
    const unknown =
      webhook === null || webhooks.includes(webhook)
        ? []
        : [{ path: [...place, 'webhook'], message: `there is no webhook ${webhook} in collector.repair.webhooks` }];
    return [
      ...twice,
      ...unknown,
      ...typesUnknown([...place, 'for', 'alarm_types'], recipe.selector.alarmTypes, alarmTypes),
    ];
  });
}

function typesUnknown(
  place: readonly (string | number)[],
  types: readonly string[],
  known: readonly string[],
): Wrong[] {
  return types.flatMap((type, at) =>
    known.includes(type) ? [] : [{ path: [...place, at], message: `there is no alarm type ${type} (docs/alarms.md)` }],
  );
}
