// What may be done without a person: alarms that a policy is for, each once since it was raised, with every doubt a refusal that is written down.
import { recordAudit } from '../../common/database/audit.ts';
import type { Database, Queryable } from '../../common/database/database.ts';
import type { DurationMs, EpochMs } from '../../common/model/time.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import type { CounterMetric, Reporter } from '../../common/runtime/reporter.ts';
import type { AlarmRow } from '../faults/alarm-row.ts';
import type { SilenceSource } from '../faults/silence.ts';
import { auditedPlan } from './action-desk.ts';
import type { ActionPlanner } from './action-planner.ts';
import { insertAction, lockActions, type PolicyCounts, policyCounts } from './action-store.ts';
import { alarmFactsOf, type AlarmFacts, type Facts } from './facts.ts';
import type { Policy } from './repair-config.ts';
import type { Library } from './runbook-library.ts';
import { misfit } from './selector.ts';

export interface PolicyRunnerDeps {
  readonly database: Database;
  readonly clock: Clock;
  readonly library: Library;
  readonly facts: Facts;
  readonly planner: ActionPlanner;
  readonly silences: readonly SilenceSource[];
}

/** What was raised when nobody looked is for people. */
const NEW_MS: DurationMs = 86_400_000;
/** Of one look at one policy. */
const MOST_ALARMS = 2000;

export class PolicyRunner {
  readonly #policies: readonly Policy[];
  readonly #deps: PolicyRunnerDeps;
  readonly #decided: CounterMetric;

  constructor(reporter: Reporter, policies: readonly Policy[], deps: PolicyRunnerDeps) {
    this.#policies = policies;
    this.#deps = deps;
    this.#decided = reporter.counter('policy_decisions_total', 'Alarms that a policy was for, by what was decided', [
      'policy',
      'decision',
    ]);
  }

  async decideDue(): Promise<void> {
    for (const policy of this.#policies) await this.#decide(policy);
  }

  async #decide(policy: Policy): Promise<void> {
    const { database, clock, silences, facts } = this.#deps;
    const nowMs = clock.now();
    const rows = await dueFor(database, policy, nowMs);
    if (rows.length === 0) return;
    const silent = new Set<string>();
    for (const source of silences)
      for (const id of (await source.silencesOf(database, rows, nowMs)).keys()) silent.add(id);
    for (const row of rows.filter(({ id }) => !silent.has(id.toString()))) {
      const alarm = alarmFactsOf(row);
      const device = alarm.device === null ? null : facts.deviceOf(alarm.device);
      if (device === null) continue;
      const { site, tags } = device;
      const profile = policy.selector.profiles.length === 0 ? null : await facts.profileOf(alarm.device ?? '');
      if (misfit(policy.selector, { ...alarm, site, tags, profile }) !== null) continue;
      await this.#settle(policy, alarm, nowMs);
    }
  }

  /** In one transaction: what is decided is held against what others have just written. */
  async #settle(policy: Policy, alarm: AlarmFacts, nowMs: EpochMs): Promise<void> {
    const { database, library, planner } = this.#deps;
    const recipe = library.recipes.get(policy.action);
    if (recipe === undefined) return;
    const gathered = await planner.gather(recipe, alarm, policy.target);
    const decision = await database.transaction(async (connection) => {
      await lockActions(connection);
      const { plan, reasons, warnings } = await planner.plan(connection, gathered, nowMs);
      const counts = await policyCounts(connection, policy.name, plan?.device ?? alarm.device ?? '', nowMs);
      const against = [...reasons, ...warnings, ...limitsOf(policy, counts)];
      // What is in hand for the device now may be over soon.
      if (reasons.length > 0 && reasons.every((reason) => reason.endsWith(IN_HAND))) return null;
      const refused = plan === null || against.length > 0;
      const made = await insertAction(
        connection,
        {
          key: `policy:${policy.name}:${alarm.id}:${alarm.raisedAtMs}`,
          alarm: alarm.id,
          raisedAtMs: alarm.raisedAtMs,
          action: recipe.name,
          title: recipe.title,
          target: plan?.target ?? alarm.resource,
          device: plan?.device ?? alarm.device ?? '',
          agent: plan?.agent ?? '',
          plan,
          policy: policy.name,
          requestedBy: 'weir',
          role: 'policy',
          reason: `policy ${policy.name}`,
          state: refused ? 'refused' : 'asked',
          message: against.join('; '),
        },
        nowMs,
      );
      if (made !== null && plan !== null && !refused) await this.#audit(connection, { made, plan, policy, nowMs });
      return made === null ? null : refused ? 'refused' : 'begun';
    });
    if (decision !== null) this.#decided.add(1, { policy: policy.name, decision });
  }

  async #audit(
    connection: Queryable,
    {
      made,
      plan,
      policy,
      nowMs,
    }: {
      readonly made: Parameters<typeof auditedPlan>[0] & { readonly alarm: bigint };
      readonly plan: Parameters<typeof auditedPlan>[1];
      readonly policy: Policy;
      readonly nowMs: EpochMs;
    },
  ): Promise<void> {
    await recordAudit(connection, {
      atMs: nowMs,
      actor: 'system',
      role: 'policy',
      action: 'alarm.act',
      subject: `alarm/${made.alarm}`,
      after: auditedPlan(made, plan),
      note: `policy ${policy.name}`,
    });
  }
}

const IN_HAND = 'is in hand for this device or alarm';

function limitsOf(policy: Policy, counts: PolicyCounts): string[] {
  return [
    ...(counts.ofDeviceLastHour >= policy.perDevicePerHour
      ? ['the policy has had its share of this device in this hour']
      : []),
    ...(counts.ofDeviceLastDay >= policy.perDevicePerDay
      ? ['the policy has had its share of this device in this day']
      : []),
    ...(counts.lastDay >= policy.perDay ? ['the policy has had its share of this day'] : []),
  ];
}

/** Raised, no symptoms and not held as such, and not decided since. */
async function dueFor(connection: Queryable, policy: Policy, nowMs: EpochMs): Promise<readonly AlarmRow[]> {
  const { rows } = await connection.query<AlarmRow>(
    `select alarm.* from faults.alarm
      where not is_cleared and device is not null and alarm_type = any($1::text[])
        and raised_at_ms > $2 and raised_at_ms <= $3 and coalesce(shelved_until_ms <= $4, true)
        and not exists (select from faults.cause where cause.alarm = alarm.id and cause.raised_at_ms = alarm.raised_at_ms
                           and (cause.held_until_ms > $4 or (cause.held_until_ms is null and cause.root is not null)))
        and not exists (select from repair.action where action.key = $5 || alarm.id || ':' || alarm.raised_at_ms)
      order by severity_rank desc, raised_at_ms limit ${MOST_ALARMS}`,
    [policy.selector.alarmTypes, nowMs - NEW_MS, nowMs - policy.afterMs, nowMs, `policy:${policy.name}:`],
  );
  return rows;
}
