// A device that is not configured yet, tried once: by an address and a credential set of this agent.
import { randomUUID } from 'node:crypto';
import type { Clock } from '../common/runtime/clock.ts';
import { WeirError } from '../common/runtime/errors.ts';
import type { AgentConfig } from './config.ts';
import type { Reachability } from './poll/ping.ts';
import type { PollDeps } from './poll/poll-device.ts';
import { probeDevice } from './poll/probe.ts';
import type { SnmpAccess } from './snmp/access.ts';
import { parseAddress } from './snmp/address.ts';
import type { WorkPorts } from './work/worker.ts';

export interface ProberDeps {
  readonly clock: Clock;
  readonly access: Pick<SnmpAccess, 'openReader'>;
  readonly catalogue: PollDeps['catalogue'];
  readonly ping: Reachability;
}

/** Asks without an owner, so that nothing of it is remembered; who does not answer is pinged, to tell a wrong credential from a wrong address. */
export function proberOf(
  config: AgentConfig,
  sets: () => AgentConfig['credentials'],
  { access, clock, catalogue, ping }: ProberDeps,
): WorkPorts['probe'] {
  return async (device, target, signal) => {
    const address = parseAddress(target.address);
    const credential = sets()[target.credential];
    if (credential === undefined)
      throw new WeirError('credential_unknown', `The agent has no credential set ${target.credential}.`, {
        credential: target.credential,
        known: Object.keys(sets()).toSorted(),
      });
    const plan = { ...config, device, intervalMs: config.pollIntervalMs, processId: randomUUID() };
    const told = await probeDevice(access.openReader(address, credential), plan, { times: clock, catalogue }, signal);
    const silent = 'outcome' in told && told.outcome === 'failed';
    return silent ? { ...told, ping: await ping.ask(address.host, signal) } : told;
  };
}
