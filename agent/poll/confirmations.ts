// Asks again soon where a device fell silent or came back, so that a rule that wants two polls in a row need not wait for a whole interval.
import type { Poll } from '../../common/model/poll.ts';
import type { DurationMs } from '../../common/model/time.ts';
import type { CounterMetric, Reporter } from '../../common/runtime/reporter.ts';
import { hashOf } from './timetable.ts';
import type { Turn } from './turn.ts';

/** Some seconds, each device its own: what fell together is not asked again together. */
const AFTER_MS: DurationMs = 2000;
const SPREAD_MS: DurationMs = 2000;
/** A regular turn that comes so soon after confirms as well. */
const LEAST_BEFORE_TURN_MS: DurationMs = 10_000;
/** Of the places of all polls, those that may be waiting to confirm or confirming. */
const SHARE = 0.25;
/** Nobody answered. A device that answered wrongly, or an access that is wrong, is as it is. */
const SILENCE: ReadonlySet<string> = new Set([
  'snmp_timeout',
  'snmp_silent_after_discovery',
  'snmp_unreachable',
  'snmp_silent_but_reachable',
  'device_silent',
  'ping_timeout',
]);

export function isSilent({ outcome, failure }: Pick<Poll, 'outcome' | 'failure'>): boolean {
  return outcome === 'failed' && failure !== null && SILENCE.has(failure);
}

/** The confirming polls in hand: bounded, so that many that fall at once make no storm. Those beyond wait for their regular turns, and are counted. */
export class Confirmations {
  readonly #most: number;
  readonly #left: CounterMetric;
  readonly #inHand = new Set<Turn>();

  constructor(reporter: Reporter, concurrency: number) {
    this.#most = Math.max(1, Math.floor(concurrency * SHARE));
    this.#left = reporter.counter(
      'agent_confirming_polls_left_out_total',
      'Devices that fell silent or came back and were not asked again before their regular turns, because too many did.',
    );
  }

  /** Of a device that was just polled: whether it is polled once more before its regular turn. */
  consider(turn: Turn, nowMs: number): void {
    this.ended(turn);
    if (!turn.polled.unconfirmed) return;
    const dueMs = nowMs + AFTER_MS + (hashOf(turn.polled.name) % SPREAD_MS);
    if (dueMs + LEAST_BEFORE_TURN_MS > turn.nextDueMs) return;
    if (this.#inHand.size >= this.#most) return this.#left.add();
    this.#inHand.add(turn);
    turn.confirmDueMs = dueMs;
  }

  /** It was polled, or is not to be. */
  ended(turn: Turn): void {
    this.#inHand.delete(turn);
    turn.confirmDueMs = null;
  }

  clear(): void {
    for (const turn of this.#inHand) this.ended(turn);
  }
}
