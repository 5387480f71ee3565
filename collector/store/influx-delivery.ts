// Lines to the server in bodies of bounded size, until each is stored or known to be at fault.
import { WeirError } from '../../common/runtime/errors.ts';
import type { InfluxClient, Refusal } from './influx-client.ts';

export interface Line {
  readonly text: string;
  readonly journal: string;
  readonly position: number;
}

export interface RejectedLine extends Line {
  readonly reason: string;
}

export interface Delivered {
  readonly written: number;
  /** At most MAX_KEPT of them. */
  readonly rejected: readonly RejectedLine[];
  readonly rejectedCount: number;
}

export interface DeliveryBounds {
  readonly maxBodyBytes: number;
  readonly maxBodyLines: number;
}

/** Longer ones are set aside without being sent. */
const MAX_LINE_BYTES = 64 * 1024;
/** Rejected lines kept of one chunk; beyond it they are counted. */
const MAX_KEPT = 1000;
/** Shows whether a server that refuses lines takes any; without a time, so that no retention is in its way. */
const PROBE = 'weir_probe ok=1i';

export class InfluxDelivery {
  readonly #client: Pick<InfluxClient, 'write'>;
  readonly #bounds: DeliveryBounds;
  readonly #rejected: RejectedLine[] = [];
  #rejectedCount = 0;
  #written = 0;
  #sound = false;

  constructor(client: Pick<InfluxClient, 'write'>, bounds: DeliveryBounds) {
    this.#client = client;
    this.#bounds = bounds;
  }

  /** Resolves when the server has said of each line that it stored or refuses it; throws where it says neither: then all of it is sent again. */
  async deliver(lines: Iterable<Line> | AsyncIterable<Line>): Promise<Delivered> {
    const { maxBodyBytes, maxBodyLines } = this.#bounds;
    let body: Line[] = [];
    let bytes = 0;
    for await (const line of lines) {
      const size = Buffer.byteLength(line.text) + 1;
      if (size > MAX_LINE_BYTES) {
        this.reject(line, `the line has ${size} octets, ${MAX_LINE_BYTES} are the most`);
        continue;
      }
      if (body.length >= maxBodyLines || bytes + size > maxBodyBytes) {
        await this.#send(body);
        [body, bytes] = [[], 0];
      }
      body.push(line);
      bytes += size;
    }
    await this.#send(body);
    return { written: this.#written, rejected: this.#rejected, rejectedCount: this.#rejectedCount };
  }

  reject(line: Line, reason: string): void {
    this.#rejectedCount += 1;
    if (this.#rejected.length < MAX_KEPT) this.#rejected.push({ ...line, reason });
  }

  /** Halves a body that is refused until the lines at fault stand alone. What of it was stored is stored again, over itself. */
  async #send(lines: readonly Line[]): Promise<void> {
    if (lines.length === 0) return;
    const refusal = await this.#client.write(lines.map((line) => line.text).join('\n'));
    if (refusal === null) {
      this.#written += lines.length;
      return;
    }
    if (refusal.of === 'lines') await this.#prove(refusal);
    if (lines.length === 1 || (refusal.of === 'lines' && refusal.dropped >= lines.length)) {
      for (const line of lines) this.reject(line, refusal.reason);
      return;
    }
    const middle = Math.ceil(lines.length / 2);
    await this.#send(lines.slice(0, middle));
    await this.#send(lines.slice(middle));
  }

  /** Once: where not even a line without fault is taken, no line is to blame. */
  async #prove(refusal: Refusal): Promise<void> {
    if (this.#sound) return;
    if ((await this.#client.write(PROBE)) !== null)
      throw new WeirError('store_refused', `The server of the metric store takes no lines at all: ${refusal.reason}`, {
        reason: refusal.reason,
      });
    this.#sound = true;
  }
}
