// Looks again and again which devices are not polled though their agent sends: no batch tells what is not in it.
import type { Database } from '../../common/database/database.ts';
import type { EpochMs } from '../../common/model/time.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import { codeOf, messageOf } from '../../common/runtime/errors.ts';
import type { Reporter } from '../../common/runtime/reporter.ts';
import type { AgentMemory } from './agent-memory.ts';
import type { AlarmChange } from './alarm-machine.ts';
import type { DeviceMemory } from './device-memory.ts';
import type { FaultRules } from './fault-rules.ts';
import { type AgentStream, judgeMissedPolls, judgeStuckAgent, missesPolls } from './missed-polls.ts';

export interface PollWatchDeps {
  readonly database: Database;
  readonly clock: Clock;
  readonly rules: () => FaultRules;
  readonly rulesOf: (device: string) => FaultRules;
  /** False while batches wait that arrived some time ago: the polls may be in them. */
  readonly caughtUp: () => boolean;
  /** Names in the configuration as it is now. */
  readonly names: () => readonly string[];
  readonly judgeDevices: (
    devices: readonly string[],
    judge: (memory: DeviceMemory) => AlarmChange[],
    atMs: EpochMs,
  ) => Promise<void>;
  readonly judgeAgent: (look: {
    readonly agent: string;
    readonly judge: (memory: AgentMemory) => AlarmChange[];
    readonly atMs: EpochMs;
  }) => Promise<void>;
}

interface LateRow {
  readonly device: string;
  readonly agent: string;
  readonly last_at_ms: bigint;
  readonly interval_ms: bigint;
  readonly failures: number;
  readonly told: boolean;
  readonly sent_at_ms: bigint;
  readonly steady_since_ms: bigint;
}

interface AgentCount {
  readonly agent: string;
  readonly devices: bigint;
  readonly told: boolean;
}

/** At one look; the others come at the next. */
const MOST_AT_ONCE = 500;

export class PollWatch {
  readonly #reporter: Reporter;
  readonly #deps: PollWatchDeps;
  /** Not before an agent was heard after the start: what stood in the database is of before. */
  #startedAtMs: EpochMs | null = null;

  constructor(reporter: Reporter, deps: PollWatchDeps) {
    this.#reporter = reporter;
    this.#deps = deps;
  }

  async look(): Promise<void> {
    const { clock, caughtUp } = this.#deps;
    this.#startedAtMs ??= clock.now();
    if (!caughtUp()) return;
    try {
      await this.#look(clock.now());
    } catch (error) {
      this.#reporter.warn('devices without polls not looked for', { code: codeOf(error), message: messageOf(error) });
    }
  }

  async #look(nowMs: EpochMs): Promise<void> {
    const { rulesOf, judgeDevices } = this.#deps;
    const missing = (await this.#late()).filter((row) => isMissed(row, rulesOf(row.device).noData));
    await this.#lookAtAgents(missing, nowMs);
    // Also those whose alarm is to end because nobody wants it any more.
    const wanted = missing.filter(({ device, told }) => told !== rulesOf(device).noData.enabled).slice(0, MOST_AT_ONCE);
    if (wanted.length === 0) return;
    const streams = new Map(wanted.map((row) => [row.device, streamOf(row)]));
    const judge = (memory: DeviceMemory): AlarmChange[] => {
      const stream = streams.get(memory.device);
      return stream === undefined ? [] : judgeMissedPolls(memory, rulesOf(memory.device), stream);
    };
    await judgeDevices([...streams.keys()], judge, nowMs);
  }

  /** Devices that are behind their agent by an interval or more. */
  async #late(): Promise<readonly LateRow[]> {
    const { rows } = await this.#deps.database.query<LateRow>(
      `select device.device, device.agent, device.last_at_ms, device.interval_ms,
              coalesce((device.state ->> 'failures')::int, 0) as failures,
              coalesce(device.state -> 'active' @> '[{"alarmType": "no-data", "qualifier": "polls"}]', false) as told,
              (agent.state ->> 'sentAtMs')::int8 as sent_at_ms, (agent.state ->> 'steadySinceMs')::int8 as steady_since_ms
         from faults.device_state device join faults.agent_state agent on agent.agent = device.agent
        where device.device = any($2::text[]) and device.interval_ms > 0 and agent.last_received_at_ms >= $1
          and (agent.state ->> 'sentAtMs')::int8
              - greatest(device.last_at_ms, (agent.state ->> 'steadySinceMs')::int8) >= device.interval_ms
        order by device.device limit 20000`,
      [this.#startedAtMs, this.#deps.names()],
    );
    return rows;
  }

  async #lookAtAgents(missing: readonly LateRow[], nowMs: EpochMs): Promise<void> {
    const left = new Map<string, number>();
    for (const { agent } of missing) left.set(agent, (left.get(agent) ?? 0) + 1);
    const { rows } = await this.#deps.database.query<AgentCount>(
      `select agent.agent, count(device.device) as devices,
              bool_or(agent.state -> 'active' @> '[{"alarmType": "no-data"}]') as told
         from faults.agent_state agent
         left join faults.device_state device on device.agent = agent.agent and device.device = any($2::text[])
        where agent.agent = any($1::text[]) or agent.state -> 'active' @> '[{"alarmType": "no-data"}]'
        group by agent.agent`,
      [[...left.keys()], this.#deps.names()],
    );
    for (const { agent, devices, told } of rows) {
      const counts = { left: left.get(agent) ?? 0, all: Number(devices) };
      if (counts.left === 0 && !told) continue;
      const judge = (memory: AgentMemory): AlarmChange[] => judgeStuckAgent(memory, this.#deps.rules(), counts);
      await this.#deps.judgeAgent({ agent, judge, atMs: nowMs });
    }
  }
}

function isMissed(row: LateRow, rule: FaultRules['noData']): boolean {
  const { failures } = row;
  const memory = { lastAtMs: Number(row.last_at_ms), intervalMs: Number(row.interval_ms), failures };
  return missesPolls(memory, streamOf(row), rule);
}

function streamOf(row: LateRow): AgentStream {
  return { sentAtMs: Number(row.sent_at_ms), steadySinceMs: Number(row.steady_since_ms) };
}
