// Writes and reads batches in the form that batch-format.ts draws.
import { promisify } from 'node:util';
import { gunzip, gunzipSync, gzipSync } from 'node:zlib';
import type { Batch } from '../model/batch.ts';
import type { Column, Poll, Segment, Table } from '../model/poll.ts';
import {
  BATCH_LIMITS,
  COLUMNS,
  EVENTS,
  FLAG_GZIP,
  GAPS,
  HEADER_BYTES,
  MAGIC,
  OLDEST_VERSION,
  OUTCOMES,
  POLLS,
  ROWS,
  SEGMENTS,
  segmentsProblem,
  TABLE_LIST,
  TABLES,
  VERSION,
  WATERMARKS,
} from './batch-format.ts';
import { ByteReader, ByteWriter, type ListBound, list, MemoryBudget, tooLarge, unreadable } from './bytes.ts';
import { readEvent, writeEvent } from './event-codec.ts';
import { readColumn, readTexts, textAt, type Texts, TextTable, writeColumn } from './column-codec.ts';

/** Of a batch of 100 polls of 48 ports: 2.75 ms and 186 kB; with the usual memory 3.7 ms for as many bytes, at level 6 5.5 ms for 178 kB. */
const GZIP = { level: 2, memLevel: 9 };
/** A body below this is not worth compressing. */
const GZIP_FROM_BYTES = 256;
/** A body above this is unpacked in a thread: a millisecond of the event loop. */
const UNPACK_ALONE_BYTES = 1024 * 1024;
const ROWS_A_PIECE = 1000;
const gunzipInThread = promisify(gunzip);

/** The bytes of a batch; equal batches give equal bytes before compression. Throws batch_too_large where no reader would take it. */
export function encodeBatch(batch: Batch): Uint8Array {
  const body = encodeBody(batch);
  const packed = body.length >= GZIP_FROM_BYTES ? gzipSync(body, GZIP) : body;
  const header = Buffer.alloc(HEADER_BYTES);
  header.set(MAGIC, 0);
  header[4] = VERSION;
  header[5] = packed === body ? 0 : FLAG_GZIP;
  header.writeUInt32LE(body.length, 6);
  return Buffer.concat([header, packed]);
}

/** The body before compression: what the golden files hold. */
export function encodeBody(batch: Batch): Buffer {
  const texts = new TextTable();
  const budget = new MemoryBudget(BATCH_LIMITS.memoryBytes, tooLarge);
  const writer = new ByteWriter(budget);
  const created = batch.createdAtMs;
  writer.varint(texts.place(batch.agent));
  writer.varint(texts.place(batch.incarnation));
  writer.varint(batch.sequence);
  writer.varint(created);
  writer.byte(batch.thinned ? 1 : 0);
  writer.count(batch.gaps.length, GAPS);
  for (const gap of batch.gaps) {
    writer.varint(gap.firstSequence);
    writer.varint(gap.lastSequence);
    writer.varint(texts.place(gap.reason));
  }
  writer.count(batch.watermarks.length, WATERMARKS);
  for (const watermark of batch.watermarks) {
    writer.varint(texts.place(watermark.device));
    writer.signed(watermark.completeUntilMs - created);
  }
  writer.count(batch.polls.length, POLLS);
  for (const poll of batch.polls) writePoll(writer, texts, poll, created);
  writer.count(batch.events.length, EVENTS);
  for (const event of batch.events) writeEvent(writer, texts, event, created);
  const head = new ByteWriter(budget);
  texts.write(head);
  const body = Buffer.concat([head.take(), writer.take()]);
  if (body.length > BATCH_LIMITS.bodyBytes) throw tooLarge(`its body is ${body.length} bytes long`);
  return body;
}

function writePoll(writer: ByteWriter, texts: TextTable, poll: Poll, created: number): void {
  writer.varint(texts.place(poll.device));
  writer.varint(texts.place(poll.processId));
  writer.signed(poll.startedAtMs - created);
  writer.signed(poll.finishedAtMs - created);
  writer.varint(poll.intervalMs);
  writer.byte(OUTCOMES.indexOf(poll.outcome));
  writer.varint(poll.failure === null ? 0 : texts.place(poll.failure) + 1);
  writer.varint(poll.requests);
  writer.varint(poll.retries);
  writer.count(poll.tables.length, TABLE_LIST);
  for (const table of poll.tables) writeTable(writer, texts, table, created);
}

function writeTable(writer: ByteWriter, texts: TextTable, table: Table, created: number): void {
  const wrong = segmentsProblem(table.segments, table.index.length);
  if (wrong !== null) throw new Error(`BUG: ${table.name} of a poll: ${wrong}`);
  writer.byte(TABLES.indexOf(table.name));
  writer.byte(table.complete ? 1 : 0);
  writer.count(table.index.length, ROWS);
  for (const index of table.index) writer.varint(texts.place(index));
  writer.count(table.segments.length, SEGMENTS);
  for (const segment of table.segments) {
    writer.varint(segment.firstRow);
    writer.signed(segment.sentAtMs - created);
    writer.signed(segment.receivedAtMs - created);
    writer.float(segment.monotonicMs);
    writer.varint(segment.uptimeTicks === null ? 0 : segment.uptimeTicks + 1);
  }
  writer.count(table.columns.length, COLUMNS);
  for (const column of table.columns) writeColumn(writer, texts, column, table.index.length);
}

/** Work in pieces: between two of them others may have a turn. */
type Pieces<Result> = Generator<undefined, Result>;

export interface DecodedBatch {
  readonly batch: Batch;
  /** About what it takes in memory. */
  readonly memoryBytes: number;
}

export interface DecodingTurns {
  /** Called between two pieces of the work: lets others have a turn where it is time. */
  readonly breathe: () => Promise<void>;
  /** Told of memory before it is taken; what it throws ends the work. */
  readonly charge: (bytes: number) => void;
}

/** Reads a batch; throws batch_unreadable on anything that is not one, and takes no more memory than BATCH_LIMITS says. */
export function decodeBatch(bytes: Uint8Array): Batch {
  const header = readHeader(bytes);
  const reader = new ByteReader(unpacked(bytes, header), budgetOf(undefined));
  const pieces = readWhole(reader, header.version);
  for (;;) {
    const piece = pieces.next();
    if (piece.done === true) return piece.value;
  }
}

/** The same where others wait for the event loop and memory is counted for all batches at once. */
export async function decodeBatchInTurns(bytes: Uint8Array, turns: DecodingTurns): Promise<DecodedBatch> {
  const header = readHeader(bytes);
  if (header.packed) turns.charge(header.length);
  // Below that a thread costs more than it gives.
  const body = header.length < UNPACK_ALONE_BYTES ? unpacked(bytes, header) : await unpackedInThread(bytes, header);
  const budget = budgetOf(turns.charge);
  const pieces = readWhole(new ByteReader(body, budget), header.version);
  for (;;) {
    const piece = pieces.next();
    if (piece.done === true) return { batch: piece.value, memoryBytes: budget.spent };
    await turns.breathe();
  }
}

function budgetOf(charge: ((bytes: number) => void) | undefined): MemoryBudget {
  return new MemoryBudget(BATCH_LIMITS.memoryBytes, unreadable, charge);
}

interface Header {
  readonly version: number;
  readonly packed: boolean;
  /** Of the body once it is unpacked. */
  readonly length: number;
}

function readHeader(bytes: Uint8Array): Header {
  const header = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.byteLength, HEADER_BYTES));
  if (header.length < HEADER_BYTES || !header.subarray(0, 4).equals(MAGIC))
    throw unreadable('it does not begin as one');
  const version = header[4] ?? 0;
  if (version < OLDEST_VERSION || version > VERSION) {
    throw unreadable(`its version is ${version}, this reads ${OLDEST_VERSION} to ${VERSION}`);
  }
  const length = header.readUInt32LE(6);
  if (length > BATCH_LIMITS.bodyBytes) throw unreadable(`its body is ${length} bytes long`);
  const flags = header[5] ?? 0;
  if (flags > FLAG_GZIP) throw unreadable('it has flags that this version does not know');
  return { version, packed: flags === FLAG_GZIP, length };
}

function unpacked(bytes: Uint8Array, { packed, length }: Header): Uint8Array {
  const body = bytes.subarray(HEADER_BYTES);
  if (!packed) return ofLength(body, length);
  let plain: Uint8Array;
  try {
    plain = gunzipSync(body, { maxOutputLength: Math.max(1, length) });
  } catch (cause) {
    throw unreadable('its compression is broken', cause);
  }
  return ofLength(plain, length);
}

async function unpackedInThread(bytes: Uint8Array, { packed, length }: Header): Promise<Uint8Array> {
  const body = bytes.subarray(HEADER_BYTES);
  if (!packed) return ofLength(body, length);
  const plain = await gunzipInThread(body, { maxOutputLength: length, chunkSize: length + 1 }).catch(
    (cause: unknown) => {
      throw unreadable('its compression is broken', cause);
    },
  );
  return ofLength(plain, length);
}

function ofLength(body: Uint8Array, length: number): Uint8Array {
  if (body.length !== length) throw unreadable('its body is not as long as it says');
  return body;
}

function* readWhole(reader: ByteReader, version: number): Pieces<Batch> {
  const batch = yield* readBody(reader, version);
  if (reader.left !== 0) throw unreadable('something stands behind its end');
  return batch;
}

function* readBody(reader: ByteReader, version: number): Pieces<Batch> {
  const texts = yield* readTexts(reader);
  const text = (): string => textAt(texts, reader.varint());
  const agent = text();
  const incarnation = text();
  const sequence = reader.varint();
  const created = reader.varint();
  const thinned = reader.flag();
  const gaps = list(reader, GAPS, () => ({
    firstSequence: reader.varint(),
    lastSequence: reader.varint(),
    reason: text(),
  }));
  const watermarks = list(reader, WATERMARKS, () => ({
    device: text(),
    completeUntilMs: created + reader.signed(),
  }));
  const polls = yield* listInPieces(reader, POLLS, () => readPoll(reader, texts, created));
  const events = version >= 2 ? list(reader, EVENTS, () => readEvent(reader, texts, created)) : [];
  return { agent, incarnation, sequence, createdAtMs: created, thinned, polls, events, watermarks, gaps };
}

/** As `list` for what is large enough to be a piece of its own. */
function* listInPieces<T>(reader: ByteReader, bound: ListBound, read: () => Pieces<T>): Pieces<T[]> {
  const count = reader.count(bound);
  const items: T[] = [];
  for (let at = 0; at < count; at += 1) {
    items.push(yield* read());
    yield;
  }
  return items;
}

function* readPoll(reader: ByteReader, texts: Texts, created: number): Pieces<Poll> {
  const device = textAt(texts, reader.varint());
  const processId = textAt(texts, reader.varint());
  const startedAtMs = created + reader.signed();
  const finishedAtMs = created + reader.signed();
  const intervalMs = reader.varint();
  const outcome = OUTCOMES[reader.byte()];
  if (outcome === undefined) throw unreadable('a poll has an outcome that does not exist');
  const failure = reader.varint();
  const requests = reader.varint();
  const retries = reader.varint();
  const tables = yield* listInPieces(reader, TABLE_LIST, () => readTable(reader, texts, created));
  return {
    device,
    processId,
    startedAtMs,
    finishedAtMs,
    intervalMs,
    outcome,
    failure: failure === 0 ? null : textAt(texts, failure - 1),
    requests,
    retries,
    tables,
  };
}

function* readTable(reader: ByteReader, texts: Texts, created: number): Pieces<Table> {
  const name = TABLES[reader.byte()];
  if (name === undefined) throw unreadable('a table has a name that does not exist');
  const complete = reader.flag();
  const index = list(reader, ROWS, () => textAt(texts, reader.varint()));
  const segments = list(reader, SEGMENTS, () => readSegment(reader, created));
  const wrong = segmentsProblem(segments, index.length);
  if (wrong !== null) throw unreadable(wrong);
  const columns: Column[] = [];
  for (let left = reader.count(COLUMNS); left > 0; left -= 1) {
    columns.push(readColumn(reader, texts, index.length));
    if (index.length > ROWS_A_PIECE) yield;
  }
  return { name, complete, index, segments, columns };
}

function readSegment(reader: ByteReader, created: number): Segment {
  const firstRow = reader.varint();
  const sentAtMs = created + reader.signed();
  const receivedAtMs = created + reader.signed();
  const monotonicMs = reader.float();
  const uptime = reader.varint();
  return { firstRow, sentAtMs, receivedAtMs, monotonicMs, uptimeTicks: uptime === 0 ? null : uptime - 1 };
}
