// Looks at a journal file before LMDB maps it: LMDB ends the process on a file that is not one, on pages that are garbage or behind the end.
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { codeOf, WeirError } from '../runtime/errors.ts';
import { damageOf, type ReadBytes, type Snapshot, treeAt } from './tree-check.ts';

// A meta page of LMDB (lmdb.h, MDB_meta, behind the 24 bytes of the page header): magic u32, version u32, address u64,
// map size u64, then the page size as the first field of the first of two 48-byte database records, last page u64, transaction u64.
const MAGIC = 0xbeefc0de;
const MAGIC_AT = 24;
const PAGE_SIZE_AT = 48;
const FREE_AT = 48;
const MAIN_AT = 96;
const LAST_PAGE_AT = 144;
const TRANSACTION_AT = 152;
const META_BYTES = 160;
/** So much is given out and freed again in one transaction at most. */
const MOST_UNWRITTEN_BYTES = 1024 ** 3;

export interface ShortFile {
  readonly size: number;
  /** The size with every page that LMDB has given out. */
  readonly wanted: number;
}

/**
 * Throws journal_damaged where the file exists, is not empty, and is no LMDB file, or one whose trees are not whole. Gives the sizes where
 * it is shorter than its pages: its end was lost, or its last pages were given out and freed in one transaction and so never written
 * (measured: one commit in 75 of a journal that is trimmed). Only reading everything tells which.
 */
export function checkJournalFile(file: string): ShortFile | null {
  let descriptor: number;
  try {
    descriptor = openSync(file, 'r');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    throw error;
  }
  try {
    const size = fstatSync(descriptor).size;
    if (size === 0) return null;
    const read: ReadBytes = (at, length) => readAt(descriptor, at, length);
    const snapshot = newestSnapshot(read, size);
    const wrong = typeof snapshot === 'string' ? snapshot : damageOf(snapshot, read);
    if (typeof snapshot === 'string' || wrong !== null)
      throw new WeirError('journal_damaged', `${file} is not what was written: ${wrong}.`, { file, size });
    const wanted = snapshot.pages * snapshot.pageSize;
    return wanted > size ? { size, wanted } : null;
  } finally {
    closeSync(descriptor);
  }
}

/** What of the file there is. */
function readAt(descriptor: number, at: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  return bytes.subarray(0, readSync(descriptor, bytes, 0, length, at));
}

/** The state that LMDB will take, or what is wrong. */
function newestSnapshot(read: ReadBytes, size: number): Snapshot | string {
  const first = read(0, META_BYTES);
  if (first.length < META_BYTES || first.readUInt32LE(MAGIC_AT) !== MAGIC) return 'it is no journal';
  const pageSize = first.readUInt32LE(PAGE_SIZE_AT);
  if (pageSize < 512 || pageSize > 65_536) return 'its page size cannot be';
  const second = read(pageSize, META_BYTES);
  if (second.length < META_BYTES || second.readUInt32LE(MAGIC_AT) !== MAGIC) return 'its second page is lost';
  const [even, odd] = [first, second].map((meta) => meta.readBigUInt64LE(TRANSACTION_AT)) as [bigint, bigint];
  // They are written in turn. Where one of them is older than that LMDB would go back to a state before the last, without a word.
  if (even - odd > 1n || odd - even > 1n || even % 2n !== 0n || (odd % 2n !== 1n && odd !== 0n))
    return `its first pages are of the transactions ${even} and ${odd}`;
  const newest = odd > even ? second : first;
  const pages = newest.readBigUInt64LE(LAST_PAGE_AT) + 1n;
  if (pages * BigInt(pageSize) > BigInt(size + MOST_UNWRITTEN_BYTES)) return 'its last page cannot be';
  return {
    pageSize,
    pages: Number(pages),
    transaction: newest.readBigUInt64LE(TRANSACTION_AT),
    free: treeAt(newest, FREE_AT),
    main: treeAt(newest, MAIN_AT),
  };
}
