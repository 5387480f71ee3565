// Starts diagnoses of alarms that have held, and takes each from step to step: what it knows stands in the database, so another collector goes on where one died.
import type { Database } from '../../common/database/database.ts';
import type { DurationMs, EpochMs } from '../../common/model/time.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import { codeOf, messageOf } from '../../common/runtime/errors.ts';
import type { CounterMetric, GaugeMetric, Reporter } from '../../common/runtime/reporter.ts';
import type { AlarmRow } from '../faults/alarm-row.ts';
import type { SilenceSource } from '../faults/silence.ts';
import { askWork, findWork, isOpen, type WorkPort } from './asked-work.ts';
import type { AskedWork, DiagnosedAlarm, DiagnosisSteps, EndedWork } from './diagnosis-steps.ts';
import { type Finding, finding } from './entry.ts';
import type { Facts } from './facts.ts';
import { ownPlaceOf, subjectName } from './own-place.ts';
import type { RepairConfig } from './repair-config.ts';
import { type Candidate, type RunsDue, runsDue } from './run-decisions.ts';
import {
  dueAlarms,
  finishRun,
  insertRuns,
  type NewRun,
  runningRuns,
  type RunRow,
  runsNow,
  type StepRow,
  stepsOf,
  writeAsked,
  writeFinding,
} from './run-store.ts';
import type { Step } from './runbook.ts';
import type { Library } from './runbook-library.ts';

export interface DiagnosisRunnerDeps {
  readonly database: Database;
  readonly clock: Clock;
  readonly work: WorkPort;
  readonly library: Library;
  readonly facts: Facts;
  readonly steps: DiagnosisSteps;
  readonly silences: readonly SilenceSource[];
}

/** Beyond the time of a step, for the result to come. */
const SPARE_MS: DurationMs = 10_000;
/** Runs that are looked at in one pass: those that people asked for count, too. */
const MOST_RUNNING = 200;

export class DiagnosisRunner {
  readonly #reporter: Reporter;
  readonly #config: Pick<RepairConfig, 'diagnose' | 'limits'>;
  readonly #deps: DiagnosisRunnerDeps;
  readonly #runs: CounterMetric;
  readonly #passedOver: CounterMetric;
  readonly #running: GaugeMetric;

  constructor(reporter: Reporter, config: Pick<RepairConfig, 'diagnose' | 'limits'>, deps: DiagnosisRunnerDeps) {
    this.#reporter = reporter;
    this.#config = config;
    this.#deps = deps;
    this.#runs = reporter.counter('diagnoses_total', 'Diagnoses that were begun, by runbook', ['runbook']);
    this.#passedOver = reporter.counter('diagnoses_passed_over_total', 'Alarms that were not diagnosed, by reason', [
      'reason',
    ]);
    this.#running = reporter.gauge('diagnoses_running', 'Diagnoses under way');
  }

  /** Begins what is due; to be called by one collector at a time. */
  async beginDue(): Promise<void> {
    if (!this.#config.diagnose) return;
    const { database, clock } = this.#deps;
    const nowMs = clock.now();
    const candidates = await this.#candidates(nowMs);
    if (candidates.length === 0) return;
    const now = await runsNow(database, nowMs);
    const due = runsDue(candidates, this.#deps.library.runbooks.values(), { now, limits: this.#config.limits, nowMs });
    for (const run of await insertRuns(database, newRunsOf(due), nowMs)) {
      if (run.state === 'passed_over') this.#passedOver.add(1, { reason: run.reason ?? '' });
      else this.#runs.add(1, { runbook: run.runbook });
    }
  }

  /** Takes every run as far as it goes now. */
  async goOn(): Promise<void> {
    const runs = await runningRuns(this.#deps.database, MOST_RUNNING);
    this.#running.set(runs.length);
    const steps = await stepsOf(
      this.#deps.database,
      runs.map(({ id }) => id),
    );
    for (const run of runs)
      await this.#advance(
        run,
        steps.filter((step) => step.run === run.id),
      );
  }

  async #candidates(nowMs: EpochMs): Promise<readonly Candidate[]> {
    const { database, library, silences, facts } = this.#deps;
    const runbooks = [...library.runbooks.values()];
    const types = [...new Set(runbooks.flatMap(({ selector }) => selector.alarmTypes))];
    const leastHoldMs = Math.min(...runbooks.map(({ holdMs }) => holdMs));
    const rows = await dueAlarms(database, types, leastHoldMs, nowMs);
    if (rows.length === 0) return [];
    const silent = new Set<string>();
    for (const source of silences)
      for (const id of (await source.silencesOf(database, rows, nowMs)).keys()) silent.add(id);
    const told = rows.filter(({ id }) => !silent.has(id.toString()));
    const profiles = await facts.profiles([...new Set(told.flatMap(({ device }) => device ?? []))]);
    return told.flatMap((row) => this.#candidateOf(row, profiles) ?? []);
  }

  #candidateOf(row: AlarmRow, profiles: ReadonlyMap<string, string | null>): Candidate | null {
    const place = ownPlaceOf(row.resource);
    if (row.device === null && place === null) return null;
    const device = subjectName(row);
    const configured = this.#deps.facts.deviceOf(device);
    return {
      alarm: row.id.toString(),
      raisedAtMs: Number(row.raised_at_ms),
      alarmType: row.alarm_type,
      severity: row.severity,
      device,
      known: configured !== null || row.device === null,
      site: configured?.site ?? (place?.kind === 'site' ? place.name : null),
      tags: configured?.tags ?? [],
      profile: profiles.get(device) ?? null,
    };
  }

  async #advance(run: RunRow, steps: readonly StepRow[]): Promise<void> {
    try {
      let done = steps.filter(({ finished_at_ms: at }) => at !== null).length;
      const open = steps.find(({ finished_at_ms: at }) => at === null);
      const alarm = await this.#alarmOf(run);
      if (open !== undefined) {
        if (!(await this.#end(run, open, alarm))) return;
        done += 1;
      }
      while (done < run.plan.length) {
        if (!(await this.#begin(run, done, alarm))) return;
        done += 1;
      }
      await finishRun(this.#deps.database, run.id, this.#deps.clock.now());
    } catch (error) {
      // Tried again with the next look; one that cannot be gone on with holds up no other.
      this.#reporter.warn('a diagnosis did not go on', {
        run: run.id.toString(),
        code: codeOf(error),
        message: messageOf(error),
      });
    }
  }

  async #alarmOf({ alarm, device }: RunRow): Promise<DiagnosedAlarm> {
    const held = await this.#deps.facts.alarm(alarm.toString());
    return { id: alarm.toString(), device, resource: held?.resource ?? device };
  }

  /** True where the step has ended at once. */
  async #begin(run: RunRow, ordinal: number, alarm: DiagnosedAlarm): Promise<boolean> {
    const { steps, facts } = this.#deps;
    const step = stepAt(run, ordinal);
    const profile = step.profiles.length === 0 ? null : await facts.profileOf(run.device);
    const foreign = step.profiles.length > 0 && !step.profiles.includes(profile ?? '');
    const beginning = foreign
      ? { finding: finding('skipped', `for devices of the profiles ${step.profiles.join(', ')}`) }
      : await steps.begin(step, alarm);
    if ('finding' in beginning) return this.#write(run, ordinal, beginning.finding);
    if (beginning.works.length === 0) return this.#gather(run, ordinal, alarm, { works: [], timedOut: false });
    return this.#ask(run, ordinal, beginning.works);
  }

  async #ask(run: RunRow, ordinal: number, works: readonly AskedWork[]): Promise<boolean> {
    const { work, clock, database } = this.#deps;
    const step = stepAt(run, ordinal);
    const asked = works.map(({ agent, request }, at) => ({
      agent,
      device: request.device,
      id: `diagnosis-${run.id}-${ordinal}-${at}`,
    }));
    try {
      for (const [at, { agent, request }] of works.entries())
        await askWork(work, agent, {
          ...request,
          id: asked[at]?.id ?? '',
          reason: `diagnosis ${run.id} of alarm ${run.alarm}, asked for by ${run.asked_by}`,
          expiresMs: step.timeoutMs,
        });
    } catch (error) {
      return this.#write(run, ordinal, finding('failed', `${codeOf(error)}: ${messageOf(error)}`));
    }
    const nowMs = clock.now();
    const untilMs = nowMs + step.timeoutMs + SPARE_MS;
    await writeAsked(database, { run: run.id, ordinal, kind: step.kind, works: asked, nowMs, untilMs });
    return false;
  }

  /** True where it has ended. */
  async #end(run: RunRow, open: StepRow, alarm: DiagnosedAlarm): Promise<boolean> {
    const works: EndedWork[] = [];
    let waiting = false;
    for (const { agent, id, device } of open.works) {
      const work = await findWork(this.#deps.work, agent, id);
      waiting ||= isOpen(work);
      works.push({ device, work });
    }
    const timedOut = this.#deps.clock.now() >= Number(open.until_ms);
    if (waiting && !timedOut) return false;
    return this.#gather(run, open.ordinal, alarm, { works, timedOut });
  }

  async #gather(
    run: RunRow,
    ordinal: number,
    alarm: DiagnosedAlarm,
    { works, timedOut }: { readonly works: readonly EndedWork[]; readonly timedOut: boolean },
  ): Promise<boolean> {
    const nowMs = this.#deps.clock.now();
    const found = await this.#deps.steps.gather(stepAt(run, ordinal), alarm, works, { timedOut, nowMs });
    return this.#write(run, ordinal, found);
  }

  async #write(run: RunRow, ordinal: number, found: Finding): Promise<true> {
    const { database, clock } = this.#deps;
    await writeFinding(database, { run: run.id, ordinal, kind: stepAt(run, ordinal).kind }, found, clock.now());
    return true;
  }
}

function stepAt({ plan }: RunRow, ordinal: number): Step {
  const step = plan[ordinal];
  if (step === undefined) throw new Error(`BUG: a diagnosis has no step ${ordinal}`);
  return step;
}

function newRunsOf({ start, passedOver }: RunsDue): NewRun[] {
  const base = ({ alarm, raisedAtMs, device }: Candidate) =>
    ({ alarm, raisedAtMs, device, trigger: 'raised', askedBy: 'weir' }) as const;
  return [
    ...start.map(
      ({ candidate, runbook: { name, title, steps } }): NewRun => ({
        ...base(candidate),
        runbook: name,
        title,
        plan: steps,
        state: 'running',
        reason: null,
      }),
    ),
    ...passedOver.map(
      ({ candidate, runbook, reason }): NewRun => ({
        ...base(candidate),
        runbook: runbook?.name ?? '',
        title: runbook?.title ?? '',
        plan: [],
        state: 'passed_over',
        reason,
      }),
    ),
  ];
}
