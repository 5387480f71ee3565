// Reads a YAML configuration and holds it against a schema; each mistake is told with file, line, path and what was expected.
import { readFileSync } from 'node:fs';
import { LineCounter, parseDocument, type Document } from 'yaml';
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

/** Parses and validates; throws configuration_syntax or configuration_invalid with every issue in `detail.issues`. */
export function parseConfiguration<Schema extends z.ZodType>(
  text: string,
  file: string,
  schema: Schema,
): z.output<Schema> {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, strict: true, uniqueKeys: true });
  const broken = document.errors[0];
  if (broken !== undefined) {
    const issue = { file, line: lines.linePos(broken.pos[0]).line, path: '', message: broken.message };
    throw new WeirError('configuration_syntax', `${file}:${issue.line}: ${issue.message}`, { issues: [issue] });
  }
  const parsed = schema.safeParse(document.toJS({ maxAliasCount: 100 }) ?? {});
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues.map((issue) => describe(issue, file, document, lines));
  const first = issues[0];
  throw new WeirError(
    'configuration_invalid',
    `${file}:${first?.line ?? 1}: ${first?.path ?? ''}: ${first?.message ?? ''}`,
    { issues },
  );
}

function describe(issue: z.core.$ZodIssue, file: string, document: Document, lines: LineCounter): ConfigurationIssue {
  return { file, line: lineOf(issue.path, document, lines), path: pathText(issue.path), message: issue.message };
}

/** The line of the deepest part of the path that stands in the file: a missing key is told at its parent. */
function lineOf(path: readonly PropertyKey[], document: Document, lines: LineCounter): number {
  for (let length = path.length; length > 0; length -= 1) {
    const node: unknown = document.getIn(path.slice(0, length), true);
    if (typeof node === 'object' && node !== null && 'range' in node && Array.isArray(node.range)) {
      const start: unknown = node.range[0];
      if (typeof start === 'number') return lines.linePos(start).line;
    }
  }
  return 1;
}

function pathText(path: readonly PropertyKey[]): string {
  return path
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`))
    .join('')
    .replace(/^\./, '');
}
