// Charges in PostgreSQL: written once for each (service, item, window, version), read by their newest version.
import type { Queryable } from '../../common/database/database.ts';
import type { EpochMs } from '../../common/model/time.ts';
import type { DueWindow } from './windows.ts';

/** One version of a charge; amounts and quantities are exact text. */
export interface Charge {
  readonly id: bigint;
  readonly run: bigint;
  readonly customer: string;
  readonly service: string;
  readonly item: string;
  readonly itemName: string;
  readonly kind: string;
  readonly windowStartMs: EpochMs;
  readonly windowEndMs: EpochMs;
  readonly version: number;
  readonly plan: string;
  readonly planVersion: number;
  readonly currency: string;
  readonly quantity: string;
  readonly unit: string;
  readonly amount: string;
  readonly usageRecords: number;
  readonly inputDigest: string;
  readonly ratedAtMs: EpochMs;
  readonly working: unknown;
  readonly evidence: unknown;
}

export type NewCharge = Omit<Charge, 'id' | 'run' | 'ratedAtMs'>;

export const CHARGE_COLUMNS = `id, run, customer, service, item, item_name, kind, window_start_ms, window_end_ms, version, plan,
  plan_version, currency, quantity, unit, amount, usage_records, input_digest, rated_at_ms, working, evidence`;

export interface ChargeRow {
  readonly id: bigint;
  readonly run: bigint;
  readonly customer: string;
  readonly service: string;
  readonly item: string;
  readonly item_name: string;
  readonly kind: string;
  readonly window_start_ms: bigint;
  readonly window_end_ms: bigint;
  readonly version: number;
  readonly plan: string;
  readonly plan_version: number;
  readonly currency: string;
  readonly quantity: string;
  readonly unit: string;
  readonly amount: string;
  readonly usage_records: number;
  readonly input_digest: string;
  readonly rated_at_ms: bigint;
  readonly working: unknown;
  readonly evidence: unknown;
}

export function chargeOf(row: ChargeRow): Charge {
  return {
    id: row.id,
    run: row.run,
    customer: row.customer,
    service: row.service,
    item: row.item,
    itemName: row.item_name,
    kind: row.kind,
    windowStartMs: Number(row.window_start_ms),
    windowEndMs: Number(row.window_end_ms),
    version: row.version,
    plan: row.plan,
    planVersion: row.plan_version,
    currency: row.currency,
    quantity: row.quantity,
    unit: row.unit,
    amount: row.amount,
    usageRecords: row.usage_records,
    inputDigest: row.input_digest,
    ratedAtMs: Number(row.rated_at_ms),
    working: row.working,
    evidence: row.evidence,
  };
}

export interface ChargeQuery {
  /** Only theirs, as a scope names them; null: everybody's. */
  readonly customers: readonly string[] | null;
  readonly customer?: string | undefined;
  readonly service?: string | undefined;
  readonly fromMs?: EpochMs | undefined;
  readonly toMs?: EpochMs | undefined;
  /** Also versions that a later one replaced. */
  readonly allVersions?: boolean | undefined;
  /** Only charges with a smaller id: newest first. */
  readonly beforeId?: bigint | undefined;
  readonly limit: number;
}

/** Newest charges first. */
export async function findCharges(connection: Queryable, query: ChargeQuery): Promise<Charge[]> {
  const { rows } = await connection.query<ChargeRow>(
    `select ${CHARGE_COLUMNS} from billing.charge c
      where ($1::text is null or customer = $1) and ($2::text is null or service = $2)
        and ($3::int8 is null or window_start_ms >= $3) and ($4::int8 is null or window_start_ms < $4)
        and ($5::int8 is null or id < $5)
        and ($6 or not exists (select 1 from billing.charge later where later.service = c.service and later.item = c.item
          and later.window_start_ms = c.window_start_ms and later.version > c.version))
        and ($8::text[] is null or customer = any($8))
      order by id desc limit $7`,
    [
      query.customer ?? null,
      query.service ?? null,
      query.fromMs ?? null,
      query.toMs ?? null,
      query.beforeId ?? null,
      query.allVersions ?? false,
      query.limit,
      query.customers,
    ],
  );
  return rows.map(chargeOf);
}

export type StandingCharge = Pick<Charge, 'version' | 'inputDigest' | 'amount' | 'quantity'>;

/** The newest version of each charge that stands at one of the windows, and what it rests on; keyed by `windowKey`. */
export async function standingCharges(
  connection: Queryable,
  windows: readonly DueWindow[],
): Promise<Map<string, StandingCharge>> {
  const { rows } = await connection.query<
    Pick<ChargeRow, 'service' | 'item' | 'window_start_ms' | 'version' | 'input_digest' | 'amount' | 'quantity'>
  >(
    `select distinct on (c.service, c.item, c.window_start_ms) c.service, c.item, c.window_start_ms, c.version,
            c.input_digest, c.amount, c.quantity
       from unnest($1::text[], $2::text[], $3::int8[]) as due (service, item, window_start_ms)
       join billing.charge c using (service, item, window_start_ms)
      order by c.service, c.item, c.window_start_ms, c.version desc`,
    [windows.map((one) => one.service), windows.map((one) => one.item), windows.map((one) => one.startMs)],
  );
  return new Map(
    rows.map((row) => [
      windowKey(row.service, row.item, Number(row.window_start_ms)),
      { version: row.version, inputDigest: row.input_digest, amount: row.amount, quantity: row.quantity },
    ]),
  );
}

export function windowKey(service: string, item: string, startMs: EpochMs): string {
  return `${service} ${item} ${startMs}`;
}

/** Writes charges and returns them with their ids. A version that is there already makes the transaction fail: two runs never both write. */
export async function insertCharges(
  connection: Queryable,
  charges: readonly NewCharge[],
  run: bigint,
  ratedAtMs: EpochMs,
): Promise<Charge[]> {
  const column = <T>(of: (charge: NewCharge) => T): T[] => charges.map(of);
  const { rows } = await connection.query<Pick<ChargeRow, 'id' | 'service' | 'item' | 'window_start_ms'>>(
    `insert into billing.charge (run, rated_at_ms, customer, service, item, item_name, kind, window_start_ms, window_end_ms,
        version, plan, plan_version, currency, quantity, unit, amount, usage_records, input_digest, working, evidence)
     select $1, $2, * from unnest($3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::int8[], $9::int8[], $10::int[],
        $11::text[], $12::int[], $13::text[], $14::text[], $15::text[], $16::text[], $17::int[], $18::text[], $19::jsonb[],
        $20::jsonb[])
     returning id, service, item, window_start_ms`,
    [
      run,
      ratedAtMs,
      column((one) => one.customer),
      column((one) => one.service),
      column((one) => one.item),
      column((one) => one.itemName),
      column((one) => one.kind),
      column((one) => one.windowStartMs),
      column((one) => one.windowEndMs),
      column((one) => one.version),
      column((one) => one.plan),
      column((one) => one.planVersion),
      column((one) => one.currency),
      column((one) => one.quantity),
      column((one) => one.unit),
      column((one) => one.amount),
      column((one) => one.usageRecords),
      column((one) => one.inputDigest),
      column((one) => JSON.stringify(one.working)),
      column((one) => JSON.stringify(one.evidence)),
    ],
  );
  // Each window has one charge here, so its key tells which id is whose.
  const ids = new Map(rows.map((row) => [windowKey(row.service, row.item, Number(row.window_start_ms)), row.id]));
  return charges.map((charge) => {
    const id = ids.get(windowKey(charge.service, charge.item, charge.windowStartMs));
    if (id === undefined) throw new Error('BUG: a charge was written without an id');
    return { ...charge, id, run, ratedAtMs };
  });
}

/** Marks windows due; one that is due already stays so once. */
export async function markDue(connection: Queryable, windows: readonly DueWindow[]): Promise<void> {
  if (windows.length === 0) return;
  await connection.query(
    `insert into billing.due_window (service, item, window_start_ms, window_end_ms, due_at_ms)
     select * from unnest($1::text[], $2::text[], $3::int8[], $4::int8[], $5::int8[]) on conflict do nothing`,
    [
      windows.map((one) => one.service),
      windows.map((one) => one.item),
      windows.map((one) => one.startMs),
      windows.map((one) => one.endMs),
      windows.map((one) => one.dueMs ?? one.endMs),
    ],
  );
}

export async function clearDue(connection: Queryable, windows: readonly DueWindow[]): Promise<void> {
  if (windows.length === 0) return;
  await connection.query(
    `delete from billing.due_window d
      using unnest($1::text[], $2::text[], $3::int8[]) as done (service, item, window_start_ms)
      where d.service = done.service and d.item = done.item and d.window_start_ms = done.window_start_ms`,
    [windows.map((one) => one.service), windows.map((one) => one.item), windows.map((one) => one.startMs)],
  );
}

/** A window as rows tell it. */
export interface DueRow {
  readonly service: string;
  readonly item: string;
  readonly window_start_ms: bigint;
  readonly window_end_ms: bigint;
  readonly due_at_ms?: bigint;
}

export function dueOf(row: DueRow): DueWindow {
  return {
    service: row.service,
    item: row.item,
    startMs: Number(row.window_start_ms),
    endMs: Number(row.window_end_ms),
    ...(row.due_at_ms === undefined || row.due_at_ms === row.window_end_ms ? {} : { dueMs: Number(row.due_at_ms) }),
  };
}

/** Windows whose time has come, after a place in their order; the order is by when they are due. */
export async function dueWindows(
  connection: Queryable,
  endedBeforeMs: EpochMs,
  after: DueWindow | null,
  limit: number,
): Promise<DueWindow[]> {
  const { rows } = await connection.query<DueRow>(
    `select service, item, window_start_ms, window_end_ms, due_at_ms from billing.due_window
      where due_at_ms <= $1 and ($2::int8 is null or (due_at_ms, service, item, window_start_ms) > ($2, $3, $4, $5))
      order by due_at_ms, service, item, window_start_ms limit $6`,
    [
      endedBeforeMs,
      after === null ? null : (after.dueMs ?? after.endMs),
      after?.service ?? null,
      after?.item ?? null,
      after?.startMs ?? null,
      limit,
    ],
  );
  return rows.map(dueOf);
}
