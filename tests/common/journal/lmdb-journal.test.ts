// The journal: durable before it answers, bounded, whole after a kill, alive on a full disk.
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { checkJournalFile } from '../../../common/journal/file-check.ts';
import { type JournalOptions, openJournal, type OpenJournal } from '../../../common/journal/lmdb-journal.ts';
import { codeOf } from '../../../common/runtime/errors.ts';
import { type BundledProgram, bundledProgram } from '../../support/bundled-program.ts';
import { describeWith } from '../../support/requirements.ts';
import { silentReporter } from '../../support/silent-reporter.ts';
import { steadyEntry } from '../../support/steady-entry.ts';

const folders: string[] = [];
const opened: OpenJournal[] = [];

function newFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'weir-journal-'));
  folders.push(folder);
  return folder;
}

function openIn(folder: string, options: Partial<JournalOptions> = {}, freeBytes?: () => number): OpenJournal {
  const whole = { folder, maxBytes: 1e9, reserveBytes: 1e6, maxPendingBytes: 1e8, ...options };
  const journal = openJournal(silentReporter().reporter, whole, freeBytes === undefined ? {} : { freeBytes });
  opened.push(journal);
  return journal;
}

afterEach(async () => {
  for (const journal of opened.splice(0)) await journal.close();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

const textsOf = (journal: OpenJournal): [number, string][] =>
  journal.read(0, 1e6, 1e9).map((entry) => [entry.position, Buffer.from(entry.bytes).toString('utf8')]);

describe('journal', () => {
  test('positions start at 1, are never given twice, and stay over a reopening', async () => {
    const folder = newFolder();
    const first = openIn(folder);
    const { id } = first;
    expect(await Promise.all(['a', 'b', 'c'].map((text) => first.append(Buffer.from(text))))).toEqual([1, 2, 3]);
    await first.trim(3);
    await first.setNote('mark', Buffer.from('m'));
    expect([first.firstPosition(), first.lastPosition(), first.sizeBytes()]).toEqual([4, 3, 0]);
    await first.close();
    const second = openIn(folder);
    expect(second.id).toBe(id);
    expect(await second.append(Buffer.from('d'))).toBe(4);
    expect(textsOf(second)).toEqual([[4, 'd']]);
    expect(Buffer.from(second.note('mark') ?? []).toString()).toBe('m');
    expect(second.note('other')).toBeUndefined();
  });

  test('a disk without room for the first pages is refused, one that is full later opens what is there', async () => {
    const folder = newFolder();
    expect(() => openIn(folder, {}, () => 40_960)).toThrow(expect.objectContaining({ code: 'data_folder_unusable' }));
    const first = openIn(folder);
    await first.append(Buffer.from('a'));
    await first.close();
    expect(textsOf(openIn(folder, {}, () => 0))).toEqual([[1, 'a']]);
  });

  test('behaves as a list does, whatever is done in whatever order', async () => {
    const step = fc.oneof(
      fc.record({ append: fc.string({ maxLength: 20 }) }),
      fc.record({ trim: fc.nat({ max: 12 }) }),
      fc.record({ replace: fc.nat({ max: 12 }), by: fc.string({ maxLength: 20 }) }),
      fc.constant({ reopen: true }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 20 }), async (steps) => {
        const folder = newFolder();
        let journal = openIn(folder);
        let model: [number, string][] = [];
        let last = 0;
        for (const one of steps) {
          if ('append' in one) {
            last += 1;
            expect(await journal.append(Buffer.from(one.append))).toBe(last);
            model.push([last, one.append]);
          } else if ('replace' in one) {
            const kept = model.find(([position]) => position === one.replace);
            expect(await journal.replace(one.replace, Buffer.from(one.by))).toBe(kept !== undefined);
            if (kept !== undefined) kept[1] = one.by;
          } else if ('trim' in one) {
            await journal.trim(one.trim);
            model = model.filter(([position]) => position > one.trim);
          } else {
            await journal.close();
            journal = openIn(folder);
          }
          expect(textsOf(journal)).toEqual(model);
          expect(journal.firstPosition()).toBe(model[0]?.[0] ?? last + 1);
          expect(journal.sizeBytes()).toBe(model.reduce((sum, [, text]) => sum + Buffer.byteLength(text), 0));
        }
        await journal.close();
      }),
      { numRuns: 25 },
    );
  });

  test('reading stops at the bounds, but gives at least one entry', async () => {
    const journal = openIn(newFolder());
    for (const text of ['aaaa', 'bbbb', 'cccc']) await journal.append(Buffer.from(text));
    expect(journal.read(0, 2, 1e6)).toHaveLength(2);
    expect(journal.read(0, 9, 8)).toHaveLength(2);
    expect(journal.read(1, 9, 1)).toMatchObject([{ position: 2 }]);
    expect(journal.read(3, 9, 1e6)).toEqual([]);
  });

  test('refuses above its bound and below the reserve of the disk, writes nothing then, and goes on after', async () => {
    let free = 1e9;
    const journal = openIn(newFolder(), { maxBytes: 10, reserveBytes: 1e6 }, () => free);
    await journal.append(Buffer.from('12345'));
    await expect(journal.append(Buffer.from('1234567'))).rejects.toMatchObject({ code: 'journal_full' });
    free = 1e5;
    await expect(journal.append(Buffer.from('1'))).rejects.toMatchObject({ code: 'journal_full' });
    expect(textsOf(journal)).toEqual([[1, '12345']]);
    // Room can be made on a full disk: otherwise it would stay full.
    expect(await journal.replace(1, Buffer.from('12'))).toBe(true);
    expect(textsOf(journal)).toEqual([[1, '12']]);
    await journal.trim(1);
    free = 1e9;
    expect(await journal.append(Buffer.from('1234567'))).toBe(2);
  });

  test('a journal whose own file holds the disk goes on in it once it is trimmed', async () => {
    let free = 1e9;
    const journal = openIn(newFolder(), {}, () => free);
    for (let turn = 0; turn < 30; turn += 1) await journal.append(Buffer.alloc(1e6));
    free = 0;
    await expect(journal.append(Buffer.alloc(20_000))).rejects.toMatchObject({ code: 'journal_full' });
    await journal.trim(29);
    expect(await journal.append(Buffer.alloc(20_000))).toBe(31);
  });

  test('a journal whose entries become shorter goes on in the room they leave, also on a full disk', async () => {
    let free = 1e9;
    const folder = newFolder();
    const journal = openIn(folder, {}, () => free);
    for (let turn = 0; turn < 30; turn += 1) await journal.append(Buffer.alloc(1e6));
    free = 0;
    for (let position = 1; position <= 29; position += 1) await journal.replace(position, Buffer.alloc(100, position));
    expect(journal.sizeBytes()).toBe(1e6 + 2900);
    for (let turn = 0; turn < 20; turn += 1) await journal.append(Buffer.alloc(100_000));
    expect(statSync(path.join(folder, 'journal.mdb')).size).toBeLessThan(35e6);
    await journal.close();
    const again = openIn(folder);
    expect(again.read(6, 1, 1e9)[0]?.bytes).toEqual(Buffer.alloc(100, 7));
    expect(again.lastPosition()).toBe(50);
  });

  test('what waits for the disk is bounded', async () => {
    const journal = openIn(newFolder(), { maxPendingBytes: 10 });
    const answers = await Promise.allSettled(Array.from({ length: 5 }, () => journal.append(Buffer.from('1234'))));
    expect(answers.map((answer) => answer.status)).toEqual([
      'fulfilled',
      'fulfilled',
      'rejected',
      'rejected',
      'rejected',
    ]);
  });

  test('two processes never hold one journal', () => {
    const folder = newFolder();
    openIn(folder);
    expect(() => openIn(folder)).toThrow(expect.objectContaining({ code: 'data_folder_in_use' }));
  });

  test('a file that is no journal is told and kept', () => {
    const folder = newFolder();
    writeFileSync(path.join(folder, 'journal.mdb'), Buffer.alloc(20_000, 7));
    expect(() => openIn(folder)).toThrow(expect.objectContaining({ code: 'journal_damaged' }));
    expect(readFileSync(path.join(folder, 'journal.mdb'))).toHaveLength(20_000);
  });

  test('a file that lost its end is told', async () => {
    const folder = newFolder();
    const journal = openIn(folder);
    await journal.append(Buffer.alloc(200_000, 1));
    await journal.close();
    truncateSync(path.join(folder, 'journal.mdb'), 100_000);
    expect(() => openIn(folder)).toThrow(expect.objectContaining({ code: 'journal_damaged' }));
  });

  test('an entry whose bytes changed on the disk is told, not given', async () => {
    const folder = newFolder();
    const journal = openIn(folder);
    const needle = Buffer.alloc(64, 'needle-in-file-');
    for (const bytes of [Buffer.from('before'), needle, Buffer.from('behind')]) await journal.append(bytes);
    await journal.close();
    const file = path.join(folder, 'journal.mdb');
    const bytes = readFileSync(file);
    for (let at = bytes.indexOf(needle); at >= 0; at = bytes.indexOf(needle, at + 1)) bytes[at + 3] = 0;
    writeFileSync(file, bytes);
    const again = openIn(folder);
    expect(again.read(0, 9, 1e6)).toMatchObject([{ position: 1 }]);
    expect(() => again.read(1, 9, 1e6)).toThrow(
      expect.objectContaining({ code: 'journal_damaged', detail: { folder, position: 2 } }),
    );
    expect(again.read(2, 9, 1e6)).toMatchObject([{ position: 3 }]);
  });

  test('the file does not grow for ever while entries come and go', async () => {
    const folder = newFolder();
    const journal = openIn(folder);
    const size = (): number => readFileSync(path.join(folder, 'journal.mdb')).length;
    const round = async (): Promise<void> => {
      await Promise.all(Array.from({ length: 50 }, () => journal.append(Buffer.alloc(20_000, 1))));
      await journal.trim(journal.lastPosition() - 10);
    };
    for (let warm = 0; warm < 5; warm += 1) await round();
    const settled = size();
    for (let turn = 0; turn < 20; turn += 1) await round();
    expect(size()).toBeLessThan(settled * 2);
  });

  test('a file whose last pages were never written is whole: it opens, and stays usable', async () => {
    // LMDB gives a page out and frees it in one transaction: its file is then shorter than its last page, and nothing is wrong.
    let seen = 0;
    for (let run = 0; run < 40 && seen < 3; run += 1) {
      const folder = newFolder();
      let journal = openIn(folder);
      for (let turn = 0; turn < 20 && seen < 3; turn += 1) {
        await Promise.all(Array.from({ length: 60 + run }, (_, at) => journal.append(Buffer.alloc(at * 97))));
        await journal.trim(journal.lastPosition() - (turn % 7) * 30);
        if (checkJournalFile(path.join(folder, 'journal.mdb')) === null) continue;
        seen += 1;
        const kept = textsOf(journal);
        await journal.close();
        journal = openIn(folder);
        expect(textsOf(journal)).toEqual(kept);
      }
    }
    expect(seen).toBe(3);
  });

  test('a file cut anywhere opens whole or is told and kept, and never ends the process', async () => {
    const folder = newFolder();
    const file = path.join(folder, 'journal.mdb');
    const journal = openIn(folder);
    for (let turn = 0; turn < 30; turn += 1) {
      await Promise.all([1, 2, 3].map(() => journal.append(steadyEntry(journal.lastPosition() + 1))));
      if (turn % 4 === 0) await journal.trim(journal.lastPosition() - 40);
    }
    const kept = textsOf(journal);
    await journal.close();
    const whole = readFileSync(file);
    let told = 0;
    for (let cut = whole.length - 1; cut > 0; cut -= 3001) {
      writeFileSync(file, whole.subarray(0, cut));
      try {
        const again = openIn(folder);
        expect(textsOf(again)).toEqual(kept);
        await again.append(Buffer.alloc(30_000));
        await again.close();
      } catch (error) {
        expect(codeOf(error)).toBe('journal_damaged');
        expect(readFileSync(file)).toHaveLength(cut);
        told += 1;
      }
    }
    expect(told).toBeGreaterThan(10);
  });

  test('a lock that was lost does not let two write one journal', async () => {
    const folder = newFolder();
    const first = openIn(folder);
    await first.append(Buffer.from('a'));
    rmSync(path.join(folder, 'lock'));
    const second = openIn(folder);
    await second.append(Buffer.from('b'));
    await expect(first.append(Buffer.from('c'))).rejects.toMatchObject({ code: 'data_folder_in_use' });
    expect(textsOf(second)).toEqual([
      [1, 'a'],
      [2, 'b'],
    ]);
  });
});

describe('journal of a process that is killed', () => {
  let program: BundledProgram;
  beforeAll(async () => {
    program = await bundledProgram('append-until-killed.ts');
  });
  afterAll(() => program.remove());

  /** Kills the program once it has acknowledged a position, and gives the last one it acknowledged. */
  async function killAfter(position: number, args: readonly string[]): Promise<number> {
    const child = program.start(args);
    let told = '';
    child.stdout.on('data', (chunk: Buffer) => {
      told += chunk.toString();
      if (acknowledged(told) >= position) child.kill('SIGKILL');
    });
    await new Promise((resolve) => child.once('close', resolve));
    return acknowledged(told);
  }

  const acknowledged = (told: string): number => Number(told.slice(0, told.lastIndexOf('\n')).split('\n').at(-1));

  test.for([['0'], ['25']])(
    'every acknowledged entry is there, whole and in order (the last %s kept)',
    async ([keep]) => {
      const folder = newFolder();
      for (let turn = 1; turn <= 4; turn += 1) {
        const last = await killAfter(turn * 70, [folder, keep ?? '0']);
        const journal = openIn(folder);
        expect(journal.lastPosition()).toBeGreaterThanOrEqual(last);
        const entries = journal.read(0, 1e6, 1e9);
        expect(entries[0]?.position).toBe(journal.firstPosition());
        expect(entries.at(-1)?.position).toBe(journal.lastPosition());
        for (const { position, bytes } of entries) expect(steadyEntry(position).equals(bytes)).toBe(true);
        if (keep === '0') expect(journal.firstPosition()).toBe(1);
        else expect(journal.firstPosition()).toBeGreaterThan(last - 35);
        await journal.close();
      }
    },
  );
});

describeWith('root', 'journal on a disk of its own', () => {
  test('a full disk refuses with the code, harms nothing acknowledged, and recovers', async () => {
    const disk = newFolder();
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=6m', 'tmpfs', disk]);
    try {
      const folder = path.join(disk, 'journal');
      // No reserve: LMDB itself must meet the end of the disk.
      const journal = openIn(folder, { reserveBytes: 0 }, () => 1e12);
      const kept: number[] = [];
      let refused = '';
      for (let turn = 0; turn < 1000 && refused === ''; turn += 1) {
        await journal.append(Buffer.alloc(50_000, turn)).then(
          (position) => kept.push(position),
          (error: unknown) => {
            refused = codeOf(error);
          },
        );
      }
      expect(refused).toBe('journal_full');
      expect(kept.length).toBeGreaterThan(20);
      expect(journal.read(0, 1e6, 1e9).map((entry) => entry.position)).toEqual(kept);
      execFileSync('mount', ['-o', 'remount,size=64m', disk]);
      expect(await journal.append(Buffer.from('room again'))).toBe(kept.length + 1);
      await journal.close();
      expect(openIn(folder).lastPosition()).toBe(kept.length + 1);
    } finally {
      for (const one of opened.splice(0)) await one.close();
      execFileSync('umount', [disk]);
    }
  });

  test('where others fill the disk to the last byte everything is refused with the code, and goes on after', async () => {
    const disk = newFolder();
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=16m', 'tmpfs', disk]);
    try {
      const folder = path.join(disk, 'journal');
      const journal = openIn(folder, { reserveBytes: 1e6 });
      await Promise.all(Array.from({ length: 2000 }, (_, at) => journal.append(steadyEntry(at + 1).subarray(0, 3000))));
      try {
        writeFileSync(path.join(disk, 'ballast'), Buffer.alloc(32e6));
      } catch (error) {
        expect(codeOf(error)).toBe('ENOSPC');
      }
      await expect(journal.append(Buffer.from('more'))).rejects.toMatchObject({ code: 'journal_full' });
      await expect(journal.trim(1990)).rejects.toMatchObject({ code: 'journal_full' });
      expect(journal.read(0, 1e6, 1e9)).toHaveLength(2000);
      rmSync(path.join(disk, 'ballast'));
      await journal.trim(1990);
      expect(journal.firstPosition()).toBe(1991);
      expect(await journal.append(Buffer.from('more'))).toBe(2001);
    } finally {
      for (const one of opened.splice(0)) await one.close();
      execFileSync('umount', [disk]);
    }
  });

  test('a read-only folder is told', () => {
    const disk = newFolder();
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m,ro', 'tmpfs', disk]);
    try {
      expect(() => openIn(path.join(disk, 'journal'))).toThrow(
        expect.objectContaining({ code: 'data_folder_unusable' }),
      );
    } finally {
      execFileSync('umount', [disk]);
    }
  });
});

test('a user without rights on the folder is told', () => {
  const folder = path.join(newFolder(), 'closed');
  mkdirSync(folder);
  chmodSync(folder, 0o500);
  // Root may write everywhere: as root the test becomes nobody for the moment.
  const isRoot = process.geteuid?.() === 0;
  if (isRoot) process.seteuid?.(65_534);
  try {
    expect(() => openIn(path.join(folder, 'journal'))).toThrow(
      expect.objectContaining({ code: 'data_folder_unusable' }),
    );
  } finally {
    if (isRoot) process.seteuid?.(0);
  }
});
