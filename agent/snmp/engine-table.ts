// The SNMPv3 engines of all devices: identity and clock of each, remembered over a restart; tells restarts, swaps and shared identities.
import type { Clock } from '../../common/runtime/clock.ts';
import type { CounterMetric, GaugeMetric, Reporter } from '../../common/runtime/reporter.ts';
import type { DeviceNotices } from './device-notices.ts';

/** The engine of one device as last believed. Whoever speaks with the device keeps the clock right in place, without a call per answer. */
export interface EngineRecord {
  readonly id: Uint8Array;
  boots: number;
  /** Seconds since the boot, at `learntAtMs` of our monotonic clock. */
  time: number;
  learntAtMs: number;
  /** Seconds it had at least when a former life of the agent ended: until it is heard again, less than this is a restart. Null once heard. */
  keptTime: number | null;
}

/** What the table is to one device. */
export interface EngineMemory {
  /** As last believed, perhaps in another life of the agent; null where nothing is known. */
  recall(): EngineRecord | null;
  /** An answer was believed under this engine for the first time, or its clock went on in a way that time does not explain. */
  confirm(record: EngineRecord, before: EngineBefore | null): void;
}

/** What was believed until now. */
export interface EngineBefore {
  readonly id: Uint8Array;
  readonly boots: number;
  readonly time: number;
}

export interface KnownEngine {
  readonly device: string;
  /** Lower-case hexadecimal. */
  readonly engineId: string;
  readonly boots: number;
  /** Now, by our clock. */
  readonly timeSeconds: number;
  /** Other devices of this agent with the same engine id, the first 20 of them. */
  readonly sharedWith: readonly string[];
}

/** For whoever receives notifications or explains: which device has which engine. */
export interface EngineDirectory {
  engines(): readonly KnownEngine[];
}

/** The form in which it is kept. */
export interface KeptEngine {
  readonly device: string;
  readonly engineId: string;
  readonly boots: number;
  readonly time: number;
  /** Our wall clock when `time` was right: the only one that goes on while no agent runs. */
  readonly atMs: number;
}

/** More than devices can be configured; the longest unheard goes first. */
const MOST_ENGINES = 50_000;
const MOST_NAMED = 20;
const MOST_SECONDS = 0x7fffffff;

export class EngineTable implements EngineDirectory {
  readonly #clock: Clock;
  readonly #notices: DeviceNotices;
  readonly #changes: CounterMetric;
  readonly #sharedGauge: GaugeMetric;
  /** By device, those longest unheard of first. */
  readonly #records = new Map<string, EngineRecord>();
  readonly #devicesById = new Map<string, Set<string>>();
  readonly #open = new Set<string>();
  #sharedIds = 0;
  #dirty = false;

  constructor(reporter: Reporter, deps: { readonly clock: Clock; readonly notices: DeviceNotices }) {
    this.#clock = deps.clock;
    this.#notices = deps.notices;
    this.#changes = reporter.counter(
      'snmp_engine_changes_total',
      'SNMPv3 engines that restarted, were replaced or shared.',
      ['change'],
    );
    this.#sharedGauge = reporter.gauge('snmp_shared_engines', 'SNMPv3 engine ids that more than one device has.');
  }

  /** Whether something changed that is worth keeping, since the last `kept`. */
  get dirty(): boolean {
    return this.#dirty;
  }

  /** The table's side of one device. Only devices that were opened are named as sharing an engine. */
  memoryOf(device: string): EngineMemory {
    this.#open.add(device);
    const known = this.#records.get(device);
    if (known !== undefined) this.#index(device, hexOf(known.id));
    return {
      recall: () => this.#records.get(device) ?? null,
      confirm: (record, before) => this.#confirm(device, record, before),
    };
  }

  /** The device is polled no more; what is known of it is kept. */
  close(device: string): void {
    this.#open.delete(device);
    const known = this.#records.get(device);
    if (known !== undefined) this.#unindex(device, hexOf(known.id));
  }

  engines(): readonly KnownEngine[] {
    return [...this.#open].flatMap((device) => this.#known(device) ?? []);
  }

  /** What to keep. An engine not heard in this life is kept as it was. */
  kept(): KeptEngine[] {
    this.#dirty = false;
    const now = this.#clock.now();
    return [...this.#records].map(([device, record]) => {
      const time = this.#timeNow(record);
      const kept = record.keptTime ?? time;
      return { device, engineId: hexOf(record.id), boots: record.boots, time: kept, atMs: now - (time - kept) * 1000 };
    });
  }

  /** Takes in what was kept; engines already known stay. Our wall clock may have stepped: the device's answer corrects it. */
  load(kept: readonly KeptEngine[]): void {
    for (const { device, engineId, boots, time, atMs } of kept.slice(-MOST_ENGINES)) {
      if (this.#records.has(device)) continue;
      const passed = Math.max(0, Math.floor((this.#clock.now() - atMs) / 1000));
      const record = {
        boots,
        time: Math.min(MOST_SECONDS, time + passed),
        learntAtMs: this.#clock.monotonicMs(),
        keptTime: time,
      };
      this.#records.set(device, { id: Buffer.from(engineId, 'hex'), ...record });
      if (this.#open.has(device)) this.#index(device, engineId);
    }
  }

  #confirm(device: string, record: EngineRecord, before: EngineBefore | null): void {
    this.#dirty = true;
    const [id, idBefore] = [hexOf(record.id), before === null ? null : hexOf(before.id)];
    this.#records.delete(device);
    this.#records.set(device, record);
    if (this.#records.size > MOST_ENGINES) this.#dropOldest();
    if (before !== null && idBefore !== id) this.#replaced(device, record, before);
    else if (before !== null) this.#restarted(device, record, before);
    const known = this.#devicesById.get(id)?.has(device) === true;
    if (idBefore !== null && idBefore !== id) this.#unindex(device, idBefore);
    if (!known && this.#open.has(device)) {
      this.#index(device, id);
      this.#shared(device, id);
    }
  }

  #replaced(device: string, record: EngineRecord, before: EngineBefore): void {
    this.#changes.add(1, { change: 'replaced' });
    this.#notices.raise(device, 'engine_replaced', [
      { name: 'engine_id_before', value: hexOf(before.id) },
      { name: 'engine_id', value: hexOf(record.id) },
      { name: 'boots', value: String(record.boots) },
    ]);
  }

  #restarted(device: string, record: EngineRecord, before: EngineBefore): void {
    this.#changes.add(1, { change: 'restarted' });
    this.#notices.raise(device, 'engine_restarted', [
      { name: 'engine_id', value: hexOf(record.id) },
      { name: 'boots_before', value: String(before.boots) },
      { name: 'boots', value: String(record.boots) },
      { name: 'time_seconds_before', value: String(before.time) },
      { name: 'time_seconds', value: String(record.time) },
      // RFC 3414 §2.3: boots counts every restart. Where it does not, whoever replays old messages is believed by others.
      { name: 'boots_counted', value: record.boots > before.boots ? 'yes' : 'no' },
    ]);
  }

  #shared(device: string, id: string): void {
    const others = this.#othersWith(id, device);
    if (others.length === 0) return;
    this.#changes.add(1, { change: 'shared' });
    this.#notices.raise(device, 'engine_shared', [
      { name: 'engine_id', value: id },
      { name: 'shared_with', value: others.join(', ') },
      { name: 'devices', value: String(this.#devicesById.get(id)?.size ?? 0) },
    ]);
  }

  #known(device: string): KnownEngine | null {
    const record = this.#records.get(device);
    if (record === undefined) return null;
    const engineId = hexOf(record.id);
    const sharedWith = this.#othersWith(engineId, device);
    return { device, engineId, boots: record.boots, timeSeconds: this.#timeNow(record), sharedWith };
  }

  #othersWith(id: string, device: string): string[] {
    const others: string[] = [];
    for (const other of this.#devicesById.get(id) ?? []) {
      if (other !== device) others.push(other);
      if (others.length === MOST_NAMED) break;
    }
    return others;
  }

  #timeNow(record: EngineRecord): number {
    return engineTimeAt(record, this.#clock.monotonicMs());
  }

  #index(device: string, id: string): void {
    const devices = this.#devicesById.get(id) ?? new Set<string>();
    if (devices.has(device)) return;
    devices.add(device);
    this.#devicesById.set(id, devices);
    if (devices.size === 2) this.#countShared(1);
  }

  #unindex(device: string, id: string): void {
    const devices = this.#devicesById.get(id);
    if (devices?.delete(device) !== true) return;
    if (devices.size === 1) this.#countShared(-1);
    if (devices.size === 0) this.#devicesById.delete(id);
  }

  #countShared(change: 1 | -1): void {
    this.#sharedIds += change;
    this.#sharedGauge.set(this.#sharedIds);
  }

  #dropOldest(): void {
    for (const [device, record] of this.#records) {
      if (this.#open.has(device)) continue;
      this.#records.delete(device);
      this.#unindex(device, hexOf(record.id));
      return;
    }
  }
}

/** Seconds since the engine's boot at a moment of our monotonic clock (RFC 3414 §2.3: latched at 2^31 − 1). */
export function engineTimeAt(record: EngineRecord, monotonicMs: number): number {
  return Math.min(MOST_SECONDS, record.time + Math.floor((monotonicMs - record.learntAtMs) / 1000));
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}
