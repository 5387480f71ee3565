// What a configuration changes in the contracts that are kept: new versions with their validity, never an edit of history. Pure.
import { periodAt } from '../../common/model/period.ts';
import { type EpochMs, isoTime } from '../../common/model/time.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import type { CustomerDocument, PlanDocument, ServiceDocument } from '../contract-schema.ts';
import { type Binding, FOR_EVER_MS, instantOf, overlaps, type Service } from './contract.ts';
import { cycleOf } from './contract.ts';
import { type ContractKind, type KeptVersion, nextVersion, statedDigest } from './kept-version.ts';
import { planVersions } from './plan-versions.ts';
import { type Rerating, reratingOf } from './rerating.ts';

export interface Stated {
  readonly customers: readonly CustomerDocument[];
  readonly price_plans: readonly PlanDocument[];
  readonly services: readonly ServiceDocument[];
}

export interface Application {
  readonly versions: readonly KeptVersion[];
  readonly reratings: readonly Rerating[];
  /** Plans of which an entry was changed whose time is over, so that the change has no effect. */
  readonly superseded: readonly string[];
}

/** Compares what is stated with the newest versions kept. Throws contract_change_refused for what would change history. */
export function applicationOf(kept: readonly KeptVersion[], stated: Stated, now: EpochMs): Application {
  const newest = newestOf(kept);
  const customers = new Map(stated.customers.map((customer) => [customer.id, customer]));
  const services = serviceVersions(newest, stated, customers, now);
  const plans = planVersions(
    kept.filter((version) => version.kind === 'price_plan'),
    stated.price_plans,
    now,
  );
  return {
    versions: [...customerVersions(kept, stated, now), ...plans.made, ...services],
    reratings: services.flatMap((version) => {
      const before = newest.get(keyOf('service', version.id));
      const rerating = reratingOf(
        before === undefined ? null : keptService(before.document),
        keptService(version.document),
        now,
      );
      return rerating === null ? [] : [rerating];
    }),
    superseded: plans.superseded,
  };
}

/** One service changed by hand. What the configuration says of it counts again once it says something new. */
export function serviceChange(
  kept: readonly KeptVersion[],
  id: string,
  change: (service: Service) => Service,
  now: EpochMs,
): Application {
  const newest = newestOf(kept);
  const before = newest.get(keyOf('service', id));
  if (before === undefined) throw new WeirError('not_found', `There is no service ${id}.`, { service: id });
  const service = keptService(before.document);
  const next = change(service);
  if (next === service) return { versions: [], reratings: [], superseded: [] };
  const made = nextVersion(before, 'service', id, before.stated, now, next);
  refuseDoubleBindings(newest, [made]);
  const rerating = reratingOf(service, next, now);
  return { versions: [made], reratings: rerating === null ? [] : [rerating], superseded: [] };
}

function newestOf(versions: readonly KeptVersion[]): Map<string, KeptVersion> {
  const newest = new Map<string, KeptVersion>();
  for (const version of versions) {
    const before = newest.get(keyOf(version.kind, version.id));
    if (before === undefined || before.version < version.version) newest.set(keyOf(version.kind, version.id), version);
  }
  return newest;
}

const keyOf = (kind: ContractKind, id: string): string => `${kind} ${id}`;

function customerVersions(kept: readonly KeptVersion[], stated: Stated, now: EpochMs): KeptVersion[] {
  const newest = newestOf(kept);
  // A customer that left and comes back is the one that its bills name.
  const lastStated = newestOf(kept.filter((version) => version.kind === 'customer' && version.document !== null));
  const changed = stated.customers.flatMap((customer): KeptVersion[] => {
    const before = newest.get(keyOf('customer', customer.id));
    const digest = statedDigest(customer);
    if (before?.stated === digest && before.document !== null) return [];
    const last = lastStated.get(keyOf('customer', customer.id))?.document;
    refuseChange('customer', customer.id, ['currency', 'billing_zone', 'billing_cycle', 'billing_day'], last, customer);
    return [nextVersion(before, 'customer', customer.id, digest, before === undefined ? 0 : now, customer)];
  });
  return [...changed, ...ended(newest, 'customer', new Set(stated.customers.map((one) => one.id)), now)];
}

/** What bills and charges were cut by cannot change under them: that takes a new contract with a new id. */
function refuseChange(
  kind: ContractKind,
  id: string,
  fields: readonly string[],
  before: unknown,
  after: Readonly<Record<string, unknown>>,
): void {
  if (typeof before !== 'object' || before === null) return;
  const old = new Map(Object.entries(before));
  const field = fields.find((name) => old.get(name) !== after[name]);
  if (field !== undefined)
    throw new WeirError(
      'contract_change_refused',
      `The ${field} of ${kind} ${id} cannot change from ${String(old.get(field))} to ${String(after[field])}.`,
      { kind, id, field },
    );
}

function serviceVersions(
  newest: ReadonlyMap<string, KeptVersion>,
  stated: Stated,
  customers: ReadonlyMap<string, CustomerDocument>,
  now: EpochMs,
): KeptVersion[] {
  const changed = stated.services.flatMap((service): KeptVersion[] => {
    const before = newest.get(keyOf('service', service.id));
    const digest = statedDigest(service);
    if (before?.stated === digest) return [];
    const previous = before === undefined ? null : keptService(before.document);
    if (previous !== null) refuseChange('service', service.id, ['customer'], previous, { customer: service.customer });
    const next = mergedService(previous, service, customers.get(service.customer), now);
    if (previous !== null) refuseSecondBegin(previous, next, now);
    return [nextVersion(before, 'service', service.id, digest, now, next)];
  });
  const names = new Set(stated.services.map((service) => service.id));
  const removed = [...newest.values()].flatMap((version): KeptVersion[] => {
    if (version.kind !== 'service' || names.has(version.id) || version.stated === '') return [];
    const service = keptService(version.document);
    return [nextVersion(version, 'service', version.id, '', now, endedService(service, now))];
  });
  const result = [...changed, ...removed];
  refuseDoubleBindings(newest, result);
  return result;
}

/** A corrected begin gives back what was charged before it. Of a service that had its time and ended that would be all of it. */
function refuseSecondBegin(previous: Service, next: Service, now: EpochMs): void {
  const { toMs } = previous;
  if (toMs === null || toMs > now || toMs <= previous.fromMs || next.fromMs < toMs) return;
  throw new WeirError(
    'contract_change_refused',
    `The service ${next.id} ended at ${isoTime(toMs)} and cannot begin again at ${isoTime(next.fromMs)}.`,
    { kind: 'service', id: next.id, field: 'from' },
  );
}

/** History stays: what is no longer stated ends now, what is new without a date begins now. */
function mergedService(
  before: Service | null,
  stated: ServiceDocument,
  customer: CustomerDocument | undefined,
  now: EpochMs,
): Service {
  const zone = customer?.billing_zone ?? 'UTC';
  const fromMs = instantOf(stated.from, zone) ?? 0;
  const toMs = stated.to === undefined ? null : instantOf(stated.to, zone);
  const bindings = stated.bindings.map((binding): Binding => {
    const open = before?.bindings.find(
      (one) =>
        one.device === binding.device && one.interface === binding.interface && (one.toMs === null || one.toMs > now),
    );
    const undated = before === null ? fromMs : Math.max(open?.fromMs ?? now, fromMs);
    return {
      device: binding.device,
      interface: binding.interface,
      fromMs: binding.from === undefined ? undated : (instantOf(binding.from, zone) ?? undated),
      toMs: binding.to === undefined ? toMs : instantOf(binding.to, zone),
    };
  });
  const history = (before?.bindings ?? []).flatMap((old): Binding[] => {
    const restated = bindings.some(
      (one) => one.device === old.device && one.interface === old.interface && overlaps(one, old),
    );
    // An end of the service that is entered late ends all that was bound.
    const endMs = Math.min(old.toMs ?? FOR_EVER_MS, toMs ?? FOR_EVER_MS, now);
    return restated || old.fromMs >= endMs ? [] : [{ ...old, toMs: endMs }];
  });
  const plans = before === null ? [] : before.plans;
  const changed = plans.at(-1)?.plan !== stated.plan;
  return {
    id: stated.id,
    name: stated.name ?? stated.id,
    customer: stated.customer,
    fromMs,
    toMs,
    recurringFromMs:
      stated.billed_from === undefined
        ? (before?.recurringFromMs ??
          Math.max(fromMs, periodAt(now, customer === undefined ? 'month' : cycleOf(customer), zone).startMs))
        : (instantOf(stated.billed_from, zone) ?? fromMs),
    plans: changed ? [...plans, { plan: stated.plan, fromMs: before === null ? fromMs : now }] : plans,
    bindings: [...history, ...bindings],
    ...(stated.service_level === undefined ? {} : { serviceLevel: stated.service_level }),
  };
}

function endedService(service: Service, now: EpochMs): Service {
  const toMs = Math.max(service.fromMs, Math.min(service.toMs ?? FOR_EVER_MS, now));
  return {
    ...service,
    toMs,
    bindings: service.bindings
      .filter((binding) => binding.fromMs < toMs)
      .map((binding) => ({ ...binding, toMs: Math.min(binding.toMs ?? FOR_EVER_MS, toMs) })),
  };
}

/** The merged history, unlike the configuration alone, may still hold a port for two services at one time. */
function refuseDoubleBindings(newest: ReadonlyMap<string, KeptVersion>, made: readonly KeptVersion[]): void {
  const services = new Map<string, Service>();
  for (const version of [...newest.values(), ...made])
    if (version.kind === 'service') services.set(version.id, keptService(version.document));
  const byPort = new Map<string, (Binding & { readonly service: string })[]>();
  for (const service of services.values())
    for (const binding of service.bindings) {
      const port = `${binding.device} ${binding.interface}`;
      const held = byPort.get(port) ?? [];
      const clash = held.find((other) => overlaps(other, binding));
      if (clash !== undefined)
        throw new WeirError(
          'meter_bound_twice',
          `${port} is bound to ${clash.service} and ${service.id} at one time.`,
          {
            device: binding.device,
            interface: binding.interface,
            services: [clash.service, service.id],
          },
        );
      held.push({ ...binding, service: service.id });
      byPort.set(port, held);
    }
}

function ended(
  newest: ReadonlyMap<string, KeptVersion>,
  kind: ContractKind,
  stated: ReadonlySet<string>,
  now: EpochMs,
): KeptVersion[] {
  return [...newest.values()].flatMap((version) =>
    version.kind !== kind || stated.has(version.id) || version.document === null
      ? []
      : [nextVersion(version, kind, version.id, '', now, null)],
  );
}

/** A service as this module wrote it. */
export function keptService(document: unknown): Service {
  if (!isService(document)) throw new Error('BUG: a kept service has not the form it was written in');
  return document;
}

function isService(document: unknown): document is Service {
  return (
    typeof document === 'object' &&
    document !== null &&
    'id' in document &&
    'fromMs' in document &&
    'plans' in document &&
    Array.isArray(document.plans) &&
    'bindings' in document &&
    Array.isArray(document.bindings)
  );
}
