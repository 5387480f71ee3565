// Counts what the thread did since its last report, by reason and source; the number of sources it names is bounded.
import type { Tally } from './exchange.ts';

const MOST_DEVICES_NAMED = 200;
const MOST_STRANGERS_NAMED = 20;

export class TallyBook {
  readonly #counts = new Map<string, { what: Tally['what']; reason: string; source: string; count: number }>();
  readonly #devices = new Set<string>();
  readonly #strangers = new Set<string>();

  /** `ours`: whether the address is one of a device; a flood of forged ones must not use up the names. */
  add(what: Tally['what'], reason: string, source: string, ours: boolean, count = 1): void {
    const name = ours
      ? named(this.#devices, source, MOST_DEVICES_NAMED)
      : named(this.#strangers, source, MOST_STRANGERS_NAMED);
    const place = `${what} ${reason} ${name}`;
    const entry = this.#counts.get(place);
    if (entry === undefined) this.#counts.set(place, { what, reason, source: name, count });
    else entry.count += count;
  }

  /** All since the last time; empty where nothing happened. */
  take(): Tally[] {
    const taken = [...this.#counts.values()];
    this.#counts.clear();
    return taken;
  }
}

function named(names: Set<string>, source: string, most: number): string {
  if (names.has(source)) return source;
  if (names.size >= most) return 'other';
  names.add(source);
  return source;
}
