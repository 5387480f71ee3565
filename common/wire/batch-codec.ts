// The batch on the wire and on the disk, version 1: columnar, with one table of texts a batch, compressed.
//
//   "WEIR" | version u8 | flags u8 (bit 0: gzip) | length of the body u32 LE | body
//
//   body    texts: count, {length, UTF-8}*              every other text is a place in it
//           agent, incarnation, sequence, created, flags (bit 0: thinned)
//           gaps: count, {first, last, reason}*
//           watermarks: count, {device, signed ms from created}*
//           polls: count, poll*
//   poll    device, processId, started, finished (signed ms from created), intervalMs, outcome u8, failure (0 none, else place+1),
//           requests, retries, tables: count, table*
//   table   name u8, complete u8, rows, index text*, segments: count, {firstRow, sent, received (signed ms from created),
//           monotonic float64, uptime (0 none, else ticks+1)}*, columns: count, column*
//   column  kind u8, name, then
//           counter: width u8 (4 or 8), presence (1 all | 0 and one byte a row), rows × width bytes LE
//           number:  form u8 (0 int32 LE with -2^31 as absent | 1 float64 LE), rows × values
//           text:    rows × (0 absent, else place+1)
//
// Integers are varints. Counters stand as plain little-endian words: they are read as fast as memory, and gzip finds what repeats.
import { gunzipSync, gzipSync } from 'node:zlib';
import type { Batch } from '../model/batch.ts';
import type { Poll, Segment, Table, TableName } from '../model/poll.ts';
import { ByteReader, ByteWriter, unreadable } from './bytes.ts';
import { readColumn, textAt, type Texts, TextTable, writeColumn } from './column-codec.ts';

const MAGIC = Buffer.from('WEIR', 'latin1');
const VERSION = 1;
const HEADER_BYTES = 10;
const FLAG_GZIP = 1;
const GZIP_LEVEL = 2;
/** A body below this is not worth compressing. */
const GZIP_FROM_BYTES = 256;

/** What a decoder believes at most. */
export const BATCH_LIMITS = {
  bodyBytes: 64 * 1024 * 1024,
  texts: 1_000_000,
  polls: 100_000,
  tables: 64,
  rows: 1_000_000,
  columns: 256,
  gaps: 10_000,
} as const;

const TABLES: readonly TableName[] = [
  'system',
  'interface',
  'interface-inventory',
  'processor',
  'memory',
  'sensor',
  'neighbour',
  'entity',
];
const OUTCOMES: readonly Poll['outcome'][] = ['complete', 'partial', 'failed'];

/** The bytes of a batch; equal batches give equal bytes before compression. */
export function encodeBatch(batch: Batch): Uint8Array {
  const body = encodeBody(batch);
  const packed = body.length >= GZIP_FROM_BYTES ? gzipSync(body, { level: GZIP_LEVEL }) : body;
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
  const writer = new ByteWriter();
  const created = batch.createdAtMs;
  writer.varint(texts.place(batch.agent));
  writer.varint(texts.place(batch.incarnation));
  writer.varint(batch.sequence);
  writer.varint(created);
  writer.byte(batch.thinned ? 1 : 0);
  writer.varint(batch.gaps.length);
  for (const gap of batch.gaps) {
    writer.varint(gap.firstSequence);
    writer.varint(gap.lastSequence);
    writer.varint(texts.place(gap.reason));
  }
  writer.varint(batch.watermarks.length);
  for (const watermark of batch.watermarks) {
    writer.varint(texts.place(watermark.device));
    writer.signed(watermark.completeUntilMs - created);
  }
  writer.varint(batch.polls.length);
  for (const poll of batch.polls) writePoll(writer, texts, poll, created);
  const head = new ByteWriter();
  texts.write(head);
  return Buffer.concat([head.take(), writer.take()]);
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
  writer.varint(poll.tables.length);
  for (const table of poll.tables) writeTable(writer, texts, table, created);
}

function writeTable(writer: ByteWriter, texts: TextTable, table: Table, created: number): void {
  writer.byte(TABLES.indexOf(table.name));
  writer.byte(table.complete ? 1 : 0);
  writer.varint(table.index.length);
  for (const index of table.index) writer.varint(texts.place(index));
  writer.varint(table.segments.length);
  for (const segment of table.segments) {
    writer.varint(segment.firstRow);
    writer.signed(segment.sentAtMs - created);
    writer.signed(segment.receivedAtMs - created);
    writer.float(segment.monotonicMs);
    writer.varint(segment.uptimeTicks === null ? 0 : segment.uptimeTicks + 1);
  }
  writer.varint(table.columns.length);
  for (const column of table.columns) writeColumn(writer, texts, column);
}

/** Reads a batch; throws batch_unreadable on anything that is not one, and never allocates much more than it was given or than `bodyBytes`. */
export function decodeBatch(bytes: Uint8Array): Batch {
  const header = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.byteLength, HEADER_BYTES));
  if (header.length < HEADER_BYTES || !header.subarray(0, 4).equals(MAGIC))
    throw unreadable('it does not begin as one');
  if (header[4] !== VERSION) throw unreadable(`its version is ${header[4]}, this reads ${VERSION}`);
  const length = header.readUInt32LE(6);
  if (length > BATCH_LIMITS.bodyBytes) throw unreadable(`its body is ${length} bytes long`);
  const packed = bytes.subarray(HEADER_BYTES);
  const body = ((header[5] ?? 0) & FLAG_GZIP) === 0 ? packed : gunzip(packed, length);
  if (body.length !== length) throw unreadable('its body is not as long as it says');
  const reader = new ByteReader(body);
  const batch = readBody(reader);
  if (reader.left !== 0) throw unreadable('something stands behind its end');
  return batch;
}

function gunzip(packed: Uint8Array, length: number): Buffer {
  try {
    return gunzipSync(packed, { maxOutputLength: Math.max(1, length) });
  } catch (cause) {
    throw unreadable('its compression is broken', cause);
  }
}

function list<T>(reader: ByteReader, least: number, most: number, read: () => T): T[] {
  const count = reader.count(least, most);
  const items: T[] = [];
  for (let at = 0; at < count; at += 1) items.push(read());
  return items;
}

function readBody(reader: ByteReader): Batch {
  const texts = list(reader, 1, BATCH_LIMITS.texts, () => reader.bytes(reader.varint()).toString('utf8'));
  const text = (): string => textAt(texts, reader.varint());
  const agent = text();
  const incarnation = text();
  const sequence = reader.varint();
  const created = reader.varint();
  const thinned = reader.byte() === 1;
  const gaps = list(reader, 3, BATCH_LIMITS.gaps, () => ({
    firstSequence: reader.varint(),
    lastSequence: reader.varint(),
    reason: text(),
  }));
  const watermarks = list(reader, 2, BATCH_LIMITS.polls, () => ({
    device: text(),
    completeUntilMs: created + reader.signed(),
  }));
  const polls = list(reader, 10, BATCH_LIMITS.polls, () => readPoll(reader, texts, created));
  return { agent, incarnation, sequence, createdAtMs: created, thinned, polls, watermarks, gaps };
}

function readPoll(reader: ByteReader, texts: Texts, created: number): Poll {
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
  const tables = list(reader, 5, BATCH_LIMITS.tables, () => readTable(reader, texts, created));
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

function readTable(reader: ByteReader, texts: Texts, created: number): Table {
  const name = TABLES[reader.byte()];
  if (name === undefined) throw unreadable('a table has a name that does not exist');
  const complete = reader.byte() === 1;
  const index = list(reader, 1, BATCH_LIMITS.rows, () => textAt(texts, reader.varint()));
  const segments = list(reader, 12, BATCH_LIMITS.rows, () => readSegment(reader, created));
  checkSegments(segments, index.length);
  const columns = list(reader, 2, BATCH_LIMITS.columns, () => readColumn(reader, texts, index.length));
  return { name, complete, index, segments, columns };
}

function readSegment(reader: ByteReader, created: number): Segment {
  const firstRow = reader.varint();
  const sentAtMs = created + reader.signed();
  const receivedAtMs = created + reader.signed();
  const monotonicMs = reader.float();
  const uptime = reader.varint();
  if (!Number.isFinite(monotonicMs) || uptime > 2 ** 32) throw unreadable('a clock is out of range');
  return { firstRow, sentAtMs, receivedAtMs, monotonicMs, uptimeTicks: uptime === 0 ? null : uptime - 1 };
}

function checkSegments(segments: readonly Segment[], rows: number): void {
  let next = 0;
  for (const segment of segments) {
    if (segment.firstRow < next || (next === 0 && segment.firstRow !== 0) || segment.firstRow >= Math.max(1, rows))
      throw unreadable('its segments are out of order');
    next = segment.firstRow + 1;
  }
  if (rows > 0 && segments.length === 0) throw unreadable('a table has rows and no segment');
}
