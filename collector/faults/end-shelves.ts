// Takes alarms from shelves whose time is over: so that the history says so, and who listens is told how they stand.
import type { Database } from '../../common/database/database.ts';
import type { EpochMs } from '../../common/model/time.ts';

const STEP = 500;

/** How many it was; at most STEP in one go. */
export async function endShelves(database: Database, nowMs: EpochMs): Promise<number> {
  return database.transaction(async (connection) => {
    const { rows } = await connection.query<{ id: bigint }>(
      `update faults.alarm set shelved_until_ms = null, shelved_by = null, shelf_reason = null
        where id in (select id from faults.alarm where shelved_until_ms <= $1 order by id limit ${STEP} for update skip locked)
       returning id`,
      [nowMs],
    );
    await connection.query(
      `insert into faults.operator_change (alarm, at_ms, operator, state, text, action)
       select alarm, $2, 'weir', 'un-shelved', 'The time of the shelf is over.', 'unshelve' from unnest($1::int8[]) as ended (alarm)`,
      [rows.map(({ id }) => id), nowMs],
    );
    return rows.length;
  });
}
