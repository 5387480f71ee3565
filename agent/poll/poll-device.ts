// One visit to one device: counters and status always, names when something hints at a change, the slow tables when they are due.
import type { Poll, PollOutcome, Table } from '../../common/model/poll.ts';
import type { ErrorCode } from '../../common/runtime/error-table.ts';
import { codeOf, WeirError } from '../../common/runtime/errors.ts';
import type { Profile, ProfileCatalogue } from '../profile/profile.ts';
import type { DeviceReader, ReadTable } from '../snmp/table-reader.ts';
import type { DeviceState, PollPlan, PollTimes } from './device-state.ts';
import { identify, readContext } from './identify.ts';
import { interfaceTable, namesDiffer, readCounters, usefulColumns } from './interface-counters.ts';
import { type InventoryRead, readInventory } from './interface-inventory.ts';
import type { KnownNames } from './known-names.ts';
import { printOf, worthWatching } from './refresh.ts';
import { lastUptime, restartedDuring } from './uptime.ts';

export interface PollDeps {
  readonly times: PollTimes;
  readonly catalogue: ProfileCatalogue;
}

/** A reading that was cut short may be resumed for so many intervals. */
const RESUMED_WITHIN_INTERVALS = 10;
const ANSWERED_BADLY: readonly ErrorCode[] = [
  'snmp_oid_not_increasing',
  'snmp_refused',
  'snmp_too_big',
  'snmp_walk_limit',
  'table_incomplete',
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
    const counters =
      state.names === null ? await this.#namesThenCounters(profile, fresh) : await this.#countersThenNames(profile);
    if (counters === 'silent') return false;
    if (counters !== null) {
      this.#note(counters.failure);
      this.#takeCounters(counters, state.profile ?? profile);
      // A device that fell silent would be waited for once a table; they stay due.
      if (!this.#signal.aborted && !(isSilence(counters.failure) && counters.failure !== 'poll_deadline'))
        await this.#readOtherTables(state.profile ?? profile, fresh);
    }
    return this.#failure === null || this.#tables.some(hasValues);
  }

  /** Without names nothing that is counted can be told whose it is: they come first, over several visits where one is too short. Null where they did not come to an end. */
  async #namesThenCounters(profile: Profile, fresh: boolean): Promise<ReadTable | 'silent' | null> {
    const state = this.#state;
    if (!fresh && !state.inventoryInHand) await this.#identify();
    const inventory = await this.#readInventory({ withinMs: this.#resumedWithinMs });
    if (inventory.nothing && isSilence(inventory.failure) && this.#tables.length === 0) {
      this.#failure = inventory.failure;
      return 'silent';
    }
    this.#note(inventory.failure);
    if (!inventory.nothing) this.#tables.push(inventory.table);
    if (inventory.names === null) {
      this.#note('interface_unnamed');
      return null;
    }
    if (inventory.changedMeanwhile && state.trustsTableLastChange) {
      state.vainCalls += 1;
      this.#note('interface_unnamed');
      return null;
    }
    state.learnNames(inventory.names);
    state.uptime = lastUptime(inventory.table.segments) ?? state.uptime;
    const counters = await this.#readCounters(state.profile ?? profile, true);
    this.#forgetNamesInDoubt(counters);
    return counters;
  }

  async #countersThenNames(profile: Profile): Promise<ReadTable | 'silent'> {
    const state = this.#state;
    const counters = await this.#readCounters(profile, false);
    const nothing = counters.index.length === 0 && counters.part?.toEnd !== true;
    if (nothing && isSilence(counters.failure)) {
      this.#failure = counters.failure;
      return 'silent';
    }
    const doubted = this.#doubtsNames(counters);
    if (!doubted && !this.#namesAreOld()) return counters;
    if (doubted || !state.inventoryInHand) await this.#identifyAgain();
    return await this.#readNames(counters, state.profile ?? profile, doubted);
  }

  #readCounters(profile: Profile, anew: boolean): Promise<ReadTable> {
    this.#askedForAll = this.#state.interfaceColumns === null;
    const resume = { withinMs: this.#resumedWithinMs, anew };
    return readCounters(this.#reader, profile.interface, this.#state, resume, this.#signal);
  }

  async #readInventory(resume: { readonly withinMs: number; readonly anew?: boolean }): Promise<InventoryRead> {
    const read = await readInventory(this.#reader, this.#deps.times.monotonicMs(), resume, this.#signal);
    this.#state.inventoryInHand = read.inHand;
    return read;
  }

  get #resumedWithinMs(): number {
    return RESUMED_WITHIN_INTERVALS * this.#plan.intervalMs;
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

  async #identify(): Promise<Profile> {
    const { profile, table } = await identify(this.#reader, this.#state, this.#deps.catalogue, this.#signal);
    this.#tables.push(table);
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
  #tableChanged(names: KnownNames, counters: Pick<ReadTable, 'beside'>): boolean {
    const [lastChange = Number.NaN] = counters.beside;
    return this.#state.trustsTableLastChange && !Number.isNaN(lastChange) && lastChange !== names.tableLastChange;
  }

  /** Reads names; where the counters may not be those of the new names, or lack columns, they are read once more. */
  async #readNames(counters: ReadTable, profile: Profile, doubted: boolean): Promise<ReadTable> {
    const state = this.#state;
    const inventory = await this.#readInventory({ withinMs: this.#resumedWithinMs, anew: doubted });
    const { names, table, failure, changedMeanwhile } = inventory;
    this.#note(failure);
    if (!inventory.nothing) this.#tables.push(table);
    if (names === null || (changedMeanwhile && state.trustsTableLastChange)) {
      // Under the old names the counters of one customer might be billed to another.
      if (doubted) state.forgetNames();
      return counters;
    }
    const restarted = restartedDuring(null, [...counters.segments, ...table.segments.slice(-1)]);
    const stale = restarted || this.#tableChanged(names, counters) || namesDiffer(counters, names);
    const enough = this.#askedForAll;
    this.#countVainCalls(names, counters);
    state.learnNames(names);
    if (!stale && enough) return counters;
    state.uptime = lastUptime(table.segments) ?? lastUptime(counters.segments) ?? state.uptime;
    const again = await this.#readCounters(profile, true);
    if (!stale && again.failure !== null) return this.#keep(counters);
    this.#forgetNamesInDoubt(again);
    return again;
  }

  #forgetNamesInDoubt(counters: ReadTable): void {
    const state = this.#state;
    if (state.names === null || !this.#doubtsNames(counters)) return;
    if (this.#tableChanged(state.names, counters)) state.distrustTableLastChange();
    state.forgetNames();
  }

  #countVainCalls(names: KnownNames, counters: ReadTable): void {
    const state = this.#state;
    const known = state.names;
    if (known !== null && this.#tableChanged(known, counters) && !restartedDuring(state.uptime, counters.segments)) {
      state.vainCalls = known.sameAs(names) ? state.vainCalls + 1 : 0;
    }
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
    } else if (state.interfaceColumns === null && this.#askedForAll) this.#learnColumns(counters, profile);
    const { intervalMs, configuredIntervalMs = intervalMs } = this.#plan;
    if (worthWatching(configuredIntervalMs)) state.print = printOf(counters);
    this.#tables.push(table);
  }

  /** Of a table that takes several visits all rows must have been seen: one of them may have only what the others lack. */
  #learnColumns(counters: ReadTable, profile: Profile): void {
    const state = this.#state;
    const { fromStart, toEnd } = counters.part ?? { fromStart: true, toEnd: counters.complete };
    const before = fromStart ? new Set<string>() : state.usefulSoFar;
    if (before === null) return;
    const useful = new Set([...before, ...usefulColumns(counters, profile.interface)]);
    const ended = toEnd && (counters.complete || !fromStart);
    state.usefulSoFar = ended ? null : useful;
    if (ended) state.interfaceColumns = useful;
  }

  async #readOtherTables(profile: Profile, fresh: boolean): Promise<void> {
    if (!fresh && this.#state.identificationDue) await this.#identifyAgain();
    await this.#readSlowTables(profile);
    await this.#readInventoryTables(profile);
  }

  async #readSlowTables(profile: Profile): Promise<void> {
    const monotonicMs = this.#deps.times.monotonicMs();
    const last = this.#state.slowReadAtMonotonicMs;
    // Half an interval of tolerance: polls jitter, and every second one must not become every third.
    if (last !== null && monotonicMs - last < this.#plan.slowIntervalMs - this.#plan.intervalMs / 2) return;
    const tables = await profile.readTables(readContext(this.#reader, this.#state, this.#signal), 'slow');
    this.#state.slowReadAtMonotonicMs = monotonicMs;
    this.#keepTables(tables);
  }

  /** As often as names: after a start, a restart of the device or a change of its interfaces, and now and then. */
  async #readInventoryTables(profile: Profile): Promise<void> {
    if (!this.#state.inventoryTablesDue) return;
    const tables = await profile.readTables(readContext(this.#reader, this.#state, this.#signal), 'inventory');
    // What a deadline cut short is read again at the next poll.
    this.#state.inventoryTablesDue = this.#signal.aborted;
    this.#keepTables(tables);
  }

  #keepTables(tables: readonly Table[]): void {
    for (const table of tables) {
      if (!table.complete) this.#note('table_incomplete');
      // Also one of which nothing came: it is named among the partial ones.
      this.#tables.push(table);
    }
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
