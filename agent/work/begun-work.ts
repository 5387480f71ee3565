// Which work was begun, kept on the disk: whatever a collector gives twice, and whenever this process dies, nothing is done a second time.
import { z } from 'zod';
import type { EpochMs } from '../../common/model/time.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import type { KeptFile } from '../../common/runtime/kept-file.ts';
import type { WorkItem } from './work-item.ts';

const keptSchema = z.array(
  z.object({
    id: z.string(),
    device: z.string(),
    kind: z.string(),
    /** UTC after which no collector gives it any more. */
    expiresAtMs: z.number(),
    /** Whether its result is in the spool. */
    told: z.boolean(),
  }),
);
type Begun = z.output<typeof keptSchema>[number];

export interface BegunWorkDeps {
  readonly clock: Clock;
  readonly file: Pick<KeptFile, 'read' | 'write'>;
}

/** Work that may be given again, at a time. */
export const MOST_BEGUN = 1000;
/** A clock that was set back, or runs apart from the collector's, must not make us forget too early. */
const MARGIN_MS = 3_600_000;

export type BeginOutcome = 'begun' | 'known' | 'full' | 'not_kept';

export class BegunWork {
  readonly #deps: BegunWorkDeps;
  readonly #begun = new Map<string, Begun>();

  constructor(deps: BegunWorkDeps) {
    this.#deps = deps;
  }

  /** Reads what a former life began; gives what of it has no result: nobody knows how far it came. */
  recover(): readonly Pick<Begun, 'id' | 'device' | 'kind'>[] {
    this.#begun.clear();
    for (const one of parsed(this.#deps.file.read())) this.#begun.set(one.id, one);
    return [...this.#begun.values()].filter(({ told }) => !told);
  }

  has(id: string): boolean {
    return this.#begun.has(id);
  }

  /** To be asked before anything is done; `not_kept`: the disk refuses to remember it. */
  begin(item: WorkItem): BeginOutcome {
    const nowMs = this.#deps.clock.now();
    if (this.#begun.has(item.id)) return 'known';
    this.#forget(nowMs);
    if (this.#begun.size >= MOST_BEGUN) return 'full';
    const { id, device, kind, expiresInMs } = item;
    this.#begun.set(id, { id, device, kind, expiresAtMs: nowMs + expiresInMs, told: false });
    return this.#keep() ? 'begun' : 'not_kept';
  }

  /** Its result is durable. */
  told(id: string): void {
    const one = this.#begun.get(id);
    if (one === undefined) return;
    this.#begun.set(id, { ...one, told: true });
    this.#keep();
  }

  #forget(nowMs: EpochMs): void {
    for (const { id, told, expiresAtMs } of this.#begun.values())
      if (told && expiresAtMs + MARGIN_MS < nowMs) this.#begun.delete(id);
  }

  #keep(): boolean {
    return this.#deps.file.write(Buffer.from(JSON.stringify([...this.#begun.values()])));
  }
}

function parsed(bytes: Buffer | null): readonly Begun[] {
  if (bytes === null) return [];
  try {
    const kept = keptSchema.safeParse(JSON.parse(bytes.toString('utf8')));
    return kept.success ? kept.data : [];
  } catch {
    return []; // not as we wrote it: taken for absent
  }
}
