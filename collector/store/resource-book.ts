// Which number stands for which device, interface or gauge in the metric tables, held in memory and written with the rows that use it.
import type { DurationMs } from '../../common/model/time.ts';

export const RESOURCE_KINDS = ['device', 'interface', 'gauge', 'point'] as const;
export type ResourceKind = (typeof RESOURCE_KINDS)[number];

export interface Resource {
  readonly id: number;
  readonly kind: ResourceKind;
  /** '' for a point. */
  readonly device: string;
  /** '' for a device, the key of an interface, `processor:INDEX` for a gauge, the whole name for a point. */
  readonly part: string;
  /** Of a gauge or a point; '' else. */
  readonly metric: string;
  readonly description: string;
  readonly unit: string;
  /** JSON of [key, value] pairs of a point; '' else. */
  readonly tags: string;
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
/** Of them series of other programs, whose tags nobody here has chosen. */
const MAX_POINT_SERIES = 200_000;
/** How often points come is not told: so often until two of them say more. */
const POINT_INTERVAL_MS = 10_000;

export class ResourceBook {
  readonly #devices = new Map<string, DeviceEntry>();
  readonly #byId = new Map<number, Resource>();
  /** By metric, then by name. */
  readonly #points = new Map<string, Map<string, Resource>>();
  readonly #counts = new Map<ResourceKind, number>(RESOURCE_KINDS.map((kind) => [kind, 0]));
  #version = 0;
  #fresh: Resource[] = [];
  #changed = new Set<Resource>();
  #lastId = 0;

  /** A row as it stands in the file. */
  load(resource: Resource): void {
    if (resource.kind === 'point') this.#pointsOf(resource.metric).set(resource.part, resource);
    else {
      const entry = this.#entry(resource.device);
      if (resource.kind === 'device') entry.own = resource;
      else if (resource.kind === 'interface') entry.interfaces.set(resource.part, resource);
      else entry.gauges.set(gaugeKey(resource.metric, resource.part), resource);
    }
    this.#count(resource.kind, 1);
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

  point(metric: string, part: string, tags: string, unit: string): Resource | null {
    const found = this.#points.get(metric)?.get(part);
    if (found === undefined && this.count('point') >= MAX_POINT_SERIES) return null;
    return this.#used(found, { kind: 'point', device: '', metric, part, tags, unit }, POINT_INTERVAL_MS);
  }

  /** Resources of that kind. */
  count(kind: ResourceKind): number {
    return this.#counts.get(kind) ?? 0;
  }

  /** Another number whenever a resource has come or gone. */
  get version(): number {
    return this.#version;
  }

  all(): Iterable<Resource> {
    return this.#byId.values();
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
    if (gone === undefined) return;
    this.#byId.delete(id);
    this.#count(gone.kind, -1);
    if (gone.kind === 'point') {
      this.#points.get(gone.metric)?.delete(gone.part);
      if (this.#points.get(gone.metric)?.size === 0) this.#points.delete(gone.metric);
      return;
    }
    const entry = this.#devices.get(gone.device);
    if (entry === undefined) return;
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

  findGauge(device: string, metric: string, part: string): Resource | undefined {
    return this.#devices.get(device)?.gauges.get(gaugeKey(metric, part));
  }

  /** Gauges of a device, of one metric where it is named. */
  findGauges(device: string, metric: string | null): Resource[] {
    const gauges = this.#devices.get(device)?.gauges.values() ?? [];
    return [...gauges].filter((one) => metric === null || one.metric === metric);
  }

  findPoint(metric: string, part: string): Resource | undefined {
    return this.#points.get(metric)?.get(part);
  }

  /** Gauges of all devices, or points, of one metric. */
  gaugesOf(metric: string): Resource[] {
    const points = this.#points.get(metric);
    if (points !== undefined) return [...points.values()];
    return [...this.#byId.values()].filter((one) => one.kind === 'gauge' && one.metric === metric);
  }

  /** The device itself, its interfaces and its gauges. */
  ofDevice(device: string): Resource[] {
    const entry = this.#devices.get(device);
    if (entry === undefined) return [];
    const own = entry.own === undefined ? [] : [entry.own];
    return [...own, ...entry.interfaces.values(), ...entry.gauges.values()];
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
    const made: Resource = {
      metric: '',
      description: '',
      unit: '',
      tags: '',
      ...wanted,
      id: this.#lastId + 1,
      intervalMs,
    };
    this.load(made);
    this.#fresh.push(made);
    return made;
  }

  #count(kind: ResourceKind, change: number): void {
    this.#counts.set(kind, this.count(kind) + change);
    this.#version += 1;
  }

  #pointsOf(metric: string): Map<string, Resource> {
    let points = this.#points.get(metric);
    if (points === undefined) {
      points = new Map();
      this.#points.set(metric, points);
    }
    return points;
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
  if (resource.device === '') return resource.part;
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
