// What is wrong with customers, plans and services taken together: each mistake with its place and a code; nothing is read or written.
import { isoTime } from '../../common/model/time.ts';
import type { CustomerDocument, PlanDocument, ServiceDocument } from '../contract-schema.ts';
import { creditIssues } from './check-credit.ts';
import { type ContractIssue, decimalAbove, issue } from './contract-issue.ts';
import { type Binding, instantOf, overlaps } from './contract.ts';

export interface ContractDocuments {
  readonly customers: readonly CustomerDocument[];
  readonly price_plans: readonly PlanDocument[];
  readonly services: readonly ServiceDocument[];
  readonly devices: readonly {
    readonly name: string;
    readonly infrastructure?: readonly { readonly interface: string; readonly reason: string }[] | undefined;
  }[];
}

/** Finds what is wrong with tiers; given by rate, which knows what tiers are. */
export type TierCheck = (
  ends: readonly (string | null)[],
) => readonly { readonly at: number; readonly message: string }[];

export interface CheckOptions {
  readonly bucketMs: number;
  readonly tierMistakes: TierCheck;
  /** What is wrong with what an item counts: units of another meter. */
  readonly meteredIssues: (item: PlanDocument['items'][number], path: readonly (string | number)[]) => ContractIssue[];
}

/** A binding with the place it was written at. */
interface PlacedBinding extends Binding {
  readonly path: readonly (string | number)[];
  readonly service: string;
}

/** Every mistake; empty where the contracts can be used. */
export function contractIssues(documents: ContractDocuments, options: CheckOptions): ContractIssue[] {
  const placed: PlacedBinding[] = [];
  const known = indexOf(documents);
  return [
    ...duplicates(documents),
    ...documents.customers.flatMap((customer, at) =>
      currencyKnown(customer.currency) ? [] : [unknownCurrency(['customers', at, 'currency'], customer.currency)],
    ),
    ...documents.price_plans.flatMap((plan, at) => planIssues(plan, ['price_plans', at], options)),
    ...documents.services.flatMap((service, at) => serviceIssues(service, ['services', at], known, placed)),
    ...boundTwice(placed),
    ...infrastructureBound(placed, known),
  ];
}

/** By name: there may be very many of each. */
interface Known {
  readonly customers: ReadonlyMap<string, CustomerDocument>;
  readonly plans: ReadonlyMap<string, readonly PlanDocument[]>;
  readonly devices: ReadonlyMap<string, ContractDocuments['devices'][number]>;
}

function indexOf(documents: ContractDocuments): Known {
  const plans = new Map<string, PlanDocument[]>();
  for (const plan of documents.price_plans) {
    const versions = plans.get(plan.id);
    if (versions === undefined) plans.set(plan.id, [plan]);
    else versions.push(plan);
  }
  return {
    customers: new Map(documents.customers.map((one) => [one.id, one])),
    plans,
    devices: new Map(documents.devices.map((one) => [one.name, one])),
  };
}

function duplicates(documents: ContractDocuments): ContractIssue[] {
  const seen = new Set<string>();
  const look = (kind: string, key: string, path: readonly (string | number)[]): ContractIssue[] => {
    if (seen.has(`${kind} ${key}`)) return [issue(path, 'duplicate', `${key} stands here a second time`)];
    seen.add(`${kind} ${key}`);
    return [];
  };
  return [
    ...documents.customers.flatMap((one, at) => look('customer', one.id, ['customers', at, 'id'])),
    ...documents.services.flatMap((one, at) => look('service', one.id, ['services', at, 'id'])),
    ...documents.price_plans.flatMap((one, at) => [
      ...look('plan', `${one.id} from ${planBegin(one)}`, ['price_plans', at, 'id']),
      ...one.items.flatMap((item, index) => look(`item ${at}`, item.id, ['price_plans', at, 'items', index, 'id'])),
    ]),
  ];
}

/** The same instant may be written as a date or with its time. */
function planBegin(plan: PlanDocument): string {
  if (plan.valid_from === undefined) return 'the beginning';
  const at = instantOf(plan.valid_from, 'UTC');
  return at === null ? plan.valid_from : isoTime(at);
}

/** ISO 4217 gives these no minor unit, and what others assume is no agreement. */
const WITHOUT_EXPONENT: ReadonlySet<string> = new Set('XAG XAU XBA XBB XBC XBD XDR XPD XPT XSU XTS XUA'.split(' '));

function currencyKnown(currency: string): boolean {
  return Intl.supportedValuesOf('currency').includes(currency);
}

function unknownCurrency(path: readonly (string | number)[], currency: string): ContractIssue {
  return issue(path, 'currency_unknown', `${currency} is no currency of ISO 4217`);
}

function planIssues(plan: PlanDocument, path: readonly (string | number)[], options: CheckOptions): ContractIssue[] {
  const found: ContractIssue[] = [];
  if (!currencyKnown(plan.currency)) found.push(unknownCurrency([...path, 'currency'], plan.currency));
  else if (WITHOUT_EXPONENT.has(plan.currency) && plan.rounding.places === undefined)
    found.push(
      issue(
        [...path, 'rounding'],
        'exponent_missing',
        `${plan.currency} has no minor unit in ISO 4217: state rounding.places`,
      ),
    );
  if (plan.valid_from !== undefined && instantOf(plan.valid_from, 'UTC') === null)
    found.push(issue([...path, 'valid_from'], 'date_invalid', `${plan.valid_from} does not exist`));
  plan.items.forEach((item, at) => {
    const place = [...path, 'items', at];
    found.push(
      ...(item.kind === 'service_credit' ? creditIssues(item, plan, place) : itemIssues(item, place, options)),
    );
  });
  return found;
}

type Item = PlanDocument['items'][number];
function itemIssues(
  item: Exclude<Item, { kind: 'service_credit' }>,
  path: readonly (string | number)[],
  options: CheckOptions,
): ContractIssue[] {
  const found: ContractIssue[] = [];
  const table = item.kind === 'graduated' || item.kind === 'volume' ? item.tiers : undefined;
  const steps = table ?? (item.kind === 'stairstep' ? item.steps : undefined);
  if (steps !== undefined)
    for (const { at, message } of options.tierMistakes(steps.map((step) => step.up_to)))
      found.push(issue([...path, table === undefined ? 'steps' : 'tiers', at, 'up_to'], 'tiers_overlap', message));
  if (item.min_spend !== undefined && item.max_spend !== undefined && decimalAbove(item.min_spend, item.max_spend))
    found.push(issue([...path, 'max_spend'], 'limits_crossed', 'the maximum is below the minimum'));
  (item.discounts ?? []).forEach((discount, at) => {
    if ('percent' in discount && decimalAbove(discount.percent, '100'))
      found.push(issue([...path, 'discounts', at, 'percent'], 'discount_impossible', 'expected at most 100'));
  });
  if (item.kind === 'time_of_day')
    item.bands.forEach((band, at) => {
      if (band.from >= band.to)
        found.push(
          issue([...path, 'bands', at, 'to'], 'bands_crossed', 'a band ends after it begins, on the same day'),
        );
    });
  if (item.kind === 'flat' && item.cycle_from !== undefined && item.cycle_months === undefined)
    found.push(issue([...path, 'cycle_from'], 'cycle_missing', 'expected cycle_months beside it'));
  found.push(...options.meteredIssues(item, path));
  if (item.kind === 'percentile' || item.kind === 'demand') {
    if (item.kind === 'percentile' && decimalAbove(item.percentile, '100'))
      found.push(issue([...path, 'percentile'], 'percentile_impossible', 'expected at most 100'));
    if (item.interval_ms % options.bucketMs !== 0)
      found.push(
        issue(
          [...path, 'interval_ms'],
          'interval_off_grid',
          `expected a multiple of billing_bridge.bucket_ms (${options.bucketMs})`,
        ),
      );
  }
  return found;
}

function serviceIssues(
  service: ServiceDocument,
  path: readonly (string | number)[],
  known: Known,
  placed: PlacedBinding[],
): ContractIssue[] {
  const found: ContractIssue[] = [];
  const customer = known.customers.get(service.customer);
  if (customer === undefined)
    found.push(issue([...path, 'customer'], 'customer_unknown', `there is no customer ${service.customer}`));
  const plans = known.plans.get(service.plan) ?? [];
  if (plans.length === 0)
    found.push(issue([...path, 'plan'], 'plan_unknown', `there is no price plan ${service.plan}`));
  const other = plans.find((plan) => customer !== undefined && plan.currency !== customer.currency);
  if (other !== undefined)
    found.push(
      issue(
        [...path, 'plan'],
        'currency_mismatch',
        `the plan is in ${other.currency}, the customer pays in ${customer?.currency ?? ''}`,
      ),
    );
  const zone = customer?.billing_zone ?? 'UTC';
  if (service.billed_from !== undefined && instantOf(service.billed_from, zone) === null)
    found.push(issue([...path, 'billed_from'], 'date_invalid', `${service.billed_from} does not exist`));
  const span = spanOf(service, path, zone, found);
  if (span === null) return found;
  service.bindings.forEach((binding, at) => {
    const place = [...path, 'bindings', at];
    if (known.devices.size > 0 && !known.devices.has(binding.device))
      found.push(issue([...place, 'device'], 'device_unknown', `there is no device ${binding.device}`));
    const from = binding.from ?? service.from;
    const to = binding.to ?? service.to;
    const bound = spanOf({ from, ...(to === undefined ? {} : { to }) }, place, zone, found);
    if (bound === null) return;
    if (bound.fromMs < span.fromMs || (bound.toMs ?? Infinity) > (span.toMs ?? Infinity))
      found.push(issue(place, 'dates_crossed', 'a binding lies inside the time of its service'));
    placed.push({ ...bound, device: binding.device, interface: binding.interface, path: place, service: service.id });
  });
  return found;
}

function spanOf(
  dates: { readonly from: string; readonly to?: string | undefined },
  path: readonly (string | number)[],
  zone: string,
  found: ContractIssue[],
): { fromMs: number; toMs: number | null } | null {
  const fromMs = instantOf(dates.from, zone);
  const toMs = dates.to === undefined ? null : instantOf(dates.to, zone);
  if (fromMs === null) found.push(issue([...path, 'from'], 'date_invalid', `${dates.from} does not exist`));
  if (dates.to !== undefined && toMs === null)
    found.push(issue([...path, 'to'], 'date_invalid', `${dates.to} does not exist`));
  if (fromMs === null || (dates.to !== undefined && toMs === null)) return null;
  if (toMs !== null && toMs <= fromMs) {
    found.push(issue([...path, 'to'], 'dates_crossed', 'ends before it begins'));
    return null;
  }
  return { fromMs, toMs };
}

/** A port that two bindings hold at one time would be billed twice; so would a sub-interface beside its parent in one service. */
function boundTwice(placed: readonly PlacedBinding[]): ContractIssue[] {
  const found: ContractIssue[] = [];
  const byPort = new Map<string, PlacedBinding[]>();
  for (const binding of placed) {
    const port = `${binding.device} ${binding.interface}`;
    const clash = byPort.get(port)?.find((other) => overlaps(other, binding));
    if (clash !== undefined)
      found.push(
        issue(
          binding.path,
          'meter_bound_twice',
          `${binding.device} ${binding.interface} is bound to ${clash.service} at the same time`,
        ),
      );
    byPort.set(port, [...(byPort.get(port) ?? []), binding]);
  }
  for (const binding of placed) {
    const parent = parentOf(binding.interface);
    const clash =
      parent === null
        ? undefined
        : byPort
            .get(`${binding.device} ${parent}`)
            ?.find((other) => other.service === binding.service && overlaps(other, binding));
    if (clash !== undefined)
      found.push(
        issue(
          binding.path,
          'port_in_its_parent',
          `${binding.interface} is part of ${clash.interface}: octets would count twice`,
        ),
      );
  }
  return found;
}

/** `xe-0/0/0` of `xe-0/0/0.100`; null where the name is no sub-interface's. */
function parentOf(name: string): string | null {
  return /^(.+)\.\d+$/.exec(name)?.[1] ?? null;
}

function infrastructureBound(placed: readonly PlacedBinding[], known: Known): ContractIssue[] {
  return placed.flatMap((binding) => {
    const rule = known.devices.get(binding.device)?.infrastructure?.find((one) => one.interface === binding.interface);
    if (rule === undefined) return [];
    return [
      issue(binding.path, 'infrastructure_bound', `${binding.interface} is declared infrastructure (${rule.reason})`),
    ];
  });
}
