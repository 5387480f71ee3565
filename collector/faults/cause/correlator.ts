// Finds causes again after each change of alarms: one collector at a time by lease, each pass one transaction from the alarms as they are, so that nothing depends on their order.
import type { Database, Queryable } from '../../../common/database/database.ts';
import type { Leases } from '../../../common/database/lease.ts';
import { RenewedLease } from '../../../common/database/renewed-lease.ts';
import type { DurationMs, EpochMs } from '../../../common/model/time.ts';
import type { Clock } from '../../../common/runtime/clock.ts';
import type { Component } from '../../../common/runtime/component.ts';
import { codeOf, messageOf } from '../../../common/runtime/errors.ts';
import type { CounterMetric, GaugeMetric, Reporter } from '../../../common/runtime/reporter.ts';
import type { Work } from '../../agents/work-item.ts';
import type { Publish } from '../alarm.ts';
import { alarmOf } from '../alarm-row.ts';
import type { Written } from '../alarm-writer.ts';
import type { CauseConfig } from './cause-config.ts';
import { type AlarmOfPass, forgetCleared, lastChange, readAlarms, readPolls, writeDecisions } from './cause-store.ts';
import { causesOf } from './causes.ts';
import { askedOf, decide, type Decided, type Decision } from './decisions.ts';
import { siteChanges, withSites, writeSiteChanges } from './gone-sites.ts';
import type { NetworkGraph } from './network-graph.ts';
import { PollsAtOnce } from './polls-at-once.ts';
import { ProblemChanges } from './problem-changes.ts';

export interface CorrelatorDeps {
  readonly database: Database;
  readonly clock: Clock;
  readonly leases: Pick<Leases, 'acquire' | 'renew' | 'release' | 'assertHeld'>;
  /** Of this process, and of no other. */
  readonly holder: string;
  /** The network as it is known now; the same object while nothing of it has changed. */
  readonly graph: () => Promise<NetworkGraph>;
  readonly work: Pick<Work, 'ask'>;
  readonly publish: Publish;
}

export interface CorrelatorConfig extends CauseConfig {
  readonly historyEntries: number;
}

const LEASE = 'faults.cause';
const LEASE_MS: DurationMs = 15_000;
const TICK_MS: DurationMs = 1000;
/** Changes come in bursts: so long they are gathered. */
const GATHER_MS: DurationMs = 100;
/** A pass without a sign that anything changed: what committed late is found by it. */
const AT_LEAST_EVERY_MS: DurationMs = 10_000;
/** Of one pass; readers ask again for what they show. */
const MOST_EVENTS = 500;

interface Pass {
  readonly alarms: readonly AlarmOfPass[];
  readonly decided: Decided;
  readonly changed: number;
  readonly sites: readonly Written[];
  readonly leftOut: boolean;
}

export class Correlator implements Component {
  readonly #reporter: Reporter;
  readonly #config: CorrelatorConfig;
  readonly #deps: CorrelatorDeps;
  readonly #polls: PollsAtOnce;
  readonly #problems = new ProblemChanges();
  readonly #passes: CounterMetric;
  readonly #eventsLeftOut: CounterMetric;
  readonly #states: GaugeMetric;
  readonly #lasted: GaugeMetric;
  readonly #stopping = new AbortController();
  #resting = new AbortController();
  #running: Promise<void> | null = null;
  readonly #lease: RenewedLease;
  #seen: { readonly change: bigint; readonly graph: NetworkGraph; readonly atMs: number } | null = null;
  #waiting = false;
  #woken = false;
  /** Told once, not every second. */
  #failing = false;

  constructor(reporter: Reporter, config: CorrelatorConfig, deps: CorrelatorDeps) {
    this.#reporter = reporter;
    this.#config = config;
    this.#deps = deps;
    this.#lease = new RenewedLease(LEASE, LEASE_MS, deps);
    this.#polls = new PollsAtOnce(reporter, deps.work);
    this.#passes = reporter.counter('cause_passes_total', 'Times that causes were looked for, by result', ['result']);
    this.#eventsLeftOut = reporter.counter(
      'cause_events_left_out_total',
      'Changes of problems that live events did not tell',
    );
    this.#states = reporter.gauge('cause_alarms', 'Raised alarms that others may explain, by what they are', ['state']);
    this.#lasted = reporter.gauge('cause_pass_seconds', 'How long causes were looked for the last time');
  }

  async start(): Promise<void> {
    this.#running ??= this.#run();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#resting.abort();
    await this.#running;
    await this.#lease.release();
  }

  /** The network as causes are looked for in it. */
  graph(): Promise<NetworkGraph> {
    return this.#deps.graph();
  }

  /** An alarm has changed. */
  wake(): void {
    this.#woken = true;
    this.#resting.abort();
  }

  async #run(): Promise<void> {
    const { clock } = this.#deps;
    while (!this.#stopping.signal.aborted) {
      if (!this.#woken) await clock.sleep(TICK_MS, this.#resting.signal);
      if (this.#woken) await clock.sleep(GATHER_MS, this.#stopping.signal);
      this.#resting = new AbortController();
      if (this.#stopping.signal.aborted) return;
      const woken = this.#woken;
      this.#woken = false;
      try {
        await this.pass(woken);
        this.#failing = false;
      } catch (error) {
        // With a new lease everything is looked at anew.
        this.#lease.drop();
        this.#passes.add(1, { result: codeOf(error) });
        if (!this.#failing)
          this.#reporter.warn('causes of alarms not looked for', { code: codeOf(error), message: messageOf(error) });
        this.#failing = true;
      }
    }
  }

  /** One look; `woken`: something has changed here. False where another collector does it, or nothing is to be done. */
  async pass(woken: boolean): Promise<boolean> {
    const { clock, database } = this.#deps;
    const held = await this.#lease.hold();
    if (held === null) return false;
    // Another may have decided meanwhile.
    if (held.anew) this.#seen = null;
    const graph = await this.#deps.graph();
    const change = await lastChange(database);
    if (!woken && !this.#isDue(change, graph)) return false;
    const beganMs = clock.monotonicMs();
    const pass = await database.transaction(async (connection) => {
      await this.#deps.leases.assertHeld(connection, held.lease);
      return this.#decide(connection, graph);
    });
    this.#seen = { change, graph, atMs: beganMs };
    this.#waiting = pass.decided.decisions.some(({ heldUntilMs }) => heldUntilMs !== null);
    this.#tell(pass);
    this.#lasted.set((clock.monotonicMs() - beganMs) / 1000);
    this.#passes.add(1, { result: 'done' });
    await this.#polls.ask(graph, pass.decided.wanted, clock.now());
    return true;
  }

  #isDue(change: bigint, graph: NetworkGraph): boolean {
    const seen = this.#seen;
    if (seen === null || this.#waiting || seen.change !== change || seen.graph !== graph) return true;
    return this.#deps.clock.monotonicMs() - seen.atMs >= AT_LEAST_EVERY_MS;
  }

  async #decide(connection: Queryable, graph: NetworkGraph): Promise<Pass> {
    const nowMs = this.#deps.clock.now();
    const { decided: before, clearedAtMs, leftOut, ...read } = await readAlarms(connection);
    const round = async (alarms: readonly AlarmOfPass[], cleared: ReadonlyMap<string, EpochMs>) => {
      const causes = causesOf(graph, alarms);
      const moment = { graph, causes, alarms, decided: before, clearedAtMs: cleared, nowMs, config: this.#config };
      const polls = await readPolls(connection, askedOf(moment));
      return { causes, decided: decide({ ...moment, polls }) };
    };
    let { alarms } = read;
    let { causes, decided } = await round(alarms, clearedAtMs);
    const changes = siteChanges({ alarms, causes, goneSites: decided.goneSites, nowMs });
    const sites = await writeSiteChanges(connection, changes, this.#config.historyEntries);
    if (sites.length > 0) {
      alarms = withSites(alarms, sites);
      const ended = sites.filter(({ row }) => row.is_cleared).map(({ row }) => [row.id.toString(), nowMs] as const);
      ({ causes, decided } = await round(alarms, new Map([...clearedAtMs, ...ended])));
    }
    const changed = decided.decisions.filter((one) => before.get(one.alarm) !== one);
    await writeDecisions(connection, changed);
    await forgetCleared(connection);
    return { alarms, decided, changed: changed.length, sites, leftOut };
  }

  #tell({ alarms, decided: { decisions }, sites, leftOut }: Pass): void {
    const nowMs = this.#deps.clock.now();
    for (const { row, kind } of sites) this.#deps.publish('alarm', { change: kind, ...alarmOf(row, nowMs) });
    const changes = this.#problems.next(alarms, decisions);
    for (const change of changes.slice(0, MOST_EVENTS)) this.#deps.publish('problem', change);
    this.#eventsLeftOut.add(Math.max(0, changes.length - MOST_EVENTS));
    const count = (is: (decision: Decision) => boolean): number => decisions.filter(is).length;
    this.#states.set(
      count(({ root, heldUntilMs }) => root === null && heldUntilMs === null),
      { state: 'root' },
    );
    this.#states.set(
      count(({ root, heldUntilMs }) => root !== null && heldUntilMs === null),
      { state: 'symptom' },
    );
    this.#states.set(
      count(({ heldUntilMs }) => heldUntilMs !== null),
      { state: 'held' },
    );
    this.#reporter
      .gauge('cause_alarms_left_out', '1 where there are more raised alarms than one pass looks at')
      .set(leftOut ? 1 : 0);
  }
}
