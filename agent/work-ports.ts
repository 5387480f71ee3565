// What work that people ask for does at this agent's devices: the ports of agent/work, made from what the agent has.
import type { Poll } from '../common/model/poll.ts';
import { WeirError } from '../common/runtime/errors.ts';
import type { AgentDevice } from './config.ts';
import type { DeviceBook } from './configure/device-book.ts';
import type { LineBook } from './line/line-book.ts';
import type { PathTools } from './poll/path-tools.ts';
import type { Reachability } from './poll/ping.ts';
import type { Scheduler } from './poll/scheduler.ts';
import type { SnmpAccess } from './snmp/access.ts';
import { askedVarbinds, refuseFailedSet } from './snmp/asked-values.ts';
import { readNamed } from './snmp/named-values.ts';
import { encodeSetValue } from './snmp/set-value.ts';
import type { WorkPorts } from './work/worker.ts';

export interface WorkPortsDeps {
  readonly access: Pick<SnmpAccess, 'openSession'>;
  readonly scheduler: () => Pick<Scheduler, 'pollNow' | 'explain'>;
  readonly lines: Pick<LineBook, 'use'>;
  readonly ping: Reachability;
  readonly tools: Pick<PathTools, 'ping' | 'route'>;
}

export function workPorts(devices: Pick<DeviceBook, 'get'>, deps: WorkPortsDeps): Omit<WorkPorts, 'probe'> {
  const deviceOf = (name: string): AgentDevice => {
    const device = devices.get(name);
    if (device === undefined) throw new WeirError('not_found', `This agent has no device ${name}.`, { device: name });
    return device;
  };
  const writerOf = (name: string) => {
    const { address, writeCredential, line } = deviceOf(name);
    if (writeCredential !== null) return { address, writeCredential, line };
    const message = `The device ${name} has no write_credential: nothing of it is set.`;
    throw new WeirError('set_not_allowed', message, { device: name });
  };
  return {
    allowance: (name) => devices.get(name)?.allowSet ?? null,
    pollNow: async (name, signal) => toldOf(await unlessAborted(deps.scheduler().pollNow(name), signal)),
    explain: (name) => deps.scheduler().explain(name) ?? {},
    ping: async (name, signal) => {
      const { host } = deviceOf(name).address;
      return { host, result: await deps.ping.ask(host, signal) };
    },
    measurePath: async (name, signal) => {
      const { host } = deviceOf(name).address;
      return { host, ...(await deps.tools.ping(host, signal)) };
    },
    traceRoute: async (name, signal) => {
      const { host } = deviceOf(name).address;
      return { host, ...(await deps.tools.route(host, signal)) };
    },
    read: async (name, oids, signal) => {
      const { address, credential, line } = deviceOf(name);
      if (credential === null)
        throw new WeirError('invalid_request', `The device ${name} is asked by ping alone.`, { device: name });
      return readNamed(deps.access.openSession(address, credential, undefined, deps.lines.use(line)), oids, signal);
    },
    checkSet: (name, values) => {
      writerOf(name);
      for (const varbind of askedVarbinds(values)) encodeSetValue(varbind);
    },
    set: async (name, values, signal) => {
      const { address, writeCredential, line } = writerOf(name);
      const session = deps.access.openSession(address, writeCredential, undefined, deps.lines.use(line));
      const response = await session.set(askedVarbinds(values), { signal });
      refuseFailedSet(response, values);
      return { set: values.length, durationMs: response.receivedAtMs - response.sentAtMs };
    },
  };
}

/** What is to be said of a poll; the poll itself goes the usual way. */
function toldOf(poll: Poll): object {
  const { outcome, failure, requests, retries, startedAtMs, finishedAtMs, tables } = poll;
  return {
    outcome,
    failure: failure ?? undefined,
    durationMs: finishedAtMs - startedAtMs,
    requests,
    retries,
    tables: tables.map(({ name, index, complete }) => `${name}: ${index.length} rows${complete ? '' : ', cut short'}`),
  };
}

/** The work goes on where it is done; we only wait no more. */
async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const over = new WeirError('work_interrupted', 'The agent waits for it no more.');
  let leave = (): void => undefined;
  const aborted = new Promise<never>((_, reject) => {
    leave = () => reject(over);
    if (signal.aborted) leave();
    else signal.addEventListener('abort', leave, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', leave);
    aborted.catch(() => undefined);
  }
}
