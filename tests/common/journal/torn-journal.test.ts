// A journal whose file a bad disk changed, page by page: it opens with what is whole, or is told and left as it was; never the process ends, never an entry is another.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openJournal, type OpenJournal } from '../../../common/journal/lmdb-journal.ts';
import { codeOf, WeirError } from '../../../common/runtime/errors.ts';
import { silentReporter } from '../../support/silent-reporter.ts';
import { steadyEntry } from '../../support/steady-entry.ts';

const PAGE = 4096;
const folders: string[] = [];
/** The file as it is, and as it was some commits before. */
let whole: Buffer;
let stale: Buffer;
let first = 0;
let last = 0;
let id = '';

function newFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'weir-torn-journal-'));
  folders.push(folder);
  return folder;
}

function openIn(folder: string): OpenJournal {
  return openJournal(silentReporter().reporter, { folder, maxBytes: 1e9, reserveBytes: 1e6, maxPendingBytes: 1e8 });
}

const fileIn = (folder: string): string => path.join(folder, 'journal.mdb');

beforeAll(async () => {
  const folder = newFolder();
  const journal = openIn(folder);
  const turn = async (at: number): Promise<void> => {
    await Promise.all([1, 2, 3].map((ahead) => journal.append(entryAt(journal.lastPosition() + ahead))));
    if (at % 3 === 0) await journal.trim(journal.lastPosition() - 30);
    await journal.setNote('mark', Buffer.from(`mark ${at}`));
  };
  for (let at = 0; at < 20; at += 1) await turn(at);
  stale = readFileSync(fileIn(folder));
  for (let at = 20; at < 24; at += 1) await turn(at);
  [first, last, id] = [journal.firstPosition(), journal.lastPosition(), journal.id];
  await journal.close();
  whole = readFileSync(fileIn(folder));
});
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** Some small, some of several pages: leaves, branches and overflow pages in one file. */
function entryAt(position: number): Buffer {
  const bytes = steadyEntry(position);
  return position % 11 === 0 ? Buffer.concat([bytes, Buffer.alloc(9000, bytes)]) : bytes.subarray(0, 700);
}

type Tear = (page: Buffer, at: number) => Buffer;

function noise(length: number, seed: number): Buffer {
  let state = seed * 2_654_435_761 + 1;
  return Buffer.from(
    Uint8Array.from({ length }, () => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return state >>> 24;
    }),
  );
}

const TEARS: Readonly<Record<string, Tear>> = {
  garbage: (_page, at) => noise(PAGE, at),
  zeroes: () => Buffer.alloc(PAGE),
  'garbage behind a sound header': (page, at) => Buffer.concat([page.subarray(0, 24), noise(PAGE - 24, at)]),
  'its second half lost': (page) => Buffer.concat([page.subarray(0, 2048), Buffer.alloc(2048)]),
  'another page': (_page, at) => whole.subarray(((at + 7) % (whole.length / PAGE)) * PAGE).subarray(0, PAGE),
  'as it was some commits before': (page, at) =>
    stale.length >= (at + 1) * PAGE ? stale.subarray(at * PAGE, (at + 1) * PAGE) : page,
};

interface Outcome {
  readonly told: 'whole' | 'damaged' | 'holes';
}

/** Opens a file, and holds what it gives against what was written. */
async function openTorn(bytes: Buffer): Promise<Outcome> {
  const folder = newFolder();
  writeFileSync(fileIn(folder), bytes);
  let journal: OpenJournal;
  try {
    journal = openIn(folder);
  } catch (error) {
    expect(codeOf(error)).toBe('journal_damaged');
    expect(readFileSync(fileIn(folder)).equals(bytes)).toBe(true);
    return { told: 'damaged' };
  }
  try {
    expect([journal.id, journal.firstPosition(), journal.lastPosition()]).toEqual([id, first, last]);
    let holes = 0;
    for (let position = first; position <= last; position += 1) {
      const entry = readOne(journal, position);
      if (entry === null) holes += 1;
      else expect(entry.equals(entryAt(position))).toBe(true);
    }
    expect(await journal.append(entryAt(last + 1))).toBe(last + 1);
    await journal.trim(last);
    expect(readOne(journal, last + 1)?.equals(entryAt(last + 1))).toBe(true);
    return { told: holes > 0 ? 'holes' : 'whole' };
  } finally {
    await journal.close();
  }
}

function readOne(journal: OpenJournal, position: number): Buffer | null {
  try {
    const [entry] = journal.read(position - 1, 1, 1e9);
    expect(entry?.position).toBe(position);
    return Buffer.from(entry?.bytes ?? []);
  } catch (error) {
    if (error instanceof WeirError && error.code === 'journal_damaged' && error.detail['position'] === position)
      return null;
    throw error;
  }
}

describe('each page of a journal', () => {
  test.for(Object.entries(TEARS).map(([name, tear], turn) => ({ name, tear, turn })))(
    '$name in the place of a page',
    async ({ tear, turn }) => {
      const told = { whole: 0, damaged: 0, holes: 0 };
      for (let at = 0; at < whole.length / PAGE; at += 1) {
        // Garbage is for every page; of the other tears each page has a third.
        if (turn !== 0 && at > 1 && (at + turn) % 3 !== 0) continue;
        const torn = Buffer.from(whole);
        tear(whole.subarray(at * PAGE, (at + 1) * PAGE), at).copy(torn, at * PAGE);
        if (torn.equals(whole)) continue;
        told[(await openTorn(torn)).told] += 1;
      }
      expect(told.damaged).toBeGreaterThan(0);
      if (turn === 0) expect(Math.min(told.whole, told.holes)).toBeGreaterThan(0);
    },
  );
});

const TRANSACTION_AT = 152;
const ROOT_AT = 136;
const LAST_PAGE_AT = 144;

describe('the newest of the first two pages', () => {
  const pageOf = (): number => {
    const of = (page: number): bigint => whole.readBigUInt64LE(page * PAGE + TRANSACTION_AT);
    return of(1) > of(0) ? 1 : 0;
  };

  test.for<[what: string, at: number, change: (value: bigint) => bigint]>([
    ['an older transaction: LMDB would go back without a word', TRANSACTION_AT, (value) => value - 4n],
    ['a transaction of nobody', TRANSACTION_AT, (value) => value + 1000n],
    ['another root', ROOT_AT, (value) => (value === 2n ? 3n : 2n)],
    ['no root: all entries would be gone', ROOT_AT, () => 0xffff_ffff_ffff_ffffn],
    ['a file without an end', LAST_PAGE_AT, () => 1n << 40n],
    ['a file that ends early: pages in use would be given out', LAST_PAGE_AT, () => 5n],
  ])('tells %s', async ([, at, change]) => {
    const torn = Buffer.from(whole);
    const place = pageOf() * PAGE + at;
    torn.writeBigUInt64LE(change(torn.readBigUInt64LE(place)), place);
    expect(await openTorn(torn)).toEqual({ told: 'damaged' });
  });
});

describe('a lock that nobody holds', () => {
  test.for<[name: string, text: string]>([
    ['lock', JSON.stringify({ pid: 999_999_999, since: 'long ago' })],
    ['lock', '{"pid": 1'],
    ['lock.clearing', JSON.stringify({ pid: 999_999_999, since: 'long ago' })],
    ['journal.mdb-lock', 'garbage'],
    ['journal.mdb-lock', ''],
  ])('%s that says %j', async ([name, text]) => {
    const folder = newFolder();
    writeFileSync(fileIn(folder), whole);
    writeFileSync(path.join(folder, name), text);
    const journal = openIn(folder);
    expect([journal.firstPosition(), journal.lastPosition()]).toEqual([first, last]);
    expect(await journal.append(entryAt(last + 1))).toBe(last + 1);
    await journal.close();
  });
});
