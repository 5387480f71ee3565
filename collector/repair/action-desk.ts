// The desk at which people ask for corrective actions: a dry run that says what would be set and why it may or may not, and the approval that has it done once.
import { recordAudit } from '../../common/database/audit.ts';
import type { Database } from '../../common/database/database.ts';
import type { DurationMs } from '../../common/model/time.ts';
import { cleanText } from '../../common/model/table-columns.ts';
import { sees, type Viewpoint } from '../../common/model/viewpoint.ts';
import type { Principal } from '../../common/runtime/access.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import type { Reporter } from '../../common/runtime/reporter.ts';
import type { ActionPlan, Planned } from './action-plan.ts';
import type { ActionPlanner } from './action-planner.ts';
import { type ActionRow, actionByKey, actionsOf, insertAction, lockActions } from './action-store.ts';
import { askWork, findWork, isOpen, type WorkPort } from './asked-work.ts';
import type { AlarmFacts, Facts } from './facts.ts';
import type { Recipe } from './runbook.ts';
import type { Library } from './runbook-library.ts';
import { misfit } from './selector.ts';
import { saidOf } from './work-findings.ts';

export interface ActionDeskDeps {
  readonly database: Database;
  readonly clock: Clock;
  readonly newId: () => string;
  readonly library: Library;
  readonly facts: Facts;
  readonly planner: ActionPlanner;
  readonly work: WorkPort;
  readonly wake: () => void;
}

/** What one who asks for it names. */
export interface ActionRequest {
  readonly action: string;
  readonly target: string | null;
}

export interface Rehearsal {
  /** What the agent says; null where there is nothing to set, or it may not be done anyway. */
  readonly agent: { readonly answered: boolean; readonly code: string | null; readonly message: string } | null;
  /** By identifier, as far as they could be read. */
  readonly present: ReadonlyMap<string, string>;
}

export interface DryRun extends Planned, Rehearsal {
  readonly allowed: boolean;
}

export interface Available {
  readonly recipe: Recipe;
  readonly targets: readonly string[];
}

const REHEARSAL_MS: DurationMs = 12_000;
const LOOK_EVERY_MS: DurationMs = 200;
/** Dry runs under way at a time: each holds a request. */
const MOST_DRY_RUNS = 8;
const MOST_SHOWN = 20;

export class ActionDesk {
  readonly #reporter: Reporter;
  readonly #deps: ActionDeskDeps;
  #dryRuns = 0;

  constructor(reporter: Reporter, deps: ActionDeskDeps) {
    this.#reporter = reporter;
    this.#deps = deps;
  }

  /** Of an alarm that the caller sees; the newest first, without those at devices that it does not see. */
  async list(alarm: string, viewpoint: Viewpoint): Promise<readonly ActionRow[]> {
    const rows = await actionsOf(this.#deps.database, alarm, MOST_SHOWN);
    return rows.filter(({ device, target }) => sees(viewpoint, device) || sees(viewpoint, target));
  }

  /** Recipes for alarms of this kind, with what each may be done to as far as that is seen. */
  async available(alarm: AlarmFacts, viewpoint: Viewpoint): Promise<readonly Available[]> {
    const { library, facts, planner } = this.#deps;
    const device = alarm.device === null ? null : facts.deviceOf(alarm.device);
    if (device === null || alarm.isCleared) return [];
    const subject = { ...alarm, site: device.site, tags: device.tags, profile: null };
    const found: Available[] = [];
    for (const recipe of library.recipes.values()) {
      if (misfit({ ...recipe.selector, profiles: [] }, subject) !== null) continue;
      const targets = (await planner.targetsOf(recipe, alarm)).filter((target) => seesDevice(viewpoint, target));
      const fitting = await this.#ofProfiles(recipe, targets);
      if (fitting.length > 0) found.push({ recipe, targets: fitting });
    }
    return found;
  }

  async #ofProfiles({ selector }: Recipe, targets: readonly string[]): Promise<string[]> {
    const profiles = await this.#deps.facts.profiles(targets.map(deviceOf));
    const fits = (target: string): boolean =>
      selector.profiles.length === 0 ||
      misfit(
        { ...ANYTHING, profiles: selector.profiles },
        { ...NOTHING, profile: profiles.get(deviceOf(target)) ?? null },
      ) === null;
    return targets.filter(fits);
  }

  /** Sets nothing. Throws not_found for an action that there is not, overloaded where too many ask. */
  async dryRun(alarm: AlarmFacts, request: ActionRequest, viewpoint: Viewpoint): Promise<DryRun> {
    const { database, clock } = this.#deps;
    const recipe = this.#recipeOf(request.action);
    if (this.#dryRuns >= MOST_DRY_RUNS)
      throw new WeirError('overloaded', `${MOST_DRY_RUNS} dry runs are under way.`, {
        bound: 'dry runs',
        retryAfterSeconds: 5,
      });
    this.#dryRuns += 1;
    try {
      const gathered = await this.#deps.planner.gather(recipe, alarm, request.target);
      const planned = await this.#deps.planner.plan(database, gathered, clock.now());
      refuseUnseen(planned.plan, viewpoint);
      const { plan } = planned;
      // What may not be done anyway is no question for an agent.
      const idle = plan === null || plan.steps.length === 0 || planned.reasons.length > 0;
      const rehearsed = idle ? NO_REHEARSAL : await this.#rehearse(alarm, plan);
      const { agent } = rehearsed;
      const refusal = agent?.code == null ? [] : [`its agent refuses: ${agent.code}: ${agent.message}`];
      const reasons = [...planned.reasons, ...refusal];
      return { ...planned, ...rehearsed, reasons, allowed: reasons.length === 0 };
    } finally {
      this.#dryRuns -= 1;
    }
  }

  /** Has it done, once for its key, for ever. Throws action_refused with the reasons, action_key_used, not_found. */
  async approve(
    alarm: AlarmFacts,
    request: ActionRequest & { readonly key: string; readonly reason: string },
    { by, viewpoint }: { readonly by: Principal; readonly viewpoint: Viewpoint },
  ): Promise<ActionRow> {
    const { database, clock, planner } = this.#deps;
    const recipe = this.#recipeOf(request.action);
    const nowMs = clock.now();
    const gathered = await planner.gather(recipe, alarm, request.target);
    const row = await database.transaction(async (connection) => {
      await lockActions(connection);
      const held = await actionByKey(connection, request.key);
      if (held !== null) return sameOrRefused(held, alarm, request);
      const { plan, reasons } = await planner.plan(connection, gathered, nowMs);
      refuseUnseen(plan, viewpoint);
      if (plan === null || reasons.length > 0)
        throw new WeirError('action_refused', `${recipe.name} may not be done: ${reasons.join('; ')}.`, { reasons });
      const made = await insertAction(
        connection,
        {
          ...request,
          key: request.key,
          reason: cleanText(request.reason),
          alarm: alarm.id,
          raisedAtMs: alarm.raisedAtMs,
          title: plan.title,
          target: plan.target,
          device: plan.device,
          agent: plan.agent,
          plan,
          policy: null,
          requestedBy: by.name,
          role: by.role,
          state: 'asked',
          message: '',
        },
        nowMs,
      );
      if (made === null) throw new Error('BUG: the key of an action is taken under its lock');
      await recordAudit(connection, {
        atMs: nowMs,
        actor: by.name,
        role: by.role,
        action: 'alarm.act',
        subject: `alarm/${alarm.id}`,
        after: auditedPlan(made, plan),
        note: cleanText(request.reason),
      });
      return made;
    });
    const { action, target } = row;
    // Whoever asks for a change of the network stands in the log, whatever becomes of the database.
    this.#reporter.info('corrective action approved', {
      id: row.id.toString(),
      action,
      target,
      by: by.name,
      role: by.role,
    });
    this.#deps.wake();
    return row;
  }

  async #rehearse(alarm: AlarmFacts, { agent, device, steps }: ActionPlan): Promise<Rehearsal> {
    const { work, clock, newId } = this.#deps;
    const id = `rehearsal-${newId()}`.slice(0, 64);
    const reason = `dry run of an action on alarm ${alarm.id}`;
    await askWork(work, agent, { kind: 'rehearse', device, steps, id, reason, expiresMs: REHEARSAL_MS });
    const untilMs = clock.monotonicMs() + REHEARSAL_MS;
    let item = await findWork(work, agent, id);
    while (isOpen(item) && clock.monotonicMs() < untilMs) {
      await clock.sleep(LOOK_EVERY_MS);
      item = await findWork(work, agent, id);
    }
    const said = item === null ? new Map<string, string>() : saidOf(item);
    const present = new Map(
      [...said].filter(([name]) => name.startsWith('before.')).map(([name, value]) => [name.slice(7), value]),
    );
    if (item?.state === 'done')
      return { agent: { answered: true, code: null, message: 'the agent would do it' }, present };
    if (item?.state === 'failed')
      return {
        agent: { answered: true, code: said.get('code') ?? 'unexpected', message: said.get('message') ?? '' },
        present,
      };
    return { agent: { answered: false, code: null, message: 'the agent did not answer in time' }, present };
  }

  #recipeOf(name: string): Recipe {
    const recipe = this.#deps.library.recipes.get(name);
    if (recipe === undefined) throw new WeirError('not_found', `There is no action ${name}.`, { action: name });
    return recipe;
  }
}

const NO_REHEARSAL: Rehearsal = { agent: null, present: new Map() };
const ANYTHING = { alarmTypes: [], severity: 'indeterminate', sites: [], tags: [], devices: [], profiles: [] } as const;
const NOTHING = { alarmType: '', severity: 'critical', device: null, site: null, tags: [], profile: null } as const;

function deviceOf(target: string): string {
  return target.split('/')[0] ?? target;
}

/** Part of a device is not enough: what is set is the device's. */
function seesDevice(viewpoint: Viewpoint, target: string): boolean {
  return sees(viewpoint, deviceOf(target));
}

function refuseUnseen(plan: ActionPlan | null, viewpoint: Viewpoint): void {
  if (plan === null || seesDevice(viewpoint, plan.device)) return;
  throw new WeirError('not_found', 'There is no such target.', {});
}

/** The same key with the same request is the same action; with another it is a mistake. */
function sameOrRefused(
  held: ActionRow,
  alarm: AlarmFacts,
  { action, target, key }: ActionRequest & { readonly key: string },
): ActionRow {
  const same =
    held.alarm.toString() === alarm.id && held.action === action && (target === null || target === held.target);
  if (same) return held;
  throw new WeirError('action_key_used', `The key is that of action ${held.id}.`, { key, action: held.id.toString() });
}

/** Which objects, not what was written: it may be a secret. */
export function auditedPlan(row: Pick<ActionRow, 'id' | 'key' | 'action' | 'target'>, plan: ActionPlan): object {
  const oids = plan.steps.flatMap(({ varbinds }) => varbinds.map(({ oid }) => oid));
  return { id: row.id.toString(), key: row.key, action: row.action, target: row.target, oids };
}
