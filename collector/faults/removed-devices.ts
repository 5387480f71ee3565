// Ends the alarms of devices that were taken out of the configuration: nobody polls them any more, so nothing else would.
import type { Database } from '../../common/database/database.ts';
import type { EpochMs } from '../../common/model/time.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import { codeOf, messageOf } from '../../common/runtime/errors.ts';
import type { Reporter } from '../../common/runtime/reporter.ts';
import { type AlarmChange, settle } from './alarm-machine.ts';
import type { DeviceMemory } from './device-memory.ts';

export interface RemovedDevicesDeps {
  readonly database: Database;
  readonly clock: Clock;
  /** Names in the configuration as it is now; null until all of it has been read. */
  readonly names: () => readonly string[] | null;
  readonly judge: (
    devices: readonly string[],
    judge: (memory: DeviceMemory) => AlarmChange[],
    atMs: EpochMs,
  ) => Promise<void>;
}

/** Another collector, whose configuration is older, may still take its polls. */
const UNSEEN_MS = 900_000;
/** At one look; the others come at the next. */
const MOST_AT_ONCE = 500;

export class RemovedDevices {
  readonly #reporter: Reporter;
  readonly #deps: RemovedDevicesDeps;

  constructor(reporter: Reporter, deps: RemovedDevicesDeps) {
    this.#reporter = reporter;
    this.#deps = deps;
  }

  async look(): Promise<void> {
    const { database, clock, names, judge } = this.#deps;
    const nowMs = clock.now();
    const configured = names();
    if (configured === null) return;
    try {
      const { rows } = await database.query<{ device: string }>(
        `select device from faults.device_state
          where not (device = any($1::text[])) and last_at_ms < $2
            and jsonb_array_length(coalesce(state -> 'active', '[]'::jsonb)) > 0
          order by device limit ${MOST_AT_ONCE}`,
        [configured, nowMs - UNSEEN_MS],
      );
      if (rows.length === 0) return;
      const removed = rows.map(({ device }) => device);
      await judge(removed, (memory) => (nowMs - memory.lastAtMs < UNSEEN_MS ? [] : endOfRemoved(memory, nowMs)), nowMs);
    } catch (error) {
      this.#reporter.warn('removed devices not looked at', { code: codeOf(error), message: messageOf(error) });
    }
  }
}

/** Everything ends; what is remembered of the device stays, in case it comes back. */
export function endOfRemoved(memory: DeviceMemory, atMs: EpochMs): AlarmChange[] {
  const text = `${memory.device} was taken out of the configuration: nothing is known of it any more.`;
  const changes: AlarmChange[] = [];
  for (const { resource, alarmType, qualifier } of memory.active.values()) {
    const change = settle(memory.active, { active: false, resource, alarmType, qualifier, atMs, text });
    if (change !== null) changes.push(change);
  }
  memory.parts.passing.clear();
  memory.parts.toldParts.clear();
  for (const found of memory.interfaces.values()) Object.assign(found, { downPolls: 0, downSinceMs: null, upPolls: 0 });
  memory.dirty = true;
  return changes;
}
