// One visit to one device: counters and status always, names when something hints at a change, the slow tables when they are due.
import type { Poll, PollOutcome, Table } from '../../common/model/poll.ts';
import { codeOf, WeirError } from '../../common/runtime/errors.ts';
import type { Profile, ProfileCatalogue, ReadContext, SystemFacts } from '../profile/profile.ts';
import type { DeviceReader, ReadTable } from '../snmp/table-reader.ts';
import type { DeviceState, PollPlan, PollTimes } from './device-state.ts';
import { interfaceTable, namesDiffer, readCounters, usefulColumns } from './interface-counters.ts';
import { readInventory } from './interface-inventory.ts';

export interface PollDeps {
  readonly times: PollTimes;
  readonly catalogue: ProfileCatalogue;
}

/** SNMPv2-MIB (RFC 3418). */
const SYSTEM = '1.3.6.1.2.1.1';
const SYSTEM_SCALARS = ['sysDescr', 'sysObjectID', 'sysContact', 'sysName', 'sysLocation'] as const;
const SYSTEM_OIDS = [1, 2, 4, 5, 6].map((number) => `${SYSTEM}.${number}.0`);

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
    let counters = await readCounters(this.#reader, profile.interface, state, this.#signal);
    if (counters.failure !== null && counters.index.length === 0 && !fresh && isSilence(counters.failure)) {
      this.#failure = counters.failure;
      return false;
    }
    if (this.#namesAreDue(counters)) {
      if (!fresh) await this.#identify();
      counters = await this.#readNames(counters, state.profile ?? profile);
    }
    this.#note(counters.failure);
    this.#takeCounters(counters, state.profile ?? profile);
    await this.#readSlowTables(state.profile ?? profile);
    return this.#failure === null || this.#tables.some(hasValues);
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
    const profile = this.#deps.catalogue.choose(facts.sysObjectID);
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

  #namesAreDue(counters: ReadTable): boolean {
    const { names, uptimeTicks } = this.#state;
    if (names === null) return true;
    if (this.#deps.times.monotonicMs() - names.readAtMonotonicMs >= this.#plan.inventoryIntervalMs) return true;
    const [lastChange = Number.NaN] = counters.beside;
    if (!Number.isNaN(lastChange) && lastChange !== names.tableLastChange) return true;
    if (wentBack(uptimeTicks, firstUptime(counters))) return true;
    return namesDiffer(counters, names);
  }

  /** Reads names; where the interfaces changed between counters and names, the counters are read once more under the new names. */
  async #readNames(counters: ReadTable, profile: Profile): Promise<ReadTable> {
    const state = this.#state;
    const inventory = await readInventory(this.#reader, this.#deps.times.monotonicMs(), this.#signal);
    this.#note(inventory.failure);
    if (inventory.table.index.length > 0) this.#tables.push(inventory.table);
    if (inventory.names === null) return counters;
    const [lastChange = Number.NaN] = counters.beside;
    const changed = inventory.names.tableLastChange !== lastChange && !Number.isNaN(lastChange);
    const restarted = wentBack(lastUptime(counters), inventory.uptimeTicks);
    state.names = inventory.names;
    state.interfaceColumns = null;
    state.lookups.clear();
    if (!changed && !restarted && !namesDiffer(counters, inventory.names)) return counters;
    return await readCounters(this.#reader, profile.interface, state, this.#signal);
  }

  #takeCounters(counters: ReadTable, profile: Profile): void {
    const state = this.#state;
    state.uptimeTicks = lastUptime(counters) ?? state.uptimeTicks;
    if (state.names === null) return;
    const { table, unnamed } = interfaceTable(counters, state.names, profile.interface);
    if (unnamed > 0) {
      this.#note('interface_unnamed');
      state.forgetNames();
    } else if (state.interfaceColumns === null && counters.complete) {
      state.interfaceColumns = usefulColumns(counters, profile.interface);
    }
    this.#tables.push(table);
  }

  async #readSlowTables(profile: Profile): Promise<void> {
    const monotonicMs = this.#deps.times.monotonicMs();
    const last = this.#state.slowReadAtMonotonicMs;
    // Half an interval of tolerance: polls jitter, and every second one must not become every third.
    if (last !== null && monotonicMs - last < this.#plan.slowIntervalMs - this.#plan.intervalMs / 2) return;
    const tables = await profile.readTables(this.#context());
    this.#state.slowReadAtMonotonicMs = monotonicMs;
    for (const table of tables) {
      if (!table.complete) this.#note('table_incomplete');
      if (table.index.length > 0) this.#tables.push(table);
    }
  }

  #context(): ReadContext {
    const { names, lookups } = this.#state;
    return {
      reader: this.#reader,
      signal: this.#signal,
      lookups,
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
function isSilence(failure: string): boolean {
  return failure !== 'snmp_oid_not_increasing' && failure !== 'snmp_refused' && failure !== 'snmp_too_big';
}

function firstUptime(read: ReadTable): number | null {
  return read.segments[0]?.uptimeTicks ?? null;
}

function lastUptime(read: ReadTable): number | null {
  return read.segments.at(-1)?.uptimeTicks ?? null;
}

/** A restart, or the wrap after 497 days: reading names again costs little, so the two need not be told apart here. */
function wentBack(before: number | null, after: number | null): boolean {
  return before !== null && after !== null && after < before;
}

function textOrNull(value: string | number | null | undefined): string | null {
  return value === null || value === undefined ? null : String(value);
}
