// Reads a YAML configuration and holds it against a schema; each mistake is told with file, line, path and what was expected.
import { readFileSync } from 'node:fs';
import {
  type Document,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  visit,
  type YAMLError,
} from 'yaml';
import type { z } from 'zod';
import { WeirError, messageOf } from './errors.ts';

export interface ConfigurationIssue {
  readonly file: string;
  readonly line: number;
  readonly path: string;
  readonly message: string;
}

/** The text of a configuration file; coded error where it cannot be read. */
export function readConfigurationFile(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new WeirError(
      'configuration_missing',
      `Cannot read the configuration ${file}: ${messageOf(cause)}.`,
      { file },
      cause,
    );
  }
}

/** Parses and validates; throws configuration_syntax, or configuration_invalid with every issue in `detail.issues`. */
export function parseConfiguration<Schema extends z.ZodType>(
  text: string,
  file: string,
  schema: Schema,
): z.output<Schema> {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, strict: true, uniqueKeys: true });
  const parsed = schema.safeParse(valuesOf(document, file, lines) ?? {});
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues.flatMap((issue) => describe(issue, file, document, lines));
  const first = issues[0];
  const place = first === undefined || first.path === '' ? '' : `${first.path}: `;
  throw new WeirError(
    'configuration_invalid',
    `${file}:${first?.line ?? 1}: ${place}${first?.message ?? 'is not allowed'}`,
    { issues },
  );
}

/** How often aliases may repeat what they name, all taken together. */
const MAX_ALIASES = 100;

/** The document as values; throws configuration_syntax with the first thing that is wrong. */
function valuesOf(document: Document.Parsed, file: string, lines: LineCounter): unknown {
  // A warning is a text that was taken for something else and lost, such as a password that begins with "!".
  const broken = document.errors[0] ?? document.warnings[0];
  if (broken !== undefined) throw syntax(file, lines.linePos(broken.pos[0]).line, plainMessage(broken));
  const lost = aliasWithoutAnchor(document);
  if (lost !== null) throw syntax(file, lines.linePos(lost).line, 'an alias (*) that nothing stands behind');
  try {
    return document.toJS({ maxAliasCount: MAX_ALIASES });
  } catch {
    throw syntax(file, 1, `aliases (*) repeat what they name more than ${MAX_ALIASES} times`);
  }
}

function syntax(file: string, line: number, message: string): WeirError {
  return new WeirError('configuration_syntax', `${file}:${line}: ${message}`, {
    issues: [{ file, line, path: '', message }],
  });
}

/** Without the piece of the file that some messages quote: it may be part of a secret. */
function plainMessage(error: YAMLError): string {
  if (error.code === 'TAG_RESOLVE_FAILED') return 'a text that begins with "!" needs quotes';
  if (error.code === 'BAD_DIRECTIVE') return 'a line cannot begin with "%"';
  return error.message.split(': ')[0] ?? error.message;
}

function aliasWithoutAnchor(document: Document.Parsed): number | null {
  let found: number | null = null;
  visit(document, {
    Alias: (_key, alias) => {
      if (alias.resolve(document) !== undefined) return undefined;
      found = alias.range?.[0] ?? 0;
      return visit.BREAK;
    },
  });
  return found;
}

function describe(
  issue: z.core.$ZodIssue,
  file: string,
  document: Document,
  lines: LineCounter,
): readonly ConfigurationIssue[] {
  const at = (path: readonly PropertyKey[], message: string): ConfigurationIssue => ({
    file,
    line: lineOf(path, document, lines),
    path: pathText(path),
    message,
  });
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => at([...issue.path, key], 'not a key that is known here'));
  if (issue.code === 'invalid_key') return [at(issue.path, issue.issues[0]?.message ?? issue.message)];
  return [at(issue.path, issue.message.replace(MISSING, 'missing; expected $1'))];
}

const MISSING = /^Invalid input: expected (.*), received undefined$/;

/** The line where the deepest part of the path that stands in the file begins: a missing key is told at what it is missing in. */
function lineOf(path: readonly PropertyKey[], document: Document, lines: LineCounter): number {
  let offset = 0;
  let node: unknown = document.contents;
  for (const part of path) {
    if (isAlias(node)) node = node.resolve(document);
    const key = isMap(node) ? node.items.find((pair) => keyText(pair.key) === String(part)) : undefined;
    if (key !== undefined) {
      offset = offsetOf(key.key) ?? offset;
      node = key.value;
    } else if (isSeq(node) && typeof part === 'number') {
      node = node.items[part];
      offset = offsetOf(node) ?? offset;
    } else break;
  }
  return lines.linePos(offset).line;
}

function keyText(key: unknown): string {
  return String(isScalar(key) ? key.value : key);
}

function offsetOf(node: unknown): number | null {
  return isNode(node) ? (node.range?.[0] ?? null) : null;
}

function pathText(path: readonly PropertyKey[]): string {
  return path
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`))
    .join('')
    .replace(/^\./, '');
}
