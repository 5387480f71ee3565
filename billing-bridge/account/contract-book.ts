// All contracts in memory, with the questions that rating and billing ask of them.
import type { EpochMs } from '../../common/model/time.ts';
import { type Binding, type Customer, FOR_EVER_MS, overlaps, type PlanVersion, type Service } from './contract.ts';

export interface BookContents {
  /** Grows with every change; the version of the feed. */
  readonly serial: bigint;
  readonly customers: readonly Customer[];
  readonly services: readonly Service[];
  readonly plans: readonly PlanVersion[];
}

export interface Holder {
  readonly service: Service;
  readonly binding: Binding;
}

/** A span in which one version of a plan counts for a service. */
export interface TermSpan {
  readonly plan: PlanVersion;
  readonly fromMs: EpochMs;
  readonly toMs: EpochMs;
}

/** Immutable; a change of contracts makes a new book. */
export class ContractBook {
  readonly serial: bigint;
  readonly customers: ReadonlyMap<string, Customer>;
  readonly services: ReadonlyMap<string, Service>;
  readonly plans: readonly PlanVersion[];
  readonly #plansById = new Map<string, PlanVersion[]>();
  readonly #byPort = new Map<string, Holder[]>();
  readonly #byCustomer = new Map<string, Service[]>();

  constructor(contents: BookContents) {
    this.serial = contents.serial;
    this.customers = new Map(contents.customers.map((customer) => [customer.id, customer]));
    this.services = new Map(contents.services.map((service) => [service.id, service]));
    this.plans = contents.plans;
    for (const plan of contents.plans) {
      if (plan.cancelled === true) continue;
      const versions = this.#plansById.get(plan.id) ?? [];
      versions.push(plan);
      versions.sort((left, right) => left.validFromMs - right.validFromMs || left.version - right.version);
      this.#plansById.set(plan.id, versions);
    }
    for (const service of contents.services) {
      added(this.#byCustomer, service.customer, service);
      for (const binding of service.bindings)
        added(this.#byPort, portKey(binding.device, binding.interface), { service, binding });
    }
  }

  customerOf(service: Service): Customer {
    const customer = this.customers.get(service.customer);
    if (customer === undefined) throw new Error(`BUG: service ${service.id} has no customer`);
    return customer;
  }

  servicesOf(customer: string): readonly Service[] {
    return this.#byCustomer.get(customer) ?? [];
  }

  /** The terms that count for a service at an instant; null before its plan's first version. */
  planAt(service: Service, at: EpochMs): PlanVersion | null {
    const plan = service.plans.findLast((one) => one.fromMs <= at) ?? service.plans[0];
    const versions = plan === undefined ? [] : (this.#plansById.get(plan.plan) ?? []);
    return versions.findLast((version) => version.validFromMs <= at) ?? null;
  }

  /** The terms of a service from its begin to its end, one after the other; a time before its plan's first version has none. */
  termsOver(service: Service): TermSpan[] {
    const endMs = service.toMs ?? FOR_EVER_MS;
    const begins = service.plans.flatMap(({ plan, fromMs }) => [
      fromMs,
      ...(this.#plansById.get(plan) ?? []).map(({ validFromMs }) => validFromMs),
    ]);
    const inside = begins.filter((at) => at > service.fromMs && at < endMs);
    const cuts = [...new Set([service.fromMs, ...inside])].toSorted((left, right) => left - right);
    const spans: TermSpan[] = [];
    cuts.forEach((fromMs, at) => {
      const toMs = cuts[at + 1] ?? endMs;
      const plan = this.planAt(service, fromMs);
      const before = spans.at(-1);
      if (before !== undefined && before.plan === plan && before.toMs === fromMs)
        spans[spans.length - 1] = { ...before, toMs };
      else if (plan !== null && toMs > fromMs) spans.push({ plan, fromMs, toMs });
    });
    return spans;
  }

  /** Who holds a port at an instant; null where nobody does. */
  holderAt(device: string, interfaceKey: string, at: EpochMs): Holder | null {
    return (
      this.#byPort
        .get(portKey(device, interfaceKey))
        ?.find(({ binding }) => at >= binding.fromMs && at < (binding.toMs ?? FOR_EVER_MS)) ?? null
    );
  }

  /** Everybody who holds a port in a span. */
  holdersIn(device: string, interfaceKey: string, fromMs: EpochMs, toMs: EpochMs): Holder[] {
    const span = { fromMs, toMs };
    return (this.#byPort.get(portKey(device, interfaceKey)) ?? []).filter(({ binding }) => overlaps(binding, span));
  }
}

function portKey(device: string, interfaceKey: string): string {
  return `${device}\n${interfaceKey}`;
}

function added<Value>(lists: Map<string, Value[]>, key: string, value: Value): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [value]);
  else list.push(value);
}
