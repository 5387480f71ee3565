// Looks again and again whether somebody who should be told is not: what no poll tells.
import type { EpochMs } from '../../common/model/time.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import { codeOf, messageOf } from '../../common/runtime/errors.ts';
import type { Reporter } from '../../common/runtime/reporter.ts';
import type { AgentMemory } from './agent-memory.ts';
import type { AlarmChange } from './alarm-machine.ts';
import type { FaultRules } from './fault-rules.ts';
import { type FailingReceiver, judgeReceivers, type ReceiversSaid } from './receivers.ts';

export interface ReceiverSource {
  readonly prefix: string;
  /** Null: it cannot be asked now. May reject. */
  readonly failing: (nowMs: EpochMs) => Promise<readonly FailingReceiver[] | null>;
}

export interface ReceiverWatchDeps {
  readonly clock: Clock;
  readonly rules: () => FaultRules;
  readonly sources: readonly ReceiverSource[];
  readonly raise: (look: {
    readonly agent: string;
    readonly judge: (memory: AgentMemory) => AlarmChange[];
    readonly atMs: EpochMs;
  }) => Promise<void>;
}

/** The memory of all receivers; no agent has a colon in its name. */
const RECEIVERS = 'collector:receivers';

export class ReceiverWatch {
  readonly #reporter: Reporter;
  readonly #deps: ReceiverWatchDeps;
  /** Alarms of the last process may stand: the first look asks. */
  #stands = true;

  constructor(reporter: Reporter, deps: ReceiverWatchDeps) {
    this.#reporter = reporter;
    this.#deps = deps;
  }

  async look(): Promise<void> {
    const nowMs = this.#deps.clock.now();
    const said = await Promise.all(this.#deps.sources.map((source) => this.#ask(source, nowMs)));
    if (!this.#stands && said.every(({ failing }) => failing === null || failing.length === 0)) return;
    const judge = (memory: AgentMemory): AlarmChange[] => {
      const changes = judgeReceivers(memory, this.#deps.rules(), said, nowMs);
      this.#stands = memory.active.size > 0;
      return changes;
    };
    try {
      await this.#deps.raise({ agent: RECEIVERS, judge, atMs: nowMs });
    } catch (error) {
      this.#stands = true;
      this.#reporter.warn('receivers not looked at', { code: codeOf(error), message: messageOf(error) });
    }
  }

  async #ask({ prefix, failing }: ReceiverSource, nowMs: EpochMs): Promise<ReceiversSaid> {
    try {
      return { prefix, failing: await failing(nowMs) };
    } catch (error) {
      this.#reporter.debug('receivers not known', { prefix, code: codeOf(error), message: messageOf(error) });
      return { prefix, failing: null };
    }
  }
}
