// Looks again and again whether an agent has fallen silent: the one fault that no batch can tell.
import type { Database } from '../../common/database/database.ts';
import type { EpochMs } from '../../common/model/time.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import type { Component } from '../../common/runtime/component.ts';
import { codeOf, messageOf } from '../../common/runtime/errors.ts';
import type { Reporter } from '../../common/runtime/reporter.ts';
import { type AgentMemory, judgeSilence } from './agent-memory.ts';
import { collectorName, isLagging, judgeLag, type Lag } from './judge-weir.ts';
import type { AlarmChange } from './alarm-machine.ts';
import type { FaultRules, FaultsConfig } from './fault-rules.ts';

interface AgentWatchDeps {
  readonly clock: Clock;
  readonly database: Database;
  readonly rules: () => FaultRules;
  readonly lags: () => { readonly journal: string; readonly lags: readonly Lag[] };
  readonly caughtUp: () => boolean;
  readonly isAwaited: (agent: string) => boolean;
  readonly raise: (silent: {
    readonly agent: string;
    readonly judge: (memory: AgentMemory) => AlarmChange[];
    readonly atMs: EpochMs;
  }) => Promise<void>;
}

interface Quiet {
  readonly agent: string;
  readonly interval_ms: bigint;
}

const USUAL_INTERVAL_MS = 60_000;
/** Devices that were polled so long before the agent's last batch are no longer its own. */
const OWN_WITHIN_MS = 3_600_000;

export class AgentWatch implements Component {
  readonly #reporter: Reporter;
  readonly #config: FaultsConfig;
  readonly #deps: AgentWatchDeps;
  readonly #stopping = new AbortController();
  #running: Promise<void> | null = null;
  /** An alarm of the last process may stand: the first look asks. */
  #lagTold = true;
  /** Since when a batch would have been heard. */
  #watchingSinceMs = 0;

  constructor(reporter: Reporter, config: FaultsConfig, deps: AgentWatchDeps) {
    this.#reporter = reporter;
    this.#config = config;
    this.#deps = deps;
  }

  async start(): Promise<void> {
    if (this.#running !== null) return;
    this.#watchingSinceMs = this.#deps.clock.now();
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      await this.#deps.clock.sleep(this.#config.tickMs, signal);
      if (signal.aborted) return;
      try {
        await this.#look();
      } catch (error) {
        // Without the database nothing is applied either: what was sent meanwhile is not silence.
        this.#watchingSinceMs = this.#deps.clock.now();
        this.#reporter.warn('agents not watched', { code: codeOf(error), message: messageOf(error) });
      }
    }
  }

  async #look(): Promise<void> {
    const nowMs = this.#deps.clock.now();
    await this.#lookAtLag(nowMs);
    if (!this.#deps.caughtUp()) {
      this.#watchingSinceMs = nowMs;
      return;
    }
    const rules = this.#deps.rules();
    const { isAwaited } = this.#deps;
    const { rows } = await this.#deps.database.query<Quiet>(
      `select agent.agent, coalesce(min(nullif(device.interval_ms, 0)), $1::int8) as interval_ms
         from faults.agent_state agent
         left join faults.device_state device
           on device.agent = agent.agent and device.last_at_ms > agent.last_received_at_ms - $2::int8
        where agent.last_received_at_ms <= $3 and agent.version > 0 and agent.agent not like 'collector:%'
        group by agent.agent`,
      [USUAL_INTERVAL_MS, OWN_WITHIN_MS, nowMs - rules.agentSilent.leastMs],
    );
    for (const { agent, interval_ms: intervalMs } of rows) {
      const judge = (memory: AgentMemory): AlarmChange[] =>
        judgeSilence(memory, rules, isAwaited(agent) ? Number(intervalMs) : null, this.#watchingSinceMs, nowMs);
      await this.#deps.raise({ agent, judge, atMs: nowMs });
    }
  }

  async #lookAtLag(nowMs: EpochMs): Promise<void> {
    const { journal, lags } = this.#deps.lags();
    const rules = this.#deps.rules();
    const lagging = isLagging(rules, lags);
    if (lags.length === 0 || !(lagging || this.#lagTold)) return;
    const agent = collectorName(journal);
    let stands = true;
    const judge = (memory: AgentMemory): AlarmChange[] => {
      const changes = judgeLag(memory, rules, lags, nowMs);
      stands = memory.active.size > 0;
      return changes;
    };
    await this.#deps.raise({ agent, judge, atMs: nowMs });
    this.#lagTold = stands;
  }
}
