// Asks agents to poll at once what lies before an alarm, or what is behind a root that has ended: bounded, counted, and not again and again.
import type { DurationMs, EpochMs } from '../../../common/model/time.ts';
import type { Principal } from '../../../common/runtime/access.ts';
import { codeOf } from '../../../common/runtime/errors.ts';
import type { CounterMetric, Reporter } from '../../../common/runtime/reporter.ts';
import type { Work } from '../../agents/work-item.ts';
import type { NetworkGraph } from './network-graph.ts';

/** Of one pass. What is left out is wanted again by the next. */
const MOST_AT_ONCE = 50;
/** Of one agent that may not be done yet: people ask for work there, too. */
const MOST_OF_AGENT = 60;
/** A device is not asked for again before. */
const AGAIN_MS: DurationMs = 5000;
const EXPIRES_MS: DurationMs = 30_000;
/** Agents that were told overloaded are left alone for so long. */
const REST_MS: DurationMs = 10_000;
const REMEMBERED_MS: DurationMs = 120_000;
const MOST_REMEMBERED = 20_000;
const WEIR: Principal = { name: 'weir', role: 'operator', scope: null };

export class PollsAtOnce {
  readonly #work: Pick<Work, 'ask'>;
  readonly #asked: CounterMetric;
  readonly #refused: CounterMetric;
  readonly #askedAtMs = new Map<string, EpochMs>();
  readonly #restingUntilMs = new Map<string, EpochMs>();
  /** By agent: until when what it was asked for may be open. */
  readonly #openUntilMs = new Map<string, EpochMs[]>();

  constructor(reporter: Reporter, work: Pick<Work, 'ask'>) {
    this.#work = work;
    this.#asked = reporter.counter('cause_polls_asked_total', 'Polls at once that were asked for to find a cause');
    this.#refused = reporter.counter(
      'cause_polls_refused_total',
      'Polls at once that were wanted to find a cause and not asked for, by reason',
      ['reason'],
    );
  }

  /** Those that were never asked for first, then in that order, until the bound of a pass. */
  async ask(graph: NetworkGraph, devices: readonly string[], nowMs: EpochMs): Promise<void> {
    const askedAtMs = (name: string): EpochMs => this.#askedAtMs.get(name) ?? 0;
    const due = devices
      .filter((name) => nowMs - askedAtMs(name) >= AGAIN_MS)
      .toSorted((one, other) => askedAtMs(one) - askedAtMs(other));
    if (due.length > MOST_AT_ONCE) this.#refused.add(due.length - MOST_AT_ONCE, { reason: 'bound' });
    for (const name of due.slice(0, MOST_AT_ONCE)) {
      const agent = graph.devices.get(name)?.agent;
      if (agent === undefined || (this.#restingUntilMs.get(agent) ?? 0) > nowMs) continue;
      const open = (this.#openUntilMs.get(agent) ?? []).filter((untilMs) => untilMs > nowMs);
      this.#openUntilMs.set(agent, open);
      if (open.length >= MOST_OF_AGENT) {
        this.#refused.add(1, { reason: 'agent_bound' });
        continue;
      }
      open.push(nowMs + EXPIRES_MS);
      await this.#askOne(agent, name, nowMs);
    }
    this.#forget(nowMs);
  }

  async #askOne(agent: string, device: string, nowMs: EpochMs): Promise<void> {
    const reason = 'to find the cause of an alarm';
    this.#askedAtMs.set(device, nowMs);
    try {
      await this.#work.ask(agent, { kind: 'poll', device, varbinds: [], reason, expiresMs: EXPIRES_MS }, WEIR);
      this.#asked.add();
    } catch (error) {
      // The alarm is held no longer for it: its time runs out.
      this.#refused.add(1, { reason: codeOf(error) });
      this.#restingUntilMs.set(agent, nowMs + REST_MS);
    }
  }

  #forget(nowMs: EpochMs): void {
    for (const [name, atMs] of this.#askedAtMs)
      if (nowMs - atMs >= REMEMBERED_MS || this.#askedAtMs.size > MOST_REMEMBERED) this.#askedAtMs.delete(name);
    for (const [agent, open] of this.#openUntilMs)
      if (open.every((untilMs) => untilMs <= nowMs)) this.#openUntilMs.delete(agent);
    for (const [agent, untilMs] of this.#restingUntilMs) if (untilMs <= nowMs) this.#restingUntilMs.delete(agent);
  }
}
