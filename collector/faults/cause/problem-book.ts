// Open problems out of the raised alarms and what was decided of them, in the order of what they cost.
import type { Database } from '../../../common/database/database.ts';
import { levelRank } from '../../../common/model/service-level.ts';
import type { Viewpoint } from '../../../common/model/viewpoint.ts';
import type { Clock } from '../../../common/runtime/clock.ts';
import type { MirroredService, ServiceBook } from '../../services/service-book.ts';
import { type Alarm, SEVERITIES } from '../alarm.ts';
import { type AlarmRow, alarmOf, timeOf } from '../alarm-row.ts';
import { type HurtingAlarm, hurtsService, impactOf, servicesHit } from './impact.ts';
import {
  type Problem,
  PROBLEM_CRITICALITIES,
  type ProblemCriticality,
  type Problems,
  type Symptom,
} from './problem.ts';

export interface ProblemBookDeps {
  readonly database: Database;
  readonly clock: Clock;
  readonly services: Pick<ServiceBook, 'boundTo'>;
  /** As people have set it by hand. */
  readonly criticalityOf: (device: string) => ProblemCriticality;
}

/** Raised alarms that are read; those that changed longest ago are left out. */
const MOST_ALARMS = 50_000;

type Row = AlarmRow & {
  readonly root: bigint | null;
  readonly held: boolean;
  readonly reason: string | null;
  readonly shelved: boolean;
};

export class ProblemBook implements Problems {
  readonly #deps: ProblemBookDeps;

  constructor(deps: ProblemBookDeps) {
    this.#deps = deps;
  }

  async open(viewpoint: Viewpoint): ReturnType<Problems['open']> {
    const { database, clock } = this.#deps;
    const seen = viewpoint.everything ? [null, []] : [viewpoint.devices, viewpoint.resources];
    const { rows } = await database.query<Row>(
      `select alarm.*, cause.root, coalesce(cause.held_until_ms is not null, false) as held, cause.reason,
              coalesce(alarm.shelved_until_ms > $1, false) as shelved
         from faults.alarm
         left join faults.cause on cause.alarm = alarm.id and cause.raised_at_ms = alarm.raised_at_ms
        where not alarm.is_cleared
          and ($2::text[] is null or alarm.device = any($2::text[]) or alarm.resource = any($3::text[]))
        order by alarm.changed_at_ms desc, alarm.id desc limit $4`,
      [clock.now(), ...seen, MOST_ALARMS + 1],
    );
    const read = rows.slice(0, MOST_ALARMS);
    const there = new Set(read.map(({ id }) => id));
    // A symptom of what is not seen is shown by itself.
    const rootOf = ({ root, held }: Row): bigint | null => (root !== null && !held && there.has(root) ? root : null);
    const symptoms = new Map<bigint, Row[]>();
    for (const row of read) {
      const root = rootOf(row);
      const list = root === null ? undefined : symptoms.get(root);
      if (list !== undefined) list.push(row);
      else if (root !== null) symptoms.set(root, [row]);
    }
    const roots = read.filter((row) => rootOf(row) === null && !row.shelved);
    const problems = roots.map((row) => this.#problemOf(row, symptoms.get(row.id) ?? [], viewpoint));
    return { problems: problems.toSorted(graver), complete: rows.length <= MOST_ALARMS };
  }

  #problemOf(row: Row, symptoms: readonly Row[], viewpoint: Viewpoint): Problem {
    const { clock, services, criticalityOf } = this.#deps;
    const nowMs = clock.now();
    const sees = ({ customer }: MirroredService): boolean =>
      viewpoint.everything || viewpoint.customers.includes(customer.id);
    const all = [row, ...symptoms];
    const boundTo = (resource: string): readonly MirroredService[] => services.boundTo(resource, nowMs).filter(sees);
    const alarms = all.map(hurtingOf);
    const suffering = servicesHit(alarms.filter(hurtsService), boundTo);
    const devices = new Set(all.flatMap(({ device }) => (device === null ? [] : [device])));
    return {
      id: row.id.toString(),
      root: alarmOf(row, nowMs),
      settled: !row.held,
      reason: row.reason,
      criticality: highest([...devices].map(criticalityOf)),
      symptoms: symptoms.map(symptomOf).toSorted((one, other) => (one.resource < other.resource ? -1 : 1)),
      impact: impactOf(servicesHit(alarms, boundTo), suffering),
    };
  }
}

function hurtingOf({ resource, alarm_type: alarmType, severity, external }: Row): HurtingAlarm {
  const affecting = external?.['serviceAffecting'];
  return { resource, alarmType, severity, serviceAffecting: typeof affecting === 'boolean' ? affecting : null };
}

function symptomOf(row: Row): Symptom {
  return {
    id: row.id.toString(),
    resource: row.resource,
    alarmType: row.alarm_type,
    severity: row.severity,
    raisedAt: timeOf(row.raised_at_ms),
  };
}

function highest(criticalities: readonly ProblemCriticality[]): ProblemCriticality {
  if (criticalities.length === 0) return 'normal';
  return PROBLEM_CRITICALITIES[Math.max(...new Set(criticalities.map(rankOf)))] ?? 'normal';
}

function rankOf(criticality: ProblemCriticality): number {
  return PROBLEM_CRITICALITIES.indexOf(criticality);
}

/** By what people have set by hand, then by revenue, by the level of service that was promised, by severity, and the older first. */
function graver(one: Problem, other: Problem): number {
  return (
    rankOf(other.criticality) - rankOf(one.criticality) ||
    other.impact.hourly.compare(one.impact.hourly) ||
    levelRank(other.impact.serviceLevel) - levelRank(one.impact.serviceLevel) ||
    severityRank(one.root) - severityRank(other.root) ||
    Date.parse(one.root.raisedAt) - Date.parse(other.root.raisedAt) ||
    Number(one.id) - Number(other.id)
  );
}

function severityRank({ severity }: Alarm): number {
  return SEVERITIES.indexOf(severity);
}
