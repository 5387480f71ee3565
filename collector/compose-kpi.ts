// KPIs, made from what the collector has: its metric store, the histories of alarms, the mirror of services and the devices of the configuration.
import { fileURLToPath } from 'node:url';
import type { Database } from '../common/database/database.ts';
import type { Clock } from '../common/runtime/clock.ts';
import type { Reporter } from '../common/runtime/reporter.ts';
import { sees } from '../common/model/viewpoint.ts';
import type { ConfiguredDevices } from './agents/configured-devices.ts';
import type { KpiRoutesDeps } from './api/kpi-routes.ts';
import type { CollectorConfig } from './config.ts';
import { ALARM_TYPES } from './faults/alarm-types.ts';
import { PostgresAlarmSpells } from './kpi/alarm-spells.ts';
import { readKpis } from './kpi/definition.ts';
import { KpiBook } from './kpi/kpi-book.ts';
import { KpiDesk } from './kpi/kpi-desk.ts';
import { spanOfPeriod } from './kpi/kpi-period.ts';
import { KpiTargets } from './kpi/kpi-targets.ts';
import type { Maintenance } from './maintenance/maintenance.ts';
import type { ServiceMirror } from './services/service-mirror.ts';
import { metricNamed } from './store/metrics.ts';
import type { MetricStore } from './store/store.ts';

const SHIPPED = fileURLToPath(new URL('../config/kpis.yaml', import.meta.url));

export interface KpiGrounds {
  readonly clock: Clock;
  readonly database: Database;
  readonly store: Pick<MetricStore, 'many' | 'statistics' | 'shares' | 'catalogue'>;
  readonly devices: ConfiguredDevices;
  readonly services: ServiceMirror;
  /** Of which agreed windows do not count. */
  readonly maintenance: Pick<Maintenance, 'excluded'>;
}

/** Throws where a file of KPIs cannot be read, with the place in it. */
export function composeKpis(
  reporter: Reporter,
  config: Pick<CollectorConfig, 'kpis'>,
  grounds: KpiGrounds,
): Omit<KpiRoutesDeps, 'viewpoints'> {
  const { clock, database, store, devices, services, maintenance } = grounds;
  const definitions = readKpis([SHIPPED, ...(config.kpis === null ? [] : [config.kpis])], {
    checkMetric: (metric, wanted) => void metricNamed(metric, wanted),
    alarmTypes: Object.keys(ALARM_TYPES),
  });
  const devicesOf = (site: string): readonly string[] =>
    [...devices.all()].flatMap((device) => (device.site === site ? [device.name] : []));
  const kpis = new KpiBook(reporter, {
    clock,
    definitions,
    desk: new KpiDesk({
      store,
      alarms: new PostgresAlarmSpells(database),
      excluded: (resource, span) => Promise.resolve(maintenance.excluded(resource, span)),
    }),
    targets: new KpiTargets({
      store,
      services: {
        service: (id) => services.history.service(id),
        ofCustomer: (customer) => services.history.ofCustomer(customer),
      },
      devicesOf,
      sees,
    }),
    siteOf: (name) => {
      const device = devices.get(name);
      return device === undefined ? null : (device.site ?? '');
    },
  });
  return { kpis, spanOfPeriod };
}
