// Gathers what a bill is made of: the charges of its period, and earlier ones that were corrected since they were billed.
import type { Queryable } from '../../common/database/database.ts';
import { type Period, periodAt } from '../../common/model/period.ts';
import type { Customer } from '../account/contract.ts';
import type { Charge, ChargeRow } from '../rate/charge-store.ts';
import type { LineGroup } from './lines.ts';

export interface ReadCharges {
  readonly columns: string;
  readonly charge: (row: ChargeRow) => Charge;
}

interface GroupKey {
  readonly service: string;
  readonly item: string;
  readonly plan: string;
  readonly planVersion: number;
  readonly period: Period;
}

const STANDS = `not exists (select 1 from billing.charge later where later.service = c.service and later.item = c.item
  and later.window_start_ms = c.window_start_ms and later.version > c.version)`;
const UNBILLED = `not exists (select 1 from billing.bill_line_charge held where held.charge = c.id and held.final)`;

/** Groups of the period itself, in the order of service and item. */
export async function periodGroups(
  connection: Queryable,
  read: ReadCharges,
  customer: Customer,
  period: Period,
): Promise<LineGroup[]> {
  const charges = await standing(connection, read, customer.id, period);
  return completed(
    connection,
    groupBy(charges, () => period),
  );
}

/** Groups of earlier periods in which a charge stands that no closed bill holds, or that replaced one that a bill holds. */
export async function correctedGroups(
  connection: Queryable,
  read: ReadCharges,
  customer: Customer,
  before: Period,
): Promise<LineGroup[]> {
  const { rows } = await connection.query<ChargeRow>(
    `select ${read.columns} from billing.charge c where customer = $1 and window_start_ms < $2 and ${STANDS} and ${UNBILLED}`,
    [customer.id, before.startMs],
  );
  const periods = new Map<number, Period>();
  const affected = new Set<string>();
  for (const charge of rows.map(read.charge)) {
    const period = periodAt(charge.windowStartMs, customer.cycle, customer.zone);
    periods.set(period.startMs, period);
    affected.add(`${charge.service} ${charge.item} ${period.startMs}`);
  }
  const groups: LineGroup[] = [];
  for (const period of [...periods.values()].toSorted((left, right) => left.startMs - right.startMs)) {
    const charges = await standing(connection, read, customer.id, period);
    const whole = await completed(
      connection,
      groupBy(charges, () => period),
    );
    groups.push(
      ...whole.filter(
        (group) => affected.has(`${group.service} ${group.item} ${period.startMs}`) && group.unbilled.size > 0,
      ),
    );
  }
  return groups;
}

async function standing(connection: Queryable, read: ReadCharges, customer: string, period: Period): Promise<Charge[]> {
  const { rows } = await connection.query<ChargeRow>(
    `select ${read.columns} from billing.charge c
      where customer = $1 and window_start_ms >= $2 and window_start_ms < $3 and ${STANDS}
      order by service, item, window_start_ms`,
    [customer, period.startMs, period.endMs],
  );
  return rows.map(read.charge);
}

function groupBy(
  charges: readonly Charge[],
  periodOf: (charge: Charge) => Period,
): { key: GroupKey; charges: Charge[] }[] {
  const groups = new Map<string, { key: GroupKey; charges: Charge[] }>();
  for (const charge of charges) {
    const { service, item, plan, planVersion } = charge;
    const id = `${service} ${item} ${plan} ${planVersion}`;
    const group = groups.get(id) ?? {
      key: { service, item, plan, planVersion, period: periodOf(charge) },
      charges: [],
    };
    group.charges.push(charge);
    groups.set(id, group);
  }
  return [...groups.values()];
}

/** Adds what closed bills already hold of each group. */
async function completed(
  connection: Queryable,
  groups: readonly { key: GroupKey; charges: Charge[] }[],
): Promise<LineGroup[]> {
  const result: LineGroup[] = [];
  for (const { key, charges } of groups) {
    const before = await connection.query<{ amount: string }>(
      `select amount from billing.bill_line
        where final and service = $1 and item = $2 and plan = $3 and plan_version = $4 and period_start_ms = $5`,
      [key.service, key.item, key.plan, key.planVersion, key.period.startMs],
    );
    const held = await connection.query<{ charge: bigint }>(
      'select charge from billing.bill_line_charge where final and charge = any($1::int8[])',
      [charges.map((charge) => charge.id)],
    );
    const billed = new Set(held.rows.map((row) => row.charge));
    result.push({
      ...key,
      charges,
      billedBefore: before.rows.map((row) => row.amount),
      unbilled: new Set(charges.map((charge) => charge.id).filter((id) => !billed.has(id))),
    });
  }
  return result;
}
