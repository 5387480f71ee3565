// The part of the agent that polls, composed for main.ts: the scheduler with what it asks and remembers, and the page that tells of it.
import { randomUUID } from 'node:crypto';
import path from 'node:path';
import type { DeviceEvent } from '../common/model/event.ts';
import type { Clock } from '../common/runtime/clock.ts';
import { KeptFile } from '../common/runtime/kept-file.ts';
import type { Reporter } from '../common/runtime/reporter.ts';
import type { AgentConfig, AgentDevice } from './config.ts';
import type { LineBook } from './line/line-book.ts';
import { agentStatus } from './health/agent-status.ts';
import { deviceLine, devicePage } from './health/device-line.ts';
import { deviceMetrics } from './health/device-metrics.ts';
import { HealthServer } from './health/health-server.ts';
import { LearntFile } from './poll/learnt-file.ts';
import type { Ping } from './poll/ping.ts';
import type { ScheduledDevice } from './poll/polled-device.ts';
import { type PollSink, Scheduler } from './poll/scheduler.ts';
import type { ProfileCatalogue } from './profile/profile.ts';
import type { SnmpAccess } from './snmp/access.ts';
import type { Spool } from './spool/spool.ts';

export interface PollingDeps {
  readonly clock: Clock;
  readonly access: Pick<SnmpAccess, 'openReader' | 'close' | 'engines'>;
  readonly catalogue: ProfileCatalogue;
  readonly spool: PollSink & Pick<Spool, 'firstSequence' | 'lastSequence' | 'appliedSequence' | 'oldestCreatedAtMs'>;
  readonly ping: Ping;
  readonly lines: LineBook;
  /** The devices of now. */
  readonly devices: { get(name: string): AgentDevice | undefined };
  readonly scheduled: readonly ScheduledDevice[];
  readonly onEvent: (event: DeviceEvent) => void;
  /** What the health page asks for; it may throw. */
  readonly token: () => string;
}

export interface Polling {
  readonly scheduler: Scheduler;
  readonly health: HealthServer;
}

/** `folder`: of this agent. */
export function composePolling(reporter: Reporter, config: AgentConfig, folder: string, deps: PollingDeps): Polling {
  const { clock, access, catalogue, spool, ping, lines, devices, onEvent, token } = deps;
  const scheduler = new Scheduler(
    reporter,
    { ...config, devices: deps.scheduled, processId: randomUUID() },
    {
      clock,
      catalogue,
      sink: spool,
      open: (name) => {
        const device = devices.get(name);
        if (device?.credential == null) throw new Error(`BUG: a device ${name} that nobody configured for SNMP`);
        const owner = { device: name, replyAddress: device.replyAddress };
        return access.openReader(device.address, device.credential, owner, lines.use(device.line));
      },
      close: (name) => access.close(name),
      ping,
      placesOf: (line) => lines.placesOf(line),
      learnt: new LearntFile(new KeptFile(reporter, path.join(folder, 'learnt.json'))),
      notice: (notice) => onEvent({ ...notice, id: randomUUID(), source: null, origin: 'agent', interfaceKey: null }),
    },
  );
  const startedAtMs = clock.now();
  const health = new HealthServer(
    reporter,
    { port: config.healthPort },
    {
      token,
      status: () => agentStatus(config, { reporter, clock, scheduler, spool, ping, access, lines }, startedAtMs),
      devices: () => scheduler.reports().map((report) => deviceLine(report, devices.get(report.device), clock.now())),
      device: (name) => {
        const explanation = scheduler.explain(name);
        return explanation === null ? null : devicePage(explanation, devices.get(name), clock.now());
      },
      deviceMetrics: () => deviceMetrics(scheduler.reports()),
    },
  );
  return { scheduler, health };
}
