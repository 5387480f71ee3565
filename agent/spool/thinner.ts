// Which polls of a stream of batches may go when room is needed: counters accumulate in the devices, so a poll inside an epoch costs resolution, no octet.
//
// Of each device stay: the first poll after each line of the grid, both sides of everything that may be the end of an epoch, of a run of
// failures the first and the last, what was read rarely, and enough of narrow counters that no wrap is missed.
import type { Poll } from '../../common/model/poll.ts';
import type { DurationMs } from '../../common/model/time.ts';
import { epochMayEnd, factsOf, type PollFacts, spanOf } from './poll-facts.ts';

/** A batch of which every poll is decided. */
export interface Decided {
  readonly sequence: number;
  /** 1 for each poll that stays, in the order of the batch. */
  readonly keep: Uint8Array;
}

interface Pending extends Decided {
  readonly spoolTimeMs: DurationMs;
  /** Polls whose successor was not seen yet. */
  undecided: number;
  /** The longest interval of a device in it. */
  intervalMs: DurationMs;
}

/** The last poll of a device. */
interface Last {
  readonly facts: PollFacts;
  readonly batch: Pending;
  readonly place: number;
  decided: boolean;
}

interface Track {
  last: Last;
  /** The last one that read something and stays. */
  kept: PollFacts | null;
  /** Of the last poll that read something: the line of the grid that it follows. */
  line: number | null;
}

/** A device that stays silent over this many polls has no successor to wait for: its last poll stays. */
const PATIENCE_POLLS = 2;

export class Thinner {
  readonly #gridMs: DurationMs;
  readonly #givenMs: DurationMs;
  readonly #tracks = new Map<string, Track>();
  readonly #pending: Pending[] = [];
  #spoolTimeMs = 0;

  /** `givenMs`: the grid on which the batches are already; 0 where they are whole. */
  constructor(gridMs: DurationMs, givenMs: DurationMs) {
    this.#gridMs = gridMs;
    this.#givenMs = givenMs;
  }

  /** Takes the polls of the next batch; `spoolTimeMs`: when it was written, in a clock that never steps. */
  take(sequence: number, spoolTimeMs: DurationMs, polls: readonly Poll[]): void {
    const intervalMs = Math.max(0, ...polls.map((poll) => poll.intervalMs));
    const keep = new Uint8Array(polls.length).fill(1);
    const batch = { sequence, spoolTimeMs, keep, undecided: polls.length, intervalMs };
    this.#spoolTimeMs = spoolTimeMs;
    this.#pending.push(batch);
    for (const [place, poll] of polls.entries()) this.#follow(poll.device, factsOf(poll), batch, place);
  }

  /** In the place of a batch that cannot be read. */
  skip(sequence: number): void {
    this.take(sequence, this.#spoolTimeMs, []);
  }

  /** The oldest batch, once every poll of it is decided; each is given once. */
  next(): Decided | null {
    const [oldest] = this.#pending;
    if (oldest === undefined) return null;
    const waited = this.#spoolTimeMs - oldest.spoolTimeMs;
    if (oldest.undecided > 0 && waited <= PATIENCE_POLLS * (oldest.intervalMs + this.#givenMs)) return null;
    this.#pending.shift();
    return oldest;
  }

  #follow(device: string, facts: PollFacts, batch: Pending, place: number): void {
    const track = this.#tracks.get(device);
    const last: Last = { facts, batch, place, decided: false };
    const line = facts.failure === null ? Math.floor(facts.startedAtMs / this.#gridMs) : (track?.line ?? null);
    if (track === undefined) {
      const begun = { last, kept: null, line };
      this.#tracks.set(device, begun);
      return this.#decide(begun, last, true);
    }
    const changed = changes(track.last.facts, facts);
    // The one before stays where it is a side of a change, or where this one is too far from the last that stays.
    if (!track.last.decided) this.#decide(track, track.last, changed || wrapsUnseen(track.kept, facts));
    const first = facts.failure === null && line !== track.line;
    track.last = last;
    track.line = line;
    if (changed || first || facts.hasInventory) this.#decide(track, last, true);
  }

  #decide(track: Track, poll: Last, stays: boolean): void {
    poll.decided = true;
    poll.batch.undecided -= 1;
    if (stays && poll.facts.failure === null) track.kept = poll.facts;
    if (!stays) poll.batch.keep[poll.place] = 0;
  }
}

function changes(before: PollFacts, after: PollFacts): boolean {
  if (before.failure !== null || after.failure !== null) return before.failure !== after.failure;
  return epochMayEnd(before, after);
}

function wrapsUnseen(kept: PollFacts | null, next: PollFacts): boolean {
  if (next.failure !== null) return false;
  return kept === null || spanOf(kept, next) >= Math.min(kept.wrapMs, next.wrapMs);
}
