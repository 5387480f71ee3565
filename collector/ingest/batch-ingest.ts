// Takes a batch: checks it, keeps it in the journal once, and says how far the agent may count on it.
import { createHash } from 'node:crypto';
import type { Batch, Receipt } from '../../common/model/batch.ts';
import { type HeldSequences, NOTHING_HELD } from '../../common/model/sequence-ranges.ts';
import type { EpochMs } from '../../common/model/time.ts';
import type { Principal } from '../../common/runtime/access.ts';
import { Breather } from '../../common/runtime/breather.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import { codeOf, messageOf, WeirError } from '../../common/runtime/errors.ts';
import type { CounterMetric, HistogramMetric, Reporter } from '../../common/runtime/reporter.ts';
import { decodeBatchInTurns, type DecodedBatch } from '../../common/wire/batch-codec.ts';
import type { BatchEnvelope, BatchJournal, QuarantineReason } from '../journal/batch-journal.ts';
import type { AgentStates, Successor } from './agent-states.ts';
import type { AppliedMarks } from './applied-marks.ts';
import type { AssignedDevices } from './assigned-devices.ts';
import type { BatchHeaders } from './batch-headers.ts';
import { OneByOne } from './one-by-one.ts';
import { answerWithin, DATABASE_PATIENCE_MS } from './patience.ts';
import type { Stream, StreamName, StreamTable } from './streams.ts';
import type { Superseded } from './superseded.ts';

export interface BatchIngestDeps {
  readonly clock: Clock;
  readonly journal: BatchJournal;
  readonly streams: StreamTable;
  readonly marks: AppliedMarks;
  readonly agents: AgentStates;
  readonly superseded: Pick<Superseded, 'refused'>;
  /** Whether what the agent read of the device at that time (UTC) is taken; before `learnt` a no may become a yes. */
  readonly assigned: Pick<AssignedDevices, 'mayWrite' | 'learnt'>;
  /** SHA-256 (hexadecimal) under which a sequence was applied before; null where it is not known. */
  readonly appliedContent: (stream: StreamName, sequence: number) => Promise<string | null>;
  /** Told of each entry once it is durable, with its batch where it can be read: projections need not decode it again. */
  readonly onKept: (position: number, envelope: BatchEnvelope, decoded: DecodedBatch | null) => void;
}

/** How a batch came. */
export interface Arrival {
  /** When the request began. */
  readonly arrivedAtMs: EpochMs;
  /** Told of memory that the batch is about to take; what it throws refuses the batch. */
  readonly charge: (bytes: number) => void;
}

interface Reached extends Arrival {
  readonly clockOffsetMs: number;
  /** Of an older spool of its agent; null of the agent's own. */
  readonly successor: Successor | null;
}

interface Examined {
  readonly decoded: DecodedBatch | null;
  readonly quarantined: QuarantineReason | null;
}

const DEVICES_NAMED = 10;
const FAILURE_TOLD_MS = 60_000;
const SECONDS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5];

export class BatchIngest {
  readonly #reporter: Reporter;
  readonly #deps: BatchIngestDeps;
  /** Appends on their way to the disk, by stream and sequence: the same batch twice at once is kept once. */
  readonly #appending = new Map<string, Promise<void>>();
  readonly #decoding = new OneByOne();
  /** The last batch that could not be kept, on the monotonic clock; null once one was. */
  #failure: { readonly atMs: number; readonly message: string } | null = null;
  readonly #batches: CounterMetric;
  readonly #octets: CounterMetric;
  readonly #seconds: HistogramMetric;

  constructor(reporter: Reporter, deps: BatchIngestDeps) {
    this.#reporter = reporter;
    this.#deps = deps;
    this.#batches = reporter.counter('ingest_batches_total', 'Batches answered, by what became of them', ['outcome']);
    this.#octets = reporter.counter('ingest_octets_total', 'Octets of batches kept in the journal');
    this.#seconds = reporter.histogram('ingest_append_seconds', 'From a checked batch to its fsync', SECONDS);
    reporter.health('ingest', () => this.#health());
  }

  /** Keeps the batch durably, once, and answers how far its stream is received and applied. */
  async accept(principal: Principal, headers: BatchHeaders, body: Buffer, arrival: Arrival): Promise<Receipt> {
    const { arrivedAtMs } = arrival;
    refuseForeign(principal, headers.agent);
    if (createHash('sha256').update(body).digest('hex') !== headers.sha256)
      throw new WeirError('batch_damaged', `The batch ${headers.sequence} of ${headers.agent} was damaged on its way.`);
    const successor = await this.#deps.agents.admit(headers);
    const stream = await this.#streamOf(headers);
    const clockOffsetMs = Math.round(headers.sentAtMs - arrivedAtMs);
    try {
      return await this.#acceptOnce(stream, headers, body, { ...arrival, clockOffsetMs, successor });
    } finally {
      // What is known of the agent is of the spool that it has now.
      if (successor === null)
        this.#deps.agents.seen({
          agent: stream.agent,
          incarnation: stream.incarnation,
          lastBatchAtMs: arrivedAtMs,
          lastSequence: headers.sequence,
          received: stream.received,
          clockOffsetMs,
        });
    }
  }

  /** For an agent that has nothing to send. */
  async receipt(principal: Principal, name: StreamName): Promise<Receipt> {
    refuseForeign(principal, name.agent);
    const stream = this.#deps.streams.get(name);
    await answerWithin(this.#deps.clock, DATABASE_PATIENCE_MS, this.#deps.marks.refresh([name])).catch(() => undefined);
    const applied = this.#deps.marks.of(name);
    return { received: Math.max(stream?.received ?? 0, applied), applied };
  }

  async #acceptOnce(stream: Stream, headers: BatchHeaders, body: Buffer, arrival: Reached): Promise<Receipt> {
    if (stream.has(headers.sequence)) {
      const conflict = await this.#conflictOf(stream, headers, body, arrival);
      if (conflict === null || stream.knowsConflict(headers.sha256)) return this.#answer(stream, 'repeated', conflict);
      await this.#keep(stream, headers, body, arrival, { decoded: null, quarantined: conflict });
      return this.#answer(stream, 'quarantined', conflict);
    }
    const other = this.#appending.get(keyOf(headers));
    if (other !== undefined) {
      await other.catch(() => undefined);
      return this.#acceptOnce(stream, headers, body, arrival);
    }
    if (!stream.hasRoomFor(headers.sequence)) return this.#answer(stream, 'too_far_ahead', null);
    return this.#acceptNew(stream, headers, body, arrival);
  }

  async #acceptNew(stream: Stream, headers: BatchHeaders, body: Buffer, arrival: Reached): Promise<Receipt> {
    const examined = await this.#examine(headers, body, arrival);
    // Reading it takes turns: the same batch may have come a second time meanwhile.
    if (stream.has(headers.sequence) || this.#appending.has(keyOf(headers)))
      return this.#acceptOnce(stream, headers, body, arrival);
    if (examined.decoded !== null) {
      this.#refuseSuperseded(examined.decoded.batch, arrival);
      this.#refuseUnassigned(examined.decoded.batch, arrival.clockOffsetMs);
    }
    await this.#keep(stream, headers, body, arrival, examined);
    return this.#answer(stream, examined.quarantined === null ? 'kept' : 'quarantined', examined.quarantined);
  }

  async #keep(
    stream: Stream,
    headers: BatchHeaders,
    body: Buffer,
    arrival: Reached,
    examined: Examined,
  ): Promise<void> {
    const { decoded, quarantined } = examined;
    const gaps = decoded?.batch.gaps ?? [];
    const envelope: BatchEnvelope = {
      agent: headers.agent,
      incarnation: headers.incarnation,
      sequence: headers.sequence,
      sha256: headers.sha256,
      receivedAtMs: arrival.arrivedAtMs,
      clockOffsetMs: arrival.clockOffsetMs,
      ...(headers.oldestSequence === null ? {} : { oldestSequence: headers.oldestSequence }),
      ...(gaps.length === 0 ? {} : { gaps }),
      ...(quarantined === null ? {} : { quarantined }),
    };
    const key = keyOf(headers);
    const appended = this.#append(stream, envelope, body, decoded);
    this.#appending.set(key, appended);
    try {
      await appended;
    } finally {
      this.#appending.delete(key);
    }
    if (quarantined !== null) this.#reporter.warn('batch quarantined', { ...envelope, bytes: body.length });
  }

  async #append(stream: Stream, envelope: BatchEnvelope, body: Buffer, decoded: DecodedBatch | null): Promise<void> {
    const startedAtMs = this.#deps.clock.monotonicMs();
    const position = await this.#deps.journal.append(envelope, body).catch((error: unknown) => {
      this.#failure = { atMs: this.#deps.clock.monotonicMs(), message: `${codeOf(error)}: ${messageOf(error)}` };
      throw error;
    });
    this.#failure = null;
    this.#seconds.observe((this.#deps.clock.monotonicMs() - startedAtMs) / 1000);
    this.#octets.add(body.length);
    stream.keep(envelope);
    this.#deps.onKept(position, envelope, decoded);
  }

  /** A failure is forgotten after a while: where nobody sends because of it, nothing would clear it. */
  #health(): { healthy: boolean; message: string } {
    const failure = this.#failure;
    if (failure === null || this.#deps.clock.monotonicMs() - failure.atMs > FAILURE_TOLD_MS)
      return { healthy: true, message: 'batches are kept' };
    return { healthy: false, message: failure.message };
  }

  #answer(stream: Stream, outcome: string, quarantined: QuarantineReason | null): Receipt {
    this.#batches.add(1, { outcome });
    const applied = Math.min(this.#deps.marks.of(stream), stream.received);
    return { received: stream.received, applied, ...(quarantined === null ? {} : { quarantined }) };
  }

  /** The same number with another content is never a no-op, except a thinned copy of what is held whole. */
  async #conflictOf(
    stream: Stream,
    headers: BatchHeaders,
    body: Buffer,
    arrival: Arrival,
  ): Promise<QuarantineReason | null> {
    const held = stream.contentOf(headers.sequence) ?? (await this.#appliedContent(stream, headers.sequence));
    if (held === null || held === headers.sha256) return null;
    if ((await this.#examine(headers, body, arrival)).decoded?.batch.thinned === true) return null;
    return {
      code: 'batch_conflict',
      message: `The sequence ${headers.sequence} is held with the SHA-256 ${held}.`,
    };
  }

  /** Reads the bytes; what cannot be read, or is not what its headers say, is kept whole for a person. Throws what `charge` throws. */
  async #examine(headers: BatchHeaders, body: Buffer, arrival: Arrival): Promise<Examined> {
    const breather = new Breather(this.#deps.clock);
    let decoded: DecodedBatch;
    try {
      const turns = { breathe: () => breather.breathe(), charge: arrival.charge };
      decoded = await this.#decoding.run(() => decodeBatchInTurns(body, turns));
    } catch (error) {
      if (codeOf(error) === 'overloaded') throw error;
      const code = error instanceof WeirError ? codeOf(error) : 'batch_unreadable';
      return { decoded: null, quarantined: { code, message: messageOf(error) } };
    }
    const { batch } = decoded;
    const wrong = (['agent', 'incarnation', 'sequence'] as const).find((key) => batch[key] !== headers[key]);
    if (wrong === undefined) return { decoded, quarantined: null };
    const message = `Inside, ${wrong} is ${String(batch[wrong])}; the header says ${String(headers[wrong])}.`;
    return { decoded: null, quarantined: { code: 'batch_mislabelled', message } };
  }

  #appliedContent(stream: Stream, sequence: number): Promise<string | null> {
    const asked = this.#deps.appliedContent(stream, sequence);
    return answerWithin(this.#deps.clock, DATABASE_PATIENCE_MS, asked).catch(() => null);
  }

  async #streamOf(name: StreamName): Promise<Stream> {
    const known = this.#deps.streams.get(name);
    if (known !== undefined) return known;
    await answerWithin(this.#deps.clock, DATABASE_PATIENCE_MS, this.#deps.marks.refresh([name])).catch(() => undefined);
    const applied: HeldSequences = { ...NOTHING_HELD, through: this.#deps.marks.of(name) };
    return this.#deps.streams.add({ agent: name.agent, incarnation: name.incarnation }, applied);
  }

  /** What an older spool gathered before the newer one reported is nobody else's, and is taken; after that one of the two is too many. */
  #refuseSuperseded(batch: Batch, { successor, clockOffsetMs }: Reached): void {
    if (successor === null || batch.createdAtMs - clockOffsetMs < successor.sinceMs) return;
    const { agent, incarnation } = batch;
    const { newest } = successor;
    this.#deps.superseded.refused({ agent, incarnation }, newest);
    const message = `The agent ${agent} has reported with a newer spool.`;
    throw new WeirError('agent_superseded', message, { agent, incarnation, newest });
  }

  /** Nothing of such a batch is kept here; the agent keeps it. */
  #refuseUnassigned(batch: Batch, clockOffsetMs: number): void {
    const { assigned } = this.#deps;
    const foreign = [...newestReadings(batch)]
      .filter(([device, readAtMs]) => !assigned.mayWrite(batch.agent, device, readAtMs - clockOffsetMs))
      .map(([device]) => device);
    if (foreign.length === 0) return;
    if (!assigned.learnt)
      throw new WeirError('not_ready', 'The collector does not know yet which devices were assigned to whom.', {
        agent: batch.agent,
        devices: foreign.slice(0, DEVICES_NAMED),
      });
    throw new WeirError(
      'device_not_assigned',
      `The device ${foreign[0]} is not assigned to the agent ${batch.agent}.`,
      { agent: batch.agent, devices: foreign.slice(0, DEVICES_NAMED), count: foreign.length },
    );
  }
}

/** Of each device that a batch speaks of, the time of the newest that it says, by the agent's clock. */
function newestReadings(batch: Batch): Map<string, EpochMs> {
  const newest = new Map<string, EpochMs>();
  const see = (device: string, atMs: EpochMs): void =>
    void newest.set(device, Math.max(atMs, newest.get(device) ?? Number.NEGATIVE_INFINITY));
  for (const { device, finishedAtMs } of batch.polls) see(device, finishedAtMs);
  for (const { device, completeUntilMs } of batch.watermarks) see(device, completeUntilMs);
  for (const { device, observedAtMs } of batch.events) if (device !== null) see(device, observedAtMs);
  return newest;
}

function refuseForeign(principal: Principal, agent: string): void {
  if (principal.role === 'administrator' || principal.name === agent) return;
  throw new WeirError('agent_mismatch', `The token belongs to ${principal.name}, the batch to ${agent}.`, { agent });
}

function keyOf(headers: BatchHeaders): string {
  return `${headers.agent} ${headers.incarnation} ${headers.sequence}`;
}
