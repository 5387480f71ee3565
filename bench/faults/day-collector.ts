// A collector's fault management as it runs, on a clock that is told the time: polls in, alarms, causes and windows in a real database, messages out; it can be killed.
import { randomUUID } from 'node:crypto';
import { Correlator } from '../../collector/faults/cause/correlator.ts';
import { CauseSilence } from '../../collector/faults/cause/cause-silence.ts';
import { networkGraph } from '../../collector/faults/cause/network-graph.ts';
import { DEFAULT_FAULTS } from '../../collector/faults/fault-rules.ts';
import { FaultsProjection } from '../../collector/faults/faults-projection.ts';
import { judgeSilence } from '../../collector/faults/agent-memory.ts';
import { Maintenance } from '../../collector/maintenance/maintenance.ts';
import { Shelved } from '../../collector/maintenance/shelved.ts';
import { WindowBook } from '../../collector/maintenance/window-book.ts';
import { claim, projectionPosition, setPosition } from '../../collector/project/applied.ts';
import type { JournaledBatch } from '../../collector/project/projection.ts';
import { Announcer } from '../../collector/tell/announcer.ts';
import { Deliveries } from '../../collector/tell/deliveries.ts';
import type { Route } from '../../collector/tell/route.ts';
import type { Message } from '../../collector/tell/told.ts';
import type { Database } from '../../common/database/database.ts';
import { Leases } from '../../common/database/lease.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import type { Reporter } from '../../common/runtime/reporter.ts';
import { AGENTS, type DayNetwork, INTERVAL_MS, isWantedPort } from './day-network.ts';

const ROUTE: Route = {
  name: 'noc',
  severity: 'indeterminate',
  sites: [],
  tags: [],
  devices: [],
  alarmTypes: [],
  hours: null,
  channels: ['noc'],
  groupBy: 'none',
  groupWaitMs: 10_000,
  repeatMs: 0,
  updates: { severity: true, acknowledgement: true, clear: true },
  escalation: [],
};
const NEVER = new Promise<never>(() => undefined);
const QUIET_STORM = { messages: 1_000_000, spanMs: 600_000, digestMs: 300_000 };

export interface DayGrounds {
  readonly reporter: Reporter;
  readonly database: Database;
  readonly clock: Clock;
  readonly network: DayNetwork;
  /** Takes a message; a receiver knows one that comes again by its key. */
  readonly receive: (message: Message) => void;
}

export class DayCollector {
  readonly windows: WindowBook;
  /** Devices that the correlator wants polled at once. */
  readonly wanted = new Set<string>();
  /** The next message is taken, and the collector is dead before it can write that down. */
  dieAfterNextMessage = false;
  isDead = false;
  readonly #grounds: DayGrounds;
  readonly #faults: FaultsProjection;
  readonly #correlator: Correlator;
  readonly #announcer: Announcer;
  readonly #deliveries: Deliveries;
  readonly #beganMs: number;
  #die: () => void = () => undefined;
  readonly #died = new Promise<void>((resolve) => {
    this.#die = resolve;
  });

  constructor(grounds: DayGrounds) {
    const { reporter, database, clock, network } = grounds;
    this.#grounds = grounds;
    this.#beganMs = clock.now();
    const sites = new Map(network.devices.map(({ name, site }) => [name, site]));
    this.windows = new WindowBook(reporter, { database, clock });
    const maintenance = new Maintenance({
      book: this.windows,
      siteOf: (device) => sites.get(device) ?? null,
      tagsOf: () => [],
      servicesOf: () => [],
    });
    this.#faults = new FaultsProjection(reporter, DEFAULT_FAULTS, {
      database,
      clock,
      publish: () => undefined,
      claim,
      positionOf: projectionPosition,
      setPosition,
      events: null,
      around: {
        isManaged: () => false,
        isBound: () => false,
        byHand: (_, key) => isWantedPort(key),
      },
      labelsOf: (device) => ({ site: sites.get(device) ?? null, tags: [] }),
    });
    this.#correlator = correlatorOf(grounds, this.wanted);
    const channel = { send: (message: Message) => this.#send(message) };
    this.#deliveries = new Deliveries(reporter, {
      database,
      clock,
      random: () => 0.5,
      channels: new Map([['noc', { channel, timeoutMs: 60_000, maxAttempts: 100 }]]),
      itemsOf: () => [],
    });
    this.#announcer = new Announcer(
      reporter,
      { routes: [ROUTE], storms: new Map([['noc', QUIET_STORM]]), keptMs: 86_400_000 },
      {
        database,
        clock,
        newKey: randomUUID,
        facts: {
          siteOf: (device) => sites.get(device) ?? null,
          tagsOf: () => [],
          customersOf: () => [],
          silences: [new Shelved(), maintenance, new CauseSilence(DEFAULT_FAULTS.cause)],
        },
        deliveries: this.#deliveries,
      },
    );
  }

  /** What agents sent, then who looks beside it. */
  async step(entries: readonly JournaledBatch[], quiet: readonly string[]): Promise<void> {
    if (entries.length > 0) await this.#faults.apply(entries);
    const { clock } = this.#grounds;
    const nowMs = clock.now();
    for (const agent of quiet)
      await this.#faults.judgeApart({
        agent,
        judge: (memory) => judgeSilence(memory, DEFAULT_FAULTS.rules, INTERVAL_MS, this.#beganMs, nowMs),
        atMs: nowMs,
      });
    await this.#correlator.pass(true);
    await this.#announcer.pass();
    // Whoever is killed waits for nothing.
    await Promise.race([this.#deliveries.settled(), this.#died]);
  }

  #send(message: Message): Promise<string | null> {
    if (this.isDead) return NEVER;
    this.#grounds.receive(message);
    if (!this.dieAfterNextMessage) return Promise.resolve(null);
    this.isDead = true;
    this.#die();
    return NEVER;
  }
}

function correlatorOf({ reporter, database, clock, network }: DayGrounds, wanted: Set<string>): Correlator {
  const graph = networkGraph(
    network.devices,
    network.links,
    Object.fromEntries(AGENTS.map((name) => [name, ['core']])),
  );
  return new Correlator(
    reporter,
    { ...DEFAULT_FAULTS.cause, historyEntries: DEFAULT_FAULTS.historyEntries },
    {
      database,
      clock,
      leases: new Leases(database),
      holder: randomUUID(),
      graph: () => Promise.resolve(graph),
      work: {
        ask: (_, { device }) => {
          wanted.add(device);
          return Promise.resolve({ id: randomUUID() } as never);
        },
      },
      publish: () => undefined,
    },
  );
}
