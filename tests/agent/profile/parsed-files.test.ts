// Profiles that a build has parsed: the same profiles, whatever stands in the file; a text that was changed since is parsed anew.
import { appendFileSync, cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { parse } from 'yaml';
import { loadProfiles } from '../../../agent/profile/catalogue.ts';
import { ParsedFiles } from '../../../agent/profile/parsed-files.ts';
import { ROOT } from '../../support/weir-process.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'weir-profiles-'));
  for (const file of ['base.yaml', 'apc.yaml', 'enterprises.yaml'])
    cpSync(path.join(ROOT, 'config/profiles', file), path.join(folder, file));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function compile(): Promise<void> {
  const script = pathToFileURL(path.join(ROOT, 'scripts/compile-profiles.mjs')).href;
  const module = (await import(script)) as { compileProfiles: (folder: string) => void };
  module.compileProfiles(folder);
}

const profileText = (name: string): string => `name: ${name}\nmatches: [1.3.6.1.4.1.99999]\n`;

test('what the build found is what the YAML says, and it is what is loaded', async () => {
  await compile();
  for (const file of ['base.yaml', 'apc.yaml', 'enterprises.yaml']) {
    const text = readFileSync(path.join(folder, file), 'utf8');
    expect(new ParsedFiles(folder).valueOf(text)).toEqual(parse(text));
  }
  expect(loadProfiles(folder).named('apc')?.name).toBe('apc');
  const json = path.join(folder, 'profiles.json');
  writeFileSync(json, readFileSync(json, 'utf8').replace('"name":"apc"', '"name":"as-parsed"'));
  expect(loadProfiles(folder).named('as-parsed')).not.toBeNull();
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

test('a mistake is told with its line, also in a file that was parsed with it', async () => {
  appendFileSync(path.join(folder, 'apc.yaml'), '\nno_such_key: 1\n');
  await compile();
  expect(() => loadProfiles(folder)).toThrow(/apc\.yaml:\d+: .*no_such_key/);
});

test('a file of parsed profiles that is damaged is as good as none', () => {
  writeFileSync(path.join(folder, 'profiles.json'), '{"');
  expect(loadProfiles(folder).named('base')?.name).toBe('base');
  writeFileSync(path.join(folder, 'profiles.json'), '[1]');
  expect(loadProfiles(folder).named('base')?.name).toBe('base');
});
