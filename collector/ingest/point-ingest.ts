// Takes points of other programs: reads them, keeps the body as it came in the journal, and says so only when it is on the disk.
import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { gunzip, gunzipSync } from 'node:zlib';
import type { PointSet } from '../../common/model/point.ts';
import type { EpochMs } from '../../common/model/time.ts';
import type { Principal } from '../../common/runtime/access.ts';
import { codeOf, WeirError } from '../../common/runtime/errors.ts';
import type { CounterMetric, Reporter } from '../../common/runtime/reporter.ts';
import type { BatchEnvelope, BatchJournal, PointsForm } from '../journal/batch-journal.ts';
import { type ReadLines, readLines } from './line-protocol.ts';

export interface PointIngestDeps {
  readonly journal: BatchJournal;
  /** Told of each entry once it is durable: projections need not read it again. */
  readonly onKept: (position: number, points: PointSet, bytes: number) => void;
}

/** Of a body once it is unpacked. */
export const MAX_POINT_BYTES = 16 * 1024 * 1024;

const unpack = promisify(gunzip);

export class PointIngest {
  readonly #deps: PointIngestDeps;
  readonly #points: CounterMetric;
  readonly #refused: CounterMetric;

  constructor(reporter: Reporter, deps: PointIngestDeps) {
    this.#deps = deps;
    this.#points = reporter.counter('ingest_points_total', 'Points of other programs kept in the journal');
    this.#refused = reporter.counter('ingest_lines_refused_total', 'Lines of other programs that are no points');
  }

  /** Keeps what can be read; throws lines_unreadable where any line cannot, in which case the others are kept nevertheless. */
  async accept(principal: Principal, form: PointsForm, body: Buffer, receivedAtMs: EpochMs): Promise<void> {
    const read = readLines(await textOf(form, body), form.precision, receivedAtMs);
    if (read.points.length > 0) await this.#keep(principal.name, form, body, receivedAtMs, read);
    if (read.refused === 0) return;
    this.#refused.add(read.refused);
    throw refusal(read);
  }

  async #keep(source: string, form: PointsForm, body: Buffer, receivedAtMs: EpochMs, read: ReadLines): Promise<void> {
    const envelope: BatchEnvelope = {
      agent: source,
      incarnation: '',
      sequence: 0,
      sha256: createHash('sha256').update(body).digest('hex'),
      receivedAtMs,
      clockOffsetMs: 0,
      points: form,
    };
    const position = await this.#deps.journal.append(envelope, body);
    this.#points.add(read.points.length);
    this.#deps.onKept(position, { source, points: read.points }, body.length);
  }
}

/** The points of a body that was kept, as they were read when it came. */
export function pointsOf(envelope: BatchEnvelope, form: PointsForm, body: Uint8Array): PointSet {
  const octets = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const plain = form.encoding === 'gzip' ? gunzipSync(octets, { maxOutputLength: MAX_POINT_BYTES }) : octets;
  const { points } = readLines(plain.toString('utf8'), form.precision, envelope.receivedAtMs);
  return { source: envelope.agent, points };
}

async function textOf(form: PointsForm, body: Buffer): Promise<string> {
  if (form.encoding === 'identity') return body.toString('utf8');
  try {
    return (await unpack(body, { maxOutputLength: MAX_POINT_BYTES })).toString('utf8');
  } catch (cause) {
    if (codeOf(cause) === 'ERR_BUFFER_TOO_LARGE')
      throw new WeirError('body_too_large', `Unpacked the body is larger than ${MAX_POINT_BYTES} octets.`, {}, cause);
    throw new WeirError('lines_unreadable', 'The compression of the body is broken.', {}, cause);
  }
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
