// The silence of an alarm that an operator put on the shelf.
import type { Queryable } from '../../common/database/database.ts';
import { type EpochMs, isoTime } from '../../common/model/time.ts';
import type { AlarmRow } from '../faults/alarm-row.ts';
import type { Silence, SilenceSource } from '../faults/silence.ts';

export class Shelved implements SilenceSource {
  async silencesOf(
    _connection: Queryable,
    alarms: readonly AlarmRow[],
    nowMs: EpochMs,
  ): Promise<ReadonlyMap<string, Silence>> {
    const found = new Map<string, Silence>();
    for (const { id, shelved_until_ms: shelvedUntilMs } of alarms) {
      const untilMs = Number(shelvedUntilMs ?? 0n);
      if (untilMs <= nowMs) continue;
      found.set(id.toString(), { kind: 'shelved', text: `shelved until ${isoTime(untilMs)}`, untilMs });
    }
    return found;
  }
}
