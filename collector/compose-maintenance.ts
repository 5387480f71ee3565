// Maintenance windows put together with what the collector knows of devices, their labels and the services bound to them.
import type { DescribedRoutes } from '../common/http/described-routes.ts';
import type { Component } from '../common/runtime/component.ts';
import { RepeatedWork } from '../common/runtime/repeated-work.ts';
import type { Viewpoints } from './access/viewpoint.ts';
import { addMaintenanceRoutes } from './maintenance/maintenance-routes.ts';
import { Maintenance } from './maintenance/maintenance.ts';
import { UpgradeRecords } from './maintenance/upgrade-records.ts';
import { WindowBook } from './maintenance/window-book.ts';
import type { Common } from './parts.ts';

export interface ComposedMaintenance {
  readonly book: WindowBook;
  readonly maintenance: Maintenance;
  readonly looking: Component;
  readonly addRoutes: (routes: DescribedRoutes, viewpoints: Viewpoints) => void;
}

const LOOK_EVERY_MS = 5000;
const FORGET_EVERY_LOOKS = 720;

export function composeMaintenance(
  {
    reporter,
    deps,
    database,
    devices,
    services,
  }: Pick<Common, 'reporter' | 'deps' | 'database' | 'devices' | 'services'>,
  tagsOf: (device: string) => readonly string[],
): ComposedMaintenance {
  const { clock } = deps;
  const book = new WindowBook(reporter, { database, clock });
  const maintenance = new Maintenance({
    book,
    siteOf: (device) => devices.get(device)?.site ?? null,
    tagsOf,
    servicesOf: (resource, atMs) => services.boundTo(resource, atMs).map(({ id }) => id),
  });
  const upgrades = new UpgradeRecords(reporter, { database, clock, book, devices: () => devices.all(), tagsOf });
  let looks = 0;
  const looking = new RepeatedWork(clock, LOOK_EVERY_MS, async () => {
    await book.look();
    await upgrades.look();
    looks += 1;
    // What was not forgotten now is forgotten the next time.
    if (looks % FORGET_EVERY_LOOKS === 0) await book.forget().catch(() => undefined);
  });
  return {
    book,
    maintenance,
    looking,
    addRoutes: (routes, viewpoints) =>
      addMaintenanceRoutes(routes, {
        clock,
        book,
        upgrades,
        viewpoints,
        customerOf: (service) => services.service(service)?.customer.id ?? null,
      }),
  };
}
