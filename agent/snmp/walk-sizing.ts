// How many rows to ask for in one GETBULK: from the bytes seen, towards one unfragmented datagram, and never again what a device stayed silent on.

/** The answer we aim at: fits an Ethernet frame with room for IPv6 and tunnels. */
const TARGET_BYTES = 1400;
/** What message, security and PDU headers take, at most. */
const HEADER_BYTES = 110;
/** An OID, type and value before anything was seen of the table. */
const FIRST_GUESS_VARBIND_BYTES = 24;
const MOST_REPETITIONS = 200;
/** After this many clean walks a ceiling is raised by a step; doubled with each new failure up to the second figure. */
const FIRST_PATIENCE = 2;
const MOST_PATIENCE = 64;

/** What is remembered of one table of one device between polls. */
export interface TableMemory {
  /** 0 before the first answer. */
  readonly bytesPerRow: number;
  /** Repetitions never to be exceeded, learnt from silence and tooBig. */
  readonly ceiling: number;
  /** Columns in one request; fewer than the table has only where not even one row fits an answer. */
  readonly columnsPerRequest: number;
  readonly cleanWalks: number;
  readonly patience: number;
  /** Rows of the last complete walk. */
  readonly rows: number;
}

export const FRESH_MEMORY: TableMemory = {
  bytesPerRow: 0,
  ceiling: MOST_REPETITIONS,
  columnsPerRequest: Number.POSITIVE_INFINITY,
  cleanWalks: 0,
  patience: FIRST_PATIENCE,
  rows: 0,
};

/** Repetitions for the next request. Of the rows expected one more is asked for, which shows the end in the same answer; beyond them few, then more. */
export function repetitionsFor(memory: TableMemory, columns: number, rowsSeen: number): number {
  const bytesPerRow = memory.bytesPerRow > 0 ? memory.bytesPerRow : columns * FIRST_GUESS_VARBIND_BYTES;
  const fitting = Math.floor((TARGET_BYTES - HEADER_BYTES) / bytesPerRow);
  return Math.max(1, Math.min(fitting, memory.ceiling, rowsWanted(memory.rows, rowsSeen)));
}

function rowsWanted(expected: number, seen: number): number {
  if (expected === 0) return MOST_REPETITIONS;
  return seen < expected ? expected - seen + 1 : seen - expected + 2;
}

/** After an answer: large rows count at once, small ones slowly, so that the next answer does not overshoot. */
export function afterAnswer(memory: TableMemory, bytesPerRow: number): TableMemory {
  const smoothed = bytesPerRow > memory.bytesPerRow ? bytesPerRow : memory.bytesPerRow * 0.75 + bytesPerRow * 0.25;
  const { ceiling, columnsPerRequest, cleanWalks, patience, rows } = memory;
  return { bytesPerRow: smoothed, ceiling, columnsPerRequest, cleanWalks, patience, rows };
}

/** After silence or tooBig at that many repetitions (above 1). */
export function afterRefusal(memory: TableMemory, repetitions: number): TableMemory {
  return {
    ...memory,
    ceiling: Math.max(1, Math.floor(repetitions / 2)),
    cleanWalks: 0,
    patience: Math.min(MOST_PATIENCE, memory.patience * 2),
  };
}

/** When not even one row comes: ask half the columns at a time. */
export function afterRowRefusal(memory: TableMemory, columns: number): TableMemory {
  return { ...memory, columnsPerRequest: Math.max(1, Math.ceil(columns / 2)), cleanWalks: 0 };
}

/** After a complete walk without silence. */
export function afterCleanWalk(memory: TableMemory, rows: number): TableMemory {
  if (memory.ceiling >= MOST_REPETITIONS) return { ...memory, rows };
  if (memory.cleanWalks + 1 < memory.patience) return { ...memory, rows, cleanWalks: memory.cleanWalks + 1 };
  return { ...memory, rows, cleanWalks: 0, ceiling: memory.ceiling + 1 };
}
