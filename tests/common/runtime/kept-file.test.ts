// What a process keeps for its next life: whole or as it was, and never a reason to fail.
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { KeptFile } from '../../../common/runtime/kept-file.ts';
import { silentReporter } from '../../support/silent-reporter.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'weir-kept-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('what was written is read in the next life, by this user alone', () => {
  const place = path.join(folder, 'new', 'kept');
  expect(new KeptFile(silentReporter().reporter, place).read()).toBeNull();
  expect(new KeptFile(silentReporter().reporter, place).write(Buffer.from('first'))).toBe(true);
  expect(new KeptFile(silentReporter().reporter, place).write(Buffer.from('second'))).toBe(true);
  expect(new KeptFile(silentReporter().reporter, place).read()?.toString()).toBe('second');
  expect(statSync(place).mode & 0o777).toBe(0o600);
});

test('a crash while it is replaced leaves the old one', () => {
  const place = path.join(folder, 'kept');
  new KeptFile(silentReporter().reporter, place).write(Buffer.from('old'));
  writeFileSync(`${place}.new`, 'ha'); // what a crash leaves behind
  expect(new KeptFile(silentReporter().reporter, place).read()?.toString()).toBe('old');
  expect(new KeptFile(silentReporter().reporter, place).write(Buffer.from('new'))).toBe(true);
  expect(new KeptFile(silentReporter().reporter, place).read()?.toString()).toBe('new');
});

test('a disk that refuses costs the memory, not the process', () => {
  writeFileSync(path.join(folder, 'file'), '');
  const kept = new KeptFile(silentReporter().reporter, path.join(folder, 'file', 'kept'));
  expect(kept.write(Buffer.from('x'))).toBe(false);
  expect(kept.read()).toBeNull();
});
