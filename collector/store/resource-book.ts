// Which number stands for which device, interface or gauge in the metric tables, held in memory and written with the rows that use it.
import type { DurationMs } from '../../common/model/time.ts';

export type ResourceKind = 'device' | 'interface' | 'gauge';

export interface Resource {
  readonly id: number;
  readonly kind: ResourceKind;
  readonly device: string;
  /** '' for a device, the key of an interface, `processor:INDEX` for a gauge. */
  readonly part: string;
  /** Of a gauge; '' else. */
  readonly metric: string;
  readonly description: string;
  readonly unit: string;
  intervalMs: DurationMs;
}

interface DeviceEntry {
  own: Resource | undefined;
  readonly interfaces: Map<string, Resource>;
  /** By metric and part. */
  readonly gauges: Map<string, Resource>;
}

/** About 200 octets of memory each. */
const MAX_RESOURCES = 2_000_000;

export class ResourceBook {
  readonly #devices = new Map<string, DeviceEntry>();
  readonly #byId = new Map<number, Resource>();
  #fresh: Resource[] = [];
  #changed = new Set<Resource>();
  #lastId = 0;

  /** A row as it stands in the file. */
  load(resource: Resource): void {
    const entry = this.#entry(resource.device);
    if (resource.kind === 'device') entry.own = resource;
    else if (resource.kind === 'interface') entry.interfaces.set(resource.part, resource);
    else entry.gauges.set(gaugeKey(resource.metric, resource.part), resource);
    this.#byId.set(resource.id, resource);
    this.#lastId = Math.max(this.#lastId, resource.id);
  }

  /** The resource, made where it is new; null where there are too many. */
  device(device: string, intervalMs: DurationMs): Resource | null {
    return this.#used(this.#entry(device).own, { kind: 'device', device, part: '' }, intervalMs);
  }

  interface(device: string, part: string, intervalMs: DurationMs): Resource | null {
    const found = this.#entry(device).interfaces.get(part);
    return this.#used(found, { kind: 'interface', device, part }, intervalMs);
  }

  gauge(
    device: string,
    gauge: Pick<Resource, 'part' | 'metric' | 'description' | 'unit'>,
    intervalMs: DurationMs,
  ): Resource | null {
    const found = this.#entry(device).gauges.get(gaugeKey(gauge.metric, gauge.part));
    return this.#used(found, { kind: 'gauge', device, ...gauge }, intervalMs);
  }

  /** What is new, and what has another interval, since the last time; it must be written now. */
  takeUnwritten(): { readonly fresh: readonly Resource[]; readonly changed: readonly Resource[] } {
    const taken = { fresh: this.#fresh, changed: [...this.#changed] };
    this.#fresh = [];
    this.#changed = new Set();
    return taken;
  }

  /** No reading of it is left. */
  forget(id: number): void {
    const gone = this.#byId.get(id);
    const entry = gone === undefined ? undefined : this.#devices.get(gone.device);
    if (gone === undefined || entry === undefined) return;
    this.#byId.delete(id);
    if (gone.kind === 'device') entry.own = undefined;
    else if (gone.kind === 'interface') entry.interfaces.delete(gone.part);
    else entry.gauges.delete(gaugeKey(gone.metric, gone.part));
    if (entry.own === undefined && entry.interfaces.size + entry.gauges.size === 0) this.#devices.delete(gone.device);
  }

  byId(id: number): Resource | undefined {
    return this.#byId.get(id);
  }

  findDevice(device: string): Resource | undefined {
    return this.#devices.get(device)?.own;
  }

  findInterface(device: string, part: string): Resource | undefined {
    return this.#devices.get(device)?.interfaces.get(part);
  }

  /** Gauges of a device, of one metric where it is named. */
  findGauges(device: string, metric: string | null): Resource[] {
    const gauges = this.#devices.get(device)?.gauges.values() ?? [];
    return [...gauges].filter((one) => metric === null || one.metric === metric);
  }

  /** Gauges of all devices of one metric. */
  gaugesOf(metric: string): Resource[] {
    return [...this.#byId.values()].filter((one) => one.kind === 'gauge' && one.metric === metric);
  }

  #used(
    found: Resource | undefined,
    wanted: Pick<Resource, 'kind' | 'device' | 'part'> & Partial<Resource>,
    intervalMs: DurationMs,
  ): Resource | null {
    if (found !== undefined) {
      if (found.intervalMs !== intervalMs) {
        found.intervalMs = intervalMs;
        this.#changed.add(found);
      }
      return found;
    }
    if (this.#byId.size >= MAX_RESOURCES) return null;
    const made: Resource = { metric: '', description: '', unit: '', ...wanted, id: this.#lastId + 1, intervalMs };
    this.load(made);
    this.#fresh.push(made);
    return made;
  }

  #entry(device: string): DeviceEntry {
    let entry = this.#devices.get(device);
    if (entry === undefined) {
      entry = { own: undefined, interfaces: new Map(), gauges: new Map() };
      this.#devices.set(device, entry);
    }
    return entry;
  }
}

/** Name as the API has it. */
export function resourceName(resource: Pick<Resource, 'device' | 'part'>): string {
  return resource.part === '' ? resource.device : `${resource.device}/${resource.part}`;
}

/** No device has a slash in its name; interfaces often do. */
export function splitResource(name: string): { readonly device: string; readonly part: string } {
  const slash = name.indexOf('/');
  return slash < 0 ? { device: name, part: '' } : { device: name.slice(0, slash), part: name.slice(slash + 1) };
}

function gaugeKey(metric: string, part: string): string {
  return `${metric} ${part}`;
}
