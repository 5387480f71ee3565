// Writes the parts of devices in the transaction that applies their polls: only what a table says otherwise than the one before.
import type { Queryable } from '../../common/database/database.ts';
import type { EpochMs } from '../../common/model/time.ts';
import type { KnownDevice, SeenTable } from './known-device.ts';
import { type KnownPart, type PartChange, partDifference } from './part-changes.ts';
import type { PartFacts } from './part-kinds.ts';

interface KnownRow {
  readonly device: number;
  readonly kind: string;
  readonly key: string;
  readonly facts: PartFacts;
  readonly gone: boolean;
}

/** Rows of one statement, so that a first sight of a large network stays small in memory. */
const MAX_ROWS = 20_000;

/** Tables in the order they were read; of locked devices. */
export async function writeParts(connection: Queryable, tables: readonly SeenTable[]): Promise<void> {
  for (const slice of slicesOf(tables)) await writeSlice(connection, slice);
}

/** A slice has no two tables of one kind of one device: the second is held against what the first left. */
function slicesOf(tables: readonly SeenTable[]): SeenTable[][] {
  const slices: SeenTable[][] = [];
  let slice: SeenTable[] = [];
  let names = new Set<string>();
  let rows = 0;
  for (const table of tables) {
    const name = nameOf(table.device.id, table.seen.kind);
    if (slice.length > 0 && (names.has(name) || rows + table.seen.parts.length > MAX_ROWS)) {
      slices.push(slice);
      [slice, names, rows] = [[], new Set(), 0];
    }
    slice.push(table);
    names.add(name);
    rows += table.seen.parts.length;
  }
  return slice.length === 0 ? slices : [...slices, slice];
}

async function writeSlice(connection: Queryable, tables: readonly SeenTable[]): Promise<void> {
  const known = await loadKnown(connection, tables);
  const written: unknown[] = [];
  const gone: unknown[] = [];
  const changes: (PartChange & { readonly device: string; readonly part: string; readonly atMs: EpochMs })[] = [];
  for (const { device, seen, first, thereAtMs } of tables) {
    const found = partDifference(known.get(nameOf(device.id, seen.kind)) ?? [], seen, first);
    const { kind, atMs } = seen;
    for (const part of found.written) written.push({ device: device.id, kind, atMs, ...part });
    for (const key of found.gone) gone.push({ device: device.id, kind, key, atMs, thereAtMs });
    for (const change of found.changes)
      changes.push({ ...change, device: device.name, part: `${kind}:${change.key}`, atMs });
  }
  if (written.length > 0) await connection.query(WRITE_PARTS, [JSON.stringify(written)]);
  if (gone.length > 0) await connection.query(WRITE_GONE, [JSON.stringify(gone)]);
  if (changes.length > 0) await connection.query(WRITE_CHANGES, [JSON.stringify(changes)]);
}

async function loadKnown(connection: Queryable, tables: readonly SeenTable[]): Promise<Map<string, KnownPart[]>> {
  const { rows } = await connection.query<KnownRow>(
    `select part.device, part.kind, part.key, part.facts, part.gone_at_ms is not null as gone
       from inventory.part part
       join unnest($1::int[], $2::text[]) as wanted (device, kind)
         on part.device = wanted.device and part.kind = wanted.kind`,
    [tables.map(({ device }) => device.id), tables.map(({ seen }) => seen.kind)],
  );
  const known = new Map<string, KnownPart[]>();
  for (const { device, kind, ...part } of rows) {
    const name = nameOf(device, kind);
    const parts = known.get(name);
    if (parts === undefined) known.set(name, [part]);
    else parts.push(part);
  }
  return known;
}

function nameOf(device: KnownDevice['id'], kind: string): string {
  return `${device} ${kind}`;
}

const WRITE_PARTS = `
  insert into inventory.part (device, kind, key, facts, first_seen_ms, last_seen_ms)
  select device, kind, key, facts, "atMs", "atMs"
    from jsonb_to_recordset($1::jsonb) as seen (device int, kind text, key text, facts jsonb, "atMs" int8)
  on conflict (device, kind, key) do update
     set facts = excluded.facts, last_seen_ms = excluded.last_seen_ms, gone_at_ms = null`;

const WRITE_GONE = `
  update inventory.part part
     set gone_at_ms = told."atMs", last_seen_ms = greatest(part.last_seen_ms, told."thereAtMs")
    from jsonb_to_recordset($1::jsonb) as told (device int, kind text, key text, "atMs" int8, "thereAtMs" int8)
   where part.device = told.device and part.kind = told.kind and part.key = told.key`;

const WRITE_CHANGES = `
  insert into inventory.change (device, part, kind, before, after, at_ms)
  select device, part, kind, before, after, "atMs"
    from jsonb_to_recordset($1::jsonb) as told (device text, part text, kind text, before text, after text, "atMs" int8)
  on conflict do nothing`;
