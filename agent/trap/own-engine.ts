// The engine of this receiver, the authority for informs: an identity made once, and a count of its starts that never goes back (RFC 3414 §2.2).
import { z } from 'zod';
import type { KeptFile } from '../../common/runtime/kept-file.ts';
import { messageOf } from '../../common/runtime/errors.ts';
import type { Reporter } from '../../common/runtime/reporter.ts';

const keptSchema = z.strictObject({
  engine_id: z.string().regex(/^([0-9a-f]{2}){5,32}$/),
  boots: z
    .number()
    .int()
    .min(0)
    .max(2 ** 31 - 1),
});

/** One below the value at which an engine has to take another identity (RFC 3414 §2.2.1). */
const MOST_BOOTS = 2 ** 31 - 2;
/** RFC 3411 §5: the form with a format octet, no enterprise of its own, octets as the maker likes. */
const PREFIX = '8000000005';
export const RANDOM_OCTETS = 12;

export interface OwnEngineDeps {
  readonly reporter: Reporter;
  readonly file: Pick<KeptFile, 'read' | 'write'>;
  /** RANDOM_OCTETS octets nobody else has. */
  readonly random: () => Uint8Array;
}

/**
 * The next life of the engine, kept before it is used. Where that is impossible it takes another identity for this life:
 * senders then discover it anew, while the old one at a lower count of starts would be refused by all that knew it.
 */
export function nextLife({ reporter, file, random }: OwnEngineDeps): { readonly id: string; readonly boots: number } {
  const fresh = { engine_id: `${PREFIX}${Buffer.from(random()).toString('hex')}`, boots: 0 };
  const before = keptBefore(reporter, file.read());
  const engine = before === null || before.boots >= MOST_BOOTS ? fresh : before;
  const next = { engine_id: engine.engine_id, boots: engine.boots + 1 };
  if (file.write(Buffer.from(JSON.stringify(next)))) return { id: next.engine_id, boots: next.boots };
  reporter.warn('the trap receiver has another engine ID until its state can be kept', { engine_id: fresh.engine_id });
  return { id: fresh.engine_id, boots: 1 };
}

function keptBefore(reporter: Reporter, bytes: Uint8Array | null): z.output<typeof keptSchema> | null {
  if (bytes === null) return null;
  try {
    return keptSchema.parse(JSON.parse(Buffer.from(bytes).toString('utf8')));
  } catch (error) {
    reporter.warn('the engine of the trap receiver cannot be read and is made anew', { error: messageOf(error) });
    return null;
  }
}
