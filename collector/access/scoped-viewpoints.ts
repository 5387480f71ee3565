// Resolves what a principal sees from its scope: devices by their sites, interfaces by what the customers in scope are bound to now.
import type { DurationMs, EpochMs } from '../../common/model/time.ts';
import type { Principal, Scope } from '../../common/runtime/access.ts';
import type { ServiceBook } from '../services/service-book.ts';
import { EVERYTHING, type Viewpoint } from '../../common/model/viewpoint.ts';
import type { Viewpoints } from './viewpoint.ts';

export interface ScopedViewpointsDeps {
  /** Names and sites of all devices; another map where any of it has changed. */
  readonly devices: () => ReadonlyMap<string, { readonly name: string; readonly site: string | null }>;
  readonly services: Pick<ServiceBook, 'ofCustomer' | 'state'>;
  readonly now: () => EpochMs;
}

/** As long as one is kept: bindings begin and end by the clock, too. */
const KEPT_MS: DurationMs = 2000;
const MOST_KEPT = 1000;

interface Kept {
  readonly viewpoint: Viewpoint;
  readonly untilMs: EpochMs;
  /** What it was made of; where either is another it is made anew. */
  readonly devices: unknown;
  readonly services: string | null;
}

export class ScopedViewpoints implements Viewpoints {
  readonly #deps: ScopedViewpointsDeps;
  readonly #kept = new Map<string, Kept>();

  constructor(deps: ScopedViewpointsDeps) {
    this.#deps = deps;
  }

  of({ scope }: Principal): Promise<Viewpoint> {
    if (scope === null) return Promise.resolve(EVERYTHING);
    const key = JSON.stringify([scope.sites, scope.customers]);
    const [nowMs, devices, services] = [this.#deps.now(), this.#deps.devices(), this.#deps.services.state().version];
    const held = this.#kept.get(key);
    const sound = held !== undefined && held.devices === devices && held.services === services;
    if (sound && nowMs < held.untilMs && held.untilMs - nowMs <= KEPT_MS) return Promise.resolve(held.viewpoint);
    const viewpoint = this.#made(scope, devices);
    this.#kept.delete(key);
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size < MOST_KEPT) break;
      this.#kept.delete(oldest);
    }
    this.#kept.set(key, { viewpoint, untilMs: nowMs + KEPT_MS, devices, services });
    return Promise.resolve(viewpoint);
  }

  #made(scope: Scope, all: ReturnType<ScopedViewpointsDeps['devices']>): Viewpoint {
    const sites = new Set(scope.sites);
    const devices = [...all.values()].filter(({ site }) => site !== null && sites.has(site));
    return {
      everything: false,
      devices: devices.map(({ name }) => name).toSorted(),
      // Alarms of a site as a whole are on a resource of its own.
      resources: [...this.#boundNow(scope.customers), ...scope.sites.map((site) => `site:${site}`)].toSorted(),
      customers: scope.customers.toSorted(),
    };
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
