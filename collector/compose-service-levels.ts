// Service levels put together: what faults kept of ports that were down, maintenance that was agreed, and services as the bridge tells them.
import type { DescribedRoutes } from '../common/http/described-routes.ts';
import type { Viewpoints } from './access/viewpoint.ts';
import { DownRecords } from './faults/down-records.ts';
import { spanOfPeriod } from './kpi/kpi-period.ts';
import type { Maintenance } from './maintenance/maintenance.ts';
import type { Common } from './parts.ts';
import { ServiceLevelDesk } from './service-levels/service-level-desk.ts';
import { addServiceLevelRoutes } from './service-levels/service-level-routes.ts';

export function addServiceLevels(
  routes: DescribedRoutes,
  { deps, database, devices, services }: Pick<Common, 'deps' | 'database' | 'devices' | 'services'>,
  maintenance: Pick<Maintenance, 'agreed'>,
  viewpoints: Viewpoints,
): void {
  addServiceLevelRoutes(routes, {
    desk: new ServiceLevelDesk({
      now: () => deps.clock.now(),
      downs: new DownRecords(database),
      agreed: (resource, service, span) => maintenance.agreed(resource, service, span),
      isConfigured: (device) => devices.get(device) !== undefined,
    }),
    services: {
      services: () => services.history.services(),
      service: (id) => services.history.service(id),
      ofCustomer: (customer) => services.history.ofCustomer(customer),
    },
    viewpoints,
    spanOfPeriod,
  });
}
