// One poll of one device, and why it went as it did: what `weir poll` shows. Composes sessions and a poll without scheduler, spool or shipper.
import { randomUUID } from 'node:crypto';
import { lookup } from 'node:dns/promises';
import type { Poll } from '../common/model/poll.ts';
import { SystemClock } from '../common/runtime/clock.ts';
import { WeirError } from '../common/runtime/errors.ts';
import { createReporter } from '../common/runtime/reporter.ts';
import { type AgentConfiguration, agentConfig } from './config.ts';
import { LineBook } from './line/line-book.ts';
import { type PollOnceOptions, profilesFor, unforeseeable } from './main.ts';
import { DeviceState } from './poll/device-state.ts';
import { explainVisit, recordVisit, type VisitExplanation } from './poll/explanation.ts';
import { pollDevice } from './poll/poll-device.ts';
import { SnmpAccess } from './snmp/access.ts';

export interface ExplainedPoll {
  readonly poll: Poll;
  readonly explanation: VisitExplanation;
}

type WholeConfiguration = Pick<AgentConfiguration, 'agent' | 'devices' | 'credentials'>;

/** Polls the first device of a configuration once, everything included; what the device does wrong stands in the poll. */
export async function pollOnce(whole: WholeConfiguration, options: PollOnceOptions = {}): Promise<Poll> {
  return (await pollAndExplain(whole, options)).poll;
}

/** The same, with what can be said of how it went. */
export async function pollAndExplain(whole: WholeConfiguration, options: PollOnceOptions = {}): Promise<ExplainedPoll> {
  const environment = options.environment ?? {};
  const config = agentConfig(whole, environment);
  const device = config.devices[0];
  if (device === undefined) throw new WeirError('misused', 'The configuration has no device to poll.');
  if (device.credential === null) throw new WeirError('misused', 'The device is asked by ping alone.');
  const clock = new SystemClock();
  const reporter = createReporter({ component: 'agent', level: 'silent' });
  const deps = { clock, lookup, random: unforeseeable(), environment };
  const access = new SnmpAccess(reporter, { timeoutMs: config.timeoutMs, retries: config.retries }, deps);
  const plan = {
    device: device.name,
    intervalMs: device.intervalMs,
    slowIntervalMs: config.slowIntervalMs,
    inventoryIntervalMs: config.inventoryIntervalMs,
    processId: randomUUID(),
  };
  const signal = options.signal ?? new AbortController().signal;
  await access.start();
  try {
    const lines = new LineBook(reporter, config.lines, { clock });
    const reader = access.openReader(device.address, device.credential, undefined, lines.use(device.line));
    const before = reader.traffic;
    const state = new DeviceState();
    const catalogue = profilesFor(config.profilesFolder);
    const poll = await pollDevice(reader, plan, state, { times: clock, catalogue }, signal);
    return { poll, explanation: explainVisit(recordVisit(poll, reader, before), state, reader) };
  } finally {
    await access.stop();
  }
}
