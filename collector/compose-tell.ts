// Telling people put together: what is known of devices and services, who silences alarms, the channels, and who decides and delivers.
import { randomUUID } from 'node:crypto';
import type { DescribedRoutes } from '../common/http/described-routes.ts';
import type { Viewpoints } from './access/viewpoint.ts';
import type { ComposedMaintenance } from './compose-maintenance.ts';
import type { Alarms } from './faults/alarm.ts';
import { seen, seesAlarm } from './faults/alarm-query.ts';
import type { CarriedBook } from './faults/carried-book.ts';
import type { SilenceSource } from './faults/silence.ts';
import { Shelved } from './maintenance/shelved.ts';
import type { Common } from './parts.ts';
import { Announcer } from './tell/announcer.ts';
import { makeChannel } from './tell/channels/make-channel.ts';
import { Deliveries } from './tell/deliveries.ts';
import { itemOf } from './tell/messages-due.ts';
import { listMessages, retry } from './tell/outbox.ts';
import { addTellRoutes } from './tell/tell-routes.ts';
import { stormOf } from './tell/telling-config.ts';
import { WhyTold } from './tell/why-told.ts';

export interface ComposedTelling {
  readonly announcer: Announcer;
  readonly addRoutes: (routes: DescribedRoutes, viewpoints: Viewpoints, alarms: Alarms) => void;
}

export function composeTelling(
  common: Pick<Common, 'reporter' | 'config' | 'deps' | 'database' | 'devices' | 'services'>,
  { maintenance }: Pick<ComposedMaintenance, 'maintenance'>,
  tagsOf: (device: string) => readonly string[],
  carried: Pick<CarriedBook, 'of'>,
  others: readonly SilenceSource[] = [],
): ComposedTelling {
  const { reporter, config, deps, database, devices, services } = common;
  const { clock, random, environment } = deps;
  const { channels, routes, keptMs } = config.telling;
  const facts = {
    siteOf: (device: string) => devices.get(device)?.site ?? null,
    tagsOf,
    customersOf: (resource: string, atMs: number) => [
      ...new Set(services.boundTo(resource, atMs).map(({ customer }) => customer.name)),
    ],
    serviceLevelOf: (resource: string) => carried.of(resource)?.serviceLevel ?? null,
    silences: [new Shelved(), maintenance, ...others],
  };
  const deliveries = new Deliveries(reporter, {
    database,
    clock,
    random,
    channels: new Map(
      [...channels].map(([name, own]) => [
        name,
        {
          channel: makeChannel(own, { now: () => clock.now(), environment, fetch }),
          timeoutMs: own.timeout_ms,
          maxAttempts: own.max_attempts,
        },
      ]),
    ),
    itemsOf: (rows) =>
      rows.map((row) => {
        const site = row.device === null ? null : facts.siteOf(row.device);
        const customers = facts.customersOf(row.resource, clock.now());
        return itemOf({ row, id: row.id.toString(), site, customers }, 'reminder');
      }),
  });
  const announcer = new Announcer(
    reporter,
    { routes, storms: new Map([...channels].map(([name, own]) => [name, stormOf(own)])), keptMs },
    { database, clock, newKey: randomUUID, facts, deliveries },
  );
  const whyTold = new WhyTold({ database, clock, facts, routes, channels: [...channels.keys()] });
  return {
    announcer,
    addRoutes: (into, viewpoints, alarms) =>
      addTellRoutes(into, {
        clock,
        viewpoints,
        alarms,
        whyTold,
        list: (query, viewpoint) =>
          listMessages(database, {
            ...query,
            ...(viewpoint.everything
              ? {}
              : { seen: { condition: (at) => seesAlarm(at, 'alarm.'), values: seen(viewpoint) } }),
          }),
        retry: async (id, nowMs, audit) => {
          await retry(database, id, nowMs, audit);
          announcer.wake();
        },
      }),
  };
}
