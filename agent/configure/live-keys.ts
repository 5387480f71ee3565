// Which keys of a changed configuration a running agent takes up, and which need a restart.
import { isDeepStrictEqual } from 'node:util';
import { WeirError } from '../../common/runtime/errors.ts';
import type { AgentConfig } from '../config.ts';

/** Taken up at once; `pollIntervalMs` stands in the devices. */
const LIVE: ReadonlySet<string> = new Set(['devices', 'credentials', 'pollIntervalMs', 'allowSet', 'lines']);

/** The keys that differ and wait for a restart. Throws restart_needed where the name differs: the devices would be another agent's. */
export function waitingKeys(running: AgentConfig, wanted: AgentConfig): string[] {
  if (running.name !== wanted.name)
    throw new WeirError(
      'restart_needed',
      `The agent is called ${running.name} until it is started again as ${wanted.name}.`,
      {
        running: running.name,
        wanted: wanted.name,
      },
    );
  const before = new Map<string, unknown>(Object.entries(running));
  return Object.entries(wanted)
    .filter(([key, value]) => !LIVE.has(key) && !isDeepStrictEqual(before.get(key), value))
    .map(([key]) => key)
    .concat(trapSets(running, wanted));
}

/** The sets that traps name are read at the start, as all of `traps` is. */
function trapSets(running: AgentConfig, wanted: AgentConfig): string[] {
  const named = [
    ...(running.traps?.credentials ?? []),
    ...(running.traps?.users ?? []).map(({ credential }) => credential),
  ];
  return [...new Set(named)]
    .filter((name) => !isDeepStrictEqual(running.credentials[name], wanted.credentials[name]))
    .map((name) => `credentials.${name} for traps`);
}
