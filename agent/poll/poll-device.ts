// One visit to one device: counters and status always, names when something hints at a change, the slow tables when they are due.
import type { Poll, PollOutcome, Table } from '../../common/model/poll.ts';
import type { ErrorCode } from '../../common/runtime/error-table.ts';
import { codeOf, WeirError } from '../../common/runtime/errors.ts';
import type { Profile, ProfileCatalogue, ReadContext, SystemFacts } from '../profile/profile.ts';
import type { DeviceReader, ReadTable } from '../snmp/table-reader.ts';
import { type DeviceState, type KnownNames, type PollPlan, type PollTimes, sameInterfaces } from './device-state.ts';
import { interfaceTable, namesDiffer, readCounters, usefulColumns } from './interface-counters.ts';
import { readInventory } from './interface-inventory.ts';
import { lastUptime, restartedDuring } from './uptime.ts';

export interface PollDeps {
  readonly times: PollTimes;
  readonly catalogue: ProfileCatalogue;
}

/** SNMPv2-MIB (RFC 3418). */
const SYSTEM = '1.3.6.1.2.1.1';
const SYSTEM_SCALARS = ['sysDescr', 'sysObjectID', 'sysContact', 'sysName', 'sysLocation'] as const;
const SYSTEM_OIDS = [1, 2, 4, 5, 6].map((number) => `${SYSTEM}.${number}.0`);
const ANSWERED_BADLY: readonly ErrorCode[] = [
  'snmp_oid_not_increasing',
  'snmp_refused',
  'snmp_too_big',
  'snmp_walk_limit',
];

/** Polls a device once. Never rejects on account of the device: what went wrong stands in the poll. The signal is the poll's deadline. */
export async function pollDevice(
  reader: DeviceReader,
  plan: PollPlan,
  state: DeviceState,
  deps: PollDeps,
  signal: AbortSignal,
): Promise<Poll> {
  const visit = new Visit(reader, plan, state, deps, signal);
  return await visit.run();
}

class Visit {
  readonly #reader: DeviceReader;
  readonly #plan: PollPlan;
  readonly #state: DeviceState;
  readonly #deps: PollDeps;
  readonly #signal: AbortSignal;
  readonly #tables: Table[] = [];
  #failure: string | null = null;
  /** Whether the counters at hand were asked for with every column that could be of use. */
  #askedForAll = true;

  constructor(reader: DeviceReader, plan: PollPlan, state: DeviceState, deps: PollDeps, signal: AbortSignal) {
    this.#reader = reader;
    this.#plan = plan;
    this.#state = state;
    this.#deps = deps;
    this.#signal = signal;
  }

  async run(): Promise<Poll> {
    const startedAtMs = this.#deps.times.now();
    const before = this.#reader.traffic;
    let answered = true;
    try {
      answered = await this.#read();
    } catch (error) {
      if (!(error instanceof WeirError)) throw error;
      this.#failure ??= codeOf(error);
      answered = this.#tables.length > 0;
    }
    const outcome: PollOutcome = !answered ? 'failed' : this.#failure === null ? 'complete' : 'partial';
    const after = this.#reader.traffic;
    return {
      device: this.#plan.device,
      startedAtMs,
      finishedAtMs: this.#deps.times.now(),
      processId: this.#plan.processId,
      intervalMs: this.#plan.intervalMs,
      outcome,
      failure: this.#failure,
      requests: after.requests - before.requests,
      retries: after.retries - before.retries,
      tables: answered ? this.#tables : [],
    };
  }

  /** False where the device gave nothing at all. */
  async #read(): Promise<boolean> {
    const state = this.#state;
    const fresh = state.profile === null;
    const profile = state.profile ?? (await this.#identify());
    let counters = await this.#readCounters(profile);
    if (isSilence(counters.failure) && counters.index.length === 0 && !fresh) {
      this.#failure = counters.failure;
      return false;
    }
    const doubted = this.#doubtsNames(counters);
    if (doubted || this.#namesAreOld()) {
      if (!fresh) await this.#identifyAgain();
      counters = await this.#readNames(counters, state.profile ?? profile, doubted);
    }
    this.#note(counters.failure);
    this.#takeCounters(counters, state.profile ?? profile);
    // A device that fell silent would be waited for once a table; they stay due.
    if (!isSilence(counters.failure)) {
      await this.#readSlowTables(state.profile ?? profile);
      await this.#readInventoryTables(state.profile ?? profile);
    }
    return this.#failure === null || this.#tables.some(hasValues);
  }

  #readCounters(profile: Profile): Promise<ReadTable> {
    this.#askedForAll = this.#state.interfaceColumns === null;
    return readCounters(this.#reader, profile.interface, this.#state, this.#signal);
  }

  /** What was read of the interfaces must not be lost because the device is slow to say what it is. */
  async #identifyAgain(): Promise<void> {
    try {
      await this.#identify();
    } catch (error) {
      if (!(error instanceof WeirError)) throw error;
      this.#note(error.code);
    }
  }

  /** Reads the system group, chooses the profile and adds the table `system`. */
  async #identify(): Promise<Profile> {
    const requests = SYSTEM_OIDS.map((oid) => ({ oid, form: 'value' as const }));
    const { values, segment } = await this.#reader.readScalars(requests, this.#signal);
    const system = new Map(SYSTEM_SCALARS.map((name, at) => [name, textOrNull(values[at])]));
    const facts: SystemFacts = {
      sysDescr: system.get('sysDescr') ?? null,
      sysObjectID: system.get('sysObjectID') ?? null,
      sysName: system.get('sysName') ?? null,
    };
    const profile = await this.#deps.catalogue.choose(facts, (asked) => this.#reader.readScalars(asked, this.#signal));
    this.#state.profile = profile;
    const identified = await profile.identify(this.#context(), facts);
    const texts = { ...Object.fromEntries(system), ...identified, profile: profile.name };
    this.#tables.push({
      name: 'system',
      complete: true,
      index: ['0'],
      segments: segment === null ? [] : [segment],
      columns: Object.entries(texts).map(([name, value]) => ({ kind: 'text', name, values: [value] })),
    });
    return profile;
  }

  #namesAreOld(): boolean {
    const { names } = this.#state;
    if (names === null) return true;
    return this.#deps.times.monotonicMs() - names.readAtMonotonicMs >= this.#plan.inventoryIntervalMs;
  }

  /** Whether these counters hint that an index may mean another interface than the one known. */
  #doubtsNames(counters: ReadTable): boolean {
    const { names, uptime } = this.#state;
    if (names === null || restartedDuring(uptime, counters.segments)) return true;
    return this.#tableChanged(names, counters) || namesDiffer(counters, names);
  }

  /** By ifTableLastChange; a device that does not tell it here says nothing. */
  #tableChanged(names: KnownNames, counters: ReadTable): boolean {
    const [lastChange = Number.NaN] = counters.beside;
    return this.#state.trustsTableLastChange && !Number.isNaN(lastChange) && lastChange !== names.tableLastChange;
  }

  /** Reads names; where the counters may not be those of the new names, or lack columns, they are read once more. */
  async #readNames(counters: ReadTable, profile: Profile, doubted: boolean): Promise<ReadTable> {
    const state = this.#state;
    const { names, table, failure } = await readInventory(this.#reader, this.#deps.times.monotonicMs(), this.#signal);
    this.#note(failure);
    if (table.index.length > 0) this.#tables.push(table);
    if (names === null) {
      // Under the old names the counters of one customer might be billed to another.
      if (doubted) state.forgetNames();
      return counters;
    }
    const restarted = restartedDuring(null, [...counters.segments, ...table.segments]);
    const stale = restarted || this.#tableChanged(names, counters) || namesDiffer(counters, names);
    const enough = this.#askedForAll;
    this.#learnNames(names, counters);
    if (!stale && enough) return counters;
    state.uptime = lastUptime(table.segments) ?? lastUptime(counters.segments) ?? state.uptime;
    const again = await this.#readCounters(profile);
    if (!stale && again.failure !== null) return this.#keep(counters);
    if (this.#doubtsNames(again)) {
      if (this.#tableChanged(names, again)) state.distrustTableLastChange();
      state.forgetNames();
    }
    return again;
  }

  #learnNames(names: KnownNames, counters: ReadTable): void {
    const state = this.#state;
    const known = state.names;
    if (known !== null && this.#tableChanged(known, counters) && !restartedDuring(state.uptime, counters.segments)) {
      state.vainCalls = sameInterfaces(known, names) ? state.vainCalls + 1 : 0;
    }
    state.names = names;
    state.inventoryTablesDue = true;
    state.interfaceColumns = null;
    state.lookups.clear();
    state.emptyRules.clear();
  }

  /** Goes on with counters that were read without all columns. */
  #keep(counters: ReadTable): ReadTable {
    this.#askedForAll = false;
    return counters;
  }

  #takeCounters(counters: ReadTable, profile: Profile): void {
    const state = this.#state;
    state.uptime = lastUptime(counters.segments) ?? state.uptime;
    if (state.names === null) {
      if (counters.index.length > 0) this.#note('interface_unnamed');
      return;
    }
    const { table, unnamed } = interfaceTable(counters, state.names, profile.interface);
    if (unnamed > 0) {
      this.#note('interface_unnamed');
      state.forgetNames();
    } else if (state.interfaceColumns === null && this.#askedForAll && counters.complete) {
      state.interfaceColumns = usefulColumns(counters, profile.interface);
    }
    this.#tables.push(table);
  }

  async #readSlowTables(profile: Profile): Promise<void> {
    const monotonicMs = this.#deps.times.monotonicMs();
    const last = this.#state.slowReadAtMonotonicMs;
    // Half an interval of tolerance: polls jitter, and every second one must not become every third.
    if (last !== null && monotonicMs - last < this.#plan.slowIntervalMs - this.#plan.intervalMs / 2) return;
    const tables = await profile.readTables(this.#context(), 'slow');
    this.#state.slowReadAtMonotonicMs = monotonicMs;
    this.#keepTables(tables);
  }

  /** As often as names: after a start, a restart of the device or a change of its interfaces, and now and then. */
  async #readInventoryTables(profile: Profile): Promise<void> {
    if (!this.#state.inventoryTablesDue) return;
    const tables = await profile.readTables(this.#context(), 'inventory');
    this.#state.inventoryTablesDue = false;
    this.#keepTables(tables);
  }

  #keepTables(tables: readonly Table[]): void {
    for (const table of tables) {
      if (!table.complete) this.#note('table_incomplete');
      // Also one of which nothing came: it is named among the partial ones.
      this.#tables.push(table);
    }
  }

  #context(): ReadContext {
    const { names, lookups, emptyRules } = this.#state;
    return {
      reader: this.#reader,
      signal: this.#signal,
      lookups,
      emptyRules,
      interfaceKey: (text) => names?.keyOf.get(text) ?? null,
    };
  }

  #note(failure: string | null): void {
    this.#failure ??= failure;
  }
}

/** A table `system` of which the device gave nothing (it names only our profile) is no answer. */
function hasValues(table: Table): boolean {
  if (table.name !== 'system') return table.index.length > 0;
  return table.columns.some((column) => column.name.startsWith('sys') && column.values[0] !== null);
}

/** Nothing came because nobody answered or let us in, rather than because of what was answered. */
function isSilence(failure: ErrorCode | null): boolean {
  return failure !== null && !ANSWERED_BADLY.includes(failure);
}

function textOrNull(value: string | number | null | undefined): string | null {
  return value === null || value === undefined ? null : String(value);
}
