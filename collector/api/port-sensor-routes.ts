// The sensors of one interface: light levels, temperature and bias of its optics, with the device's own limits and the values of now.
import { z } from 'zod';
import type { DescribedRoutes } from '../../common/http/described-routes.ts';
import { sensorMetric } from '../../common/model/sensor-metric.ts';
import { isoTime } from '../../common/model/time.ts';
import { READERS } from '../../common/runtime/access.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import { codeOf } from '../../common/runtime/errors.ts';
import type { Inventory } from '../inventory/inventory.ts';
import type { PartBook } from '../inventory/part-book.ts';
import type { MetricStore } from '../store/store.ts';
import { idParameter } from './parameters.ts';
import { portSensorAnswer } from './port-sensor-answer.ts';
import { type SeenBy, seenBy } from './seen.ts';

export interface PortSensorDeps extends SeenBy {
  readonly clock: Clock;
  readonly inventory: Pick<Inventory, 'device' | 'interface'>;
  readonly parts: Pick<PartBook, 'sensorsOf'>;
  readonly store: Pick<MetricStore, 'latest'>;
}

/** A value older than this is not the latest but the last. */
const LATEST_WITHIN_MS = 15 * 60_000;

export function addPortSensorRoutes(routes: DescribedRoutes, deps: PortSensorDeps): void {
  const { inventory, parts, clock, store } = deps;
  routes.add(
    {
      method: 'GET',
      url: '/api/v1/interfaces/:id/sensors',
      access: READERS,
      scoped: true,
      summary: 'Sensors that name this interface: of its optics, with limits and the latest values.',
      params: z.object({ id: idParameter.max(2 ** 31 - 1) }),
      answer: z.object({ items: z.array(portSensorAnswer), next: z.null() }),
    },
    async ({ params, principal }) => {
      const viewpoint = await seenBy(deps, principal);
      const port = await inventory.interface(viewpoint, params.id);
      const device = await inventory.device(viewpoint, port.device).catch((error: unknown) => {
        // The port alone is seen, and nothing else of its device.
        if (codeOf(error) === 'not_found') return null;
        throw error;
      });
      const found = device === null ? [] : await parts.sensorsOf(device.id, port);
      const sensors = found.map(({ key, facts }) => ({
        key,
        facts,
        resource: `${port.device}/sensor:${key}`,
        metric: sensorMetric(String(facts['class'] ?? '')),
      }));
      const values = new Map<string, { readonly atMs: number; readonly value: number }>();
      const sinceMs = clock.now() - LATEST_WITHIN_MS;
      for (const metric of new Set(sensors.map((one) => one.metric))) {
        const resources = sensors.filter((one) => one.metric === metric).map((one) => one.resource);
        for (const one of await store.latest({ metric, resources, sinceMs })) values.set(one.resource, one);
      }
      return {
        items: sensors.map(({ key, facts, metric, resource }) => {
          const text = (name: string): string | null => (typeof facts[name] === 'string' ? facts[name] : null);
          const number = (name: string): number | null => (typeof facts[name] === 'number' ? facts[name] : null);
          const latest = values.get(resource);
          return {
            key,
            class: text('class'),
            description: text('description'),
            unit: text('unit'),
            state: text('state'),
            lowLimit: number('lowLimit'),
            lowWarning: number('lowWarning'),
            highWarning: number('highWarning'),
            highLimit: number('highLimit'),
            metric,
            resource,
            at: latest === undefined ? null : isoTime(latest.atMs),
            value: latest?.value ?? null,
          };
        }),
        next: null,
      };
    },
  );
}
