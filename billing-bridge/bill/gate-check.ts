// Looks behind each gate of a bill: counters, quarantine, clocks, finality, earlier periods, gaps, suspense and ports that belong to nobody.
import type { Queryable } from '../../common/database/database.ts';
import { type Period, periodAt } from '../../common/model/period.ts';
import { type EpochMs, isoTime } from '../../common/model/time.ts';
import type { ContractBook } from '../account/contract-book.ts';
import type { Customer, Service } from '../account/contract.ts';
import type { InterfaceState } from '../account/interface-state.ts';
import type { Meter, UsageReader } from '../mediate/usage.ts';
import type { GateFindings, GateName } from './gates.ts';

type Finding = Readonly<Record<string, unknown>>;

/** What mediation knows about how far usage can be trusted. */
export interface MediationFacts {
  /** Where usage and counters of the meters differ in the span; empty is good. */
  conservation(meters: readonly number[], fromMs: EpochMs, toMs: EpochMs): Promise<readonly Finding[]>;
  /** Batches kept that could not be read. */
  quarantined(): Promise<number>;
  /** Devices or meters read by a clock that was off in the span. */
  unsoundClocks(meters: readonly number[], fromMs: EpochMs, toMs: EpochMs): Promise<readonly Finding[]>;
  /** Octets of every meter in the span; where it is there, only meters with traffic are looked through day by day. */
  totals?(fromMs: EpochMs, toMs: EpochMs): Promise<readonly { readonly meter: Meter; readonly octets: bigint }[]>;
}

export interface GateCheckDeps {
  readonly database: Queryable;
  readonly usage: UsageReader;
  readonly facts: MediationFacts;
  readonly stateOf: (book: ContractBook, device: string, interfaceKey: string, at: EpochMs) => InterfaceState;
}

interface Port {
  readonly service: string;
  readonly device: string;
  readonly interface: string;
  readonly fromMs: EpochMs;
  readonly toMs: EpochMs;
}

const OPEN_MS = Number.MAX_SAFE_INTEGER;
const DAY_MS = 86_400_000;

export class GateCheck {
  readonly #deps: GateCheckDeps;

  constructor(deps: GateCheckDeps) {
    this.#deps = deps;
  }

  /** Every gate, in the order of their names' list. */
  async check(book: ContractBook, customer: Customer, period: Period): Promise<GateFindings[]> {
    const ports = portsOf(book.servicesOf(customer.id), period);
    const all = await this.#deps.usage.allMeters();
    const meters = all.filter((meter) =>
      ports.some((port) => port.device === meter.device && port.interface === meter.interfaceKey),
    );
    const ids = meters.map((meter) => meter.id);
    const { facts } = this.#deps;
    const quarantined = await facts.quarantined();
    return [
      gate('conservation', await facts.conservation(ids, period.startMs, period.endMs)),
      { name: 'quarantine', count: quarantined, findings: quarantined === 0 ? [] : [{ batches: quarantined }] },
      gate('clock', await facts.unsoundClocks(ids, period.startMs, period.endMs)),
      gate('finality', await this.#notFinal(customer, period, ports, meters)),
      gate('earlier_period', await this.#earlierPeriods(customer, period)),
      ...(await this.#fromCharges(customer, period)),
      gate('unassigned', await this.unassigned(book, period.startMs, period.endMs, all)),
    ];
  }

  /** Ports with traffic in the span that no service held then and no rule explains. */
  async unassigned(book: ContractBook, fromMs: EpochMs, toMs: EpochMs, meters: readonly Meter[]): Promise<Finding[]> {
    const found: Finding[] = [];
    for (const meter of await this.#withTraffic(meters, fromMs, toMs)) {
      const held = book
        .holdersIn(meter.device, meter.interfaceKey, fromMs, toMs)
        .some(({ binding }) => binding.fromMs <= fromMs && (binding.toMs ?? OPEN_MS) >= toMs);
      if (held) continue;
      if (this.#deps.stateOf(book, meter.device, meter.interfaceKey, toMs - 1).state === 'infrastructure') continue;
      const octets = await this.#unheldOctets(book, meter, fromMs, toMs);
      if (octets > 0n)
        found.push({
          device: meter.device,
          interface: meter.interfaceKey,
          direction: meter.direction,
          octets: octets.toString(),
        });
    }
    return found;
  }

  async #withTraffic(meters: readonly Meter[], fromMs: EpochMs, toMs: EpochMs): Promise<readonly Meter[]> {
    const totals = await this.#deps.facts.totals?.(fromMs, toMs);
    return totals === undefined ? meters : totals.filter(({ octets }) => octets > 0n).map(({ meter }) => meter);
  }

  async #unheldOctets(book: ContractBook, meter: Meter, fromMs: EpochMs, toMs: EpochMs): Promise<bigint> {
    let octets = 0n;
    for (let at = fromMs; at < toMs; at += DAY_MS) {
      const records = await this.#deps.usage.latest([meter.id], at, Math.min(toMs, at + DAY_MS));
      for (const record of records) {
        if (book.holderAt(meter.device, meter.interfaceKey, record.bucketStartMs) !== null) continue;
        octets += record.octets.good + record.octets.wrapped + record.octets.gap + record.octets.suspended;
      }
    }
    return octets;
  }

  async #notFinal(
    customer: Customer,
    period: Period,
    ports: readonly Port[],
    meters: readonly Meter[],
  ): Promise<Finding[]> {
    const final = await this.#deps.usage.finalUntil(meters.map((meter) => meter.id));
    const found: Finding[] = [];
    for (const port of ports) {
      const own = meters.filter((meter) => meter.device === port.device && meter.interfaceKey === port.interface);
      const { device, interface: name, service, toMs } = port;
      if (own.length === 0) found.push({ service, device, interface: name, reason: 'never read' });
      const late = own.filter((meter) => (final.get(meter.id) ?? 0) < toMs);
      if (late.length > 0)
        found.push({
          service,
          device,
          interface: name,
          reason: 'usage not final',
          finalUntil: isoTime(Math.min(...late.map((meter) => final.get(meter.id) ?? 0))),
        });
    }
    const { rows } = await this.#deps.database.query<{ service: string; item: string; windows: bigint }>(
      `select d.service, d.item, count(*)::int8 as windows from billing.due_window d
        where d.service = any($1::text[]) and d.window_start_ms < $2 and d.window_end_ms <= $2 group by 1, 2`,
      [[...new Set(ports.map((port) => port.service))], period.endMs],
    );
    for (const row of rows)
      found.push({
        account: customer.id,
        service: row.service,
        item: row.item,
        windows: row.windows.toString(),
        reason: 'not rated yet',
      });
    return found;
  }

  async #earlierPeriods(customer: Customer, period: Period): Promise<Finding[]> {
    const { rows } = await this.#deps.database.query<{ window_start_ms: bigint }>(
      `select min(window_start_ms) as window_start_ms from billing.charge c
        where customer = $1 and window_start_ms < $2 and not exists (
          select 1 from billing.bill b where b.customer = c.customer and b.category = 'normal'
            and c.window_start_ms >= b.period_start_ms and c.window_start_ms < b.period_end_ms)
        having min(window_start_ms) is not null`,
      [customer.id, period.startMs],
    );
    return rows.map((row) => ({
      firstUnbilledPeriod: periodAt(Number(row.window_start_ms), customer.cycle, customer.zone).name,
    }));
  }

  /** Gaps and suspended octets as the charges say them; a percentile and a volume of one port both tell. */
  async #fromCharges(customer: Customer, period: Period): Promise<GateFindings[]> {
    const { rows } = await this.#deps.database.query<{ service: string; gaps: string; suspended: string }>(
      `select service, sum((working #>> '{coverage,gapOctets}')::numeric)::text as gaps,
              sum((working #>> '{coverage,suspendedOctets}')::numeric)::text as suspended
         from billing.charge c
        where customer = $1 and window_start_ms >= $2 and window_start_ms < $3 and not exists (
          select 1 from billing.charge later where later.service = c.service and later.item = c.item
            and later.window_start_ms = c.window_start_ms and later.version > c.version)
        group by service order by service`,
      [customer.id, period.startMs, period.endMs],
    );
    const of = (field: 'gaps' | 'suspended'): Finding[] =>
      rows.filter((row) => row[field] !== '0').map((row) => ({ service: row.service, octets: row[field] }));
    return [gate('gaps', of('gaps')), gate('suspense', of('suspended'))];
  }
}

function gate(name: GateName, findings: readonly Finding[]): GateFindings {
  return { name, count: findings.length, findings };
}

function portsOf(services: readonly Service[], period: Period): Port[] {
  return services.flatMap((service) =>
    service.bindings.flatMap((binding) => {
      const fromMs = Math.max(binding.fromMs, period.startMs);
      const toMs = Math.min(binding.toMs ?? OPEN_MS, period.endMs);
      return toMs <= fromMs
        ? []
        : [{ service: service.id, device: binding.device, interface: binding.interface, fromMs, toMs }];
    }),
  );
}
