// Agents: which are awaited, which report, how far each stream is received and applied, and how far each clock is off.
import { z } from 'zod';
import type { DescribedRoutes } from '../../common/http/described-routes.ts';
import { pageInMemory } from '../../common/http/parameters.ts';
import { type EpochMs, isoTime } from '../../common/model/time.ts';
import type { Viewpoint } from '../../common/model/viewpoint.ts';
import { principalOf, READERS } from '../../common/runtime/access.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import type { Viewpoints } from '../access/viewpoint.ts';
import type { ConfiguredDevice, ConfiguredDevices } from '../agents/configured-devices.ts';
import type { SeenAgent } from '../ingest/agent-states.ts';
import { type AgentAnswer, agentAnswer, listOf } from './answers.ts';
import { collectorPage, deviceName } from './parameters.ts';

export interface AgentRoutesDeps {
  readonly clock: Clock;
  readonly viewpoints: Viewpoints;
  readonly devices: Pick<ConfiguredDevices, 'all'>;
  /** Every agent ever heard, in its newest incarnation. */
  readonly seenAgents: () => Promise<readonly SeenAgent[]>;
  readonly appliedThrough: (agents: readonly SeenAgent[]) => Promise<ReadonlyMap<string, number>>;
  /** As the rule of the alarm has it. */
  readonly silence: { readonly intervals: number; readonly leastMs: number };
  /** An agent's clock off by more than this is not sound. */
  readonly soundClockMs: number;
}

const USUAL_INTERVAL_MS = 60_000;

interface Assigned {
  /** Of those that are seen. */
  readonly devices: number;
  /** Of all. */
  readonly intervalMs: number;
}

export function addAgentRoutes(routes: DescribedRoutes, deps: AgentRoutesDeps): void {
  routes.add(
    {
      method: 'GET',
      url: '/api/v1/agents',
      access: READERS,
      scoped: true,
      summary: 'Agents by name: configured or heard.',
      query: z.strictObject(collectorPage),
      answer: listOf(agentAnswer),
    },
    async ({ query, principal }) => {
      const { assigned, seen } = await agentsOf(deps, await deps.viewpoints.of(principalOf(principal)));
      const names = [...new Set([...assigned.keys(), ...seen.keys()])].toSorted((a, b) => (a < b ? -1 : 1));
      const page = pageInMemory(names, (name) => name, query);
      return { ...page, items: await describe(deps, page.items, seen, assigned) };
    },
  );
  routes.add(
    {
      method: 'GET',
      url: '/api/v1/agents/:name',
      access: READERS,
      scoped: true,
      summary: 'One agent.',
      params: z.object({ name: deviceName }),
      answer: agentAnswer,
    },
    async ({ params, principal }) => {
      const { assigned, seen } = await agentsOf(deps, await deps.viewpoints.of(principalOf(principal)));
      const known = assigned.has(params.name) || seen.has(params.name);
      if (!known) throw new WeirError('not_found', `There is no agent ${params.name}.`, { agent: params.name });
      const [agent] = await describe(deps, [params.name], seen, assigned);
      return agent;
    },
  );
}

/** An agent belongs to the sites of its devices: under a scope it is there where one of them is seen. */
async function agentsOf(
  deps: AgentRoutesDeps,
  viewpoint: Viewpoint,
): Promise<{ readonly assigned: ReadonlyMap<string, Assigned>; readonly seen: ReadonlyMap<string, SeenAgent> }> {
  const assigned = assignedOf(deps.devices.all(), viewpoint);
  const heard = (await deps.seenAgents()).filter(({ agent }) => viewpoint.everything || assigned.has(agent));
  return { assigned, seen: new Map(heard.map((agent) => [agent.agent, agent])) };
}

async function describe(
  deps: AgentRoutesDeps,
  names: readonly string[],
  seen: ReadonlyMap<string, SeenAgent>,
  assigned: ReadonlyMap<string, Assigned>,
): Promise<AgentAnswer[]> {
  const applied = await deps.appliedThrough(names.flatMap((name) => seen.get(name) ?? []));
  const nowMs = deps.clock.now();
  return names.map((name) => {
    const agent = seen.get(name);
    const { devices, intervalMs } = assigned.get(name) ?? { devices: 0, intervalMs: USUAL_INTERVAL_MS };
    const quietMs = Math.max(deps.silence.leastMs, deps.silence.intervals * intervalMs);
    const lastBatchAtMs = agent?.lastBatchAtMs ?? null;
    const offsetMs = agent?.clockOffsetMs ?? null;
    return {
      name,
      state: stateOf(lastBatchAtMs, nowMs, devices > 0 ? quietMs : null),
      devices,
      incarnation: agent?.incarnation ?? null,
      firstSeenAt: agent === undefined ? null : isoTime(agent.firstSeenMs),
      lastBatchAt: lastBatchAtMs === null ? null : isoTime(lastBatchAtMs),
      lastSequence: agent?.lastSequence ?? null,
      received: agent?.received ?? null,
      applied: applied.get(name) ?? null,
      clockOffsetMs: offsetMs,
      clockSound: offsetMs === null ? null : Math.abs(offsetMs) <= deps.soundClockMs,
      superseded: supersededOf(agent),
    };
  });
}

function supersededOf(agent: SeenAgent | undefined): AgentAnswer['superseded'] {
  if (agent === undefined || agent.superseded === null) return null;
  const { incarnation, refusedAtMs } = agent.superseded;
  return { incarnation, refusedAt: isoTime(refusedAtMs) };
}

/** `quietMs` null: without devices there is nothing to be told. */
function stateOf(lastBatchAtMs: EpochMs | null, nowMs: EpochMs, quietMs: number | null): AgentAnswer['state'] {
  if (quietMs === null) return 'idle';
  if (lastBatchAtMs === null) return 'awaited';
  return nowMs - lastBatchAtMs > quietMs ? 'silent' : 'reporting';
}

function assignedOf(devices: Iterable<ConfiguredDevice>, viewpoint: Viewpoint): Map<string, Assigned> {
  const assigned = new Map<string, Assigned>();
  const own = new Set(viewpoint.devices);
  for (const { agent, intervalMs, name } of devices) {
    const before = assigned.get(agent);
    assigned.set(agent, {
      devices: (before?.devices ?? 0) + (viewpoint.everything || own.has(name) ? 1 : 0),
      intervalMs: Math.min(before?.intervalMs ?? intervalMs, intervalMs),
    });
  }
  for (const [agent, { devices: count }] of assigned) if (count === 0) assigned.delete(agent);
  return assigned;
}
