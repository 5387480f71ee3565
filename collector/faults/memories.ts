// The memories of devices and agents: rows of PostgreSQL, locked while they are used, with a copy in memory that is good as long as its version is.
import type { Queryable } from '../../common/database/database.ts';
import { type AgentMemory, agentMemoryOf, type AgentRow, newAgentMemory, storedAgentOf } from './agent-memory.ts';
import { type DeviceMemory, type DeviceRow, memoryOf, newDeviceMemory, storedOf } from './device-memory.ts';

/** Copies kept; the longest unused go first and are read again when needed. */
const MAX_DEVICES = 20_000;
const MAX_AGENTS = 10_000;

interface Version {
  readonly name: string;
  readonly version: bigint;
}

export class Memories {
  readonly #devices = new Map<string, DeviceMemory>();
  readonly #agents = new Map<string, AgentMemory>();

  /** The memories of these devices, locked until the transaction ends. What is changed must be written or forgotten. */
  async lockDevices(connection: Queryable, names: Iterable<string>): Promise<Map<string, DeviceMemory>> {
    const wanted = [...new Set(names)].toSorted();
    const versions = await lockRows(connection, 'device_state', 'device', wanted);
    const stale = wanted.filter((name) => this.#devices.get(name)?.version !== Number(versions.get(name) ?? -1n));
    if (stale.length > 0) {
      for (const name of stale) this.#devices.set(name, newDeviceMemory(name));
      const { rows } = await connection.query<DeviceRow>(
        `select device, agent, interval_ms, last_at_ms, version, state, counters
           from faults.device_state where device = any($1::text[]) and version > 0`,
        [stale],
      );
      for (const row of rows) this.#devices.set(row.device, memoryOf(row));
    }
    return take(this.#devices, wanted, MAX_DEVICES);
  }

  async lockAgents(connection: Queryable, names: Iterable<string>): Promise<Map<string, AgentMemory>> {
    const wanted = [...new Set(names)].toSorted();
    const versions = await lockRows(connection, 'agent_state', 'agent', wanted);
    const stale = wanted.filter((name) => this.#agents.get(name)?.version !== Number(versions.get(name) ?? -1n));
    if (stale.length > 0) {
      for (const agent of stale) this.#agents.set(agent, newAgentMemory(agent));
      const { rows } = await connection.query<AgentRow>(
        `select agent, last_received_at_ms, version, state
           from faults.agent_state where agent = any($1::text[]) and version > 0`,
        [stale],
      );
      for (const row of rows) this.#agents.set(row.agent, agentMemoryOf(row));
    }
    return take(this.#agents, wanted, MAX_AGENTS);
  }

  async write(connection: Queryable, devices: Iterable<DeviceMemory>, agents: Iterable<AgentMemory>): Promise<void> {
    await writeDevices(connection, [...devices]);
    await writeAgents(connection, [...agents]);
  }

  /** After a transaction that failed, the copies have run ahead of the database. */
  forget(devices: Iterable<string>, agents: Iterable<string>): void {
    for (const name of devices) this.#devices.delete(name);
    for (const name of agents) this.#agents.delete(name);
  }
}

async function lockRows(
  connection: Queryable,
  table: 'device_state' | 'agent_state',
  column: 'device' | 'agent',
  names: readonly string[],
): Promise<Map<string, bigint>> {
  const lock = `select ${column} as name, version from faults.${table}
                 where ${column} = any($1::text[]) order by ${column} for update`;
  let { rows } = await connection.query<Version>(lock, [names]);
  if (rows.length < names.length) {
    await connection.query(
      `insert into faults.${table} (${column}) select name from unnest($1::text[]) as new (name)
        order by name on conflict do nothing`,
      [names],
    );
    ({ rows } = await connection.query<Version>(lock, [names]));
  }
  return new Map(rows.map((row) => [row.name, row.version]));
}

/** Those that are wanted, now the youngest of their map; the oldest beyond the bound go. */
function take<Memory>(held: Map<string, Memory>, wanted: readonly string[], most: number): Map<string, Memory> {
  const found = new Map<string, Memory>();
  for (const name of wanted) {
    const memory = held.get(name);
    if (memory === undefined) throw new Error(`BUG: no memory of ${name}`);
    found.set(name, memory);
    held.delete(name);
    held.set(name, memory);
  }
  for (const name of held.keys()) {
    if (held.size <= Math.max(most, found.size)) break;
    held.delete(name);
  }
  return found;
}

async function writeDevices(connection: Queryable, memories: readonly DeviceMemory[]): Promise<void> {
  if (memories.length === 0) return;
  const states = memories.map((memory) => (memory.dirty ? JSON.stringify(storedOf(memory)) : null));
  for (const memory of memories) {
    memory.version += 1;
    memory.dirty = false;
  }
  // As one value that the server cuts up: an array of octets travels as text, two characters each.
  const counters = memories.map((memory) => memory.rows.bytes);
  const places: number[] = [];
  let place = 1;
  for (const { length } of counters) {
    places.push(place);
    place += length;
  }
  await connection.query(
    `update faults.device_state held
        set agent = seen.agent, interval_ms = seen.interval_ms, last_at_ms = seen.last_at_ms, version = seen.version,
            state = coalesce(seen.state::jsonb, held.state), counters = substring($7::bytea from seen.place for seen.octets)
       from unnest($1::text[], $2::text[], $3::int8[], $4::int8[], $5::int8[], $6::text[], $8::int[], $9::int[])
            as seen (device, agent, interval_ms, last_at_ms, version, state, place, octets)
      where held.device = seen.device`,
    [
      memories.map((memory) => memory.device),
      memories.map((memory) => memory.agent),
      memories.map((memory) => Math.round(memory.intervalMs)),
      memories.map((memory) => memory.lastAtMs),
      memories.map((memory) => memory.version),
      states,
      Buffer.concat(counters),
      places,
      counters.map((bytes) => bytes.length),
    ],
  );
}

async function writeAgents(connection: Queryable, memories: readonly AgentMemory[]): Promise<void> {
  if (memories.length === 0) return;
  for (const memory of memories) memory.version += 1;
  await connection.query(
    `update faults.agent_state held
        set last_received_at_ms = seen.last_received_at_ms, version = seen.version, state = seen.state::jsonb
       from unnest($1::text[], $2::int8[], $3::int8[], $4::text[]) as seen (agent, last_received_at_ms, version, state)
      where held.agent = seen.agent`,
    [
      memories.map((memory) => memory.agent),
      memories.map((memory) => memory.lastReceivedAtMs),
      memories.map((memory) => memory.version),
      memories.map((memory) => JSON.stringify(storedAgentOf(memory))),
    ],
  );
}
