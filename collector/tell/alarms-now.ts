// Alarms as they are now with what routes ask about: site, tags, customers, and why they are silent.
import type { Queryable } from '../../common/database/database.ts';
import type { EpochMs } from '../../common/model/time.ts';
import type { AlarmRow } from '../faults/alarm-row.ts';
import type { Silence, SilenceSource } from '../faults/silence.ts';
import type { AlarmNow } from './told.ts';

export interface AlarmFacts {
  readonly siteOf: (device: string) => string | null;
  readonly tagsOf: (device: string) => readonly string[];
  /** Names of the customers whose services are bound to `device/interfaceKey`, or to any interface of a device. */
  readonly customersOf: (resource: string, atMs: EpochMs) => readonly string[];
  /** The highest level of the services bound there; absent: none is known. */
  readonly serviceLevelOf?: (resource: string) => string | null;
  /** Asked in turn; the first that has an answer counts. */
  readonly silences: readonly SilenceSource[];
}

/** In one message; the others are as many as there are. */
const MAX_CUSTOMERS = 20;

export async function alarmsNow(
  connection: Queryable,
  rows: readonly AlarmRow[],
  { siteOf, tagsOf, customersOf, serviceLevelOf, silences }: AlarmFacts,
  nowMs: EpochMs,
): Promise<AlarmNow[]> {
  const silent = new Map<string, Silence>();
  for (const source of silences) {
    const asked = rows.filter(({ id }) => !silent.has(id.toString()));
    for (const [id, silence] of await source.silencesOf(connection, asked, nowMs)) silent.set(id, silence);
  }
  return rows.map((row) => {
    const id = row.id.toString();
    return {
      row,
      id,
      site: row.device === null ? null : siteOf(row.device),
      tags: row.device === null ? [] : tagsOf(row.device),
      // Asked of the few that go into a message.
      get customers() {
        return shortened(customersOf(row.resource, nowMs));
      },
      get serviceLevel() {
        return serviceLevelOf?.(row.resource) ?? null;
      },
      silence: silent.get(id) ?? null,
    };
  });
}

function shortened(names: readonly string[]): readonly string[] {
  if (names.length <= MAX_CUSTOMERS) return names;
  return [...names.slice(0, MAX_CUSTOMERS), `${names.length - MAX_CUSTOMERS} more`];
}
