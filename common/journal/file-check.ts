// Looks at a journal file before LMDB maps it: LMDB ends the process on a file that is not one, or where a page it reads is behind the end.
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { codeOf, WeirError } from '../runtime/errors.ts';

// A meta page of LMDB (lmdb.h, MDB_meta, behind the 24 bytes of the page header): magic u32, version u32, address u64,
// map size u64, then the page size as the first field of the first of two 48-byte database records, last page u64, transaction u64.
const MAGIC = 0xbeefc0de;
const MAGIC_AT = 24;
const PAGE_SIZE_AT = 48;
const LAST_PAGE_AT = 144;
const TRANSACTION_AT = 152;
const META_BYTES = 160;

export interface ShortFile {
  readonly size: number;
  /** The size with every page that LMDB has given out. */
  readonly wanted: number;
}

/**
 * Throws journal_damaged where the file exists, is not empty, and is no LMDB file. Gives the sizes where it is shorter than its
 * pages: its end was lost, or its last pages were given out and freed in one transaction and so never written (measured: one
 * commit in 75 of a journal that is trimmed). Only reading everything tells which.
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
    const wanted = wantedSize((at) => readAt(descriptor, at));
    if (typeof wanted === 'string') throw new WeirError('journal_damaged', `${file} ${wanted}.`, { file, size });
    return wanted > size ? { size, wanted } : null;
  } finally {
    closeSync(descriptor);
  }
}

function readAt(descriptor: number, at: number): Buffer {
  const bytes = Buffer.alloc(META_BYTES);
  readSync(descriptor, bytes, 0, META_BYTES, at);
  return bytes;
}

/** Bytes, or what is wrong. */
function wantedSize(read: (at: number) => Buffer): number | string {
  const first = read(0);
  const pageSize = first.readUInt32LE(PAGE_SIZE_AT);
  if (first.readUInt32LE(MAGIC_AT) !== MAGIC) return 'is not a journal';
  if (pageSize < 512 || pageSize > 65_536) return 'has a page size that cannot be';
  const second = read(pageSize);
  if (second.readUInt32LE(MAGIC_AT) !== MAGIC) return 'has lost its second page';
  const newest = second.readBigUInt64LE(TRANSACTION_AT) > first.readBigUInt64LE(TRANSACTION_AT) ? second : first;
  const wanted = (newest.readBigUInt64LE(LAST_PAGE_AT) + 1n) * BigInt(pageSize);
  return wanted <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(wanted) : 'has a last page that cannot be';
}
