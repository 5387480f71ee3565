// Walks the columns of one table side by side: several columns in a GETBULK, every row whole from one answer where it fits,
// sizes learnt on the way, and an end to every loop.
import type { ErrorCode } from '../../common/runtime/error-table.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import { compareRanges, indexText, joinOids, oidOf, type Oid } from './oid.ts';
import { ERROR_STATUS } from './pdu.ts';
import type { SnmpResponse, SnmpSession } from './session.ts';
import { TAG } from './ber.ts';
import type { Varbinds } from './varbinds.ts';
import {
  afterAnswer,
  afterCleanWalk,
  afterRefusal,
  afterRowRefusal,
  repetitionsFor,
  type TableMemory,
} from './walk-sizing.ts';

export interface RowSink {
  /** The head of every answer: its first varbinds are the non-repeaters. Called before its rows. */
  answer(response: SnmpResponse): void;
  /** A row, in ascending order of index. `positions[c]` is the varbind of column c in the answer, or -1 where this answer has none for it. Called again for the same index only where columns were split over requests. */
  row(index: string, response: SnmpResponse, positions: Int32Array): void;
}

export interface WalkRequest {
  readonly columns: readonly Oid[];
  /** Read in each request as non-repeaters: object OIDs without their instance. */
  readonly nonRepeaters: readonly Oid[];
  readonly memory: TableMemory;
  readonly mostRows: number;
  readonly mostRequests: number;
  readonly signal?: AbortSignal;
}

export interface WalkOutcome {
  readonly complete: boolean;
  /** Code of the first thing that cut the walk short. */
  readonly failure: ErrorCode | null;
  readonly memory: TableMemory;
}

const SYS_UPTIME = oidOf('1.3.6.1.2.1.1.3.0');
const START = new Uint8Array();

/** Walks a table into the sink. Never rejects on account of the device: what cut it short stands in the outcome. */
export async function walkTable(session: SnmpSession, request: WalkRequest, sink: RowSink): Promise<WalkOutcome> {
  const walk = new TableWalk(session, request, sink);
  return await walk.run();
}

class TableWalk {
  readonly #session: SnmpSession;
  readonly #request: WalkRequest;
  readonly #sink: RowSink;
  readonly #positions: Int32Array;
  readonly #heads: Oid[];
  #memory: TableMemory;
  #failure: ErrorCode | null = null;
  #clean = true;
  #requests = 0;
  #rows = 0;
  /** Rows of the group of columns being walked, and of the longest. */
  #groupRows = 0;
  #mostGroupRows = 0;

  constructor(session: SnmpSession, request: WalkRequest, sink: RowSink) {
    this.#session = session;
    this.#request = request;
    this.#sink = sink;
    this.#memory = request.memory;
    this.#positions = new Int32Array(request.columns.length);
    this.#heads = [...request.nonRepeaters];
  }

  async run(): Promise<WalkOutcome> {
    const all = this.#request.columns.map((_, column) => column);
    try {
      await this.#walkGroups(all, START);
    } catch (error) {
      if (!(error instanceof WeirError)) throw error;
      this.#failure ??= error.code;
    }
    const complete = this.#failure === null;
    if (complete && this.#clean) this.#memory = afterCleanWalk(this.#memory, this.#mostGroupRows);
    return { complete, failure: this.#failure, memory: this.#memory };
  }

  async #walkGroups(columns: readonly number[], from: Uint8Array): Promise<void> {
    const size = Math.min(columns.length, this.#memory.columnsPerRequest);
    for (let at = 0; at < columns.length; at += size) await this.#walkGroup(columns.slice(at, at + size), from);
  }

  /** Walks columns that share their requests; splits them where not even one row fits an answer. */
  async #walkGroup(columns: readonly number[], from: Uint8Array): Promise<void> {
    let state = { active: columns, frontier: from };
    this.#groupRows = 0;
    while (state.active.length > 0) {
      if (this.#requests >= this.#request.mostRequests || this.#rows >= this.#request.mostRows) {
        throw new WeirError('snmp_walk_limit', 'The table is larger than the bounds of a walk.');
      }
      const width = state.active.length;
      const repetitions = this.#session.bulk ? repetitionsFor(this.#memory, width, this.#groupRows) : 1;
      const response = await this.#ask(state.active, state.frontier, repetitions);
      const refused = response === null || response.errorStatus === ERROR_STATUS.tooBig;
      if (!refused && response.errorStatus !== ERROR_STATUS.noError) {
        state = { ...state, active: this.#withoutRefused(state.active, response) };
        continue;
      }
      const next = refused ? null : this.#take(response, state.active, state.frontier);
      if (next !== null) {
        state = next;
        continue;
      }
      this.#clean = false;
      if (refused && repetitions > 1) {
        this.#memory = afterRefusal(this.#memory, repetitions);
      } else if (state.active.length > 1) {
        this.#memory = afterRowRefusal(this.#memory, state.active.length);
        return await this.#walkGroups(state.active, state.frontier);
      } else {
        throw response === null
          ? new WeirError('snmp_timeout', 'The device does not answer for a single row of this table.')
          : new WeirError('snmp_too_big', 'The device cannot fit a single value into an answer.');
      }
    }
  }

  /** Null: the device is silent on this request but answers a small one. */
  async #ask(active: readonly number[], frontier: Uint8Array, repetitions: number): Promise<SnmpResponse | null> {
    const { columns, signal } = this.#request;
    const oids = [...this.#heads, ...active.map((column) => joinOids(columns[column] ?? START, frontier))];
    const options = signal === undefined ? {} : { signal };
    this.#requests += 1;
    try {
      return this.#session.bulk
        ? await this.#session.getBulk(this.#heads.length, oids, repetitions, options)
        : await this.#session.getNext(oids, options);
    } catch (error) {
      if (!(error instanceof WeirError) || error.code !== 'snmp_timeout') throw error;
      // Silent device, or silent on large answers? Its own timeout says the first.
      await this.#session.get([SYS_UPTIME], { ...options, retries: 1 });
      return null;
    }
  }

  /** An error-status about one column ends that column: in version 1 (noSuchName) that is how a table ends, else it is cut short. */
  #withoutRefused(active: readonly number[], response: SnmpResponse): readonly number[] {
    const refused = response.errorIndex - 1 - this.#heads.length;
    const known = refused >= 0 && refused < active.length;
    const noMore = !this.#session.bulk && response.errorStatus === ERROR_STATUS.noSuchName;
    const head = response.errorIndex - 1;
    const [first] = this.#heads;
    if (noMore && head > 0 && head < this.#heads.length && first !== undefined && this.#heads[head] !== first) {
      // The device has nothing beyond this scalar. The first stands in for it, so that the others keep their places.
      this.#heads[head] = first;
      return active;
    }
    const ends = known && noMore;
    if (!ends) {
      this.#failure ??= 'snmp_refused';
      this.#clean = false;
    }
    return known ? active.filter((_, at) => at !== refused) : [];
  }

  /** Gives the rows of an answer to the sink. Null where it brought nothing to go on with. */
  #take(
    response: SnmpResponse,
    active: readonly number[],
    frontier: Uint8Array,
  ): { active: readonly number[]; frontier: Uint8Array } | null {
    const heads = this.#heads.length;
    const { varbinds } = response;
    if (varbinds.count <= heads) return null;
    this.#sink.answer(response);
    this.#learnSize(response, active.length);
    const repetitions = Math.floor((varbinds.count - heads) / active.length);
    let last = { bytes: frontier, start: 0, end: frontier.length };
    this.#positions.fill(-1);
    let repetition = 0;
    for (; repetition < repetitions; repetition += 1) {
      const base = heads + repetition * active.length;
      const index = this.#alignedRow(varbinds, base, active, last);
      if (index === null) break;
      last = index;
      for (let at = 0; at < active.length; at += 1) this.#positions[active[at] ?? 0] = base + at;
      this.#emit(response, last);
    }
    const reached = last.bytes.slice(last.start, last.end);
    const rest = heads + repetition * active.length;
    if (rest >= varbinds.count) return { active, frontier: reached };
    return this.#takeUneven(response, active, reached, rest, repetition > 0);
  }

  /** The index of a repetition in which every column is in its column, at the same index, beyond the last; else null. */
  #alignedRow(varbinds: Varbinds, base: number, active: readonly number[], last: Range): Range | null {
    const { columns } = this.#request;
    const { bytes } = varbinds;
    let start = 0;
    let end = 0;
    for (let at = 0; at < active.length; at += 1) {
      const column = columns[active[at] ?? 0] ?? START;
      const varbind = base + at;
      if (!varbinds.startsWith(varbind, column) || varbinds.tag(varbind) === TAG.endOfMibView) return null;
      const suffix = varbinds.oidStart(varbind) + column.length;
      const suffixEnd = varbinds.oidEnd(varbind);
      if (at === 0) {
        start = suffix;
        end = suffixEnd;
        if (compareRanges(bytes, start, end, last.bytes, last.start, last.end) <= 0) return null;
      } else if (!sameBytes(bytes, start, end, suffix, suffixEnd)) return null;
    }
    return { bytes, start, end };
  }

  /** The rest of an answer in which columns ended, have holes, or were cut off: merged by index up to where every column is known. */
  #takeUneven(
    response: SnmpResponse,
    active: readonly number[],
    frontier: Uint8Array,
    from: number,
    progressed: boolean,
  ): { active: readonly number[]; frontier: Uint8Array } | null {
    const runs = active.map((column, at) => this.#runOf(response.varbinds, column, from + at, active.length, frontier));
    const limit = lowestEnd(runs, frontier);
    let reached = frontier;
    const heads = runs.map(() => 0);
    for (;;) {
      const index = lowestHead(runs, heads);
      if (index === null || (limit !== null && compareSuffix(index, limit) > 0)) break;
      this.#positions.fill(-1);
      for (const [at, run] of runs.entries()) {
        const entry = run.entries[heads[at] ?? 0];
        if (entry === undefined || compareSuffix(entry.index, index) !== 0) continue;
        this.#positions[active[at] ?? 0] = entry.varbind;
        heads[at] = (heads[at] ?? 0) + 1;
      }
      reached = index;
      this.#emit(response, { bytes: index, start: 0, end: index.length });
    }
    const left = active.filter((_, at) => {
      const run = runs[at];
      return run !== undefined && (!run.ended || (heads[at] ?? 0) < run.entries.length);
    });
    const moved = progressed || compareSuffix(reached, frontier) > 0 || left.length < active.length;
    return moved ? { active: left, frontier: reached } : null;
  }

  #runOf(varbinds: Varbinds, column: number, first: number, step: number, frontier: Uint8Array): Run {
    const prefix = this.#request.columns[column] ?? START;
    const entries: { varbind: number; index: Uint8Array }[] = [];
    let last = frontier;
    for (let varbind = first; varbind < varbinds.count; varbind += step) {
      if (!varbinds.startsWith(varbind, prefix) || varbinds.tag(varbind) === TAG.endOfMibView)
        return { entries, ended: true };
      const index = varbinds.bytes.slice(varbinds.oidStart(varbind) + prefix.length, varbinds.oidEnd(varbind));
      if (compareSuffix(index, last) <= 0) {
        // A device that goes back or in a circle: the column ends here and the table is not complete.
        this.#failure ??= 'snmp_oid_not_increasing';
        return { entries, ended: true };
      }
      entries.push({ varbind, index });
      last = index;
    }
    return { entries, ended: false };
  }

  #emit(response: SnmpResponse, index: Range): void {
    this.#rows += 1;
    this.#groupRows += 1;
    this.#mostGroupRows = Math.max(this.#mostGroupRows, this.#groupRows);
    this.#sink.row(indexText(index.bytes, index.start, index.end), response, this.#positions);
  }

  #learnSize(response: SnmpResponse, columns: number): void {
    const { varbinds } = response;
    const heads = this.#heads.length;
    const bytes = varbinds.valueEnd(varbinds.count - 1) - varbinds.oidStart(heads);
    this.#memory = afterAnswer(this.#memory, (bytes / (varbinds.count - heads)) * columns);
  }
}

interface Range {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
}

/** What an answer holds of one column. `ended`: the column has nothing beyond its entries. */
interface Run {
  readonly entries: readonly { readonly varbind: number; readonly index: Uint8Array }[];
  readonly ended: boolean;
}

/** The index up to which every column is known; null where all have ended. A column that came not at all is known up to where we stood. */
function lowestEnd(runs: readonly Run[], frontier: Uint8Array): Uint8Array | null {
  let lowest: Uint8Array | null = null;
  for (const run of runs) {
    if (run.ended) continue;
    const end = run.entries.at(-1)?.index ?? frontier;
    if (lowest === null || compareSuffix(end, lowest) < 0) lowest = end;
  }
  return lowest;
}

function lowestHead(runs: readonly Run[], heads: readonly number[]): Uint8Array | null {
  let lowest: Uint8Array | null = null;
  for (const [at, run] of runs.entries()) {
    const index = run.entries[heads[at] ?? 0]?.index;
    if (index !== undefined && (lowest === null || compareSuffix(index, lowest) < 0)) lowest = index;
  }
  return lowest;
}

function compareSuffix(a: Uint8Array, b: Uint8Array): number {
  return compareRanges(a, 0, a.length, b, 0, b.length);
}

function sameBytes(bytes: Uint8Array, aStart: number, aEnd: number, bStart: number, bEnd: number): boolean {
  if (aEnd - aStart !== bEnd - bStart) return false;
  for (let at = 0; aStart + at < aEnd; at += 1) if (bytes[aStart + at] !== bytes[bStart + at]) return false;
  return true;
}
