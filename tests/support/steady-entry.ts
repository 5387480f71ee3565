// The entry that a test writes at a position of a journal: anyone can tell whether it is that one, and whole.

/** Between one and some 9,000 bytes. */
export function steadyEntry(position: number): Buffer {
  return Buffer.alloc(1 + ((position * 7919) % 9000), `${position};`);
}
