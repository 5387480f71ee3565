// The devices of an import as a configuration of their own, or merged into one that is there: its comments, order and devices stay.
import { Document, isMap, isSeq, parseDocument, type YAMLMap, type YAMLSeq } from 'yaml';
import { WeirError } from '../../common/runtime/errors.ts';
import { printable } from '../text-table.ts';
import type { ImportPlan, NewSet } from './plan.ts';

/** What a person has to do, and what was left out, stands in comments. */
export function ownConfiguration(plan: ImportPlan, source: string): string {
  const document = new Document({
    ...(plan.sets.length === 0
      ? {}
      : { credentials: Object.fromEntries(plan.sets.map(({ name, set }) => [name, set])) }),
    devices: plan.added.map((one) => one.keys),
  });
  const credentials = document.get('credentials');
  if (isMap(credentials)) remarkPlaceholders(credentials, plan.sets);
  document.commentBefore = [
    `Imported from ${source}. Devices: ${plan.added.length}; left out: ${plan.skipped.length}.`,
    ...remarks(plan),
  ]
    .map((line) => ` ${printable(line)}`)
    .join('\n');
  return document.toString({ lineWidth: 0 });
}

function remarks(plan: ImportPlan): string[] {
  return [
    ...plan.secrets.map(({ variable, devices, example }) => {
      const others = devices === 1 ? '' : ` and ${devices - 1} more`;
      return `Set in the environment of the agent: ${variable}, as ${example}${others} ${devices === 1 ? 'needs' : 'need'} it.`;
    }),
    ...plan.notes.map((note) => `Note: ${note}.`),
    ...plan.skipped.map(({ place, name, reason }) => `Left out: ${place}${name === '' ? '' : `, ${name}`}: ${reason}.`),
  ];
}

function remarkPlaceholders(credentials: YAMLMap, sets: readonly NewSet[]): void {
  for (const { name, placeholder } of sets) {
    const set = credentials.get(name);
    if (placeholder && isMap(set)) set.comment = ` The export does not say how ${name} reaches devices: correct this.`;
  }
}

/** Throws import_refused where `devices` or `credentials` of the file are written in a way that cannot be added to. */
export function mergedConfiguration(text: string, file: string, plan: ImportPlan): string {
  const document: Document = parseDocument(text, { strict: true, uniqueKeys: true });
  if (document.contents === null) document.contents = document.createNode({});
  if (plan.sets.length > 0) {
    const credentials = place(document, 'credentials', {}, file);
    if (!isMap(credentials)) throw refused(file, 'credentials');
    for (const { name, set } of plan.sets)
      credentials.add(document.createPair(name, set, { flow: isFlow(credentials) }));
  }
  if (plan.added.length > 0) {
    const devices = place(document, 'devices', [], file);
    if (!isSeq(devices)) throw refused(file, 'devices');
    const flow = isFlow(devices);
    for (const { keys } of plan.added) devices.add(document.createNode(keys, { flow }));
  }
  return document.toString({ lineWidth: 0, ...habitsOf(text) });
}

/** How the file is written, so that what is not touched stays as it is. */
function habitsOf(text: string): { indent: number; indentSeq: boolean; flowCollectionPadding: boolean } {
  const indents = [...text.matchAll(/^( +)[^\s#-]/gm)].map((match) => match[1]?.length ?? 0);
  return {
    indent: Math.min(MOST_INDENT, ...(indents.length === 0 ? [DEFAULT_INDENT] : indents)),
    indentSeq: !/^[^\s#-][^\n]*:[ \t]*(#[^\n]*)?\n(\s*#[^\n]*\n)*- /m.test(text),
    flowCollectionPadding: !/\{[^\s}]/.test(text.replaceAll(/\$\{/g, '')),
  };
}

const DEFAULT_INDENT = 2;
const MOST_INDENT = 8;

/** What stands under the key, made where there is nothing. */
function place(document: Document, key: string, empty: object, file: string): unknown {
  if (!isMap(document.contents)) throw refused(file, key);
  const there = document.get(key, true);
  if (there !== undefined && there !== null && !isNull(there)) return there;
  document.set(key, document.createNode(empty));
  return document.get(key, true);
}

function isNull(node: unknown): boolean {
  return typeof node === 'object' && node !== null && 'value' in node && node.value === null;
}

/** Whether what is there is written in braces: what is added looks alike. */
function isFlow(collection: YAMLMap | YAMLSeq): boolean {
  const last: unknown = collection.items.at(-1);
  const node: unknown =
    isMap(collection) && typeof last === 'object' && last !== null && 'value' in last ? last.value : last;
  return isMap(node) && node.flow === true;
}

function refused(file: string, key: string): WeirError {
  const message = `${file}: ${key} cannot be added to as it is written there.`;
  return new WeirError('import_refused', message, { file, key });
}
