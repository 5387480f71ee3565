// Walks the columns of one table side by side: several columns in a GETBULK, every row whole from one answer where it fits,
// sizes learnt on the way, and an end to every loop.
import type { ErrorCode } from '../../common/runtime/error-table.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import { compareRanges, indexText, joinOids, type Oid, putSuffix } from './oid.ts';
import { ERROR_STATUS } from './pdu.ts';
import type { LossEstimate } from './loss-estimate.ts';
import type { SnmpResponse, SnmpSession } from './session.ts';
import { TAG } from './ber.ts';
import type { Varbinds } from './varbinds.ts';
import { Asking } from './walk-asking.ts';
import { compareSuffix, lowestEnd, lowestHead, type Range, runOf, sameBytes } from './walk-merge.ts';
import {
  afterAnswer,
  afterAnswersUnderLoss,
  afterCleanWalk,
  afterRefusal,
  afterRowRefusal,
  repetitionsFor,
  type TableMemory,
} from './walk-sizing.ts';

export interface RowSink {
  /** The head of every answer: its first varbinds are the non-repeaters. Called before its rows. */
  answer(response: SnmpResponse): void;
  /** A row, in ascending order of index. `positions[c]` is the varbind of column c in the answer, or -1 where this answer has none for it. Called again for the same index only after `revisit`. */
  row(index: string, response: SnmpResponse, positions: Int32Array): void;
  /** Columns were split over requests: rows begin once more, for other columns. */
  revisit(): void;
}

export interface WalkRequest {
  readonly columns: readonly Oid[];
  /** Read in each request as non-repeaters: object OIDs without their instance. */
  readonly nonRepeaters: readonly Oid[];
  readonly memory: TableMemory;
  /** What is known of the way to the device; the walk adds to it. */
  readonly loss: LossEstimate;
  /** What answers are aimed at. */
  readonly answerBytes: number;
  readonly mostRows: number;
  readonly mostRequests: number;
  readonly mostBytes: number;
}

export interface WalkOutcome {
  readonly complete: boolean;
  /** Nothing is left to be read; false where another run may go on. */
  readonly finished: boolean;
  /** Code of the first thing that cut the walk short. */
  readonly failure: ErrorCode | null;
  readonly memory: TableMemory;
}

const START = new Uint8Array();
/** Columns that share their requests, and how far they have come. */
interface Group {
  active: readonly number[];
  frontier: Uint8Array;
  rows: number;
}

/** A walk of a table into sinks. It stops where its signal says so, or where the device falls silent, and may be run on from there. */
export class TableWalk {
  readonly #request: WalkRequest;
  readonly #positions: Int32Array;
  readonly #heads: Oid[];
  /** Where each column stands: one array a column for the whole walk, not one a request. */
  readonly #places: Oid[] = [];
  readonly #oids: Oid[] = [];
  /** What is still to be walked, the group in hand first. */
  readonly #groups: Group[];
  #memory: TableMemory;
  /** What the device did wrong; it stays over all runs. */
  #fault: ErrorCode | null = null;
  #clean = true;
  #requests = 0;
  #bytes = 0;
  #rows = 0;
  #mostGroupRows = 0;
  /** Attempts in vain with the request in hand. */
  #vainAttempts = 0;
  /** Answers since the last refusal. */
  #answersInRow = 0;
  #answerRows = 0;

  constructor(request: WalkRequest) {
    this.#request = request;
    this.#memory = request.memory;
    this.#positions = new Int32Array(request.columns.length);
    this.#heads = [...request.nonRepeaters];
    this.#groups = [];
    this.#addGroups(
      request.columns.map((_, column) => column),
      { frontier: START, rows: 0 },
    );
  }

  /** Requests of all runs so far. */
  get requests(): number {
    return this.#requests;
  }

  /** Goes on to the end or to what stops it. Never rejects on account of the device: what cut it short stands in the outcome. */
  async run(session: SnmpSession, sink: RowSink, signal: AbortSignal | undefined): Promise<WalkOutcome> {
    const ask = new Asking(session, this.#request.loss, signal);
    let stopped: ErrorCode | null = null;
    try {
      for (let group = this.#groups[0]; group !== undefined; group = this.#groups[0]) {
        if (group.active.length > 0) {
          const repetitions = this.#nextRepetitions(group, ask);
          const asked = ask.send(this.#heads.length, this.#oidsOf(group), repetitions);
          let response: SnmpResponse | null;
          // One frame for a whole walk: a call of an async function for every packet would cost a promise and a turn each.
          try {
            response = await asked;
            ask.answered();
          } catch (error) {
            response = await ask.unanswered(error);
          }
          this.#takeIn(response, repetitions, group, ask, sink);
        } else if (this.#groups.shift() !== undefined && this.#groups.length > 0) sink.revisit();
      }
    } catch (error) {
      if (!(error instanceof WeirError)) throw error;
      stopped = error.code;
      if (stopped !== 'poll_deadline') this.#clean = false;
    }
    const finished = this.#groups.length === 0;
    if (finished && this.#clean)
      this.#memory = afterCleanWalk(this.#memory, this.#mostGroupRows, this.#request.columns.length);
    const failure = this.#fault ?? stopped;
    return { complete: finished && failure === null, finished, failure, memory: this.#memory };
  }

  #addGroups(columns: readonly number[], from: Pick<Group, 'frontier' | 'rows'>): void {
    const size = Math.min(columns.length, this.#memory.columnsPerRequest);
    const groups: Group[] = [];
    for (let at = 0; at < columns.length; at += size)
      groups.push({ active: columns.slice(at, at + size), frontier: from.frontier, rows: from.rows });
    this.#groups.unshift(...groups);
  }

  #nextRepetitions(group: Group, ask: Asking): number {
    const { mostRequests, mostRows, mostBytes, answerBytes } = this.#request;
    if (this.#requests >= mostRequests || this.#rows >= mostRows || this.#bytes >= mostBytes) {
      throw new WeirError('snmp_walk_limit', 'The table is larger than the bounds of a walk.');
    }
    this.#requests += 1;
    return ask.bulk ? repetitionsFor(this.#memory, group.active.length, group.rows, answerBytes) : 1;
  }

  /** What came of a request; null: silence. Splits the columns where not even one row fits an answer. */
  #takeIn(response: SnmpResponse | null, repetitions: number, group: Group, ask: Asking, sink: RowSink): void {
    this.#bytes += response?.sizeBytes ?? 0;
    const refused = response === null || response.errorStatus === ERROR_STATUS.tooBig;
    if (!refused && response.errorStatus !== ERROR_STATUS.noError) {
      group.active = this.#withoutRefused(group.active, response, ask.bulk);
      return;
    }
    if (!refused && this.#take(response, group, sink)) {
      this.#vainAttempts = 0;
      this.#answersInRow += 1;
      if (this.#request.loss.lossy)
        this.#memory = afterAnswersUnderLoss(this.#memory, this.#answersInRow, this.#request.columns.length);
      return;
    }
    this.#clean = false;
    this.#vainAttempts += response === null ? ask.attempts : 0;
    if (response === null && this.#request.loss.mayBeLoss(this.#vainAttempts)) return;
    this.#refuse(group, repetitions, response);
  }

  /** Written over at the next request: the session has encoded them for the last time when it answers. */
  #oidsOf({ active, frontier }: Group): readonly Oid[] {
    const { columns } = this.#request;
    const oids = this.#oids;
    oids.length = 0;
    for (const head of this.#heads) oids.push(head);
    for (const column of active) {
      const prefix = columns[column] ?? START;
      let oid = this.#places[column];
      if (oid?.length === prefix.length + frontier.length) putSuffix(oid, frontier);
      else this.#places[column] = oid = joinOids(prefix, frontier);
      oids.push(oid);
    }
    return oids;
  }

  #refuse(group: Group, repetitions: number, response: SnmpResponse | null): void {
    const width = group.active.length;
    const cause = response === null ? 'silence' : 'too_big';
    this.#vainAttempts = 0;
    this.#answersInRow = 0;
    if ((response === null || response.errorStatus === ERROR_STATUS.tooBig) && repetitions > 1) {
      this.#memory = afterRefusal(this.#memory, repetitions, cause);
    } else if (width > 1) {
      this.#memory = afterRowRefusal(this.#memory, width, cause);
      this.#groups.shift();
      this.#addGroups(group.active, group);
    } else {
      throw response === null
        ? new WeirError('snmp_timeout', 'The device does not answer for a single row of this table.')
        : new WeirError('snmp_too_big', 'The device cannot fit a single value into an answer.');
    }
  }

  /** An error-status about one column ends that column: in version 1 (noSuchName) that is how a table ends, else it is cut short. */
  #withoutRefused(active: readonly number[], response: SnmpResponse, bulk: boolean): readonly number[] {
    const refused = response.errorIndex - 1 - this.#heads.length;
    const known = refused >= 0 && refused < active.length;
    const noMore = !bulk && response.errorStatus === ERROR_STATUS.noSuchName;
    const head = response.errorIndex - 1;
    const [first] = this.#heads;
    if (noMore && head > 0 && head < this.#heads.length && first !== undefined && this.#heads[head] !== first) {
      // The device has nothing beyond this scalar. The first stands in for it, so that the others keep their places.
      this.#heads[head] = first;
      return active;
    }
    const ends = known && noMore;
    if (!ends) {
      this.#fault ??= 'snmp_refused';
      this.#clean = false;
    }
    return known ? active.filter((_, at) => at !== refused) : [];
  }

  /** Gives the rows of an answer to the sink. False where it brought nothing to go on with. */
  #take(response: SnmpResponse, group: Group, sink: RowSink): boolean {
    const heads = this.#heads.length;
    const { varbinds } = response;
    const { active } = group;
    if (varbinds.count <= heads) return false;
    sink.answer(response);
    this.#answerRows = Math.floor((varbinds.count - heads) / active.length);
    this.#learnSize(response, active.length);
    let last = { bytes: group.frontier, start: 0, end: group.frontier.length };
    this.#positions.fill(-1);
    let repetition = 0;
    for (; repetition < this.#answerRows; repetition += 1) {
      const base = heads + repetition * active.length;
      const index = this.#alignedRow(varbinds, base, active, last);
      if (index === null) break;
      last = index;
      for (let at = 0; at < active.length; at += 1) this.#positions[active[at] ?? 0] = base + at;
      this.#emit(response, last, group, sink);
    }
    const rest = heads + repetition * active.length;
    group.frontier = last.bytes.slice(last.start, last.end);
    const moved = rest >= varbinds.count || this.#takeUneven(response, group, sink, rest) || repetition > 0;
    varbinds.release();
    return moved;
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

  /** The rest of an answer in which columns ended, have holes, or were cut off: merged by index up to where every column is known. False where it brought nothing. */
  #takeUneven(response: SnmpResponse, group: Group, sink: RowSink, from: number): boolean {
    const { active, frontier } = group;
    const { columns } = this.#request;
    const runs = active.map((column, at) =>
      runOf(response.varbinds, columns[column] ?? START, from + at, active.length, frontier),
    );
    // A device that goes back or in a circle: the column ends there and the table is not complete.
    if (runs.some((run) => run.goesBack)) this.#fault ??= 'snmp_oid_not_increasing';
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
      this.#emit(response, { bytes: index, start: 0, end: index.length }, group, sink);
    }
    const left = active.filter((_, at) => {
      const run = runs[at];
      return run !== undefined && (!run.ended || (heads[at] ?? 0) < run.entries.length);
    });
    const moved = compareSuffix(reached, frontier) > 0 || left.length < active.length;
    group.active = left;
    group.frontier = reached;
    return moved;
  }

  #emit(response: SnmpResponse, index: Range, group: Group, sink: RowSink): void {
    this.#rows += 1;
    group.rows += 1;
    this.#mostGroupRows = Math.max(this.#mostGroupRows, group.rows);
    sink.row(indexText(index.bytes, index.start, index.end), response, this.#positions);
  }

  #learnSize(response: SnmpResponse, columns: number): void {
    const { varbinds } = response;
    const heads = this.#heads.length;
    const bytes = varbinds.valueEnd(varbinds.count - 1) - varbinds.oidStart(heads);
    this.#memory = afterAnswer(this.#memory, (bytes / (varbinds.count - heads)) * columns, this.#answerRows);
  }
}
