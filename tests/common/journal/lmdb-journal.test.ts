// The journal: durable before it answers, bounded, whole after a kill, alive on a full disk.
import { execFileSync, spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { type JournalOptions, openJournal, type OpenJournal } from '../../../common/journal/lmdb-journal.ts';
import { codeOf } from '../../../common/runtime/errors.ts';
import { describeWith } from '../../support/requirements.ts';
import { silentReporter } from '../../support/silent-reporter.ts';

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

  test('behaves as a list does, whatever is done in whatever order', async () => {
    const step = fc.oneof(
      fc.record({ append: fc.string({ maxLength: 20 }) }),
      fc.record({ trim: fc.nat({ max: 12 }) }),
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
    await journal.trim(1);
    free = 1e9;
    expect(await journal.append(Buffer.from('1234567'))).toBe(2);
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
    await journal.append(needle);
    await journal.close();
    const file = path.join(folder, 'journal.mdb');
    const bytes = readFileSync(file);
    for (let at = bytes.indexOf(needle); at >= 0; at = bytes.indexOf(needle, at + 1)) bytes[at + 3] = 0;
    writeFileSync(file, bytes);
    const again = openIn(folder);
    expect(() => again.read(0, 1, 1e6)).toThrow(expect.objectContaining({ code: 'journal_damaged' }));
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

  test('after a SIGKILL every acknowledged entry is there, in order, without a hole', async () => {
    const folder = newFolder();
    // dist/ is what production runs; the tests run the source, so the child loads it through vitest's own loader-free build.
    const module = pathToFileURL(
      path.resolve(import.meta.dirname, '../../../dist/common/journal/lmdb-journal.js'),
    ).href;
    const reporter = pathToFileURL(path.resolve(import.meta.dirname, '../../../dist/common/runtime/reporter.js')).href;
    const script = `const {openJournal}=await import('${module}');const {createReporter}=await import('${reporter}');
      const j=openJournal(createReporter({component:'t',level:'silent'}),{folder:${JSON.stringify(folder)},maxBytes:1e9,reserveBytes:1e6,maxPendingBytes:1e8});
      for(;;){const p=await Promise.all([1,2,3].map(()=>j.append(Buffer.alloc(5000,j.lastPosition()%251))));process.stdout.write(p[2]+'\\n')}`;
    for (let turn = 0; turn < 3; turn += 1) {
      const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      let acknowledged = 0;
      child.stdout.on('data', (chunk: Buffer) => {
        const lines = chunk
          .toString()
          .split('\n')
          .filter((line) => line !== '');
        acknowledged = Math.max(acknowledged, ...lines.map(Number));
        if (acknowledged > 60 * (turn + 1)) child.kill('SIGKILL');
      });
      await new Promise((resolve) => child.once('exit', resolve));
      const journal = openIn(folder);
      expect(journal.lastPosition()).toBeGreaterThanOrEqual(acknowledged);
      expect(journal.read(0, 1e6, 1e9).map((entry) => entry.position)).toEqual(
        Array.from({ length: journal.lastPosition() }, (_, at) => at + 1),
      );
      await journal.close();
    }
  });
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

test('an ordinary user without rights on the folder is told', () => {
  if (process.getuid?.() === 0) return;
  const folder = newFolder();
  mkdirSync(path.join(folder, 'closed'));
  chmodSync(path.join(folder, 'closed'), 0o500);
  expect(existsSync(folder)).toBe(true);
  expect(() => openIn(path.join(folder, 'closed', 'journal'))).toThrow(
    expect.objectContaining({ code: 'data_folder_unusable' }),
  );
});
