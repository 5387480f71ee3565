// What a rule sees of one poll, and how it says what it holds of it.
import type { Poll } from '../../common/model/poll.ts';
import type { EpochMs } from '../../common/model/time.ts';
import { alarmKeyText, type Verdict } from './alarm-machine.ts';
import type { AlarmTypeName } from './alarm-types.ts';
import type { DeviceMemory } from './device-memory.ts';
import type { FaultRules } from './fault-rules.ts';
import type { Surroundings } from './surroundings.ts';

export interface Round {
  readonly memory: DeviceMemory;
  readonly rules: FaultRules;
  readonly poll: Poll;
  /** UTC of the poll: the agent's clock less its offset, never later than the batch arrived. */
  readonly atMs: EpochMs;
  readonly clockOffsetMs: number;
  readonly processHash: number;
  readonly around: Surroundings;
  /** Takes a verdict into account at once. */
  readonly say: (verdict: Verdict) => void;
}

/** Why an alarm ends whose rule is no longer wanted. */
export const OFF = 'No longer watched: the rule was switched off.';

export function isActive(memory: DeviceMemory, resource: string, alarmType: AlarmTypeName, qualifier = ''): boolean {
  return memory.active.has(alarmKeyText({ resource, alarmType, qualifier }));
}
