// Polls and journal entries in a few words, for tests of what reads the journal.
import type { JournaledBatch } from '../../collector/project/projection.ts';
import type { Batch } from '../../common/model/batch.ts';
import type { Column, Poll, Table } from '../../common/model/poll.ts';

export interface InterfaceReading {
  readonly key: string;
  readonly inOctets?: bigint;
  readonly outOctets?: bigint;
  readonly inErrors?: bigint;
  readonly inDiscards?: bigint;
  readonly inPackets?: bigint;
  /** More, by the names of their objects; every row has those of the first. */
  readonly counters?: Readonly<Record<string, bigint>>;
  readonly width?: 32 | 64;
  readonly admin?: number;
  readonly oper?: number;
  readonly speedBps?: number;
  readonly discontinuityTicks?: number;
}

export interface PollWords {
  readonly device: string;
  readonly atMs: number;
  readonly interfaces?: readonly InterfaceReading[];
  readonly tables?: readonly Table[];
  readonly uptimeTicks?: number | null;
  readonly processId?: string;
  /** Default `atMs`: the agent's monotonic clock runs with its wall clock. */
  readonly monotonicMs?: number;
  readonly intervalMs?: number;
  readonly failure?: string;
  readonly complete?: boolean;
}

export function interfacePoll(words: PollWords): Poll {
  const { device, atMs, interfaces, processId = 'process-1', intervalMs = 60_000, failure } = words;
  const failed = failure !== undefined;
  const tables = [...(interfaces === undefined ? [] : [interfaceTable(words, interfaces)]), ...(words.tables ?? [])];
  return {
    device,
    startedAtMs: atMs,
    finishedAtMs: atMs,
    processId,
    intervalMs,
    outcome: failed ? 'failed' : words.complete === false ? 'partial' : 'complete',
    failure: failure ?? null,
    requests: 3,
    retries: 0,
    tables: failed ? [] : tables,
  };
}

/** A table read in one response at that time. */
export function tableAt(
  words: Pick<PollWords, 'atMs' | 'uptimeTicks' | 'monotonicMs' | 'complete'>,
  name: Table['name'],
  index: readonly string[],
  columns: readonly Column[],
): Table {
  const { atMs, uptimeTicks = Math.floor(atMs / 10) % 2 ** 32, monotonicMs = atMs, complete = true } = words;
  const segment = { firstRow: 0, sentAtMs: atMs, receivedAtMs: atMs, monotonicMs, uptimeTicks };
  return { name, complete, index, segments: index.length === 0 ? [] : [segment], columns };
}

function interfaceTable(words: PollWords, rows: readonly InterfaceReading[]): Table {
  const width = rows[0]?.width ?? 64;
  const counter = (name: string, bits: 32 | 64, pick: (row: InterfaceReading) => bigint | undefined): Column => ({
    kind: 'counter',
    name,
    width: bits,
    values: BigUint64Array.from(rows.map((row) => pick(row) ?? 0n)),
    present: Uint8Array.from(rows.map((row) => (pick(row) === undefined ? 0 : 1))),
  });
  const number = (name: string, pick: (row: InterfaceReading) => number | undefined): Column => ({
    kind: 'number',
    name,
    values: Float64Array.from(rows.map((row) => pick(row) ?? Number.NaN)),
  });
  return tableAt(
    words,
    'interface',
    rows.map((_, at) => String(at + 1)),
    [
      { kind: 'text', name: 'interfaceKey', values: rows.map((row) => row.key) },
      counter(width === 64 ? 'ifHCInOctets' : 'ifInOctets', width, (row) => row.inOctets),
      counter(width === 64 ? 'ifHCOutOctets' : 'ifOutOctets', width, (row) => row.outOctets),
      counter(width === 64 ? 'ifHCInUcastPkts' : 'ifInUcastPkts', width, (row) => row.inPackets),
      counter('ifInErrors', 32, (row) => row.inErrors),
      ...Object.keys(rows[0]?.counters ?? {}).map((name) => counter(name, width, (row) => row.counters?.[name])),
      ...(rows.some((row) => row.inDiscards !== undefined)
        ? [counter('ifInDiscards', 32, (row) => row.inDiscards)]
        : []),
      number('ifAdminStatus', (row) => row.admin ?? 1),
      number('ifOperStatus', (row) => row.oper ?? 1),
      number('ifSpeedBps', (row) => row.speedBps),
      number('ifCounterDiscontinuityTime', (row) => row.discontinuityTicks),
    ],
  );
}

export interface EntryWords {
  readonly position: number;
  readonly polls: readonly Poll[];
  readonly journal?: string;
  readonly agent?: string;
  readonly incarnation?: string;
  readonly sequence?: number;
  readonly clockOffsetMs?: number;
  readonly receivedAtMs?: number;
  readonly gaps?: Batch['gaps'];
  readonly thinned?: boolean;
  readonly events?: Batch['events'];
}

/** A journal entry; the sequence is the position where none is given. */
export function journalEntry(words: EntryWords): JournaledBatch {
  const { position, polls, journal = 'journal-1', agent = 'agent-1', incarnation = 'incarnation-1' } = words;
  const { sequence = position, clockOffsetMs = 0 } = words;
  const newestMs = Math.max(0, ...polls.map((poll) => poll.finishedAtMs));
  const receivedAtMs = words.receivedAtMs ?? newestMs - clockOffsetMs + 100;
  return {
    journal,
    position,
    receivedAtMs,
    clockOffsetMs,
    sha256: '0'.repeat(64),
    batch: {
      agent,
      incarnation,
      sequence,
      createdAtMs: newestMs,
      thinned: words.thinned ?? false,
      polls,
      events: words.events ?? [],
      watermarks: [],
      gaps: words.gaps ?? [],
    },
  };
}
