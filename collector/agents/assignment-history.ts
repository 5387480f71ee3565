// Who was to poll which device until when, over all configurations that collectors were started with: what an agent read in its time is taken also after it.
import type { Database } from '../../common/database/database.ts';
import type { EpochMs } from '../../common/model/time.ts';

export interface Assignment {
  readonly device: string;
  readonly agent: string;
}

export interface FormerAssignment extends Assignment {
  readonly untilMs: EpochMs;
}

/** Devices and agents in pairs; what is beyond the newest of them is forgotten. */
const MOST_FORMER = 100_000;

export class AssignmentHistory {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Takes down what is assigned from now on, and gives what no longer is. Again and again without effect. */
  async settle(assigned: readonly Assignment[], nowMs: EpochMs): Promise<readonly FormerAssignment[]> {
    const devices = assigned.map(({ device }) => device);
    const agents = assigned.map(({ agent }) => agent);
    return this.#database.transaction(async (connection) => {
      await connection.query(
        `update agents.assignment held set until_ms = $3
          where until_ms is null
            and not exists (select from unnest($1::text[], $2::text[]) as now (device, agent)
                             where now.device = held.device and now.agent = held.agent)`,
        [devices, agents, nowMs],
      );
      await connection.query(
        `insert into agents.assignment as held (device, agent, since_ms)
         select device, agent, $3::int8 from unnest($1::text[], $2::text[]) as now (device, agent)
          order by device, agent
         on conflict (device, agent) do update set since_ms = excluded.since_ms, until_ms = null
          where held.until_ms is not null`,
        [devices, agents, nowMs],
      );
      const { rows } = await connection.query<{ device: string; agent: string; until_ms: bigint }>(
        `select device, agent, until_ms from agents.assignment where until_ms is not null
          order by until_ms desc, device, agent limit $1`,
        [MOST_FORMER],
      );
      return rows.map(({ device, agent, until_ms: untilMs }) => ({ device, agent, untilMs: Number(untilMs) }));
    });
  }
}
