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
  return groupsOf(connection, period, await standing(connection, read, customer.id, period, null));
}

/** Fees that are charged in advance for the period which follows: they stand on the bill before it. */
export async function groupsInAdvance(
  connection: Queryable,
  read: ReadCharges,
  customer: Customer,
  next: Period,
): Promise<LineGroup[]> {
  const charges = await standing(connection, read, customer.id, next, null);
  const inAdvance = charges.filter(({ kind }) => kind === 'flat_in_advance');
  if (inAdvance.length === 0) return [];
  return (await groupsOf(connection, next, inAdvance)).filter(
    (group) => group.charges.length > 0 && !billedAhead(group),
  );
}

/** What was billed in advance and has not changed since stands on the bill before. */
export function billedAhead({ charges, billedBefore: before, unbilled }: LineGroup): boolean {
  const ahead = charges.length > 0 && charges.every(({ kind }) => kind === 'flat_in_advance');
  return ahead && before.length > 0 && unbilled.size === 0;
}

/**
 * Groups of earlier periods in which a charge stands that no closed bill holds, or that replaced one that a bill holds; with them
 * the groups of the same item under another version of its plan, from which a correction may have taken a charge away.
 */
export async function correctedGroups(
  connection: Queryable,
  read: ReadCharges,
  customer: Customer,
  before: Period,
): Promise<LineGroup[]> {
  const { rows } = await connection.query<{ service: string; item: string; window_start_ms: bigint }>(
    `select service, item, window_start_ms from billing.charge c
      where customer = $1 and window_start_ms < $2 and ${STANDS} and ${UNBILLED}`,
    [customer.id, before.startMs],
  );
  const corrected = new Map<number, { period: Period; services: Set<string>; items: Set<string> }>();
  for (const row of rows) {
    const period = periodAt(Number(row.window_start_ms), customer.cycle, customer.zone);
    const found = corrected.get(period.startMs) ?? { period, services: new Set(), items: new Set() };
    found.services.add(row.service);
    found.items.add(itemKey(row));
    corrected.set(period.startMs, found);
  }
  const groups: LineGroup[] = [];
  for (const at of [...corrected.keys()].toSorted((left, right) => left - right)) {
    const { period, services, items } = corrected.get(at) ?? { period: before, services: new Set<string>(), items: [] };
    const charges = await standing(connection, read, customer.id, period, [...services]);
    const wanted = new Set(items);
    groups.push(...(await groupsOf(connection, period, charges)).filter((group) => wanted.has(itemKey(group))));
  }
  return groups;
}

async function standing(
  connection: Queryable,
  read: ReadCharges,
  customer: string,
  period: Period,
  services: readonly string[] | null,
): Promise<Charge[]> {
  const { rows } = await connection.query<ChargeRow>(
    `select ${read.columns} from billing.charge c
      where customer = $1 and window_start_ms >= $2 and window_start_ms < $3 and ($4::text[] is null or service = any($4))
        and ${STANDS}
      order by service, item, window_start_ms`,
    [customer, period.startMs, period.endMs, services],
  );
  return rows.map(read.charge);
}

/** Charges by item and version of the plan, with what closed bills already hold of each; also where no charge stands any more. */
async function groupsOf(connection: Queryable, period: Period, charges: readonly Charge[]): Promise<LineGroup[]> {
  const billed = await billedBefore(connection, period, [...new Set(charges.map((charge) => charge.service))]);
  const held = await connection.query<{ charge: bigint }>(
    'select charge from billing.bill_line_charge where final and charge = any($1::int8[])',
    [charges.map((charge) => charge.id)],
  );
  const inBills = new Set(held.rows.map((row) => row.charge));
  const groups = new Map<string, { key: GroupKey; charges: Charge[] }>();
  for (const { key } of billed.values()) groups.set(groupKey(key), { key, charges: [] });
  for (const charge of charges) {
    const group = groups.get(groupKey(charge)) ?? { key: keyOf(charge), charges: [] };
    group.charges.push(charge);
    groups.set(groupKey(charge), group);
  }
  return [...groups.values()].toSorted(inOrder).map(({ key, charges: own }) => ({
    ...key,
    period,
    charges: own,
    billedBefore: billed.get(groupKey(key))?.amounts ?? [],
    unbilled: new Set(own.map((charge) => charge.id).filter((id) => !inBills.has(id))),
  }));
}

/** Amounts of lines of closed bills for the period, by group. */
async function billedBefore(
  connection: Queryable,
  period: Period,
  services: readonly string[],
): Promise<Map<string, { key: GroupKey; amounts: string[] }>> {
  const { rows } = await connection.query<{
    service: string;
    item: string;
    plan: string;
    plan_version: number;
    amounts: string[];
  }>(
    `select service, item, plan, plan_version, array_agg(amount) as amounts from billing.bill_line
      where final and service = any($1::text[]) and period_start_ms = $2 group by 1, 2, 3, 4`,
    [services, period.startMs],
  );
  return new Map(
    rows.map(({ service, item, plan, plan_version: planVersion, amounts }) => {
      const key = { service, item, plan, planVersion };
      return [groupKey(key), { key, amounts }];
    }),
  );
}

function keyOf({ service, item, plan, planVersion }: GroupKey): GroupKey {
  return { service, item, plan, planVersion };
}

function itemKey({ service, item }: { readonly service: string; readonly item: string }): string {
  return `${service} ${item}`;
}

function groupKey(key: GroupKey): string {
  return `${itemKey(key)} ${key.plan} ${key.planVersion}`;
}

function inOrder({ key: left }: { readonly key: GroupKey }, { key: right }: { readonly key: GroupKey }): number {
  const [one, other] = [itemKey(left), itemKey(right)];
  return one < other ? -1 : one > other ? 1 : left.planVersion - right.planVersion;
}
