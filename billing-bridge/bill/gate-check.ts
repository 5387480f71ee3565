// Looks behind each gate of a bill: counters, quarantine, clocks, finality, earlier periods, gaps, suspense and ports that belong to nobody.
import { classOf } from '../../common/model/meter-class.ts';
import type { Queryable } from '../../common/database/database.ts';
import { type Period, periodAt } from '../../common/model/period.ts';
import type { EpochMs } from '../../common/model/time.ts';
import type { ContractBook } from '../account/contract-book.ts';
import type { Customer, Service } from '../account/contract.ts';
import type { InterfaceState } from '../account/interface-state.ts';
import type { Meter, UsageReader } from '../mediate/usage.ts';
import { type BoundPort, type FinalityDeps, notFinal, unratedUsage, type UnratedUsage } from './finality.ts';
import type { Finding, GateFindings, GateName } from './gates.ts';
import { vanishedIn } from './vanished.ts';

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

export interface GateCheckDeps extends FinalityDeps {
  readonly database: Queryable;
  readonly usage: UsageReader;
  readonly facts: MediationFacts;
  readonly stateOf: (book: ContractBook, device: string, interfaceKey: string, at: EpochMs) => InterfaceState;
}

/** What is the same for every account of a run. */
interface Common {
  readonly meters: readonly Meter[];
  readonly byPort: ReadonlyMap<string, readonly Meter[]>;
  readonly quarantined: number;
}

const OPEN_MS = Number.MAX_SAFE_INTEGER;
const DAY_MS = 86_400_000;

/** For one bill run: what all accounts have in common is looked up once. */
export class GateCheck {
  readonly #deps: GateCheckDeps;
  readonly #unassigned = new Map<string, Promise<Finding[]>>();
  #common: Promise<Common> | null = null;
  #unrated: { readonly stored: bigint; readonly usage: UnratedUsage } | null = null;

  constructor(deps: GateCheckDeps) {
    this.#deps = deps;
  }

  /** Every gate, in the order of their names' list. */
  async check(book: ContractBook, customer: Customer, period: Period): Promise<GateFindings[]> {
    this.#common ??= this.#lookUp();
    const { meters, byPort, quarantined } = await this.#common;
    const services = book.servicesOf(customer.id);
    const ports = portsOf(services, period, byPort);
    const ids = [...new Set(ports.flatMap((port) => port.meters.map((meter) => meter.id)))];
    const { facts } = this.#deps;
    return [
      gate('conservation', await facts.conservation(ids, period.startMs, period.endMs)),
      { name: 'quarantine', count: quarantined, findings: quarantined === 0 ? [] : [{ batches: quarantined }] },
      gate('clock', await facts.unsoundClocks(ids, period.startMs, period.endMs)),
      gate('finality', await notFinal(this.#deps, () => this.#unratedNow(), book, services, period, ports)),
      gate('earlier_period', await this.#earlierPeriods(customer, period)),
      ...(await this.#fromCharges(customer, period)),
      gate('unassigned', await this.#unassignedIn(book, period, meters)),
      gate('vanished', await vanishedIn(this.#deps, services, period)),
    ];
  }

  async #lookUp(): Promise<Common> {
    const meters = await this.#deps.usage.allMeters();
    const byPort = new Map<string, Meter[]>();
    for (const meter of meters) {
      const port = byPort.get(portKey(meter.device, meter.interfaceKey));
      if (port === undefined) byPort.set(portKey(meter.device, meter.interfaceKey), [meter]);
      else port.push(meter);
    }
    return {
      meters,
      byPort,
      quarantined: await this.#deps.facts.quarantined(),
    };
  }

  /** A run over many accounts takes minutes, and mediation goes on: what it has stored since is looked up again. */
  async #unratedNow(): Promise<UnratedUsage> {
    const stored = (await this.#deps.usage.storedUntil?.()) ?? null;
    if (stored !== null && this.#unrated?.stored === stored) return this.#unrated.usage;
    const usage = await unratedUsage(this.#deps);
    this.#unrated = stored === null ? null : { stored, usage };
    return usage;
  }

  #unassignedIn(book: ContractBook, period: Period, meters: readonly Meter[]): Promise<Finding[]> {
    const span = `${book.serial} ${period.startMs} ${period.endMs}`;
    const known = this.#unassigned.get(span) ?? this.unassigned(book, period.startMs, period.endMs, meters);
    this.#unassigned.set(span, known);
    return known;
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
    return totals === undefined
      ? meters.filter((meter) => classOf(meter) === 'octets')
      : totals.filter(({ octets }) => octets > 0n).map(({ meter }) => meter);
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

  async #earlierPeriods(customer: Customer, period: Period): Promise<Finding[]> {
    const { rows } = await this.#deps.database.query<{ window_start_ms: bigint }>(
      `select min(window_start_ms) as window_start_ms from billing.charge c
        where customer = $1 and window_start_ms < $2 and not exists (
          select 1 from billing.bill b where b.customer = c.customer and b.category = 'normal'
            and c.window_start_ms >= b.period_start_ms and c.window_start_ms < b.period_end_ms)
          -- What was charged in advance stands on the bill before, and its own period may have none; nor need what corrects it.
          and (c.kind <> 'flat_in_advance' or not exists (
            select 1 from billing.charge v join billing.bill_line_charge held on held.charge = v.id and held.final
             where v.service = c.service and v.item = c.item and v.window_start_ms = c.window_start_ms))
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

function portKey(device: string, interfaceKey: string): string {
  return `${device}\n${interfaceKey}`;
}

function portsOf(
  services: readonly Service[],
  period: Period,
  byPort: ReadonlyMap<string, readonly Meter[]>,
): BoundPort[] {
  return services.flatMap((service) =>
    service.bindings.flatMap((binding) => {
      const fromMs = Math.max(binding.fromMs, period.startMs);
      const toMs = Math.min(binding.toMs ?? OPEN_MS, period.endMs);
      const { device, interface: name } = binding;
      const meters = byPort.get(portKey(device, name)) ?? [];
      const leavesMs = binding.toMs;
      return toMs <= fromMs ? [] : [{ service: service.id, device, interface: name, toMs, leavesMs, meters }];
    }),
  );
}
