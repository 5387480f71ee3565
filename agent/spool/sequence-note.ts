// A sequence number as a note of the journal.

export function noteOf(sequence: number): Uint8Array {
  return Buffer.from(String(sequence), 'latin1');
}

/** 0 where there is no note. */
export function sequenceFrom(note: Uint8Array | undefined): number {
  return Number(Buffer.from(note ?? []).toString('latin1'));
}
