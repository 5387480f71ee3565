// What each port, device and site carries, by the services bound there and by what people set by hand, kept where alarms find it.
import type { Database, Queryable } from '../../common/database/database.ts';
import { Exact } from '../../common/model/exact.ts';
import type { EpochMs } from '../../common/model/time.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import { codeOf, messageOf } from '../../common/runtime/errors.ts';
import type { Reporter } from '../../common/runtime/reporter.ts';
import type { MirroredService, ServiceBook } from '../services/service-book.ts';
import { impactOf, type Impact } from './cause/impact.ts';
import type { ProblemCriticality } from './cause/problem.ts';
import { type ImpactRank, impactRank } from './priority.ts';

/** What is bound to a resource at an instant. */
export interface Carried extends Pick<Impact, 'serviceLevel' | 'hourly'> {
  readonly impact: ImpactRank;
  /** Set by hand, whatever it carries. */
  readonly byHand: boolean;
}

export interface CarriedBookDeps {
  readonly database: Database;
  readonly clock: Pick<Clock, 'now'>;
  readonly services: Pick<ServiceBook, 'services'>;
  /** As configured, with what was set by hand. */
  readonly devices: () => Iterable<{ readonly name: string; readonly site: string | null }>;
  readonly criticalityOf: (device: string) => ProblemCriticality;
}

/** Beyond it resources count as if they carried nothing: those with the highest impact are kept. */
const MOST_RESOURCES = 500_000;
/** Any constant that nothing else in the database uses: "carr" in ASCII. */
const ADVISORY_LOCK = 0x63_61_72_72;

interface Row {
  readonly resource: string;
  readonly impact: number;
  readonly by_hand: boolean;
}

export class CarriedBook {
  readonly #reporter: Reporter;
  readonly #deps: CarriedBookDeps;
  #written: ReadonlyMap<string, Carried> | null = null;
  #carried: ReadonlyMap<string, Carried> = new Map();

  constructor(reporter: Reporter, deps: CarriedBookDeps) {
    this.#reporter = reporter;
    this.#deps = deps;
  }

  /** As at the last look. */
  of(resource: string): Carried | null {
    return this.#carried.get(resource) ?? null;
  }

  /** Writes what is another than before; what fails now is written the next time. */
  async look(): Promise<void> {
    const { services, devices, criticalityOf, clock, database } = this.#deps;
    this.#carried = carriedBy(services.services(), [...devices()], criticalityOf, clock.now());
    this.#reporter
      .gauge('carried_resources_left_out', 'Resources whose alarms are ordered as if they carried nothing')
      .set(Math.max(0, this.#carried.size - MOST_RESOURCES));
    const kept = mostCarrying(this.#carried);
    if (this.#written !== null && sameImpacts(this.#written, kept)) return;
    try {
      await database.transaction((connection) => write(connection, kept));
      this.#written = kept;
    } catch (error) {
      this.#reporter.warn('what resources carry is not written', { code: codeOf(error), message: messageOf(error) });
    }
  }
}

/** By resource: ports, devices, and sites as `site:NAME`. Pure. */
export function carriedBy(
  services: readonly MirroredService[],
  devices: readonly { readonly name: string; readonly site: string | null }[],
  criticalityOf: (device: string) => ProblemCriticality,
  atMs: EpochMs,
): Map<string, Carried> {
  const siteOf = new Map(devices.map(({ name, site }) => [name, site]));
  const bound = new Map<string, Set<MirroredService>>();
  const put = (resource: string, service: MirroredService): void => {
    const held = bound.get(resource);
    if (held === undefined) bound.set(resource, new Set([service]));
    else held.add(service);
  };
  for (const service of services) {
    if (!holds(service, atMs)) continue;
    for (const binding of service.bindings) {
      if (!holds(binding, atMs)) continue;
      put(`${binding.device}/${binding.interfaceKey}`, service);
      put(binding.device, service);
      const site = siteOf.get(binding.device) ?? null;
      if (site !== null) put(`site:${site}`, service);
    }
  }
  const found = new Map<string, Carried>();
  for (const [resource, held] of bound) {
    const { serviceLevel, hourly } = impactOf([...held]);
    const impact = impactRank({ serviceLevel, hourly, criticality: 'normal' });
    found.set(resource, { serviceLevel, hourly, impact, byHand: false });
  }
  for (const { name } of devices) {
    const criticality = criticalityOf(name);
    if (criticality === 'normal') continue;
    const { serviceLevel, hourly } = found.get(name) ?? { serviceLevel: null, hourly: Exact.zero };
    const impact = impactRank({ serviceLevel, hourly, criticality });
    found.set(name, { serviceLevel, hourly, impact, byHand: true });
  }
  return found;
}

function holds(span: { readonly fromMs: EpochMs; readonly toMs: EpochMs | null }, atMs: EpochMs): boolean {
  return span.fromMs <= atMs && atMs < (span.toMs ?? Infinity);
}

function mostCarrying(carried: ReadonlyMap<string, Carried>): ReadonlyMap<string, Carried> {
  if (carried.size <= MOST_RESOURCES) return carried;
  return new Map([...carried].toSorted(([, one], [, other]) => other.impact - one.impact).slice(0, MOST_RESOURCES));
}

function sameImpacts(one: ReadonlyMap<string, Carried>, other: ReadonlyMap<string, Carried>): boolean {
  if (one.size !== other.size) return false;
  for (const [resource, { impact, byHand }] of one) {
    const now = other.get(resource);
    if (now === undefined || now.impact !== impact || now.byHand !== byHand) return false;
  }
  return true;
}

/** Only what changed, and the order of the alarms that it is of. */
async function write(connection: Queryable, carried: ReadonlyMap<string, Carried>): Promise<void> {
  await connection.query('select pg_advisory_xact_lock($1)', [ADVISORY_LOCK]);
  const { rows } = await connection.query<Row>('select resource, impact, by_hand from faults.carried');
  const held = new Map(rows.map((row) => [row.resource, row]));
  const gone = rows.filter(({ resource }) => !carried.has(resource)).map(({ resource }) => resource);
  const changed = [...carried].filter(([resource, { impact, byHand }]) => {
    const before = held.get(resource);
    return before?.impact !== impact || before.by_hand !== byHand;
  });
  if (gone.length + changed.length === 0) return;
  await connection.query('delete from faults.carried where resource = any($1::text[])', [gone]);
  await connection.query(
    `insert into faults.carried (resource, impact, by_hand) select * from unnest($1::text[], $2::int2[], $3::boolean[])
     on conflict (resource) do update set impact = excluded.impact, by_hand = excluded.by_hand`,
    [
      changed.map(([resource]) => resource),
      changed.map(([, { impact }]) => impact),
      changed.map(([, { byHand }]) => byHand),
    ],
  );
  await connection.query(
    `update faults.alarm_priority
        set priority = faults.priority_of(alarm.severity_rank, faults.impact_of(alarm.resource, alarm.device))
       from faults.alarm
      where alarm.id = of_alarm and not alarm.is_cleared
        and (alarm.resource = any($1::text[]) or alarm.device = any($1::text[]))`,
    [[...gone, ...changed.map(([resource]) => resource)]],
  );
}
