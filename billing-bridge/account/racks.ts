// Racks in the configuration: what feeds each, and services that are bound to a rack as bindings of its feeds. Pure.
import type { RackDocument, ServiceDocument } from '../contract-schema.ts';

export interface SpreadServices {
  readonly services: readonly ServiceDocument[];
  /** Of a service and the place of a binding among its own: which of its racks it came from; null where it was written itself. */
  readonly rackOf: (service: number, binding: number) => number | null;
  /** Racks that services name and that there are not. */
  readonly unknown: readonly { readonly service: number; readonly at: number; readonly rack: string }[];
}

/** Services with the feeds of their racks among their bindings, behind those that were written themselves. */
export function spreadRacks(services: readonly ServiceDocument[], racks: readonly RackDocument[]): SpreadServices {
  const byId = new Map(racks.map((rack) => [rack.id, rack]));
  const unknown: { service: number; at: number; rack: string }[] = [];
  const origins = new Map<number, number[]>();
  const spread = services.map((service, place) => {
    const { racks: held, ...rest } = service;
    if (held === undefined) return service;
    const origin: number[] = [];
    const fed = held.flatMap(({ rack, ...span }, at) => {
      const feeds = byId.get(rack)?.feeds;
      if (feeds === undefined) unknown.push({ service: place, at, rack });
      return (feeds ?? []).map((feed) => {
        origin.push(at);
        return { ...feed, ...span };
      });
    });
    origins.set(place, origin);
    return { ...rest, bindings: [...service.bindings, ...fed] };
  });
  return {
    services: spread,
    unknown,
    rackOf: (service, binding) => {
      const own = services[service]?.bindings.length ?? 0;
      return origins.get(service)?.[binding - own] ?? null;
    },
  };
}
