// The lock on a data folder: held by the living, cleared of the dead, never taken from another.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { aliveSince } from '../../../../common/runtime/process-alive.ts';
import { holdSupervisorLock } from '../../../../common/database/embedded/supervisor-lock.ts';

let folder: string;
let lock: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'weir-lock-'));
  lock = path.join(folder, 'supervisor.pid');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function refused(): void {
  expect(() => holdSupervisorLock(folder)).toThrow(expect.objectContaining({ code: 'data_folder_in_use' }));
}

test('held until released; then free for the next', () => {
  const release = holdSupervisorLock(folder);
  expect(JSON.parse(readFileSync(lock, 'utf8'))).toEqual({ pid: process.pid, since: aliveSince(process.pid) });
  refused();
  release();
  expect(readdirSync(folder)).toEqual([]);
  holdSupervisorLock(folder)();
});

test.for([
  ['a process that is gone', JSON.stringify({ pid: 4_000_000, since: 'x' })],
  ['a number that another process has since', JSON.stringify({ pid: process.pid, since: 'another boot:1' })],
  ['nothing that can be read', '{"pid": 1'],
  ['nothing at all', ''],
  ['something else', '[1]'],
] as const)('a lock of %s holds nobody up', ([, text]) => {
  writeFileSync(lock, text);
  const release = holdSupervisorLock(folder);
  expect(readdirSync(folder)).toEqual(['supervisor.pid']);
  release();
});

test("a live process's lock stays as it is", () => {
  const parent = JSON.stringify({ pid: process.ppid, since: aliveSince(process.ppid) });
  writeFileSync(lock, parent);
  refused();
  expect(readFileSync(lock, 'utf8')).toBe(parent);
});

test('a release after another took it leaves it to the other', () => {
  const release = holdSupervisorLock(folder);
  writeFileSync(lock, 'of another');
  release();
  expect(readFileSync(lock, 'utf8')).toBe('of another');
});
