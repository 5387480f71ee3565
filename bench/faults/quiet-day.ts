// A quiet access network over a day: users come and go, a few discards, short peaks of processors, one reboot at night in a window. Nobody need be told of any of it.
import type { Poll } from '../../common/model/poll.ts';
import type { Database } from '../../common/database/database.ts';
import type { Reporter } from '../../common/runtime/reporter.ts';
import { DayCollector } from './day-collector.ts';
import { AGENTS, DayNetwork, INTERVAL_MS } from './day-network.ts';
import { dayEntry, dayPoll } from './day-polls.ts';
import type { ToldClock } from './told-clock.ts';

export interface QuietWords {
  readonly reporter: Reporter;
  /** With the collector's schema, and nothing in it. */
  readonly database: Database;
  readonly clock: ToldClock;
  readonly sites: number;
  readonly minutes: number;
}

export interface QuietReport {
  readonly devices: number;
  readonly polls: number;
  /** By type; also those that nobody was told of. */
  readonly raised: Readonly<Record<string, number>>;
  /** What people were told of. */
  readonly told: readonly string[];
}

const MINUTE_MS = 60_000;
/** The switch that restarts, in the middle of the time, and how long it is away. */
const REBOOTED = 's0a1';
const AWAY_MINUTES = 3;

export async function quietDay({ reporter, database, clock, sites, minutes }: QuietWords): Promise<QuietReport> {
  const network = new DayNetwork(sites);
  const told: string[] = [];
  const collector = new DayCollector({
    reporter,
    database,
    clock,
    network,
    receive: ({ items }) =>
      void told.push(...items.map(({ kind, alarmType, resource }) => `${kind} ${alarmType} ${resource}`)),
  });
  const beganMs = clock.now();
  const night = Math.floor(minutes / 2);
  await collector.windows.create(
    {
      targets: { devices: [REBOOTED], sites: [], tags: [], services: [], resources: [] },
      // The alarm of a restart stands for a while after it: the window is as long as such windows are.
      times: { kind: 'once', fromMs: beganMs + night * MINUTE_MS, toMs: beganMs + (night + 60) * MINUTE_MS },
      reason: 'new software',
      upgrade: true,
      excludedFromKpis: true,
    },
    { name: 'noc', role: 'operator' },
  );
  const restartedAtMs = beganMs + (night + AWAY_MINUTES) * MINUTE_MS;
  let polls = 0;
  for (let minute = 0; minute < minutes; minute += 1) {
    clock.advance(INTERVAL_MS);
    const isAway = minute > night && minute <= night + AWAY_MINUTES;
    if (isAway) network.dead.add(REBOOTED);
    else network.dead.delete(REBOOTED);
    const entries = AGENTS.map((agent, at) => {
      const own = network.devices.filter((device) => device.agent === agent);
      polls += own.length;
      const made = own.map(({ name }, place) => pollOf(network, name, place, minute, clock.now(), restartedAtMs));
      const words = {
        position: minute * AGENTS.length + at + 1,
        agent,
        sequence: minute + 1,
        receivedAtMs: clock.now(),
      };
      return dayEntry(words, made);
    });
    await collector.step(entries, []);
  }
  const { rows } = await database.query<{ alarm_type: string; count: bigint }>(
    `select alarm_type, count(*) from faults.status_change change join faults.alarm on alarm.id = change.alarm
      where change.severity <> 'cleared' group by 1 order by 1`,
  );
  const raised = Object.fromEntries(rows.map((row) => [row.alarm_type, Number(row.count)]));
  return { devices: network.devices.length, polls, raised, told };
}

function pollOf(
  network: DayNetwork,
  name: string,
  place: number,
  minute: number,
  atMs: number,
  restartedAtMs: number,
): Poll {
  if (network.dead.has(name)) return dayPoll(name, atMs, null);
  const isFar = network.dead.size > 0 && name === 's0r';
  const ports = network.interfaces(name, minute).map((port, at) => ({
    ...port,
    // The far end of a link to what restarts goes down with it.
    isUp: isFar && port.key === REBOOTED ? false : port.isUp,
    // A burst of a few hundred now and then: some a second, for a minute.
    inDiscards: BigInt(Math.floor((minute + place + at) / 45) * 300),
  }));
  // One peak of two minutes each hour.
  const usage = (minute + place * 7) % 60 < 2 ? 100 : 12 + ((minute * 13 + place) % 30);
  const segment = { firstRow: 0, sentAtMs: atMs, receivedAtMs: atMs, monotonicMs: atMs, uptimeTicks: null };
  const processors = {
    name: 'processor' as const,
    complete: true,
    index: ['1'],
    segments: [segment],
    columns: [{ kind: 'number' as const, name: 'usagePercent', values: Float64Array.of(usage) }],
  };
  const isRestarted = name === REBOOTED && atMs > restartedAtMs;
  return dayPoll(name, atMs, ports, { ...(isRestarted ? { bootedAtMs: restartedAtMs } : {}), tables: [processors] });
}
