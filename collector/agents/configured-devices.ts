// The devices of the configuration as it is now: what the API tells of them, and what each agent is to poll. A reload replaces them all at once.
import { createHash } from 'node:crypto';
import type { InfrastructureRule } from '../../common/model/infrastructure.ts';
import type { DurationMs } from '../../common/model/time.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import type { DeviceConfiguration } from '../../common/runtime/device-configuration.ts';

export interface ConfiguredDevice {
  readonly name: string;
  readonly address: string;
  readonly site: string | null;
  readonly agent: string;
  readonly intervalMs: DurationMs;
  /** Devices through any one of which it is reached. */
  readonly parents: readonly string[];
  /** Which of its interfaces carry no customer by intent. */
  readonly infrastructure?: readonly InfrastructureRule[];
  /** As its agent gets it; never with a secret, which a device only names. */
  readonly definition: DeviceConfiguration;
}

/** `version` is equal where the devices are. */
export interface AgentConfigurationAnswer {
  readonly version: string;
  readonly devices: readonly DeviceConfiguration[];
}

export interface Wait {
  readonly clock: Clock;
  readonly ms: DurationMs;
  readonly signal: AbortSignal;
}

export class ConfiguredDevices {
  #byName: ReadonlyMap<string, ConfiguredDevice> = new Map();
  #names: readonly string[] = [];
  #byAgent: ReadonlyMap<string, AgentConfigurationAnswer> = new Map();
  readonly #waiting = new Map<string, { readonly version: string; readonly over: AbortController }>();

  constructor(devices: readonly ConfiguredDevice[]) {
    this.replace(devices);
  }

  replace(devices: readonly ConfiguredDevice[]): void {
    const byName = new Map(devices.map((device) => [device.name, device]));
    const byAgent = new Map<string, ConfiguredDevice[]>();
    for (const device of byName.values()) {
      const own = byAgent.get(device.agent);
      if (own === undefined) byAgent.set(device.agent, [device]);
      else own.push(device);
    }
    this.#byName = byName;
    this.#names = [...byName.keys()].toSorted((a, b) => (a < b ? -1 : 1));
    this.#byAgent = new Map([...byAgent].map(([agent, own]) => [agent, answerOf(own)]));
    for (const [agent, { version, over }] of this.#waiting) if (this.of(agent).version !== version) over.abort();
  }

  /** Resolves when the agent is to poll others than under that version, after the time, when the signal aborts, or where the agent asks anew. */
  async changed(agent: string, version: string, wait: Wait): Promise<void> {
    if (this.of(agent).version !== version || wait.signal.aborted) return;
    // An agent waits once: a connection that it has lost must not be kept for it.
    this.#waiting.get(agent)?.over.abort();
    const waiting = { version, over: new AbortController() };
    const leave = (): void => waiting.over.abort();
    this.#waiting.set(agent, waiting);
    wait.signal.addEventListener('abort', leave, { once: true });
    await wait.clock.sleep(wait.ms, waiting.over.signal);
    wait.signal.removeEventListener('abort', leave);
    if (this.#waiting.get(agent) === waiting) this.#waiting.delete(agent);
  }

  /** By code units. */
  get names(): readonly string[] {
    return this.#names;
  }

  get(name: string): ConfiguredDevice | undefined {
    return this.#byName.get(name);
  }

  /** Another map after each replacement. */
  get byName(): ReadonlyMap<string, ConfiguredDevice> {
    return this.#byName;
  }

  all(): Iterable<ConfiguredDevice> {
    return this.#byName.values();
  }

  /** What the agent is to poll; no devices where none is assigned to it. */
  of(agent: string): AgentConfigurationAnswer {
    return this.#byAgent.get(agent) ?? NOTHING;
  }
}

function answerOf(devices: readonly ConfiguredDevice[]): AgentConfigurationAnswer {
  const sorted = devices.map(({ definition }) => definition).toSorted((a, b) => (a.name < b.name ? -1 : 1));
  return { version: createHash('sha256').update(canonical(sorted)).digest('hex').slice(0, 32), devices: sorted };
}

/** JSON with the keys of objects in order: in which order they stand in a file says nothing. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, held: unknown) =>
    typeof held === 'object' && held !== null && !Array.isArray(held)
      ? Object.fromEntries(Object.entries(held).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : held,
  );
}

const NOTHING: AgentConfigurationAnswer = answerOf([]);
