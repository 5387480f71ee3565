// Mistakes in a configuration: each is told with its file, line and path, none ends in an error without a code, none repeats what may be a secret.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import {
  type ConfigurationIssue,
  parseConfiguration,
  readConfigurationFile,
} from '../../../common/runtime/configuration.ts';
import { credentialSchema, devicesShape } from '../../../common/runtime/device-configuration.ts';
import { WeirError } from '../../../common/runtime/errors.ts';

const schema = z.strictObject({
  ...devicesShape,
  port: z.number().int().max(65_535).default(80),
  limits: z.strictObject({ low: z.number(), high: z.number() }).optional(),
  amount: z.union([z.string(), z.number().int()], 'expected a decimal in quotes').optional(),
});

const issuesSchema = z.array(
  z.strictObject({ file: z.string(), line: z.number(), path: z.string(), message: z.string() }),
);

function refusal(text: string): { code: string; message: string; issues: ConfigurationIssue[] } {
  try {
    parseConfiguration(text, 'weir.yaml', schema);
  } catch (error) {
    if (!(error instanceof WeirError)) throw error;
    return { code: error.code, message: error.message, issues: issuesSchema.parse(error.detail['issues']) };
  }
  throw new Error('the configuration was taken');
}

const told = (text: string): string[] =>
  refusal(text).issues.map((issue) => `${issue.line}: ${issue.path}: ${issue.message}`);

describe('what can be read', () => {
  test('gets its defaults; an empty file is one without keys', () => {
    for (const text of ['', '# nothing\n', '---\n', 'port: 80\n', '\ufeffport: 80'])
      expect(parseConfiguration(text, 'weir.yaml', schema)).toEqual({ credentials: {}, devices: [], port: 80 });
  });

  test('an anchor used a few times is a few times the same', () => {
    const text =
      'devices:\n  - &r {name: r1, address: r1, credential: c}\n  - {name: r2, address: r2, credential: c}\n  - *r\n';
    expect(parseConfiguration(text, 'weir.yaml', schema).devices.map((one) => one.name)).toEqual(['r1', 'r2', 'r1']);
  });

  test('dates, yes and long numbers stay what they were written as', () => {
    const loose = z.record(z.string(), z.unknown());
    expect(parseConfiguration('a: 2026-11-01\nb: yes\nc: "0042"', 'weir.yaml', loose)).toEqual({
      a: '2026-11-01',
      b: 'yes',
      c: '0042',
    });
  });
});

describe('what breaks the schema', () => {
  test.each<[string, string, string[]]>([
    ['a wrong kind', 'port: eighty\n', ['1: port: Invalid input: expected number, received string']],
    ['a value out of range', '\n\nport: 70000\n', ['3: port: Too big: expected number to be <=65535']],
    [
      'a key that is missing, at what it is missing in',
      'port: 1\nlimits:\n  low: 1\n',
      ['2: limits.high: missing; expected number'],
    ],
    [
      'a key that is missing in an item of a list',
      'devices:\n  - {name: a, address: a, credential: c}\n\n  - name: b\n    credential: c\n',
      ['4: devices[1].address: missing; expected string'],
    ],
    ['a key that is not known, where it stands', '\nport: 1\nprot: 2\n', ['3: prot: not a key that is known here']],
    [
      'a key that is not known, deep inside',
      'limits:\n  low: 1\n  # for good\n  hihg: 2\n  high: 2\n',
      ['4: limits.hihg: not a key that is known here'],
    ],
    [
      'several at once, each at its place',
      'port: x\nlimits:\n  high: y\n  more: z\n',
      [
        '1: port: Invalid input: expected number, received string',
        '2: limits.low: missing; expected number',
        '3: limits.high: Invalid input: expected number, received string',
        '4: limits.more: not a key that is known here',
      ],
    ],
    ['a list that is none', 'devices: {}\n', ['1: devices: Invalid input: expected array, received object']],
    ['a key without a value', 'port: 1\ndevices:\n', ['2: devices: Invalid input: expected array, received null']],
    ['an item without a value', 'devices:\n  -\n', ['2: devices[0]: Invalid input: expected object, received null']],
    ['no keys at all', '- a\n', ['1: : Invalid input: expected object, received array']],
    ['a text where keys are expected', 'hello\n', ['1: : Invalid input: expected object, received string']],
    ['none of several kinds', 'amount: 0.5\n', ['1: amount: expected a decimal in quotes']],
    [
      'a wrong name of an entry',
      'port: 1\ncredentials:\n  "not a name":\n    version: 2c\n    community: "s3cret"\n',
      ['3: credentials.not a name: expected a name of letters, digits, ".", "_" or "-", at most 63 long'],
    ],
    [
      'a mistake under an anchor, at the anchor',
      'devices:\n  - &r\n    name: "?"\n    address: r1\n    credential: c\n  - {name: r2, address: r2, credential: c}\n',
      ['3: devices[0].name: expected a name of letters, digits, ".", "_" or "-", at most 63 long'],
    ],
  ])('%s', (_name, text, expected) => {
    expect(told(text).toSorted()).toEqual(expected);
    expect(refusal(text).code).toBe('configuration_invalid');
    expect(refusal(text).issues.every((issue) => issue.file === 'weir.yaml')).toBe(true);
  });

  test('the message alone says file, line, path and what was expected', () => {
    expect(refusal('port: x').message).toBe('weir.yaml:1: port: Invalid input: expected number, received string');
    expect(refusal('hello').message).toBe('weir.yaml:1: Invalid input: expected object, received string');
  });

  test('own properties only: __proto__ is a key like any other, and not known', () => {
    expect(told('__proto__: {port: 1}')).toEqual(['1: __proto__: not a key that is known here']);
    expect(parseConfiguration('port: 2', 'weir.yaml', schema).port).toBe(2);
  });
});

const BOMB = [
  'a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]',
  'b: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a, *a]',
  'c: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b, *b]',
  'd: &d [*c, *c, *c, *c, *c, *c, *c, *c, *c, *c]',
  'e: [*d, *d, *d, *d, *d, *d, *d, *d, *d, *d]',
].join('\n');

describe('what is no YAML', () => {
  test.each<[string, string, number]>([
    ['a key twice', 'port: 1\nlimits: {low: 1, high: 2}\nport: 2\n', 3],
    ['a key twice inside', 'limits:\n  low: 1\n  high: 2\n  low: 3\n', 4],
    ['a tab', 'limits:\n\tlow: 1\n', 2],
    ['two documents', 'port: 1\n---\nport: 2\n', 2],
    ['a bracket that stays open', 'port: 1\ndevices: [', 2],
    ['a quote that stays open', 'port: 1\namount: "s3cret\n', 3],
    ['an escape that does not exist', 'amount: "s3cret\\q"\n', 1],
    ['keys side by side', 'port: 1\namount: b: s3cret\n', 2],
    ['a text after a text', 'port: 1\namount: "abc" s3cret\n', 2],
    ['a block that begins on its own line', 'amount: |s3cret\n  x\n', 1],
    ['an alias that nothing stands behind', 'port: 1\n\namount: *s3cret\n', 3],
    ['a tag that is not known', 'port: 1\namount: !s3cret\n', 2],
    ['a directive that is not known', '%s3cret 1\n---\nport: 1\n', 1],
    ['aliases that multiply', BOMB, 1],
    ['a list in a mapping', 'port: 1\n- s3cret: "s3cret"\n', 2],
  ])('%s', (_name, text, line) => {
    const found = refusal(text);
    expect(found).toMatchObject({ code: 'configuration_syntax', issues: [{ file: 'weir.yaml', line, path: '' }] });
    expect(found.message.startsWith(`weir.yaml:${line}: `)).toBe(true);
    expect(JSON.stringify(found)).not.toContain('s3cret');
  });

  test('a secret of the wrong form is not repeated', () => {
    const text =
      'credentials:\n  c:\n    version: "3"\n    user: u\n    auth_passphrase: [s3cret]\n    comunity: s3cret\n';
    expect(JSON.stringify(refusal(text))).not.toContain('s3cret');
    expect(
      credentialSchema.safeParse({ version: '2c', community: 's3cret', x: 's3cret' }).error?.message,
    ).not.toContain('s3cret');
  });
});

describe('a file', () => {
  test('that is not there, or is a folder, is a coded error', () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'weir-configuration-'));
    try {
      for (const file of [path.join(folder, 'none.yaml'), folder])
        expect(() => readConfigurationFile(file)).toThrow(
          expect.objectContaining({ code: 'configuration_missing', detail: { file } }),
        );
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
