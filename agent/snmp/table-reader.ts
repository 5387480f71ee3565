// What the rest of the agent asks of a device: tables and single values in plain terms, without OIDs as bytes, packets or retries.
import type { CounterColumn, NumberColumn, Segment, TextColumn } from '../../common/model/poll.ts';
import type { ErrorCode } from '../../common/runtime/error-table.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import { oidOf, type Oid } from './oid.ts';
import { ERROR_STATUS } from './pdu.ts';
import type { SessionTraffic, SnmpResponse, SnmpSession } from './session.ts';
import { TableBuilder } from './table-builder.ts';
import { valueAt, type ValueForm } from './value.ts';
import { FRESH_MEMORY, type TableMemory } from './walk-sizing.ts';
import { walkTable } from './walker.ts';

/** How a column is wanted: counters exact, numbers as doubles, the rest as text or number by its form. */
export type ColumnForm = 'counter32' | 'counter64' | 'number' | 'text' | ValueForm;

export interface ColumnRequest {
  readonly name: string;
  /** Dotted, without the index. */
  readonly oid: string;
  readonly form: ColumnForm;
}

/** A column of whatever type the device gives; null is absent. */
export interface ValueColumn {
  readonly kind: 'value';
  readonly name: string;
  readonly values: readonly (string | number | null)[];
}

export type ReadColumn = CounterColumn | NumberColumn | TextColumn | ValueColumn;

export interface TableRequest {
  /** Names the memory of sizes. */
  readonly name: string;
  readonly columns: readonly ColumnRequest[];
  /** Scalar objects (dotted, without `.0`) read beside sysUpTime in every request. */
  readonly beside?: readonly string[];
  readonly mostRows?: number;
  readonly signal?: AbortSignal;
}

export interface ReadTable {
  readonly complete: boolean;
  readonly failure: ErrorCode | null;
  readonly index: readonly string[];
  readonly segments: readonly Segment[];
  readonly columns: readonly ReadColumn[];
  /** The scalars asked for beside, from the last answer; NaN where one did not come. */
  readonly beside: readonly number[];
}

export interface ScalarRequest {
  /** Dotted, with its instance. */
  readonly oid: string;
  readonly form: ValueForm;
}

export interface ScalarsRead {
  /** In the order asked for; null where the device has none. */
  readonly values: readonly (string | number | null)[];
  /** Times of the first request; `uptimeTicks` is null: ask for sysUpTime where it matters. */
  readonly segment: Segment | null;
}

/** One device as the poll sees it. What the device does wrong comes back in the results, never as a rejection; readScalars rejects when it is silent. */
export interface DeviceReader {
  /** Whether 64-bit counters can be had (not in version 1). */
  readonly wide: boolean;
  readonly traffic: SessionTraffic;
  readTable(request: TableRequest): Promise<ReadTable>;
  /** Rejects with the coded error of the session. */
  readScalars(requests: readonly ScalarRequest[], signal?: AbortSignal): Promise<ScalarsRead>;
  /** Asks for sysUpTime.0 once, without retries; rejects like readScalars. */
  probe(signal?: AbortSignal): Promise<void>;
  /** What was learnt of the sizes of a table, for whoever asks why. */
  memoryOf(table: string): TableMemory;
}

const SYS_UPTIME = oidOf('1.3.6.1.2.1.1.3');
const SYS_UPTIME_INSTANCE = oidOf('1.3.6.1.2.1.1.3.0');
const MOST_ROWS = 100_000;
const MOST_REQUESTS = 20_000;
/** Values in one GET: fits 1,400 bytes where each is a short text. */
const SCALARS_PER_REQUEST = 16;
/** Tables remembered of one device. */
const MOST_MEMORIES = 256;

export class SessionReader implements DeviceReader {
  readonly #session: SnmpSession;
  readonly #oids: OidCache;
  readonly #memories = new Map<string, TableMemory>();
  #scalarsPerRequest = SCALARS_PER_REQUEST;

  constructor(session: SnmpSession, oids: OidCache) {
    this.#session = session;
    this.#oids = oids;
  }

  get wide(): boolean {
    return this.#session.bulk;
  }

  get traffic(): SessionTraffic {
    return this.#session.traffic;
  }

  memoryOf(table: string): TableMemory {
    return this.#memories.get(table) ?? FRESH_MEMORY;
  }

  async probe(signal?: AbortSignal): Promise<void> {
    await this.#session.get([SYS_UPTIME_INSTANCE], { retries: 0, ...(signal === undefined ? {} : { signal }) });
  }

  async readTable(request: TableRequest): Promise<ReadTable> {
    const memory = this.memoryOf(request.name);
    const builder = new TableBuilder(request, memory.rows, this.#oids);
    const outcome = await walkTable(
      this.#session,
      {
        columns: request.columns.map((column) => this.#oids.of(column.oid)),
        nonRepeaters: [SYS_UPTIME, ...(request.beside ?? []).map((oid) => this.#oids.of(oid))],
        memory,
        mostRows: request.mostRows ?? MOST_ROWS,
        mostRequests: MOST_REQUESTS,
        ...(request.signal === undefined ? {} : { signal: request.signal }),
      },
      builder,
    );
    if (this.#memories.size >= MOST_MEMORIES) this.#memories.clear();
    this.#memories.set(request.name, outcome.memory);
    return builder.finish(outcome.complete, outcome.failure);
  }

  async readScalars(requests: readonly ScalarRequest[], signal?: AbortSignal): Promise<ScalarsRead> {
    const values: (string | number | null)[] = [];
    let segment: Segment | null = null;
    while (values.length < requests.length) {
      const chunk = requests.slice(values.length, values.length + this.#scalarsPerRequest);
      const read = await this.#getChunk(chunk, signal);
      if (read === null) {
        this.#scalarsPerRequest = Math.max(1, Math.floor(chunk.length / 2));
        continue;
      }
      segment ??= read.segment;
      values.push(...read.values);
    }
    return { values, segment };
  }

  /** Null: the answer did not fit, ask for fewer. In version 1 one missing object refuses all: it is left out and the rest asked again. */
  async #getChunk(chunk: readonly ScalarRequest[], signal: AbortSignal | undefined): Promise<ScalarsRead | null> {
    const values: (string | number | null)[] = chunk.map(() => null);
    let asked = chunk.map((_, at) => at);
    let segment: Segment | null = null;
    while (asked.length > 0) {
      const oids = asked.map((at) => this.#oids.of(chunk[at]?.oid ?? ''));
      const response = await this.#session.get(oids, signal === undefined ? {} : { signal });
      segment ??= segmentOf(response);
      if (response.errorStatus === ERROR_STATUS.tooBig) {
        if (chunk.length > 1) return null;
        throw new WeirError('snmp_too_big', 'The device cannot fit a single value into an answer.');
      }
      if (response.errorStatus === ERROR_STATUS.noError) {
        takeValues(response, chunk, asked, values);
        break;
      }
      const refused = response.errorIndex - 1;
      if (refused < 0 || refused >= asked.length) break;
      asked = asked.filter((_, at) => at !== refused);
    }
    return { values, segment };
  }
}

function takeValues(
  { varbinds }: SnmpResponse,
  chunk: readonly ScalarRequest[],
  asked: readonly number[],
  values: (string | number | null)[],
): void {
  for (const [position, at] of asked.entries()) {
    const wanted = chunk[at];
    if (wanted === undefined || position >= varbinds.count || !varbinds.hasValue(position)) continue;
    if (varbinds.oidText(position) === wanted.oid) values[at] = valueAt(varbinds, position, wanted.form);
  }
}

function segmentOf({ sentAtMs, receivedAtMs, monotonicMs }: SnmpResponse): Segment {
  return { firstRow: 0, sentAtMs, receivedAtMs, monotonicMs, uptimeTicks: null };
}

/** Encoded OIDs by their text, shared by all devices: profiles name a few thousand at most. */
export class OidCache {
  static readonly mostOids = 20_000;
  readonly #known = new Map<string, Oid>();

  of(text: string): Oid {
    const known = this.#known.get(text);
    if (known !== undefined) return known;
    const oid = oidOf(text);
    if (this.#known.size < OidCache.mostOids) this.#known.set(text, oid);
    return oid;
  }
}
