// Profiles that a build has read: the same profiles, whatever stands in the file; a text that was changed since is read anew.
import { appendFileSync, cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { parse } from 'yaml';
import { BuiltProfiles } from '../../../agent/profile/built-profiles.ts';
import { loadProfiles } from '../../../agent/profile/catalogue.ts';
import { ROOT } from '../../support/weir-process.ts';

const FILES = ['base.yaml', 'apc.yaml', 'enterprises.yaml'];

let folder = '';
let json = '';
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'weir-profiles-'));
  json = path.join(folder, 'profiles.json');
  for (const file of FILES) cpSync(path.join(ROOT, 'config/profiles', file), path.join(folder, file));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function compile(): Promise<void> {
  const script = pathToFileURL(path.join(ROOT, 'scripts/compile-profiles.mjs')).href;
  const module = (await import(script)) as { compileProfiles: (folder: string) => Promise<void> };
  await module.compileProfiles(folder);
}

const profileText = (name: string): string => `name: ${name}\nmatches: [1.3.6.1.4.1.99999]\n`;
const codeOf = (load: () => unknown): unknown => {
  try {
    return load();
  } catch (error) {
    return error instanceof Error ? error.message : error;
  }
};

test('what the build found is what the YAML says, and it is what is loaded', async () => {
  await compile();
  for (const file of FILES) {
    const text = readFileSync(path.join(folder, file), 'utf8');
    expect(JSON.parse(new BuiltProfiles(folder).of(text)?.text ?? '')).toEqual(parse(text));
  }
  const apc = loadProfiles(folder).named('apc');
  expect(apc?.interface.counters.map(({ name }) => name)).toContain('ifHCInOctets');
  writeFileSync(json, readFileSync(json, 'utf8').replaceAll('ifHCInOctets', 'asBuilt'));
  expect(
    loadProfiles(folder)
      .named('apc')
      ?.interface.counters.map(({ name }) => name),
  ).toContain('asBuilt');
});

test('a profile that was changed or added since is taken as it is now', async () => {
  writeFileSync(path.join(folder, 'own.yaml'), profileText('before'));
  await compile();
  expect(loadProfiles(folder).named('before')).not.toBeNull();
  writeFileSync(path.join(folder, 'own.yaml'), profileText('after'));
  writeFileSync(path.join(folder, 'another.yaml'), profileText('another').replace('99999', '99998'));
  const now = loadProfiles(folder);
  expect([now.named('before'), now.named('after')?.name, now.named('another')?.name]).toEqual([
    null,
    'after',
    'another',
  ]);
});

test('a change since that others do not fit is found at the start', async () => {
  writeFileSync(path.join(folder, 'own.yaml'), `${profileText('own')}without: [lldp]\n`);
  await compile();
  expect(existsSync(json)).toBe(true);
  const base = path.join(folder, 'base.yaml');
  writeFileSync(base, readFileSync(base, 'utf8').replaceAll('name: lldp\n', 'name: renamed\n'));
  expect(codeOf(() => loadProfiles(folder))).toMatch(/own\.yaml:\d+: .*no inherited rule is called lldp/);
});

test.each([
  ['in itself', '\nno_such_key: 1\n', /apc\.yaml:\d+: .*no_such_key/],
  ['beside the others', '\nwithout: [nothing]\n', /apc\.yaml:\d+: .*no inherited rule is called nothing/],
])('what is wrong %s is not built, and told with its line', async (_, line, message) => {
  appendFileSync(path.join(folder, 'apc.yaml'), line);
  await compile();
  expect(existsSync(json)).toBe(false);
  expect(codeOf(() => loadProfiles(folder))).toMatch(message);
});

test.each(['{"', '[1]', '{"x":{"text":1}}'])('%s instead of what a build writes is as good as nothing', (text) => {
  writeFileSync(json, text);
  expect(loadProfiles(folder).named('base')?.name).toBe('base');
});
