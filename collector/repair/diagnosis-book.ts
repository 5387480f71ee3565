// Diagnoses as the API reads them, each entry only for who sees what it is about, and a diagnosis that a person asks for.
import { recordAudit } from '../../common/database/audit.ts';
import type { Database } from '../../common/database/database.ts';
import { isoTime } from '../../common/model/time.ts';
import { sees, type Viewpoint } from '../../common/model/viewpoint.ts';
import type { Principal } from '../../common/runtime/access.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import type { AlarmFacts, Facts } from './facts.ts';
import { ownPlaceOf, subjectName } from './own-place.ts';
import type { RepairLimits } from './repair-config.ts';
import { runbookFor } from './run-decisions.ts';
import { insertRuns, RUN_COLUMNS, type RunRow, runsNow, type StepRow, stepsOf } from './run-store.ts';
import type { Runbook } from './runbook.ts';
import type { Library } from './runbook-library.ts';
import { misfit, type Subject } from './selector.ts';

export interface DiagnosisBookDeps {
  readonly database: Database;
  readonly clock: Clock;
  readonly library: Library;
  readonly facts: Facts;
  readonly limits: RepairLimits;
  /** They are begun by themselves. */
  readonly diagnose: boolean;
  /** A diagnosis was written down: it is begun soon. */
  readonly wake: () => void;
}

/**
 * waiting: it has not stood long enough; ended_early: it did not; silent: it is a symptom, in a window or on a shelf, or was raised more than an hour
 * before somebody looked.
 */
export const NO_DIAGNOSIS = ['no_runbook', 'device_unknown', 'off', 'waiting', 'ended_early', 'silent'] as const;
export type NoDiagnosis = (typeof NO_DIAGNOSIS)[number];

export interface StepAnswer {
  readonly kind: string;
  readonly state: string;
  readonly begunAt: string;
  readonly finishedAt: string | null;
  readonly summary: string;
  readonly entries: readonly { readonly about: string; readonly name: string; readonly value: string }[];
  readonly leftOut: number;
}

export interface DiagnosisAnswer {
  readonly id: string;
  readonly runbook: string;
  readonly title: string;
  readonly trigger: string;
  readonly askedBy: string;
  readonly state: string;
  readonly reason: string | null;
  readonly raisedAt: string;
  readonly createdAt: string;
  readonly finishedAt: string | null;
  readonly steps: readonly StepAnswer[];
}

/** Of one alarm. */
const MOST_SHOWN = 10;
/** That are under way for people at a time. */
const MOST_ASKED = 50;

export class DiagnosisBook {
  readonly #deps: DiagnosisBookDeps;

  constructor(deps: DiagnosisBookDeps) {
    this.#deps = deps;
  }

  /** Of an alarm that the caller sees; the newest first. */
  async of(alarm: string, viewpoint: Viewpoint): Promise<readonly DiagnosisAnswer[]> {
    const { database } = this.#deps;
    const { rows } = await database.query<RunRow>(
      `select ${RUN_COLUMNS} from repair.run where alarm = $1 order by id desc limit ${MOST_SHOWN}`,
      [alarm],
    );
    const steps = await stepsOf(
      database,
      rows.map(({ id }) => id),
    );
    return rows.map((row) =>
      answerOf(
        row,
        steps.filter(({ run }) => run === row.id),
        viewpoint,
      ),
    );
  }

  /** Which fit an alarm, the one that runs by itself first. */
  async runbooksFor(alarm: AlarmFacts): Promise<readonly Runbook[]> {
    const subject = await this.#subjectOf(alarm);
    if (subject === null) return [];
    return [...this.#deps.library.runbooks.values()]
      .filter(({ selector }) => misfit(selector, subject) === null)
      .toReversed();
  }

  /** Why an alarm has no diagnosis, where it has none: in a code that the API documents. */
  why(alarm: AlarmFacts, fitting: readonly Runbook[]): NoDiagnosis {
    const { facts, diagnose, clock } = this.#deps;
    if (alarm.device !== null && facts.deviceOf(alarm.device) === null) return 'device_unknown';
    const [runbook] = fitting;
    if (runbook === undefined) return 'no_runbook';
    if (!diagnose) return 'off';
    if ((alarm.clearedAtMs ?? clock.now()) - alarm.raisedAtMs >= runbook.holdMs) return 'silent';
    return alarm.isCleared ? 'ended_early' : 'waiting';
  }

  /** Begins one, also where one was before. Throws not_found for a runbook that does not fit, overloaded beyond the limits. */
  async run(alarm: AlarmFacts, runbook: string | null, by: Principal): Promise<DiagnosisAnswer> {
    const { database, clock, limits } = this.#deps;
    const subject = await this.#subjectOf(alarm);
    const fitting = await this.runbooksFor(alarm);
    const chosen =
      runbook === null
        ? subject && runbookFor(this.#deps.library.runbooks.values(), subject)
        : fitting.find(({ name }) => name === runbook);
    if (chosen === null || chosen === undefined)
      throw new WeirError('not_found', `No runbook${runbook === null ? '' : ` ${runbook}`} is for alarm ${alarm.id}.`, {
        alarm: alarm.id,
        runbook,
      });
    const device = subjectName(alarm);
    const nowMs = clock.now();
    const [row] = await database.transaction(async (connection) => {
      await connection.query("select pg_advisory_xact_lock(hashtext('repair.run'))");
      const now = await runsNow(connection, nowMs);
      if (now.running >= MOST_ASKED || (now.latelyOf.get(device) ?? 0) >= limits.runsPerDevicePerHour * 2)
        throw new WeirError('overloaded', `Too many diagnoses, or too many of ${device} in the last hour.`, {
          bound: 'diagnoses',
          running: now.running,
          retryAfterSeconds: 60,
        });
      const made = await insertRuns(
        connection,
        [
          {
            alarm: alarm.id,
            raisedAtMs: alarm.raisedAtMs,
            device,
            runbook: chosen.name,
            title: chosen.title,
            trigger: 'operator',
            askedBy: by.name,
            state: 'running',
            reason: null,
            plan: chosen.steps,
          },
        ],
        nowMs,
      );
      await recordAudit(connection, {
        atMs: nowMs,
        actor: by.name,
        role: by.role,
        action: 'alarm.diagnose',
        subject: `alarm/${alarm.id}`,
        after: { runbook: chosen.name, device },
      });
      return made;
    });
    if (row === undefined) throw new Error('BUG: a diagnosis was not written');
    this.#deps.wake();
    return answerOf(row, [], EVERY_STEP_TO_COME);
  }

  async #subjectOf(alarm: AlarmFacts): Promise<Subject | null> {
    const { facts } = this.#deps;
    const { alarmType, severity, device } = alarm;
    if (device === null) {
      const place = ownPlaceOf(alarm.resource);
      const site = place?.kind === 'site' ? place.name : null;
      return place === null ? null : { alarmType, severity, device: alarm.resource, site, tags: [], profile: null };
    }
    const configured = facts.deviceOf(device);
    if (configured === null) return null;
    const { site, tags } = configured;
    return { alarmType, severity, device, site, tags, profile: await facts.profileOf(device) };
  }
}

/** It has none yet. */
const EVERY_STEP_TO_COME: Viewpoint = { everything: false, devices: [], resources: [], customers: [] };

function answerOf(row: RunRow, steps: readonly StepRow[], viewpoint: Viewpoint): DiagnosisAnswer {
  return {
    id: row.id.toString(),
    runbook: row.runbook,
    title: row.title,
    trigger: row.trigger,
    askedBy: row.asked_by,
    state: row.state,
    reason: row.reason,
    raisedAt: isoTime(Number(row.raised_at_ms)),
    createdAt: isoTime(Number(row.created_at_ms)),
    finishedAt: row.finished_at_ms === null ? null : isoTime(Number(row.finished_at_ms)),
    steps: steps.map((step) => stepAnswer(step, viewpoint, row.device)),
  };
}

/** What an entry says of a resource that is not seen is left out, and counted; of the alarm's own device only who sees the whole of it reads. */
function stepAnswer(step: StepRow, viewpoint: Viewpoint, device: string): StepAnswer {
  const entries = step.entries.filter(({ about }) => sees(viewpoint, about));
  const whole = sees(viewpoint, device) || step.finished_at_ms === null;
  return {
    kind: step.kind,
    state: step.state,
    begunAt: isoTime(Number(step.begun_at_ms)),
    finishedAt: step.finished_at_ms === null ? null : isoTime(Number(step.finished_at_ms)),
    summary: whole ? step.summary : '',
    entries,
    leftOut: step.left_out + step.entries.length - entries.length,
  };
}
