// Profile files: which profile a device gets, what it inherits, and what is said of a file that is wrong.
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { loadProfiles } from '../../../agent/profile/catalogue.ts';
import type { Profile, ProfileCatalogue, ReadContext } from '../../../agent/profile/profile.ts';
import type { DeviceReader, ReadTable } from '../../../agent/snmp/table-reader.ts';
import { pollDocument } from '../../../cli/poll/document.ts';
import { FRESH_MEMORY } from '../../../agent/snmp/walk-sizing.ts';
import { WeirError } from '../../../common/runtime/errors.ts';
import { pollRecording } from '../../support/recorded-device.ts';

const SHIPPED = 'config/profiles';
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'weir-profiles-'));
  for (const file of ['base.yaml', 'enterprises.yaml']) cpSync(path.join(SHIPPED, file), path.join(folder, file));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function write(file: string, text: string): void {
  writeFileSync(path.join(folder, file), text);
}

interface Told {
  readonly code: string;
  readonly message: string;
  readonly issues: readonly {
    readonly file: string;
    readonly line: number;
    readonly path: string;
    readonly message: string;
  }[];
}

/** What is said of the folder as it stands; it must be wrong. */
function told(): Told {
  try {
    loadProfiles(folder);
  } catch (error) {
    if (!(error instanceof WeirError)) throw error;
    const issues = error.detail['issues'];
    return {
      code: error.code,
      message: error.message,
      issues: Array.isArray(issues) ? (issues as Told['issues']) : [],
    };
  }
  throw new Error('the folder is not wrong');
}

/** A device that notes which objects it is asked for and has none of them. */
function askedOf(profile: Profile): Promise<Set<string>> {
  const asked = new Set<string>();
  const empty: ReadTable = { complete: true, failure: null, index: [], segments: [], columns: [], beside: [] };
  const reader: DeviceReader = {
    wide: true,
    traffic: { requests: 0, retries: 0, sentBytes: 0, receivedBytes: 0 },
    readTable: ({ columns }) => {
      for (const { oid } of columns) asked.add(oid);
      return Promise.resolve(empty);
    },
    readScalars: (requests) => {
      for (const { oid } of requests) asked.add(oid);
      return Promise.resolve({ values: requests.map(() => null), segment: null });
    },
    probe: () => Promise.resolve(),
    memoryOf: () => FRESH_MEMORY,
  };
  const context: ReadContext = {
    reader,
    lookups: new Map(),
    emptyRules: new Set(),
    fruitfulRules: new Set(),
    interfaceKey: () => null,
  };
  return profile.readTables(context, 'slow').then(() => asked);
}

/** What a device of that sysObjectID gets that says nothing else of itself. */
function chosen(catalogue: ProfileCatalogue, sysObjectID: string | null, sysDescr: string | null = null) {
  const nothing = (requests: readonly unknown[]) => Promise.resolve({ values: requests.map(() => null) });
  return catalogue.choose({ sysObjectID, sysDescr, sysName: null }, nothing);
}

describe('the profiles that come with Weir', () => {
  test('are all sound, and every one can be chosen', async () => {
    const catalogue = loadProfiles(SHIPPED);
    expect(readdirSync(SHIPPED).length).toBeGreaterThan(4);
    expect((await chosen(catalogue, '1.3.6.1.4.1.9.1.1208')).name).toBe('cisco');
    expect((await chosen(catalogue, '1.3.6.1.4.1.8072.3.2.10')).name).toBe('net-snmp');
    expect((await chosen(catalogue, '1.3.6.1.4.1.424242.1')).name).toBe('base');
    expect((await chosen(catalogue, null)).name).toBe('base');
    expect((await chosen(catalogue, '')).name).toBe('base');
  });

  test('a prefix ends at a dot: 1.3.6.1.4.1.91 is not 1.3.6.1.4.1.9', async () => {
    write('nine.yaml', 'name: nine\nmatches: [1.3.6.1.4.1.9999]\n');
    const catalogue = loadProfiles(folder);
    expect((await chosen(catalogue, '1.3.6.1.4.1.9999.1.2')).name).toBe('nine');
    expect((await chosen(catalogue, '1.3.6.1.4.1.9999')).name).toBe('nine');
    expect((await chosen(catalogue, '1.3.6.1.4.1.99990')).name).toBe('base');
  });
});

describe('docs/profiles.md', () => {
  const page = readFileSync('docs/profiles.md', 'utf8');

  test('has an example that works: a device of that kind is known, with its version, load and temperatures', async () => {
    const example = /```yaml\n([\s\S]*?)```/.exec(page)?.[1]?.replaceAll(/^ {3}/gm, '') ?? '';
    expect(example).toContain('name: acme');
    write('acme.yaml', example);
    const own = '1.3.6.1.4.1.99999';
    const recording = path.join(folder, 'acme.snmprec');
    const objects = [
      '1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.99999.1.7',
      `${own}.2.1.0|4|7.2`,
      `${own}.2.2.0|4|AC-1`,
      `${own}.3.1.1.4.1|2|85`,
      `${own}.4.1.1.2.1|4|Inlet`,
      `${own}.4.1.1.3.1|2|235`,
      `${own}.4.1.1.3.2|2|-1`,
      `${own}.4.1.1.3.3|2|410`,
      `${own}.4.1.1.4.1|2|1`,
      `${own}.4.1.1.4.2|2|1`,
      `${own}.4.1.1.4.3|2|9`,
    ];
    writeFileSync(recording, `${objects.join('\n')}\n`);
    const found = pollDocument(await pollRecording(recording, loadProfiles(folder)));
    expect(found.device).toMatchObject({ profile: 'acme', os: 'AcmeOS', version: '7.2', serial: 'AC-1' });
    expect(found.processors).toMatchObject([{ description: 'Processor 1', usage_percent: 15 }]);
    expect(found.sensors).toMatchObject([{ class: 'temperature', unit: '°C', description: 'Inlet', value: 23.5 }]);
  });

  test('and every other piece of YAML in it fits a profile', () => {
    const pieces = [...page.matchAll(/^```yaml\n([\s\S]*?)```/gm)].map((match) => match[1] ?? '');
    expect(pieces.length).toBeGreaterThan(2);
    for (const [at, piece] of pieces.entries()) write(`piece${at}.yaml`, `name: piece${at}\n${piece}`);
    expect(() => loadProfiles(folder)).not.toThrow();
  });

  test('explains every key that a profile may have', () => {
    const files = ['schema.ts', 'schema-rules.ts', 'schema-values.ts'];
    const schema = files.map((file) => readFileSync(`agent/profile/${file}`, 'utf8')).join('\n');
    const keys = [...schema.matchAll(/^ {2,6}([a-z_]+)(?::|,$)/gm)].map((match) => match[1] ?? '');
    expect(keys.length).toBeGreaterThan(60);
    // Of an interface column; the page refers to base.yaml for them.
    const ofInterfaces = ['counters', 'status', 'width', 'narrow'];
    const missing = [...new Set(keys)].filter(
      (key) => !ofInterfaces.includes(key) && !new RegExp(`\\b${key}\\b`).test(page),
    );
    expect(missing).toEqual([]);
  });
});

describe('which profile a device gets', () => {
  const APPLIANCE = '1.3.6.1.4.1.9999.10';
  const facts = (sysObjectID: string, sysDescr: string | null = null) => ({ sysObjectID, sysDescr, sysName: null });

  beforeEach(() => {
    write('plain.yaml', `name: plain\nmatches: [${APPLIANCE}]\n`);
    write('acme.yaml', `name: acme\nmatches:\n  - { oid: ${APPLIANCE}, descr: '^AcmeOS' }\n`);
    write(
      'big.yaml',
      `name: big\nmatches:\n  - { oid: ${APPLIANCE}, descr: '^AcmeOS', has: { oid: 1.3.6.1.4.1.9998.1.0, matches: '^7' } }\n`,
    );
    write('wide.yaml', `name: wide\nmatches:\n  - { oid: 1.3.6.1.4.1.9999, has: { oid: 1.3.6.1.4.1.9997.1.0 } }\n`);
  });

  test.each([
    ['the prefix alone', APPLIANCE, 'Linux', {}, 'plain'],
    ['sysDescr', APPLIANCE, 'AcmeOS 7', {}, 'acme'],
    ['sysDescr and an object', `${APPLIANCE}.1`, 'AcmeOS 7', { '1.3.6.1.4.1.9998.1.0': '7.1' }, 'big'],
    ['an object of another value', APPLIANCE, 'AcmeOS 7', { '1.3.6.1.4.1.9998.1.0': '6.1' }, 'acme'],
    ['an object for a shorter prefix', '1.3.6.1.4.1.9999.3', null, { '1.3.6.1.4.1.9997.1.0': 0 }, 'wide'],
    ['no such object', '1.3.6.1.4.1.9999.3', null, {}, 'base'],
  ] as const)('by %s', async (_, sysObjectID, sysDescr, objects: Record<string, string | number>, expected) => {
    const ask = (requests: readonly { readonly oid: string }[]) =>
      Promise.resolve({ values: requests.map(({ oid }) => objects[oid] ?? null) });
    const profile = await loadProfiles(folder).choose(facts(sysObjectID, sysDescr), ask);
    expect(profile.name).toBe(expected);
  });

  test('a device is asked only for what its sysObjectID leaves open', async () => {
    write('exact.yaml', 'name: exact\nmatches: [1.3.6.1.4.1.9999.4]\n');
    const asked: string[] = [];
    const ask = (requests: readonly { readonly oid: string }[]) => {
      asked.push(...requests.map(({ oid }) => oid));
      return Promise.resolve({ values: requests.map(() => null) });
    };
    const catalogue = loadProfiles(folder);
    expect((await catalogue.choose(facts('1.3.6.1.4.1.9999.4.7'), ask)).name).toBe('exact');
    expect(asked).toEqual([]);
    await catalogue.choose(facts(APPLIANCE, 'AcmeOS'), ask);
    expect(asked).toEqual(['1.3.6.1.4.1.9998.1.0']);
  });
});

describe('inheritance', () => {
  const PARENT = `name: parent
matches: [1.3.6.1.4.1.9999]
sensor:
  - { name: kept, columns: { v: 1.3.6.1.4.1.9999.1 }, class: temperature, unit: °C, description: '{index}', value: v }
  - { name: replaced, columns: { v: 1.3.6.1.4.1.9999.2 }, class: temperature, unit: °C, description: '{index}', value: v }
`;
  const CHILD = `name: child
extends: parent
matches: [1.3.6.1.4.1.9999.7]
without: [hrStorage, hrFileSystem]
sensor:
  - { name: replaced, columns: { v: 1.3.6.1.4.1.9999.3 }, class: temperature, unit: °C, description: '{index}', value: v }
`;
  const HR_STORAGE = '1.3.6.1.2.1.25.2.3.1.5';

  test('own rules replace those of the same name, refused ones are not asked for, the rest is inherited', async () => {
    write('parent.yaml', PARENT);
    write('child.yaml', CHILD);
    const catalogue = loadProfiles(folder);
    const parent = await askedOf(await chosen(catalogue, '1.3.6.1.4.1.9999.1'));
    const child = await askedOf(await chosen(catalogue, '1.3.6.1.4.1.9999.7.3'));
    const has = (asked: Set<string>): boolean[] => ['1', '2', '3'].map((last) => asked.has(`1.3.6.1.4.1.9999.${last}`));
    expect(has(parent)).toEqual([true, true, false]);
    expect(has(child)).toEqual([true, false, true]);
    expect([parent.has(HR_STORAGE), child.has(HR_STORAGE)]).toEqual([true, false]);
    expect((await chosen(catalogue, '1.3.6.1.4.1.9999.7')).interface).toEqual(catalogue.named('base')?.interface);
  });

  test('extends: null inherits nothing', async () => {
    write(
      'alone.yaml',
      `name: alone\nextends: null\nmatches: [1.3.6.1.4.1.9999]\ninterface: { counters: [], status: [] }\n`,
    );
    expect((await askedOf(await chosen(loadProfiles(folder), '1.3.6.1.4.1.9999.1'))).size).toBe(0);
  });
});

describe('a wrong file is told with file and line', () => {
  const place = (file: string): string => path.join(folder, file);

  test('what is not YAML', () => {
    write('broken.yaml', 'name: broken\nmatches: [1.3.6.1.4.1.9999\nsensor: {}\n');
    const { code, issues } = told();
    expect(code).toBe('configuration_syntax');
    expect(issues[0]).toMatchObject({ file: place('broken.yaml') });
    expect(issues[0]?.line).toBeGreaterThan(1);
  });

  test('an object identifier that is none, a regular expression that is none, a key that does not exist', () => {
    write(
      'wrong.yaml',
      `name: wrong
matches: [9.9.9]
system:
  - name: sysDescr
    os: { column: sysDescr, pattern: '(' }
sensors: []
`,
    );
    const { code, issues } = told();
    expect(code).toBe('configuration_invalid');
    const lines = issues.map((issue) => [issue.line, issue.path] as const);
    expect(lines).toContainEqual([2, 'matches[0]']);
    expect(issues.some((issue) => issue.line === 5 && issue.path.startsWith('system[0].os'))).toBe(true);
    expect(issues.some((issue) => issue.line === 6 && issue.path === 'sensors')).toBe(true);
  });

  test('a rule that speaks of a column it does not read', () => {
    write(
      'typo.yaml',
      `name: typo
matches: [1.3.6.1.4.1.9999]
sensor:
  - name: heat
    columns:
      celsius: 1.3.6.1.4.1.9999.1
    where:
      state: [1]
    lookups:
      name: { oid: 1.3.6.1.4.1.9999.2, key: '{slot}' }
    class: temperature
    unit: °C
    description: ['{name} {index.0}', '{lable}']
    value: { column: celcius, minus: [offset], when: { kind: [1] } }
system:
  - { name: who, scalars: { kind: 1.3.6.1.4.1.9999.4.0 }, where: { sysDescr: { present: true } }, model: '{sysDescr}' }
memory:
  - { name: ram, scalars: { total: 1.3.6.1.4.1.9999.3.0 }, description: RAM, total_bytes: total, used_bytes: used }
`,
    );
    const { code, issues } = told();
    expect(code).toBe('configuration_invalid');
    const found = issues.map(({ line, message }) => `${line} ${/called (\S+)/.exec(message)?.[1] ?? message}`);
    expect(found.toSorted()).toEqual([
      '10 slot',
      '13 lable',
      '14 celcius',
      '14 kind',
      '14 offset',
      '16 sysDescr',
      '18 used',
      '8 state',
    ]);
  });

  test('two rules of one kind with one name', () => {
    const rule = '{ name: r, scalars: { a: 1.3.6.1.4.1.9999.1.0 }, class: count, description: d, value: a }';
    write('twice.yaml', `name: twice\nsensor:\n  - ${rule}\n  - ${rule}\n`);
    const { code, issues } = told();
    expect(code).toBe('configuration_invalid');
    expect(issues.map(({ line, message }) => [line, message])).toEqual([[4, 'another sensor rule is called r']]);
  });

  test('two profiles of one name, two that match the same, a parent that does not exist, a circle, a refusal of nothing', () => {
    const cases: [string, Record<string, string>, number, RegExp][] = [
      ['b.yaml', { 'a.yaml': 'name: same\n', 'b.yaml': '\n\nname: same\n' }, 3, /another profile is called same/],
      [
        'b.yaml',
        {
          'a.yaml': 'name: a\nmatches: [1.3.6.1.4.1.9999]\n',
          'b.yaml': 'name: b\nmatches:\n  - 1.3.6.1.4.1.9998\n  - 1.3.6.1.4.1.9999\n',
        },
        4,
        /a matches 1\.3\.6\.1\.4\.1\.9999 too/,
      ],
      ['a.yaml', { 'a.yaml': 'name: a\nextends: nobody\n' }, 2, /no profile called nobody/],
      ['a.yaml', { 'a.yaml': 'name: a\nextends: b\n', 'b.yaml': 'name: b\nextends: a\n' }, 2, /builds on itself/],
      ['a.yaml', { 'a.yaml': 'name: a\nwithout: [hrProcesor]\n' }, 2, /no inherited rule is called hrProcesor/],
      ['a.yaml', { 'a.yaml': 'name: a\nextends: null\n' }, 1, /no interface columns/],
    ];
    for (const [file, files, line, message] of cases) {
      for (const [name, text] of Object.entries(files)) write(name, text);
      const { code, issues, message: whole } = told();
      expect(code).toBe('profile_invalid');
      expect(issues[0]).toMatchObject({ file: place(file), line });
      expect(issues[0]?.message).toMatch(message);
      expect(whole).toContain(`${place(file)}:${line}`);
      for (const name of Object.keys(files)) rmSync(place(name));
    }
  });

  test('no base, and no folder', () => {
    rmSync(place('base.yaml'));
    expect(told().code).toBe('profile_invalid');
    rmSync(folder, { recursive: true });
    expect(told()).toMatchObject({ code: 'configuration_missing' });
  });
});
