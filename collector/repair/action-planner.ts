// Gathers what a recipe is held against for one alarm: the target and what is known of it, the paths, what was done lately.
import type { Queryable } from '../../common/database/database.ts';
import type { EpochMs } from '../../common/model/time.ts';
import { type PlanGrounds, type Planned, planAction } from './action-plan.ts';
import { actionsNow } from './action-store.ts';
import { type AlarmFacts, type Facts, placesOf, splitResource } from './facts.ts';
import { pathCheck, type PathCheck } from './path-check.ts';
import type { RepairConfig } from './repair-config.ts';
import type { Recipe } from './runbook.ts';
import { fitsOne } from './selector.ts';
import { indexOf } from './template.ts';

const MOST_TARGETS = 8;
const MOST_OUTLETS = 500;

/** All that a plan is made of but what was done lately. */
export interface Gathered extends Omit<PlanGrounds, 'now'> {
  /** A target that was named and is none for this alarm. */
  readonly foreign: string | null;
}

export class ActionPlanner {
  readonly #facts: Facts;
  readonly #config: Pick<RepairConfig, 'limits' | 'protected'>;

  constructor(facts: Facts, config: Pick<RepairConfig, 'limits' | 'protected'>) {
    this.#facts = facts;
    this.#config = config;
  }

  /** What a recipe may be done to for this alarm; of outlets any that there is, since nobody tells what hangs on them. */
  async targetsOf(recipe: Recipe, alarm: AlarmFacts): Promise<readonly string[]> {
    const { device, resource } = alarm;
    if (recipe.target === 'alarm') return [resource];
    if (device === null) return [];
    if (recipe.target === 'outlet') return this.#outletsOf(recipe);
    if (recipe.target === 'device') return [device];
    const graph = await this.#facts.graph();
    if ((await this.#facts.port(resource)) !== null) {
      const far = (graph.farEnds.get(resource) ?? []).flatMap((end) => end.resource ?? []);
      return [resource, ...far].slice(0, MOST_TARGETS);
    }
    // What hangs on a port that we can reach is put right there.
    const around = [...(graph.before.get(device) ?? []), ...(graph.next.get(device) ?? [])];
    return [...new Set(around.flatMap((one) => graph.portsTo(one, device)))].slice(0, MOST_TARGETS);
  }

  async #outletsOf({ selector, index }: Recipe): Promise<readonly string[]> {
    const outlets = await this.#facts.outlets(MOST_OUTLETS);
    return outlets
      .filter(({ profile }) => selector.profiles.length === 0 || fitsOne(selector.profiles, profile))
      .map(({ resource }) => resource)
      .filter((resource) => index === null || indexOf(index, placesOf(resource, null)) !== null);
  }

  /** `wanted`: the target that was named; null: the one that there is, if there is one. Before any transaction: it reads by connections of its own. */
  async gather(recipe: Recipe, alarm: AlarmFacts, wanted: string | null): Promise<Gathered> {
    const facts = this.#facts;
    const target = await this.#target(recipe, alarm, wanted);
    const device = target === null ? null : splitResource(target)[0];
    const port = target === null || recipe.target !== 'interface' ? null : await facts.port(target);
    return {
      recipe,
      alarm,
      alarmDevice: alarm.device === null ? null : facts.deviceOf(alarm.device),
      target,
      foreign: wanted !== null && target === null ? wanted : null,
      targetDevice: device === null ? null : facts.deviceOf(device),
      port,
      profile: device === null ? null : await facts.profileOf(device),
      path: recipe.cuts === 'port' && port !== null ? await this.#path(port.resource) : null,
      ...this.#config,
    };
  }

  /** Held against what was done lately, as this connection sees it. */
  async plan(connection: Queryable, gathered: Gathered, nowMs: EpochMs): Promise<Planned> {
    const device = gathered.target === null ? '' : splitResource(gathered.target)[0];
    const planned = planAction({ ...gathered, now: await actionsNow(connection, device, nowMs) });
    if (gathered.foreign === null) return planned;
    return { ...planned, reasons: [...planned.reasons, `${gathered.foreign} has nothing to do with this alarm`] };
  }

  /** A port must be that of the alarm, or of what it hangs on: else any alarm would be a key to every port. */
  async #target(recipe: Recipe, alarm: AlarmFacts, wanted: string | null): Promise<string | null> {
    // A webhook belongs to the device of the alarm.
    if (recipe.target === 'alarm') return alarm.device;
    if (recipe.target === 'outlet') return wanted !== null && (await this.#facts.hasPart(wanted)) ? wanted : null;
    const targets = await this.targetsOf(recipe, alarm);
    if (wanted !== null) return targets.includes(wanted) ? wanted : null;
    const [own] = targets;
    return own === alarm.resource || targets.length === 1 ? (own ?? null) : null;
  }

  async #path(port: string): Promise<PathCheck> {
    const graph = await this.#facts.graph();
    return pathCheck(graph, port, await this.#facts.unreachable([...graph.devices.keys()]));
  }
}
