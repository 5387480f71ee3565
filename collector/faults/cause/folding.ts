// How alarms are folded as the API shows it: of each the alarm that it is a symptom of, and how many are symptoms of it.
import type { Queryable } from '../../../common/database/database.ts';
import type { Folding } from '../alarm.ts';

/** That an alarm (`alarm.`) is a symptom of another (`root.`) that is active now, as far as `sees` says; to stand in an exists. */
export function symptomOf(sees: string): string {
  return `select from faults.cause join faults.alarm root on root.id = cause.root
           where cause.alarm = alarm.id and cause.raised_at_ms = alarm.raised_at_ms and cause.held_until_ms is null
             and not root.is_cleared and ${sees}`;
}

/** `sees`: which symptoms (`alarm.`) are counted, with its values from $2 on. */
export async function foldingsOf(
  connection: Queryable,
  ids: readonly bigint[],
  sees: string,
  values: readonly unknown[],
): Promise<(id: bigint) => Folding> {
  if (ids.length === 0) return () => NOT_FOLDED;
  const { rows } = await connection.query<{ id: bigint; root: bigint | null; symptoms: bigint }>(
    `select asked.id,
            (select cause.root from faults.cause
               join faults.alarm on alarm.id = cause.alarm and alarm.raised_at_ms = cause.raised_at_ms
               join faults.alarm root on root.id = cause.root
              where cause.alarm = asked.id and cause.held_until_ms is null and not alarm.is_cleared and not root.is_cleared) as root,
            (select count(*) from faults.cause
               join faults.alarm on alarm.id = cause.alarm and alarm.raised_at_ms = cause.raised_at_ms
              where cause.root = asked.id and cause.held_until_ms is null and not alarm.is_cleared and ${sees}) as symptoms
       from unnest($1::int8[]) as asked (id)`,
    [ids, ...values],
  );
  const found = new Map(
    rows.map(({ id, root, symptoms }) => [id, { rootAlarm: root?.toString() ?? null, symptoms: Number(symptoms) }]),
  );
  return (id) => found.get(id) ?? NOT_FOLDED;
}

const NOT_FOLDED: Folding = { rootAlarm: null, symptoms: 0 };
