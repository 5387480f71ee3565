// What a KPI is asked for, as resources with the spans in which they count, and nothing beyond the viewpoint.
import { WeirError } from '../../common/runtime/errors.ts';
import type { Viewpoint } from '../../common/model/viewpoint.ts';
import type { MirroredService, ServiceBook } from '../services/service-book.ts';
import type { MetricStore } from '../store/store.ts';
import type { Span } from './compute.ts';
import type { KpiDefinition, ResourceKind } from './definition.ts';
import { metricsOf } from './formula.ts';
import type { Part } from './kpi-desk.ts';

export type Target =
  | { readonly kind: 'resource' | 'device' | 'site' | 'service' | 'customer'; readonly id: string }
  | { readonly kind: 'network' };

export interface KpiTargetsDeps {
  readonly store: Pick<MetricStore, 'catalogue'>;
  readonly services: Pick<ServiceBook, 'service' | 'ofCustomer'>;
  /** Devices of a site by the configuration as it is now. */
  readonly devicesOf: (site: string) => readonly string[];
  readonly sees: (viewpoint: Viewpoint, resource: string) => boolean;
}

const PAGE = 10_000;
const MAX_PAGES = 20;

export class KpiTargets {
  readonly #deps: KpiTargetsDeps;

  constructor(deps: KpiTargetsDeps) {
    this.#deps = deps;
  }

  /** Throws not_found where the target is not there for the viewpoint, invalid_request where the KPI is not of such a resource. */
  async partsOf(kpi: KpiDefinition, target: Target, span: Span, viewpoint: Viewpoint): Promise<readonly Part[]> {
    if (target.kind === 'service' || target.kind === 'customer')
      return this.#ofServices(kpi, this.#services(target.kind, target.id, viewpoint), span);
    if (target.kind === 'resource') return [this.#one(kpi, target.id, span, viewpoint)];
    const resources = await this.#known(kpi, target, viewpoint);
    if (resources.length === 0 && target.kind !== 'network') throw absent(target.kind, target.id);
    return resources.map((resource) => ({ resource, ...span }));
  }

  #one(kpi: KpiDefinition, resource: string, span: Span, viewpoint: Viewpoint): Part {
    if (!this.#deps.sees(viewpoint, resource)) throw absent('resource', resource);
    const kind = kindOf(resource);
    if (kpi.resources.includes(kind)) return { resource, ...span };
    throw new WeirError('invalid_request', `resource: the KPI ${kpi.name} is not of a ${kind}.`, {
      issues: [{ path: 'resource', message: `expected ${kpi.resources.join(' or ')}` }],
    });
  }

  #services(kind: 'service' | 'customer', id: string, viewpoint: Viewpoint): readonly MirroredService[] {
    const { services } = this.#deps;
    const found = kind === 'service' ? [services.service(id)].flatMap((one) => one ?? []) : services.ofCustomer(id);
    const seen = found.filter(({ customer }) => viewpoint.everything || viewpoint.customers.includes(customer.id));
    if (seen.length === 0) throw absent(kind, id);
    return seen;
  }

  /** Each bound interface, or its device where the KPI is of devices only, while it is bound. */
  #ofServices(kpi: KpiDefinition, services: readonly MirroredService[], span: Span): readonly Part[] {
    const parts = new Map<string, Part>();
    for (const service of services)
      for (const binding of service.bindings) {
        const fromMs = Math.max(span.fromMs, service.fromMs, binding.fromMs);
        const toMs = Math.min(span.toMs, service.toMs ?? Infinity, binding.toMs ?? Infinity);
        if (fromMs >= toMs) continue;
        const { device, interfaceKey } = binding;
        const resource = kpi.resources.includes('interface') ? `${device}/${interfaceKey}` : device;
        parts.set(`${resource} ${fromMs} ${toMs}`, { resource, fromMs, toMs });
      }
    return [...parts.values()];
  }

  /** What the store has values of: also what is gone by now. Interfaces where the KPI is of both: devices would count twice. */
  async #known(
    kpi: KpiDefinition,
    target: Exclude<Target, { kind: 'resource' | 'service' | 'customer' }>,
    viewpoint: Viewpoint,
  ): Promise<readonly string[]> {
    const kind: ResourceKind = kpi.resources.includes('interface') ? 'interface' : 'device';
    const metric = metricsOf(kpi.formula)[0] ?? (kind === 'interface' ? 'oper_status' : 'reachable');
    const devices = target.kind === 'site' ? new Set(this.#deps.devicesOf(target.id)) : null;
    const device = target.kind === 'device' ? target.id : undefined;
    const found = new Set<string>();
    let after: { metric: string; resource: string } | undefined;
    for (let page = 0; page < MAX_PAGES; page += 1) {
      const items = await this.#deps.store.catalogue({
        metric,
        limit: PAGE,
        ...(device === undefined ? {} : { device }),
        ...(after === undefined ? {} : { after }),
      });
      for (const item of items)
        if (
          (devices === null || devices.has(item.device)) &&
          kindOf(item.resource) === kind &&
          this.#deps.sees(viewpoint, item.resource)
        )
          found.add(item.resource);
      const last = items.at(-1);
      if (items.length < PAGE || last === undefined) return [...found];
      after = { metric: last.metric, resource: last.resource };
    }
    throw new WeirError('kpi_too_large', `There are more than ${PAGE * MAX_PAGES} resources.`, {
      maxParts: PAGE * MAX_PAGES,
    });
  }
}

export function kindOf(resource: string): ResourceKind {
  return resource.includes('/') ? 'interface' : 'device';
}

function absent(kind: string, id: string): WeirError {
  return new WeirError('not_found', `There is no ${kind} ${JSON.stringify(id.slice(0, 200))}.`, {
    [kind]: id.slice(0, 200),
  });
}
