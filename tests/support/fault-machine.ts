// Plays a fault scenario on the pure rules, without a database: batches in the order of their arrival, and looks for silence in between.
import path from 'node:path';
import { type AgentMemory, judgeBatch, judgeSilence, newAgentMemory } from '../../collector/faults/agent-memory.ts';
import { readTrapRules } from '../../collector/faults/trap-rules.ts';
import type { AlarmChange } from '../../collector/faults/alarm-machine.ts';
import { type DeviceMemory, newDeviceMemory } from '../../collector/faults/device-memory.ts';
import { inOrder } from '../../collector/faults/in-order.ts';
import { isHeeded, judgeEvent } from '../../collector/faults/judge-event.ts';
import { followStream, judgeMissedPolls, judgeStuckAgent, missesPolls } from '../../collector/faults/missed-polls.ts';
import { judgeSpool } from '../../collector/faults/judge-weir.ts';
import { RuleBook } from '../../collector/faults/rule-book.ts';
import { judgePoll } from '../../collector/faults/judge.ts';
import { silentReporter } from './silent-reporter.ts';
import { describeChange, SCENARIO_START_MS, type Scenario } from './fault-scenario.ts';

/** As they come with Weir. */
export const TRAP_RULES = readTrapRules(path.resolve(import.meta.dirname, '../../config/traps'));
const NO_LABELS = { site: null, tags: [] };

/** Every change in the order it is made, as scenarios write it. */
export function playScenario(scenario: Scenario): string[] {
  const { rules } = scenario.config;
  const book = new RuleBook(
    silentReporter().reporter,
    scenario.config,
    (device) => scenario.labels.get(device) ?? NO_LABELS,
    TRAP_RULES,
  );
  const devices = new Map<string, DeviceMemory>();
  const agents = new Map<string, AgentMemory>();
  const intervals = new Map<string, number>();
  const changes: AlarmChange[] = [];
  const ticks = [...scenario.ticks];
  const look = (untilMs: number): void => {
    while ((ticks[0] ?? Number.POSITIVE_INFINITY) < untilMs) {
      const nowMs = ticks.shift() ?? 0;
      for (const agent of agents.values())
        changes.push(...judgeSilence(agent, rules, intervals.get(agent.agent) ?? 60_000, SCENARIO_START_MS, nowMs));
      changes.push(...lookAtPolls(agents, devices, book));
    }
  };
  for (const { batch, clockOffsetMs, receivedAtMs } of scenario.entries) {
    look(receivedAtMs);
    const agent = agents.get(batch.agent) ?? newAgentMemory(batch.agent);
    agents.set(batch.agent, agent);
    changes.push(...judgeBatch(agent, rules, receivedAtMs, clockOffsetMs));
    followStream(agent, batch, clockOffsetMs, receivedAtMs);
    changes.push(...judgeSpool(agent, rules, batch, receivedAtMs));
    for (const { device, poll, event } of inOrder({ batch }, (told) => isHeeded(book.of(told.device ?? ''), told))) {
      const memory = devices.get(device) ?? newDeviceMemory(device);
      devices.set(device, memory);
      const own = book.of(device);
      if (event !== undefined) {
        changes.push(...judgeEvent(memory, own, event, clockOffsetMs, receivedAtMs, scenario.around));
        continue;
      }
      intervals.set(batch.agent, Math.min(poll.intervalMs, intervals.get(batch.agent) ?? poll.intervalMs));
      const judged = judgePoll(memory, own, poll, clockOffsetMs, receivedAtMs, scenario.around);
      if (judged.counted) Object.assign(memory, { agent: batch.agent, intervalMs: poll.intervalMs });
      changes.push(...judged.changes);
    }
  }
  look(Number.POSITIVE_INFINITY);
  return changes.map(describeChange);
}

/** As collector/faults/poll-watch.ts does it in the database. */
function lookAtPolls(
  agents: ReadonlyMap<string, AgentMemory>,
  devices: ReadonlyMap<string, DeviceMemory>,
  book: RuleBook,
): AlarmChange[] {
  return [...agents.values()].flatMap((agent) => {
    const own = [...devices.values()].filter((memory) => memory.agent === agent.agent);
    const left = own.filter((memory) => missesPolls(memory, agent, book.of(memory.device).noData));
    return [
      ...judgeStuckAgent(agent, book.rules, { left: left.length, all: own.length }),
      ...left.flatMap((memory) => judgeMissedPolls(memory, book.of(memory.device), agent)),
    ];
  });
}
