// Resolves what a principal sees from its scope: devices by their sites, interfaces by what the customers in scope are bound to now.
import type { EpochMs } from '../../common/model/time.ts';
import type { Principal } from '../../common/runtime/access.ts';
import type { ServiceBook } from '../services/service-book.ts';
import { EVERYTHING, type Viewpoint } from '../../common/model/viewpoint.ts';
import type { Viewpoints } from './viewpoint.ts';

export interface ScopedViewpointsDeps {
  /** Names and sites of all devices. */
  readonly devices: () => Iterable<{ readonly name: string; readonly site: string | null }>;
  readonly services: Pick<ServiceBook, 'ofCustomer'>;
  readonly now: () => EpochMs;
}

export class ScopedViewpoints implements Viewpoints {
  readonly #deps: ScopedViewpointsDeps;

  constructor(deps: ScopedViewpointsDeps) {
    this.#deps = deps;
  }

  of({ scope }: Principal): Promise<Viewpoint> {
    if (scope === null) return Promise.resolve(EVERYTHING);
    const sites = new Set(scope.sites);
    const devices = [...this.#deps.devices()].filter(({ site }) => site !== null && sites.has(site));
    return Promise.resolve({
      everything: false,
      devices: devices.map(({ name }) => name).toSorted(),
      // Alarms of a site as a whole are on a resource of its own.
      resources: [...this.#boundNow(scope.customers), ...scope.sites.map((site) => `site:${site}`)].toSorted(),
      customers: scope.customers.toSorted(),
    });
  }

  #boundNow(customers: readonly string[]): string[] {
    const nowMs = this.#deps.now();
    const bound = customers
      .flatMap((customer) => this.#deps.services.ofCustomer(customer))
      .flatMap(({ bindings }) => bindings)
      .filter(({ fromMs, toMs }) => fromMs <= nowMs && nowMs < (toMs ?? Number.POSITIVE_INFINITY));
    return [...new Set(bound.map(({ device, interfaceKey }) => `${device}/${interfaceKey}`))].toSorted();
  }
}
