// Bodies as they were sent: plain, gzip, or zstd where this Node.js has it; unpacked in pieces, each counted before the next is asked for.
import type { Transform } from 'node:stream';
import * as zlib from 'node:zlib';
import { codeOf, WeirError } from '../../common/runtime/errors.ts';
import type { BodyEncoding } from '../journal/batch-journal.ts';

type Packed = Exclude<BodyEncoding, 'identity'>;

/** Makes what unpacks one body; an encoding without one is not read. */
export type Unpackers = Readonly<Partial<Record<Packed, () => Transform>>>;

export interface UnpackBounds {
  /** Of the body once it is unpacked; more is body_too_large. */
  readonly maxBytes: number;
  /** Told of each piece; what it throws ends the work. */
  readonly charge: (bytes: number) => void;
}

const PIECE_BYTES = 64 * 1024;
const KNOWN: readonly BodyEncoding[] = ['identity', 'gzip', 'zstd'];

/** What this Node.js can unpack: zstd came with 22.15. */
export function unpackersOf(library: Readonly<Record<string, unknown>> = { ...zlib }): Unpackers {
  const make = library['createZstdDecompress'] as ((options: zlib.ZlibOptions) => Transform) | undefined;
  return {
    gzip: () => zlib.createGunzip({ chunkSize: PIECE_BYTES }),
    ...(make === undefined ? {} : { zstd: () => make({ chunkSize: PIECE_BYTES }) }),
  };
}

export class BodyEncodings {
  readonly #unpackers: Unpackers;

  constructor(unpackers: Unpackers = unpackersOf()) {
    this.#unpackers = unpackers;
  }

  /** The names of a content-encoding that are read here. */
  get accepted(): readonly BodyEncoding[] {
    return KNOWN.filter((name) => name === 'identity' || this.#unpackers[name] !== undefined);
  }

  /** Of a request, by its content-encoding; throws encoding_unsupported, which names what is read. */
  of(header: string | undefined): BodyEncoding {
    const wanted = (header ?? 'identity').trim().toLowerCase();
    const found = this.accepted.find((name) => name === wanted);
    if (found !== undefined) return found;
    throw this.#unsupported(wanted);
  }

  /** Throws body_too_large, encoding_unsupported, encoding_broken, or what `charge` throws. */
  async unpack(encoding: BodyEncoding, body: Buffer, bounds: UnpackBounds): Promise<Buffer> {
    if (encoding === 'identity') return body;
    const make = this.#unpackers[encoding];
    if (make === undefined) throw this.#unsupported(encoding);
    const unpacker = make();
    const pieces: Buffer[] = [];
    let size = 0;
    // Its errors come out of the iteration.
    unpacker.end(body);
    try {
      for await (const piece of unpacker as AsyncIterable<Buffer>) {
        size += piece.length;
        if (size > bounds.maxBytes)
          throw new WeirError('body_too_large', `Unpacked the body is larger than ${bounds.maxBytes} octets.`);
        bounds.charge(piece.length);
        pieces.push(piece);
      }
    } catch (cause) {
      if (cause instanceof WeirError) throw cause;
      const message = `The ${encoding} of the body is broken.`;
      throw new WeirError('encoding_broken', message, { encoding, why: codeOf(cause) }, cause);
    }
    return Buffer.concat(pieces, size);
  }

  #unsupported(encoding: string): WeirError {
    const { accepted } = this;
    const message = `The body has the content-encoding ${encoding.slice(0, 40)}; ${accepted.join(', ')} are read.`;
    return new WeirError('encoding_unsupported', message, { accepted });
  }
}
