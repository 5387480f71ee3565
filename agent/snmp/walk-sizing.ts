// How many rows to ask for in one GETBULK: from the bytes seen, towards one unfragmented datagram, and never again what a device stayed silent on.

/** The answer we aim at, but over a thin line: fits an Ethernet frame with room for IPv6 and tunnels. */
export const ANSWER_BYTES = 1400;
/** What message, security and PDU headers take, at most. */
const HEADER_BYTES = 110;
/** An OID, type and value before anything was seen of the table. */
const FIRST_GUESS_VARBIND_BYTES = 24;
const MOST_REPETITIONS = 200;
/** After this many clean walks a limit is raised by a step; doubled with each new failure up to the second figure. */
const FIRST_PATIENCE = 2;
const MOST_PATIENCE = 64;
/** A limit that was found this often is the device's own, whatever the network loses besides. */
const PATIENCE_OF_CERTAINTY = 16;
/** Where the network loses packets, a limit learnt from silence is doubled after this many answers. */
const ANSWERS_TO_DOUBLE = 4;

export type LimitCause = 'none' | 'silence' | 'too_big';

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
  /** What set the ceiling or the columns last. */
  readonly cause: LimitCause;
  /** The repetitions that were refused last, and their bytes by our guess; 0: none. An answer as large proves the refusal a loss. */
  readonly refused: number;
  readonly refusedBytes: number;
}

export const FRESH_MEMORY: TableMemory = {
  bytesPerRow: 0,
  ceiling: MOST_REPETITIONS,
  columnsPerRequest: Number.POSITIVE_INFINITY,
  cleanWalks: 0,
  patience: FIRST_PATIENCE,
  rows: 0,
  cause: 'none',
  refused: 0,
  refusedBytes: 0,
};

/** Whether silence or tooBig taught anything that another life would have to learn again. */
export function isLimited(memory: TableMemory): boolean {
  return memory.ceiling < MOST_REPETITIONS || Number.isFinite(memory.columnsPerRequest);
}

/** Repetitions for the next request. Of the rows expected one more is asked for, which shows the end in the same answer; beyond them few, then more. */
export function repetitionsFor(
  memory: TableMemory,
  columns: number,
  rowsSeen: number,
  answerBytes = ANSWER_BYTES,
): number {
  return Math.max(
    1,
    Math.min(fitting(memory, columns, answerBytes), memory.ceiling, rowsWanted(memory.rows, rowsSeen)),
  );
}

/** The repetitions that the next walk begins with, and what decides: a full frame, what a thin line takes, the rows expected, or a limit. */
export interface ChosenSize {
  readonly repetitions: number;
  readonly reason: 'frame' | 'line' | 'rows' | 'silence' | 'too_big';
}

export function sizeAndReason(memory: TableMemory, columns: number, answerBytes = ANSWER_BYTES): ChosenSize {
  const width = Math.min(columns, memory.columnsPerRequest);
  const repetitions = repetitionsFor(memory, width, 0, answerBytes);
  const full = Math.max(1, fitting(memory, width, answerBytes));
  const limit = memory.cause === 'too_big' ? 'too_big' : 'silence';
  if (isLimited(memory) && (repetitions === memory.ceiling || width < columns)) return { repetitions, reason: limit };
  if (repetitions !== full) return { repetitions, reason: 'rows' };
  return { repetitions, reason: answerBytes < ANSWER_BYTES ? 'line' : 'frame' };
}

function fitting(memory: TableMemory, columns: number, answerBytes: number): number {
  const bytesPerRow = memory.bytesPerRow > 0 ? memory.bytesPerRow : columns * FIRST_GUESS_VARBIND_BYTES;
  return Math.floor((answerBytes - HEADER_BYTES) / bytesPerRow);
}

function rowsWanted(expected: number, seen: number): number {
  if (expected === 0) return MOST_REPETITIONS;
  return seen < expected ? expected - seen + 1 : seen - expected + 2;
}

/** After an answer of that many rows: large rows count at once, small ones slowly, so that the next answer does not overshoot. */
export function afterAnswer(memory: TableMemory, bytesPerRow: number, rowsAnswered: number): TableMemory {
  const smoothed = bytesPerRow > memory.bytesPerRow ? bytesPerRow : memory.bytesPerRow * 0.75 + bytesPerRow * 0.25;
  const disproved =
    memory.refused > 0 && rowsAnswered >= memory.refused && rowsAnswered * bytesPerRow >= memory.refusedBytes;
  if (disproved) return { ...FRESH_MEMORY, rows: memory.rows, bytesPerRow: smoothed };
  // Property by property: a spread is slow for every packet.
  const { ceiling, columnsPerRequest, cleanWalks, patience, rows, cause, refused, refusedBytes } = memory;
  return {
    bytesPerRow: smoothed,
    ceiling,
    columnsPerRequest,
    cleanWalks,
    patience,
    rows,
    cause,
    refused,
    refusedBytes,
  };
}

/** After silence or tooBig at that many repetitions (above 1). */
export function afterRefusal(memory: TableMemory, repetitions: number, cause: LimitCause): TableMemory {
  return {
    ...memory,
    ceiling: Math.max(1, Math.floor(repetitions / 2)),
    cleanWalks: 0,
    patience: Math.min(MOST_PATIENCE, memory.patience * 2),
    cause,
    refused: repetitions,
    refusedBytes: repetitions * memory.bytesPerRow,
  };
}

/** When not even one row comes: ask half the columns at a time. */
export function afterRowRefusal(memory: TableMemory, columns: number, cause: LimitCause): TableMemory {
  return {
    ...memory,
    columnsPerRequest: Math.max(1, Math.ceil(columns / 2)),
    cleanWalks: 0,
    patience: Math.min(MOST_PATIENCE, memory.patience * 2),
    cause,
  };
}

/** After a complete walk without silence of so many columns: what was limited may take a little more. */
export function afterCleanWalk(memory: TableMemory, rows: number, columns: number): TableMemory {
  if (!isLimited(memory)) return { ...memory, rows };
  if (memory.cleanWalks + 1 < memory.patience) return { ...memory, rows, cleanWalks: memory.cleanWalks + 1 };
  const raised = { ...memory, rows, cleanWalks: 0 };
  if (Number.isFinite(memory.columnsPerRequest)) return withMoreColumns(raised, columns);
  return { ...raised, ceiling: memory.ceiling + 1 };
}

/**
 * After so many answers in a row since a refusal, where the network is known to lose packets: what silence taught there is in doubt, and
 * waiting for walks without any silence would be waiting for ever. A device that refused again and again is believed all the same.
 */
export function afterAnswersUnderLoss(memory: TableMemory, answersInRow: number, columns: number): TableMemory {
  if (memory.cause !== 'silence' || memory.patience >= PATIENCE_OF_CERTAINTY) return memory;
  if (answersInRow === 0 || answersInRow % ANSWERS_TO_DOUBLE !== 0) return memory;
  if (Number.isFinite(memory.columnsPerRequest)) return withMoreColumns(memory, columns);
  if (memory.ceiling >= MOST_REPETITIONS) return memory;
  const most = memory.refused > 0 ? memory.refused : MOST_REPETITIONS;
  return { ...memory, ceiling: Math.min(most, memory.ceiling * 2) };
}

function withMoreColumns(memory: TableMemory, columns: number): TableMemory {
  const more = memory.columnsPerRequest * 2;
  return { ...memory, columnsPerRequest: more >= columns ? Number.POSITIVE_INFINITY : more };
}
