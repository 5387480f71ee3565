// Spells of alarms from the histories that fault management keeps; only read.
import type { Database } from '../../common/database/database.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import type { AlarmSpell, Span } from './compute.ts';
import type { AlarmSpells } from './kpi-desk.ts';

export interface StatusRow {
  readonly alarm: bigint;
  readonly resource: string;
  readonly at_ms: bigint;
  readonly severity: string;
}

const MAX_CHANGES = 200_000;

export class PostgresAlarmSpells implements AlarmSpells {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** An interface has the spells of its device too: while that is away, so is the interface. Throws kpi_too_large. */
  async of(
    resources: readonly string[],
    types: readonly string[],
    span: Span,
  ): Promise<ReadonlyMap<string, readonly AlarmSpell[]>> {
    const wanted = [...new Set(resources.flatMap((resource) => [resource, deviceOf(resource)]))];
    const { rows } = await this.#database.query<StatusRow>(
      `select a.id as alarm, a.resource, s.at_ms, s.severity
       from faults.alarm a join faults.status_change s on s.alarm = a.id
       where a.resource = any($1::text[]) and a.alarm_type = any($2::text[]) and s.at_ms < $3
       order by a.id, s.at_ms, s.id limit $4`,
      [wanted, types, span.toMs, MAX_CHANGES + 1],
    );
    if (rows.length > MAX_CHANGES)
      throw new WeirError('kpi_too_large', `A KPI is not made of more than ${MAX_CHANGES} changes of alarms.`, {
        maxChanges: MAX_CHANGES,
      });
    const spells = spellsOf(rows);
    return new Map(
      resources.map((resource) => {
        const device = deviceOf(resource);
        const ofDevice = device === resource ? [] : (spells.get(device) ?? []);
        return [resource, [...(spells.get(resource) ?? []), ...ofDevice]];
      }),
    );
  }
}

/** Rows by alarm and time; a change of severity goes on with a spell. */
export function spellsOf(rows: readonly StatusRow[]): ReadonlyMap<string, readonly AlarmSpell[]> {
  const found = new Map<string, AlarmSpell[]>();
  let [alarm, isRaised] = [-1n, false];
  for (const row of rows) {
    if (row.alarm !== alarm) [alarm, isRaised] = [row.alarm, false];
    const own = found.get(row.resource) ?? [];
    found.set(row.resource, own);
    const atMs = Number(row.at_ms);
    if (row.severity === 'cleared') {
      const last = own.at(-1);
      if (isRaised && last !== undefined) own[own.length - 1] = { raisedMs: last.raisedMs, clearedMs: atMs };
      isRaised = false;
    } else if (!isRaised) {
      own.push({ raisedMs: atMs, clearedMs: null });
      isRaised = true;
    }
  }
  return found;
}

function deviceOf(resource: string): string {
  return resource.split('/')[0] ?? resource;
}
