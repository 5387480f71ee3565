// The form of everything the journal writes: a checksum before the bytes, so that what the disk changed is never given out.
import { crc32 } from 'node:zlib';

/** Bytes that a frame adds. */
export const FRAME_BYTES = 4;

/** CRC-32 (as in RFC 1952 §8) in four octets, little-endian, then the bytes. */
export function seal(bytes: Uint8Array): Buffer {
  const framed = Buffer.allocUnsafe(bytes.length + FRAME_BYTES);
  framed.writeUInt32LE(crc32(bytes), 0);
  framed.set(bytes, FRAME_BYTES);
  return framed;
}

/** A copy of the bytes in the frame; null where they are not those that were sealed. */
export function unseal(framed: Buffer | undefined): Buffer | null {
  if (framed === undefined || framed.length < FRAME_BYTES) return null;
  const bytes = Buffer.from(framed.subarray(FRAME_BYTES));
  return crc32(bytes) === framed.readUInt32LE(0) ? bytes : null;
}

/** What the journal knows of itself, written in every commit. */
export interface JournalState {
  readonly id: string;
  /** Position of the oldest entry kept; last + 1 where none is. */
  readonly first: number;
  readonly last: number;
  /** Bytes of the entries kept. */
  readonly bytes: number;
}

export function sealState(state: JournalState): Buffer {
  return seal(Buffer.from(JSON.stringify(state)));
}

/** Null where it is not a state that was sealed. */
export function unsealState(framed: Buffer): JournalState | null {
  const bytes = unseal(framed);
  if (bytes === null) return null;
  const state: unknown = JSON.parse(bytes.toString('utf8'));
  if (typeof state !== 'object' || state === null) return null;
  if (!('id' in state && 'first' in state && 'last' in state && 'bytes' in state)) return null;
  const { id, first, last, bytes: kept } = state;
  const sound = typeof id === 'string' && typeof first === 'number' && typeof last === 'number';
  return sound && typeof kept === 'number' ? { id, first, last, bytes: kept } : null;
}
