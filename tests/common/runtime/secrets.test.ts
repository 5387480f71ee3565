// Secrets by reference: found where they are kept, and in no error where they are not.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WeirError } from '../../../common/runtime/errors.ts';
import { resolveSecret } from '../../../common/runtime/secrets.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'weir-secrets-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function kept(text: string): string {
  const file = path.join(folder, 'secret');
  writeFileSync(file, text, { mode: 0o600 });
  return `file:${file}`;
}

function refusal(reference: string, environment: Record<string, string | undefined> = {}): WeirError {
  try {
    resolveSecret(reference, environment);
  } catch (error) {
    if (error instanceof WeirError) return error;
    throw error;
  }
  throw new Error('resolved');
}

describe('a secret', () => {
  test.each([
    ['public', 'public'],
    ['${COMMUNITY}', 's3cret'],
    ['${_a1}', 'x'],
    // No reference, as it stands.
    ['$COMMUNITY', '$COMMUNITY'],
    ['${COMMUNITY', '${COMMUNITY'],
    ['x${COMMUNITY}', 'x${COMMUNITY}'],
    ['${1}', '${1}'],
    ['File:x', 'File:x'],
    [' ${COMMUNITY}', ' ${COMMUNITY}'],
  ])('%s', (reference, expected) => {
    expect(resolveSecret(reference, { COMMUNITY: 's3cret', _a1: 'x' })).toBe(expected);
  });

  test.each([
    ['s3cret', 's3cret'],
    ['s3cret\n', 's3cret'],
    ['s3cret\r\n', 's3cret'],
    ['two words and a blank \n', 'two words and a blank '],
    ['line\nline\n', 'line\nline'],
  ])('in a file: %j', (text, expected) => {
    expect(resolveSecret(kept(text), {})).toBe(expected);
  });
});

describe('a secret that is not there', () => {
  test.each([
    ['no variable', '${COMMUNITY}', {}],
    ['an empty variable', '${COMMUNITY}', { COMMUNITY: '' }],
    ['a variable of the language, not of the environment', '${constructor}', {}],
    ['no file', 'file:/nowhere/secret', {}],
    ['a folder', 'file:/', {}],
    ['no name of a file', 'file:', {}],
  ])('%s', (_name, reference, environment) => {
    expect(refusal(reference, environment)).toMatchObject({ code: 'secret_unresolved', detail: { reference } });
  });

  test.each(['', '\n', '\r\n\r\n'])('an empty file: %j', (text) => {
    const reference = kept(text);
    expect(refusal(reference)).toMatchObject({ code: 'secret_unresolved', detail: { reference } });
  });

  test('no error holds the value of another', () => {
    const text = inspect(refusal('${OTHER}', { COMMUNITY: 's3cret' }), { depth: 10 });
    expect(text).toContain('OTHER');
    expect(text).not.toContain('s3cret');
  });
});
