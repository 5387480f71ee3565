// What one principal sees of the network. Whoever reads rows takes a viewpoint and filters by it in the query, never afterwards in a page.

export interface Viewpoint {
  /** True: everything, and the sets below are not asked. */
  readonly everything: boolean;
  /** Devices seen with all their parts; sorted by code units. */
  readonly devices: readonly string[];
  /** Single parts of other devices, as `device/interfaceKey`: what customers in scope are bound to. Of their devices only the name is seen. And sites, as `site:NAME`. */
  readonly resources: readonly string[];
  /** Ids of customers whose services are seen. */
  readonly customers: readonly string[];
}

export const EVERYTHING: Viewpoint = { everything: true, devices: [], resources: [], customers: [] };

/** A device with all its parts, and not only one port of it. */
export function seesDevice(viewpoint: Viewpoint, device: string): boolean {
  return viewpoint.everything || viewpoint.devices.includes(device);
}

/** Of a resource as series and alarms name it: `device` or `device/part`. */
export function sees(viewpoint: Viewpoint, resource: string): boolean {
  if (viewpoint.everything) return true;
  const slash = resource.indexOf('/');
  const device = slash === -1 ? resource : resource.slice(0, slash);
  return viewpoint.devices.includes(device) || viewpoint.resources.includes(resource);
}
