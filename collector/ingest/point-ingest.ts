// Takes points of other programs: reads them, keeps the body as it came in the journal, and says so only when it is on the disk.
import { createHash } from 'node:crypto';
import type { PointSet } from '../../common/model/point.ts';
import type { EpochMs } from '../../common/model/time.ts';
import type { Principal } from '../../common/runtime/access.ts';
import { Breather } from '../../common/runtime/breather.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import type { CounterMetric, Reporter } from '../../common/runtime/reporter.ts';
import type { BatchEnvelope, BatchJournal, PointsForm } from '../journal/batch-journal.ts';
import type { Arrival } from './batch-ingest.ts';
import type { BodyEncodings } from './body-encoding.ts';
import { OneByOne } from './one-by-one.ts';
import { type ReadLines, readLines } from './line-protocol.ts';

export interface PointIngestDeps {
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly journal: BatchJournal;
  /** Told of each entry once it is durable: projections need not read it again. */
  readonly onKept: (position: number, read: PointsRead) => void;
  readonly encodings: BodyEncodings;
}

export interface PointsRead {
  readonly points: PointSet;
  /** About what they take in memory. */
  readonly memoryBytes: number;
}

interface MeasuredLines {
  readonly read: ReadLines;
  readonly memoryBytes: number;
}

/** Of a body once it is unpacked. */
export const MAX_POINT_BYTES = 16 * 1024 * 1024;
/** Octets of points in memory for one of their text: 7 where they have tags, 12 where they are short (measured). */
const MEMORY_FACTOR = 10;

export class PointIngest {
  readonly #deps: PointIngestDeps;
  readonly #reading = new OneByOne();
  readonly #points: CounterMetric;
  readonly #refused: CounterMetric;

  constructor(reporter: Reporter, deps: PointIngestDeps) {
    this.#deps = deps;
    this.#points = reporter.counter('ingest_points_total', 'Points of other programs kept in the journal');
    this.#refused = reporter.counter('ingest_lines_refused_total', 'Lines of other programs that are no points');
  }

  /** Keeps what can be read; throws lines_unreadable where any line cannot, in which case the others are kept nevertheless. */
  async accept(principal: Principal, form: PointsForm, body: Buffer, arrival: Arrival): Promise<void> {
    const { read, memoryBytes } = await this.#reading.run(() => this.#read(form, body, arrival));
    if (read.points.length > 0) {
      const position = await this.#keep(principal.name, form, body, arrival.arrivedAtMs);
      this.#points.add(read.points.length);
      const points = { source: principal.name, points: read.points };
      this.#deps.onKept(position, { points, memoryBytes });
    }
    if (read.refused === 0) return;
    this.#refused.add(read.refused);
    throw refusal(read);
  }

  async #read(form: PointsForm, body: Buffer, { arrivedAtMs, charge }: Arrival): Promise<MeasuredLines> {
    const plain = await this.#deps.encodings.unpack(form.encoding, body, { maxBytes: MAX_POINT_BYTES, charge });
    const memoryBytes = plain.length * MEMORY_FACTOR;
    charge(memoryBytes);
    const breather = new Breather(this.#deps.clock);
    const text = plain.toString('utf8');
    return { read: await readLines(text, form.precision, arrivedAtMs, () => breather.breathe()), memoryBytes };
  }

  #keep(source: string, form: PointsForm, body: Buffer, receivedAtMs: EpochMs): Promise<number> {
    const envelope: BatchEnvelope = {
      agent: source,
      incarnation: '',
      sequence: 0,
      sha256: createHash('sha256').update(body).digest('hex'),
      receivedAtMs,
      clockOffsetMs: 0,
      points: form,
    };
    return this.#deps.journal.append(envelope, body);
  }
}

/** The points of a body that was kept, as they were read when it came. */
export async function pointsOf(
  { clock, encodings }: Pick<PointIngestDeps, 'clock' | 'encodings'>,
  envelope: BatchEnvelope,
  form: PointsForm,
  body: Uint8Array,
): Promise<PointsRead> {
  const octets = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const plain = await encodings.unpack(form.encoding, octets, { maxBytes: MAX_POINT_BYTES, charge: () => undefined });
  const breather = new Breather(clock);
  const text = plain.toString('utf8');
  const { points } = await readLines(text, form.precision, envelope.receivedAtMs, () => breather.breathe());
  return { points: { source: envelope.agent, points }, memoryBytes: plain.length * MEMORY_FACTOR };
}

function refusal({ points, refused, faults }: ReadLines): WeirError {
  const [first] = faults;
  const where = first === undefined ? '' : ` Line ${first.line}: ${first.why}: ${first.text}`;
  const kept = points.length === 0 ? 'nothing was kept' : `${points.length} others were kept`;
  return new WeirError(
    points.length === 0 ? 'lines_unreadable' : 'lines_partly_unreadable',
    `${refused} lines cannot be read, ${kept}.${where}`,
    { kept: points.length, refused, faults },
  );
}
