// Replays what is stored of devices through the rules of now and through others, slice by slice, and tells what each would have raised.
import type { Database } from '../../../common/database/database.ts';
import type { DeviceEvent } from '../../../common/model/event.ts';
import type { Poll } from '../../../common/model/poll.ts';
import type { DurationMs, EpochMs } from '../../../common/model/time.ts';
import { Breather } from '../../../common/runtime/breather.ts';
import type { Clock } from '../../../common/runtime/clock.ts';
import { codeOf, WeirError } from '../../../common/runtime/errors.ts';
import type { Reporter } from '../../../common/runtime/reporter.ts';
import type { MetricStore } from '../../store/store.ts';
import type { FaultRules, FaultsConfig } from '../fault-rules.ts';
import { RuleBook } from '../rule-book.ts';
import { isFor, type OverriddenDevice } from '../rule-overrides.ts';
import type { TrapRule } from '../trap-rules.ts';
import type { Surroundings } from '../surroundings.ts';
import { candidateConfig, type CandidateRules, UNTRIED_RULES, untriedOf } from './candidate-rules.ts';
import { readKnownNow, readNotifications, withKnown } from './known-now.ts';
import { readThen } from './known-then.ts';
import { RuleTrial, type TrialAlarm } from './rule-trial.ts';

export interface RuleTestDeps {
  readonly database: Database;
  readonly clock: Clock;
  readonly store: Pick<MetricStore, 'polls'>;
  /** Names in the configuration as it is now. */
  readonly names: () => readonly string[];
  readonly labelsOf: (device: string) => Omit<OverriddenDevice, 'name'>;
  readonly around: Surroundings;
  /** The rules of now. */
  readonly config: () => FaultsConfig;
  readonly rulesOf: (device: string) => FaultRules;
  readonly trapRules: readonly TrapRule[];
}

export interface RuleTestQuestion {
  readonly rules: CandidateRules;
  readonly fromMs: EpochMs;
  readonly toMs: EpochMs;
  /** Globs that all must fit; everything where none is given. */
  readonly device?: string | undefined;
  readonly site?: string | undefined;
  readonly tag?: string | undefined;
  readonly limit: number;
  /** Most time that it may take; what is left then is told. */
  readonly budgetMs: DurationMs;
}

export interface RuleTestAnswer {
  readonly fromMs: EpochMs;
  /** How far it came: `toMs` of the question, or earlier where the time was over. */
  readonly throughMs: EpochMs;
  readonly devices: number;
  readonly polls: number;
  /** Alarms that the rules of now would have raised, and those that were tried. */
  readonly present: number;
  readonly candidate: number;
  readonly byType: readonly { readonly alarmType: string; readonly present: number; readonly candidate: number }[];
  /** Named rules whose material is not stored. */
  readonly untried: readonly string[];
  /** All of these, and what is missing. */
  readonly notStored: Readonly<Record<string, string>>;
  /** Those of the candidate, as they were raised; `present`: the rules of now raise the same meanwhile. */
  readonly alarms: readonly (TrialAlarm & { readonly present: boolean })[];
  readonly more: boolean;
}

export const MAX_TRIAL_DEVICES = 5000;
/** So much before the time asked for is read too, so that counters, streaks and alarms are as they were then. */
const WARM_UP_MS: DurationMs = 3_600_000;
const LEAST_SLICE_MS: DurationMs = 60_000;
const MOST_SLICE_MS: DurationMs = 21_600_000;
/** Polls of one slice; the next one is longer or shorter by what came. */
const WANTED_POLLS = 2000;

interface Trials {
  readonly present: RuleTrial;
  readonly candidate: RuleTrial;
}

export class RuleTest {
  readonly #reporter: Reporter;
  readonly #deps: RuleTestDeps;
  #running = false;

  constructor(reporter: Reporter, deps: RuleTestDeps) {
    this.#reporter = reporter;
    this.#deps = deps;
  }

  /** One at a time. Throws invalid_request, rules_test_busy, and what the store throws. */
  async run(question: RuleTestQuestion): Promise<RuleTestAnswer> {
    const config = candidateConfig(this.#deps.config(), question.rules);
    const devices = this.#devicesOf(question);
    if (this.#running) throw new WeirError('rules_test_busy', 'Rules are being tested already.');
    this.#running = true;
    try {
      return await this.#replay(question, config, devices);
    } finally {
      this.#running = false;
    }
  }

  #devicesOf({ device, site, tag }: RuleTestQuestion): readonly string[] {
    const wanted = { device, site, tag, rules: {} };
    const fitting = this.#deps.names().filter((name) => isFor(wanted, { name, ...this.#deps.labelsOf(name) }));
    if (fitting.length === 0) throw new WeirError('invalid_request', 'No device fits.', { device, site, tag });
    if (fitting.length > MAX_TRIAL_DEVICES)
      throw new WeirError(
        'invalid_request',
        `${fitting.length} devices fit, more than ${MAX_TRIAL_DEVICES}: name a device, a site or a tag.`,
        { most: MAX_TRIAL_DEVICES },
      );
    return fitting;
  }

  async #replay(question: RuleTestQuestion, config: FaultsConfig, devices: readonly string[]): Promise<RuleTestAnswer> {
    const { clock, database, around, rulesOf, labelsOf } = this.#deps;
    const { fromMs, toMs } = question;
    const book = new RuleBook(this.#reporter, config, labelsOf, this.#deps.trapRules);
    const trials = {
      present: new RuleTrial(rulesOf, around, fromMs),
      candidate: new RuleTrial((device) => book.of(device), around, fromMs),
    };
    const known = await readKnownNow(database, devices);
    const before = await readThen(database, devices, fromMs - WARM_UP_MS);
    const seen = new Set<string>();
    const untilMs = clock.monotonicMs() + question.budgetMs;
    const breather = new Breather(clock);
    let [atMs, sliceMs, polls] = [fromMs - WARM_UP_MS, 600_000, 0];
    while (atMs < toMs && clock.monotonicMs() < untilMs) {
      const endMs = Math.min(toMs, atMs + sliceMs);
      const slice = await this.#slice(devices, atMs, endMs);
      if (slice === null && sliceMs > LEAST_SLICE_MS) {
        sliceMs = Math.max(LEAST_SLICE_MS, sliceMs / 8);
        continue;
      }
      for (const poll of slice?.polls ?? []) {
        const first = !seen.has(poll.device) && poll.outcome !== 'failed';
        if (first) seen.add(poll.device);
        const around = { now: known.get(poll.device), before: before.get(poll.device) };
        play(trials, poll, slice?.events.get(poll.device) ?? [], around, first);
        await breather.breathe();
      }
      for (const [device, events] of slice?.events ?? []) for (const event of events) tell(trials, device, event);
      polls += slice?.polls.length ?? 0;
      atMs = endMs;
      const factor = WANTED_POLLS / Math.max(1, slice?.polls.length ?? 1);
      sliceMs = Math.min(MOST_SLICE_MS, Math.max(LEAST_SLICE_MS, sliceMs * Math.min(4, Math.max(0.25, factor))));
    }
    return answerOf(question, trials, { throughMs: Math.max(atMs, fromMs), devices: devices.length, polls });
  }

  /** Null where it has more rows than the store reads at once. */
  async #slice(
    devices: readonly string[],
    fromMs: EpochMs,
    toMs: EpochMs,
  ): Promise<{ readonly polls: readonly Poll[]; readonly events: ReadonlyMap<string, DeviceEvent[]> } | null> {
    const { store, database } = this.#deps;
    try {
      const polls = await store.polls({ devices, fromMs, toMs });
      return { polls, events: await readNotifications(database, devices, fromMs, toMs) };
    } catch (error) {
      if (codeOf(error) === 'series_too_long' && toMs - fromMs > LEAST_SLICE_MS) return null;
      throw error;
    }
  }
}

/** What the device told before the poll ended goes first. */
function play(
  trials: Trials,
  poll: Poll,
  events: DeviceEvent[],
  known: Parameters<typeof withKnown>[1],
  first: boolean,
): void {
  while ((events[0]?.observedAtMs ?? Number.POSITIVE_INFINITY) <= poll.finishedAtMs) {
    const event = events.shift();
    if (event !== undefined) tell(trials, poll.device, event);
  }
  const whole = withKnown(poll, known, first);
  trials.present.poll(whole);
  trials.candidate.poll(whole);
}

function tell({ present, candidate }: Trials, device: string, event: DeviceEvent): void {
  present.event(device, event);
  candidate.event(device, event);
}

export function answerOf(
  { rules, limit, fromMs }: Pick<RuleTestQuestion, 'rules' | 'limit' | 'fromMs'>,
  { present, candidate }: Trials,
  seen: Pick<RuleTestAnswer, 'throughMs' | 'devices' | 'polls'>,
): RuleTestAnswer {
  const types = [...new Set([...present.byType.keys(), ...candidate.byType.keys()])].toSorted();
  const spans = new Map<string, TrialAlarm[]>();
  for (const alarm of present.alarms) {
    const name = nameOf(alarm);
    spans.set(name, [...(spans.get(name) ?? []), alarm]);
  }
  const meanwhile = (alarm: TrialAlarm): boolean =>
    (spans.get(nameOf(alarm)) ?? []).some(
      (other) =>
        other.raisedAtMs <= (alarm.clearedAtMs ?? Number.POSITIVE_INFINITY) &&
        alarm.raisedAtMs <= (other.clearedAtMs ?? Number.POSITIVE_INFINITY),
    );
  return {
    fromMs,
    ...seen,
    present: present.raised,
    candidate: candidate.raised,
    byType: types.map((alarmType) => ({
      alarmType,
      present: present.byType.get(alarmType) ?? 0,
      candidate: candidate.byType.get(alarmType) ?? 0,
    })),
    untried: untriedOf(rules),
    notStored: UNTRIED_RULES,
    alarms: candidate.alarms.slice(0, limit).map((alarm) => ({ ...alarm, present: meanwhile(alarm) })),
    more: candidate.raised > limit,
  };
}

function nameOf({ alarmType, qualifier, resource }: TrialAlarm): string {
  return `${alarmType} ${qualifier} ${resource}`;
}
