// The port of the durable ordered log: the agent's spool and the collector's journal are the same module.

export interface JournalEntry {
  /** Starts at 1, grows by 1, never given twice in one journal. */
  readonly position: number;
  readonly bytes: Uint8Array;
}

export interface Journal {
  /** Random id made with the file: a new file is another journal. */
  readonly id: string;
  /** Resolves with the position once the entry is on the disk (fdatasync); entries of one tick share a commit. Rejects with journal_full below the free-space reserve or above the byte bound; nothing is written then. */
  append(bytes: Uint8Array): Promise<number>;
  /**
   * Puts shorter bytes in the place of an entry: after a crash it holds the old ones or these. False where it is not kept any more. As it
   * makes room it may use the reserve of the disk, like a trim; rejects with journal_full where there is not even room for that.
   */
  replace(position: number, bytes: Uint8Array): Promise<boolean>;
  /**
   * Entries after a position, in order, at most that many and at least one if any exists, stopping once `maxBytes` is passed.
   * They end before one that the disk changed; where that is the first, journal_damaged is thrown with its `detail.position`.
   */
  read(after: number, maxEntries: number, maxBytes: number): JournalEntry[];
  /** Position of the oldest entry kept (last + 1 when empty), and of the newest (0 when none was ever written). */
  firstPosition(): number;
  lastPosition(): number;
  /** Bytes of the entries kept. */
  sizeBytes(): number;
  /** Forgets entries up to and including the position, a bounded number in each commit. Rejects with journal_full where the disk has not even room for that. */
  trim(upTo: number): Promise<void>;
  /** Small durable notes beside the log (a mark, a state), committed like entries, but also below the free-space reserve. */
  note(key: string): Uint8Array | undefined;
  setNote(key: string, bytes: Uint8Array): Promise<void>;
}
