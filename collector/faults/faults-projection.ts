// Applies batches to the alarms: memories and alarms change in the transaction that claims the batch, so a crash anywhere loses and doubles nothing.
import type { Database, Queryable } from '../../common/database/database.ts';
import type { DeviceEvent } from '../../common/model/event.ts';
import type { EpochMs } from '../../common/model/time.ts';
import { Breather } from '../../common/runtime/breather.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import type { Component } from '../../common/runtime/component.ts';
import type { CounterMetric, Reporter } from '../../common/runtime/reporter.ts';
import type { KeptEvent } from '../agents/device-event.ts';
import type { EventKeeper } from '../agents/event-keeper.ts';
import type { Claim, projectionPosition, setPosition } from '../project/applied.ts';
import type { JournaledBatch, Projection } from '../project/projection.ts';
import { type AgentMemory, judgeBatch } from './agent-memory.ts';
import { AgentWatch } from './agent-watch.ts';
import type { MaintenanceOf, Publish } from './alarm.ts';
import type { AlarmChange } from './alarm-machine.ts';
import { alarmOf } from './alarm-row.ts';
import { type OriginatedChange, type Written, writeChanges } from './alarm-writer.ts';
import type { DeviceMemory } from './device-memory.ts';
import type { FaultRules, FaultsConfig } from './fault-rules.ts';
import { judgePoll } from './judge.ts';
import { isHeeded, judgeEvent } from './judge-event.ts';
import { inOrder } from './in-order.ts';
import { followStream } from './missed-polls.ts';
import { judgeSpool, type Lag } from './judge-weir.ts';
import { Memories } from './memories.ts';
import { RuleBook } from './rule-book.ts';
import type { TrapRule } from './trap-rules.ts';
import type { Surroundings } from './surroundings.ts';

export interface FaultsDeps {
  readonly database: Database;
  readonly clock: Clock;
  /** Called after each commit, once for each alarm that changed. */
  readonly publish: Publish;
  /** Of collector/project/applied.ts. */
  readonly claim: Claim;
  readonly positionOf: typeof projectionPosition;
  readonly setPosition: typeof setPosition;
  /** Default none. */
  readonly maintenanceOf?: MaintenanceOf;
  /** Keeps the events of the batches in the same transaction; null where nobody wants them. */
  readonly events: Pick<EventKeeper, 'keep' | 'committed'> | null;
  /** False while batches wait that arrived some time ago: then the silence may be ours. Default always true. */
  readonly caughtUp?: () => boolean;
  /** Whether devices are assigned to the agent: one without any has nothing to send. Default always true. */
  readonly isAwaited?: (agent: string) => boolean;
  /** What is known beside polls. Default nothing. */
  readonly around?: Surroundings;
  /** How far each projection is behind the journal of this collector. Default not asked. */
  readonly lags?: () => { readonly journal: string; readonly lags: readonly Lag[] };
  /** Site and tags of a device, by which overrides of rules are chosen. Default none. */
  readonly labelsOf?: (device: string) => { readonly site: string | null; readonly tags: readonly string[] };
  /** Rules of notifications that come with Weir. Default none. */
  readonly trapRules?: readonly TrapRule[];
  /** Resolves once that has been read for the first time. Default at once. */
  readonly ready?: () => Promise<void>;
  /** What is started and stopped with it. */
  readonly beside?: readonly Component[];
}

interface Apart {
  readonly agent: string;
  readonly judge: (memory: AgentMemory) => AlarmChange[];
  readonly atMs: EpochMs;
}

const NO_LABELS = { site: null, tags: [] };

export class FaultsProjection implements Projection, Component {
  readonly name = 'faults';
  readonly #config: FaultsConfig;
  readonly #deps: FaultsDeps;
  readonly #rules: RuleBook;
  readonly #memories = new Memories();
  readonly #watch: AgentWatch;
  readonly #history: CounterMetric;
  readonly #changes: CounterMetric;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(reporter: Reporter, config: FaultsConfig, deps: FaultsDeps) {
    this.#config = config;
    this.#deps = deps;
    this.#rules = new RuleBook(reporter, config, deps.labelsOf ?? (() => NO_LABELS), deps.trapRules);
    this.#history = reporter.counter(
      'faults_history_polls_total',
      'Polls older than the last of their device: no alarm heeds them',
    );
    this.#changes = reporter.counter('alarm_changes_total', 'Changes of alarms', ['alarm_type', 'kind']);
    this.#watch = new AgentWatch(reporter, config, {
      rules: () => this.#rules.rules,
      clock: deps.clock,
      database: deps.database,
      caughtUp: deps.caughtUp ?? (() => true),
      isAwaited: deps.isAwaited ?? (() => true),
      lags: deps.lags ?? (() => ({ journal: '', lags: [] })),
      raise: (silent) => this.judgeApart(silent),
    });
  }

  /** The rules that no device changes. */
  get rules(): FaultRules {
    return this.#rules.rules;
  }

  /** What they are made of, and those of one device. */
  get configured(): FaultsConfig {
    return this.#rules.config;
  }

  rulesOf(device: string): FaultRules {
    return this.#rules.of(device);
  }

  /** Alarms of something that no batch tells: judged on its memory, which is locked meanwhile. */
  judgeApart(look: Apart): Promise<void> {
    return this.#exclusive(() => this.#applySilence(look));
  }

  /** The same of devices. */
  judgeDevices(names: readonly string[], judge: (memory: DeviceMemory) => AlarmChange[], atMs: EpochMs): Promise<void> {
    return this.#exclusive(() =>
      this.#commit(names, [], async (connection) => {
        const known = await this.#memories.lockDevices(connection, names);
        const changes = [...known.values()].flatMap(judge);
        await this.#memories.write(connection, known.values(), []);
        return writeChanges(connection, originated(changes, 'devices', atMs), this.#config.historyEntries);
      }),
    );
  }

  /** Other rules, from the next poll of each device on. */
  reload(config: FaultsConfig): void {
    this.#rules.replace(config);
  }

  /** Begins to watch for agents that fall silent. */
  async start(): Promise<void> {
    for (const one of this.#deps.beside ?? []) await one.start();
    await this.#watch.start();
  }

  async stop(): Promise<void> {
    await this.#watch.stop();
    for (const one of this.#deps.beside ?? []) await one.stop();
  }

  position(journal: string): Promise<number> {
    return this.#deps.positionOf(this.#deps.database, this.name, journal);
  }

  rewind(journal: string, position: number): Promise<void> {
    return this.#deps.setPosition(this.#deps.database, this.name, journal, position);
  }

  apply(entries: readonly JournaledBatch[]): Promise<void> {
    return this.#exclusive(() => this.#applyEntries(entries));
  }

  async #applyEntries(entries: readonly JournaledBatch[]): Promise<void> {
    await this.#deps.ready?.();
    const devices = new Set(entries.flatMap((entry) => this.#devicesOf(entry)));
    const agents = new Set(entries.map(({ batch }) => batch.agent));
    let events: readonly KeptEvent[] = [];
    await this.#commit(devices, agents, async (connection) => {
      const fresh = await this.#deps.claim(connection, this.name, entries);
      events = fresh.length === 0 ? [] : ((await this.#deps.events?.keep(connection, fresh)) ?? []);
      if (fresh.length === 0) return [];
      const known = {
        agents: await this.#memories.lockAgents(
          connection,
          fresh.map(({ batch }) => batch.agent),
        ),
        devices: await this.#memories.lockDevices(
          connection,
          fresh.flatMap((entry) => this.#devicesOf(entry)),
        ),
      };
      const changes: OriginatedChange[] = [];
      const breather = new Breather(this.#deps.clock);
      for (const entry of fresh) {
        changes.push(...this.#judge(entry, known));
        await breather.breathe();
      }
      await this.#memories.write(connection, known.devices.values(), known.agents.values());
      return writeChanges(connection, changes, this.#config.historyEntries);
    });
    this.#deps.events?.committed(events);
    for (const event of events) this.#deps.publish('event', { ...event });
  }

  readonly #heeds = (event: DeviceEvent): boolean =>
    event.device !== null && isHeeded(this.#rules.of(event.device), event);

  #devicesOf(entry: JournaledBatch): string[] {
    return inOrder(entry, this.#heeds).map(({ device }) => device);
  }

  #judge(
    entry: JournaledBatch,
    known: { readonly agents: ReadonlyMap<string, AgentMemory>; readonly devices: ReadonlyMap<string, DeviceMemory> },
  ): OriginatedChange[] {
    const { batch, clockOffsetMs, receivedAtMs, journal, position } = entry;
    const agent = known.agents.get(batch.agent);
    if (agent === undefined) throw new Error(`BUG: no memory of the agent ${batch.agent}`);
    // What is gone through again says nothing of whether the agent sends now.
    const changes: AlarmChange[] =
      entry.again === true ? [] : judgeBatch(agent, this.#rules.rules, receivedAtMs, clockOffsetMs);
    if (entry.again !== true) {
      followStream(agent, batch, clockOffsetMs, receivedAtMs);
      changes.push(...judgeSpool(agent, this.#rules.rules, batch, receivedAtMs));
    }
    for (const one of inOrder(entry, this.#heeds)) {
      const memory = known.devices.get(one.device);
      if (memory === undefined) throw new Error(`BUG: no memory of ${one.device}`);
      const own = this.#rules.of(one.device);
      const { around } = this.#deps;
      if (one.event !== undefined) {
        changes.push(...judgeEvent(memory, own, one.event, clockOffsetMs, receivedAtMs, around));
        continue;
      }
      const judged = judgePoll(memory, own, one.poll, clockOffsetMs, receivedAtMs, around);
      if (!judged.counted) this.#history.add();
      else Object.assign(memory, { agent: batch.agent, intervalMs: one.poll.intervalMs });
      changes.push(...judged.changes);
    }
    return changes.map((change, ordinal) => ({ ...change, origin: { journal, position, ordinal } }));
  }

  /** Holds an agent against its silence again, now that its row is locked: it may have sent since. */
  async #applySilence(silent: Apart): Promise<void> {
    await this.#commit([], [silent.agent], async (connection) => {
      const agents = await this.#memories.lockAgents(connection, [silent.agent]);
      const memory = agents.get(silent.agent);
      const changes = memory === undefined ? [] : silent.judge(memory);
      if (changes.length === 0) return [];
      await this.#memories.write(connection, [], agents.values());
      const made = originated(changes, `silence of ${silent.agent}`, silent.atMs);
      return writeChanges(connection, made, this.#config.historyEntries);
    });
  }

  async #commit(
    devices: Iterable<string>,
    agents: Iterable<string>,
    work: (connection: Queryable) => Promise<Written[]>,
  ): Promise<void> {
    let written: Written[];
    try {
      written = await this.#deps.database.transaction(work);
    } catch (error) {
      this.#memories.forget(devices, agents);
      throw error;
    }
    const nowMs = this.#deps.clock.now();
    for (const { row, kind } of written) {
      this.#changes.add(1, { alarm_type: row.alarm_type, kind });
      this.#deps.publish('alarm', { change: kind, ...alarmOf(row, nowMs, this.#deps.maintenanceOf) });
    }
  }

  /** One after the other: the memories are not for two. */
  #exclusive<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work);
    this.#turn = turn.catch(() => undefined);
    return turn;
  }
}

/** Of what no batch tells: where it was looked, and when. */
function originated(changes: readonly AlarmChange[], journal: string, atMs: EpochMs): OriginatedChange[] {
  return changes.map((change, ordinal) => ({ ...change, origin: { journal, position: atMs, ordinal } }));
}
