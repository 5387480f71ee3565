// What rules would have raised: polls and notifications of before go through the judges that live ones go through, on memories of their own.
import type { DeviceEvent } from '../../../common/model/event.ts';
import type { Poll } from '../../../common/model/poll.ts';
import type { EpochMs } from '../../../common/model/time.ts';
import { SEVERITIES, type AlarmKey, type Severity } from '../alarm.ts';
import { type AlarmChange, alarmKeyText } from '../alarm-machine.ts';
import { type DeviceMemory, newDeviceMemory } from '../device-memory.ts';
import type { FaultRules } from '../fault-rules.ts';
import { judgePoll } from '../judge.ts';
import { isHeeded, judgeEvent } from '../judge-event.ts';
import type { Surroundings } from '../surroundings.ts';

/** From raise to clear of one alarm. */
export interface TrialAlarm extends AlarmKey {
  readonly raisedAtMs: EpochMs;
  /** Null while it stands at the end. */
  clearedAtMs: EpochMs | null;
  worst: Severity;
  /** As it was told when it was raised. */
  readonly text: string;
}

/** Alarms that are kept one by one; those beyond it are only counted. */
const MAX_KEPT = 50_000;

export class RuleTrial {
  readonly #rulesOf: (device: string) => FaultRules;
  readonly #around: Surroundings;
  readonly #fromMs: EpochMs;
  readonly #memories = new Map<string, DeviceMemory>();
  readonly #standing = new Map<string, TrialAlarm>();
  readonly #kept: TrialAlarm[] = [];
  readonly #byType = new Map<string, number>();

  /** Alarms from before `fromMs` are neither counted nor kept: what was read before it only warms the memories up. */
  constructor(rulesOf: (device: string) => FaultRules, around: Surroundings, fromMs: EpochMs) {
    this.#rulesOf = rulesOf;
    this.#around = around;
    this.#fromMs = fromMs;
  }

  /** How many alarms were raised of each type. */
  get byType(): ReadonlyMap<string, number> {
    return this.#byType;
  }

  get raised(): number {
    return [...this.#byType.values()].reduce((sum, count) => sum + count, 0);
  }

  /** In the order in which they were raised. */
  get alarms(): readonly TrialAlarm[] {
    return this.#kept;
  }

  /** In the order of their times; the clock offset is out of them. */
  poll(poll: Poll): void {
    const memory = this.#memoryOf(poll.device);
    const rules = this.#rulesOf(poll.device);
    const { changes, counted } = judgePoll(memory, rules, poll, 0, poll.finishedAtMs, this.#around);
    if (counted) memory.intervalMs = poll.intervalMs;
    for (const change of changes) this.#take(change);
  }

  event(device: string, event: DeviceEvent): void {
    const rules = this.#rulesOf(device);
    if (!isHeeded(rules, event)) return;
    const changes = judgeEvent(this.#memoryOf(device), rules, event, 0, event.observedAtMs, this.#around);
    for (const change of changes) this.#take(change);
  }

  #memoryOf(device: string): DeviceMemory {
    const held = this.#memories.get(device);
    if (held !== undefined) return held;
    const made = newDeviceMemory(device);
    this.#memories.set(device, made);
    return made;
  }

  #take({ kind, resource, alarmType, qualifier, severity, text, atMs }: AlarmChange): void {
    const name = alarmKeyText({ resource, alarmType, qualifier });
    const held = this.#standing.get(name);
    if (kind === 'cleared') {
      if (held !== undefined) held.clearedAtMs = atMs;
      this.#standing.delete(name);
      return;
    }
    if (held !== undefined) {
      if (SEVERITIES.indexOf(severity) < SEVERITIES.indexOf(held.worst)) held.worst = severity;
      return;
    }
    if (atMs < this.#fromMs) return;
    this.#byType.set(alarmType, (this.#byType.get(alarmType) ?? 0) + 1);
    if (this.#kept.length >= MAX_KEPT) return;
    const made = { resource, alarmType, qualifier, raisedAtMs: atMs, clearedAtMs: null, worst: severity, text };
    this.#standing.set(name, made);
    this.#kept.push(made);
  }
}
