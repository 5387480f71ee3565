// Why an alarm is not told to people now (law 7: suppression hides, never discards): each source answers for the alarms it is asked about.
import type { Queryable } from '../../common/database/database.ts';
import type { EpochMs } from '../../common/model/time.ts';
import type { AlarmRow } from './alarm-row.ts';

export interface Silence {
  readonly kind: 'held' | 'symptom' | 'maintenance' | 'shelved';
  /** For people: "symptom of alarm 17: core1 does not answer". */
  readonly text: string;
  /** When it ends by itself; null where something else ends it. */
  readonly untilMs: EpochMs | null;
}

export interface SilenceSource {
  /** By id of the alarm; those that may be told are missing. */
  silencesOf(connection: Queryable, alarms: readonly AlarmRow[], nowMs: EpochMs): Promise<ReadonlyMap<string, Silence>>;
}
