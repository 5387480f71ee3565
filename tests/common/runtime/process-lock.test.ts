// One process at a time: however many start at one instant, whatever the last holder left, and whoever has its number now.
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { aliveSince } from '../../../common/runtime/process-alive.ts';
import { holdLock } from '../../../common/runtime/process-lock.ts';
import { type BundledProgram, bundledProgram } from '../../support/bundled-program.ts';

let folder: string;
let lock: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'weir-lock-'));
  lock = path.join(folder, 'lock');
});
afterEach(() => rmSync(folder, { recursive: true }));

const refused = (pid: number | null): unknown =>
  expect.objectContaining({ code: 'data_folder_in_use', detail: { folder, pid } });

/** A lock as a process of that number and time of birth would have left it. */
function leave(pid: number, since: string | null): void {
  writeFileSync(lock, JSON.stringify({ pid, since }));
}

describe('a lock', () => {
  test('is held once, also inside one process, until it is released', () => {
    const release = holdLock(lock);
    expect(() => holdLock(lock)).toThrow(refused(process.pid));
    release();
    const again = holdLock(lock);
    // Released twice: what was taken since stays held.
    release();
    expect(() => holdLock(lock)).toThrow(refused(process.pid));
    again();
    expect(readdirSync(folder)).toEqual([]);
  });

  test('that its holder lost is not released under the next one', () => {
    const release = holdLock(lock);
    rmSync(lock);
    leave(process.ppid, aliveSince(process.ppid));
    release();
    expect(() => holdLock(lock)).toThrow(refused(process.ppid));
  });

  test('of a folder that went away is released without a word', () => {
    const gone = path.join(folder, 'gone');
    mkdirSync(gone);
    const release = holdLock(path.join(gone, 'lock'));
    rmSync(gone, { recursive: true });
    release();
  });

  test('cannot be had in a folder that is not there: the caller names that', () => {
    expect(() => holdLock(path.join(folder, 'none', 'lock'))).toThrow(expect.objectContaining({ code: 'ENOENT' }));
  });
});

describe('what a dead holder left', () => {
  test.each<[string, () => void]>([
    ['a number that nobody has', () => leave(2 ** 22 + 1, 'boot:1')],
    ['a number that somebody else has now', () => leave(process.ppid, 'boot:1')],
    ['our own number, of an earlier life', () => leave(process.pid, 'boot:1')],
    ['nothing', () => writeFileSync(lock, '')],
    ['half a line', () => writeFileSync(lock, '{"pid":1,"si')],
    ['something else', () => writeFileSync(lock, '[1]')],
    ['numbers that are none', () => writeFileSync(lock, '{"pid":"1","since":null}')],
  ])('%s: it is cleared', (_name, left) => {
    left();
    const release = holdLock(lock);
    expect(JSON.parse(readFileSync(lock, 'utf8'))).toEqual({ pid: process.pid, since: aliveSince(process.pid) });
    expect(() => holdLock(lock)).toThrow(refused(process.pid));
    release();
    expect(readdirSync(folder)).toEqual([]);
  });

  test('a start that died while it cleared a lock does not stop the next', () => {
    leave(2 ** 22 + 1, 'boot:1');
    cpSync(lock, `${lock}.clearing`);
    holdLock(lock)();
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe('between processes', () => {
  let program: BundledProgram;
  const running: ChildProcess[] = [];
  beforeAll(async () => {
    program = await bundledProgram('hold-lock.ts');
  });
  afterAll(() => program.remove());
  afterEach(async () => {
    await Promise.all(running.splice(0).map(kill));
  });

  async function kill(child: ChildProcess): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }

  function start(args: readonly string[]): { child: ChildProcess; line: Promise<string> } {
    const child = program.start(args);
    running.push(child);
    const line = once(child.stdout, 'data').then((chunks) => String(chunks[0]).trim());
    return { child, line };
  }

  test('one that lives refuses the others, one that was killed does not', async () => {
    const first = start(['hold', lock]);
    const pid = Number(await first.line);
    expect(() => holdLock(lock)).toThrow(refused(pid));
    expect(await start(['hold', lock]).line).toBe('refused');
    await kill(first.child);
    expect(existsSync(lock)).toBe(true);
    holdLock(lock)();
  });

  test.each(['nothing', 'the lock of one that was killed'])(
    'many that start at one instant: one gets it, where %s was left',
    async (left) => {
      const rounds = 60;
      if (left !== 'nothing') {
        const dead = start(['hold', lock]);
        await dead.line;
        await kill(dead.child);
      }
      for (let round = 0; round < rounds; round += 1) {
        mkdirSync(path.join(folder, String(round)));
        if (left !== 'nothing') cpSync(lock, path.join(folder, String(round), 'lock'));
      }
      const at = String(Date.now() + 1500);
      const racers = Array.from({ length: 4 }, () => start(['race', folder, String(rounds), at]).line);
      const held = (await Promise.all(racers)).flatMap((line): unknown[] => {
        const list: unknown = JSON.parse(line);
        return Array.isArray(list) ? list : [];
      });
      expect(held.map(Number).toSorted((a, b) => a - b)).toEqual(Array.from({ length: rounds }, (_, round) => round));
    },
  );
});
