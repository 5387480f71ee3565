// What each agent is to poll, as it asks for it: the devices of the collector's configuration, under a version that changes with them.
import { createHash } from 'node:crypto';
import type { DeviceConfiguration } from '../../common/runtime/device-configuration.ts';

/** `version` is equal where the devices are. Devices name their credential sets; what is in these only the agent knows. */
export interface AgentConfigurationAnswer {
  readonly version: string;
  readonly devices: readonly DeviceConfiguration[];
}

export class AgentConfigurations {
  readonly #byAgent: ReadonlyMap<string, AgentConfigurationAnswer>;

  constructor(devices: readonly { readonly agent: string; readonly definition: DeviceConfiguration }[]) {
    const byAgent = new Map<string, DeviceConfiguration[]>();
    for (const { agent, definition } of devices) {
      const own = byAgent.get(agent);
      if (own === undefined) byAgent.set(agent, [definition]);
      else own.push(definition);
    }
    this.#byAgent = new Map([...byAgent].map(([agent, own]) => [agent, answerOf(own)]));
  }

  /** No devices where none is assigned to the agent. */
  of(agent: string): AgentConfigurationAnswer {
    return this.#byAgent.get(agent) ?? NOTHING;
  }
}

function answerOf(devices: readonly DeviceConfiguration[]): AgentConfigurationAnswer {
  const sorted = devices.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  return { version: createHash('sha256').update(canonical(sorted)).digest('hex').slice(0, 32), devices: sorted };
}

/** JSON with the keys of objects in order, so that the order in a file says nothing. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, held: unknown) =>
    typeof held === 'object' && held !== null && !Array.isArray(held)
      ? Object.fromEntries(Object.entries(held).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : held,
  );
}

const NOTHING: AgentConfigurationAnswer = answerOf([]);
