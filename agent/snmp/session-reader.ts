// Reads tables and single values of one device over its session, and remembers what it learnt: sizes, unfinished readings, how each went.
import type { Segment } from '../../common/model/poll.ts';
import type { ErrorCode } from '../../common/runtime/error-table.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import { LossEstimate } from './loss-estimate.ts';
import { oidOf } from './oid.ts';
import { ERROR_STATUS } from './pdu.ts';
import type { SessionHealth, SessionTraffic, SnmpResponse, SnmpSession } from './session.ts';
import { TableBuilder } from './table-builder.ts';
import type {
  OidCache,
  ReadTable,
  RememberingReader,
  Resumption,
  ScalarRequest,
  ScalarsRead,
  TableRequest,
  WalkReport,
} from './table-reader.ts';
import { valueAt } from './value.ts';
import {
  ANSWER_BYTES,
  type ChosenSize,
  FRESH_MEMORY,
  isLimited,
  sizeAndReason,
  type TableMemory,
} from './walk-sizing.ts';
import { TableWalk } from './walker.ts';

const SYS_UPTIME = oidOf('1.3.6.1.2.1.1.3');
const SYS_UPTIME_INSTANCE = oidOf('1.3.6.1.2.1.1.3.0');
const MOST_ROWS = 100_000;
const MOST_REQUESTS = 20_000;
/** Of all answers to one reading: four times what the names of 20,000 interfaces take. */
const MOST_BYTES = 32 * 1024 * 1024;
/** Values in one GET: fits 1,400 bytes where each is a short text. */
const SCALARS_PER_REQUEST = 16;
/** Tables remembered of one device. */
const MOST_MEMORIES = 256;
/** Readings told of one visit. */
const MOST_WALKS = 64;
/** Tables begun and not ended. */
const MOST_UNFINISHED = 8;
/** After silence the counters are better read from their beginning: the device may answer for all of them next time. */
const RESUMABLE = {
  whole: ['poll_deadline', 'snmp_timeout'],
  rest: ['poll_deadline'],
} as const satisfies Record<Resumption['how'], readonly ErrorCode[]>;

interface Unfinished {
  readonly walk: TableWalk;
  readonly builder: TableBuilder;
  readonly columns: string;
  readonly begunMs: number;
}

export class SessionReader implements RememberingReader {
  readonly #session: SnmpSession;
  readonly #oids: OidCache;
  readonly #monotonicMs: () => number;
  readonly #loss = new LossEstimate();
  readonly #memories = new Map<string, TableMemory>();
  /** By table; null until one is cut short. */
  #unfinished: Map<string, Unfinished> | null = null;
  #walks: WalkReport[] = [];
  readonly #answerBytes: number;
  #scalarsPerRequest: number;

  /** `answerBytes`: what answers are aimed at. */
  constructor(session: SnmpSession, oids: OidCache, monotonicMs: () => number, answerBytes = ANSWER_BYTES) {
    this.#session = session;
    this.#oids = oids;
    this.#monotonicMs = monotonicMs;
    this.#answerBytes = answerBytes;
    const fitting = Math.floor((SCALARS_PER_REQUEST * answerBytes) / ANSWER_BYTES);
    this.#scalarsPerRequest = Math.max(1, Math.min(SCALARS_PER_REQUEST, fitting));
  }

  get wide(): boolean {
    return this.#session.bulk;
  }

  get traffic(): SessionTraffic {
    return this.#session.traffic;
  }

  get health(): SessionHealth {
    return this.#session.health;
  }

  memoryOf(table: string): TableMemory {
    return this.#memories.get(table) ?? FRESH_MEMORY;
  }

  async probe(signal?: AbortSignal): Promise<void> {
    await this.#session.get([SYS_UPTIME_INSTANCE], { retries: 0, ...(signal === undefined ? {} : { signal }) });
  }

  takeWalks(): readonly WalkReport[] {
    const walks = this.#walks;
    if (walks.length > 0) this.#walks = [];
    return walks;
  }

  sizeOf(table: string, columns: number): ChosenSize {
    return sizeAndReason(this.memoryOf(table), columns, this.#answerBytes);
  }

  limits(): ReadonlyMap<string, TableMemory> {
    return new Map([...this.#memories].filter(([, memory]) => isLimited(memory)));
  }

  recall(limits: ReadonlyMap<string, TableMemory>): void {
    for (const [table, memory] of limits) if (this.#memories.size < MOST_MEMORIES) this.#memories.set(table, memory);
  }

  async readTable(request: TableRequest): Promise<ReadTable> {
    const startedMs = this.#monotonicMs();
    const begun = this.#takeUnfinished(request, startedMs);
    const { walk } = begun ?? { walk: this.#newWalk(request) };
    const whole = request.resume?.how === 'whole' ? begun?.builder : undefined;
    const builder = whole ?? new TableBuilder(request, this.memoryOf(request.name).rows, this.#oids);
    const rowsBefore = builder.rows;
    const requestsBefore = walk.requests;
    const outcome = await walk.run(this.#session, builder, request.signal);
    const { complete, finished, failure } = outcome;
    const name = this.#oids.nameOf(request.name);
    this.#remember(name, outcome.memory);
    if (this.#walks.length < MOST_WALKS)
      this.#walks.push({
        table: name,
        columns: request.columns.length,
        rows: builder.rows - rowsBefore,
        requests: walk.requests - requestsBefore,
        durationMs: this.#monotonicMs() - startedMs,
        complete,
        failure,
      });
    if (request.resume === undefined) return builder.finish(complete, failure);
    const resumable: readonly (ErrorCode | null)[] = RESUMABLE[request.resume.how];
    if (!finished && resumable.includes(failure)) this.#keepUnfinished(request, walk, builder, begun, startedMs);
    const fromStart = begun === null;
    const part = { fromStart, toEnd: finished, rowsBefore, besideChanged: builder.besideChanged };
    // The last part of a table that an earlier visit began is right, but it is not the table.
    const cut = !fromStart && whole === undefined;
    return { ...builder.finish(complete && !cut, cut ? (failure ?? 'poll_deadline') : failure), part };
  }

  #newWalk(request: TableRequest): TableWalk {
    return new TableWalk({
      columns: request.columns.map((column) => this.#oids.of(column.oid)),
      nonRepeaters: [SYS_UPTIME, ...(request.beside ?? []).map((oid) => this.#oids.of(oid))],
      memory: this.memoryOf(request.name),
      loss: this.#loss,
      answerBytes: this.#answerBytes,
      mostRows: request.mostRows ?? MOST_ROWS,
      mostRequests: MOST_REQUESTS,
      mostBytes: MOST_BYTES,
    });
  }

  /** What an earlier visit began of just this reading; a reading that may not be resumed makes it void. */
  #takeUnfinished(request: TableRequest, nowMs: number): Unfinished | null {
    const begun = this.#unfinished?.get(request.name);
    if (begun === undefined) return null;
    this.#unfinished?.delete(request.name);
    const { resume } = request;
    if (resume === undefined || resume.anew === true || begun.columns !== namesOf(request)) return null;
    return nowMs - begun.begunMs < resume.withinMs ? begun : null;
  }

  #keepUnfinished(
    request: TableRequest,
    walk: TableWalk,
    builder: TableBuilder,
    begun: Unfinished | null,
    startedMs: number,
  ): void {
    this.#unfinished ??= new Map();
    if (this.#unfinished.size >= MOST_UNFINISHED) this.#unfinished.clear();
    const begunMs = begun?.begunMs ?? startedMs;
    this.#unfinished.set(request.name, { walk, builder, columns: namesOf(request), begunMs });
  }

  #remember(table: string, memory: TableMemory): void {
    if (this.#memories.size >= MOST_MEMORIES && !this.#memories.has(table)) this.#memories.clear();
    this.#memories.set(table, memory);
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

function namesOf({ columns }: TableRequest): string {
  return columns.map((column) => column.name).join(' ');
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
