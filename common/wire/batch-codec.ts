// The batch on the wire and on the disk, version 2 (version 1, without events, is still read): columnar, with one table of texts a batch, compressed.
//
//   "WEIR" | version u8 | flags u8 (bit 0: gzip) | length of the body u32 LE | body
//
//   body    texts: count, {length, UTF-8}*              every other text is a place in it
//           agent, incarnation, sequence, created, flags (bit 0: thinned)
//           gaps: count, {first, last, reason}*
//           watermarks: count, {device, signed ms from created}*
//           polls: count, poll*
//           events: count, event*                                     (not in version 1)
//   poll    device, processId, started, finished (signed ms from created), intervalMs, outcome u8, failure (0 none, else place+1),
//           requests, retries, tables: count, table*
//   table   name u8, complete u8, rows, index text*, segments: count, {firstRow, sent, received (signed ms from created),
//           monotonic float64, uptime (0 none, else ticks+1)}*, columns: count, column*
//   event   id, device (0 none, else place+1), source (likewise), origin u8, name, observed (signed ms from created),
//           uptime (0 none, else ticks+1), interfaceKey (0 none, else place+1), details: count, {name, value}*
//   column  kind u8, name, then
//           counter: width u8 (4 or 8), presence (1 all | 0 and one byte a row), rows × width bytes LE
//           number:  form u8 (0 int32 LE with -2^31 as absent | 1 float64 LE), rows × values
//           text:    rows × (0 absent, else place+1)
//
// Integers are varints. Counters stand as plain little-endian words: they are read as fast as memory, and gzip finds what repeats.
import { gunzipSync, gzipSync } from 'node:zlib';
import type { Batch } from '../model/batch.ts';
import type { Poll, Segment, Table, TableName } from '../model/poll.ts';
import { ByteReader, ByteWriter, type ListBound, list, MemoryBudget, tooLarge, unreadable } from './bytes.ts';
import { readEvent, writeEvent } from './event-codec.ts';
import { readColumn, readTexts, textAt, type Texts, TextTable, writeColumn } from './column-codec.ts';

const MAGIC = Buffer.from('WEIR', 'latin1');
const VERSION = 2;
const OLDEST_VERSION = 1;
const HEADER_BYTES = 10;
const FLAG_GZIP = 1;
/** Of a batch of 100 polls of 48 ports: 2.75 ms and 186 kB; with the usual memory 3.7 ms for as many bytes, at level 6 5.5 ms for 178 kB. */
const GZIP = { level: 2, memLevel: 9 };
/** A body below this is not worth compressing. */
const GZIP_FROM_BYTES = 256;

/** What a reader believes at most, and so what a writer may write. */
export const BATCH_LIMITS = { bodyBytes: 64 * 1024 * 1024, memoryBytes: 256 * 1024 * 1024 } as const;
const GAPS: ListBound = { least: 3, most: 10_000, memory: 64 };
const WATERMARKS: ListBound = { least: 2, most: 100_000, memory: 64 };
const POLLS: ListBound = { least: 10, most: 100_000, memory: 200 };
const TABLE_LIST: ListBound = { least: 5, most: 64, memory: 200 };
const ROWS: ListBound = { least: 1, most: 1_000_000, memory: 8 };
const SEGMENTS: ListBound = { least: 12, most: 1_000_000, memory: 100 };
const EVENTS: ListBound = { least: 9, most: 100_000, memory: 300 };
const COLUMNS: ListBound = { least: 2, most: 256, memory: 400 };

const TABLES: readonly TableName[] = [
  'system',
  'interface',
  'interface-inventory',
  'processor',
  'memory',
  'sensor',
  'neighbour',
  'entity',
  'storage',
  'bgp-peer',
  'outlet',
];
const OUTCOMES: readonly Poll['outcome'][] = ['complete', 'partial', 'failed'];

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

/** Reads a batch; throws batch_unreadable on anything that is not one, and takes no more memory than BATCH_LIMITS says. */
export function decodeBatch(bytes: Uint8Array): Batch {
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
  const packed = bytes.subarray(HEADER_BYTES);
  const body = flags === FLAG_GZIP ? gunzip(packed, length) : packed;
  if (body.length !== length) throw unreadable('its body is not as long as it says');
  const reader = new ByteReader(body, new MemoryBudget(BATCH_LIMITS.memoryBytes, unreadable));
  const batch = readBody(reader, version);
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

function readBody(reader: ByteReader, version: number): Batch {
  const texts = readTexts(reader);
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
  const polls = list(reader, POLLS, () => readPoll(reader, texts, created));
  const events = version >= 2 ? list(reader, EVENTS, () => readEvent(reader, texts, created)) : [];
  return { agent, incarnation, sequence, createdAtMs: created, thinned, polls, events, watermarks, gaps };
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
  const tables = list(reader, TABLE_LIST, () => readTable(reader, texts, created));
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
  const complete = reader.flag();
  const index = list(reader, ROWS, () => textAt(texts, reader.varint()));
  const segments = list(reader, SEGMENTS, () => readSegment(reader, created));
  const wrong = segmentsProblem(segments, index.length);
  if (wrong !== null) throw unreadable(wrong);
  const columns = list(reader, COLUMNS, () => readColumn(reader, texts, index.length));
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

/** What is wrong with the segments of a table; null where nothing is. */
function segmentsProblem(segments: readonly Segment[], rows: number): string | null {
  if (rows > 0 && segments[0]?.firstRow !== 0) return 'its first row has no segment';
  let next = 0;
  for (const { firstRow, monotonicMs, uptimeTicks } of segments) {
    if (firstRow < next || firstRow >= Math.max(1, rows)) return 'its segments are out of order';
    if (!Number.isFinite(monotonicMs) || (uptimeTicks ?? 0) >= 2 ** 32) return 'a clock is out of range';
    next = firstRow + 1;
  }
  return null;
}
