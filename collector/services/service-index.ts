// One copy of the feed, found by service, customer, interface and device.
import type { EpochMs } from '../../common/model/time.ts';
import type { BoundInterface, MirroredService } from './service-book.ts';

interface Bound {
  readonly service: MirroredService;
  readonly binding: BoundInterface;
}

/** Immutable. */
export class ServiceIndex {
  /** By id, code units. */
  readonly all: readonly MirroredService[];
  readonly byId: ReadonlyMap<string, MirroredService>;
  readonly byCustomer: ReadonlyMap<string, readonly MirroredService[]>;
  /** Of `device` and of `device/interfaceKey`. */
  readonly #bound = new Map<string, Bound[]>();

  constructor(services: readonly MirroredService[]) {
    this.all = services.toSorted((left, right) => (left.id < right.id ? -1 : left.id > right.id ? 1 : 0));
    this.byId = new Map(this.all.map((service) => [service.id, service]));
    const byCustomer = new Map<string, MirroredService[]>();
    for (const service of this.all) {
      put(byCustomer, service.customer.id, service);
      for (const binding of service.bindings) {
        put(this.#bound, binding.device, { service, binding });
        put(this.#bound, `${binding.device}/${binding.interfaceKey}`, { service, binding });
      }
    }
    this.byCustomer = byCustomer;
  }

  /** Services whose own span and whose binding hold the instant (both half-open), each once. */
  boundTo(resource: string, atMs: EpochMs): readonly MirroredService[] {
    const found = new Set<MirroredService>();
    for (const { service, binding } of this.#bound.get(resource) ?? [])
      if (holds(service, atMs) && holds(binding, atMs)) found.add(service);
    return [...found];
  }
}

/** What has not ended at an instant. */
export function running(services: readonly MirroredService[], atMs: EpochMs): readonly MirroredService[] {
  const goesOn = ({ toMs }: { readonly toMs: EpochMs | null }): boolean => toMs === null || toMs > atMs;
  return services
    .filter(goesOn)
    .map((service) =>
      service.bindings.every(goesOn) ? service : { ...service, bindings: service.bindings.filter(goesOn) },
    );
}

/** The first end after an instant. */
export function nextEnd(services: readonly MirroredService[], atMs: EpochMs): EpochMs {
  let next = Infinity;
  for (const service of services)
    for (const { toMs } of [service, ...service.bindings]) if (toMs !== null && toMs > atMs && toMs < next) next = toMs;
  return next;
}

export function holds(span: { readonly fromMs: EpochMs; readonly toMs: EpochMs | null }, atMs: EpochMs): boolean {
  return span.fromMs <= atMs && (span.toMs === null || atMs < span.toMs);
}

function put<Item>(into: Map<string, Item[]>, key: string, item: Item): void {
  const list = into.get(key);
  if (list === undefined) into.set(key, [item]);
  else list.push(item);
}
