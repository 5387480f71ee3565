// Which layout each device's pages have now: a page that fits the last one has it too; another one is made only when rows or names differ.
import { createHash } from 'node:crypto';
import type { Queryable } from '../../common/database/database.ts';
import { cleanText } from '../../common/model/table-columns.ts';
import type { LayoutRow } from '../../common/wire/reading-page.ts';
import type { KnownDevice, KnownInterface, RowInterfaces } from '../inventory/known-device.ts';

export interface KnownLayout {
  /** 0 until it is written. */
  id: number;
  readonly device: number;
  /** interface: the octets of interfaces; others: what else is metered (metered-book.ts). */
  readonly kind: string;
  readonly rows: readonly LayoutRow[];
  /** bit/s of each row; 0 where the device said none. */
  readonly speeds: Float64Array;
  readonly sha256: Buffer;
  /** That of every row; null where they differ. */
  readonly width: 32 | 64 | null;
  /** The rows that it was last held against, with the device's `details` of that time. */
  heldAgainst: { readonly rows: RowInterfaces; readonly details: number } | null;
}

/** The rows of a poll whose interfaces are known: where they stood and what the device said of them. */
export interface RowFacts {
  /** All of the table, known or not. */
  readonly rows: RowInterfaces;
  readonly interfaces: readonly KnownInterface[];
  readonly ifIndexes: readonly string[];
  readonly speeds: Float64Array;
  /** 32 or 64; 0 where the row had no octets at all, which says nothing of their width. */
  readonly widths: Uint8Array;
}

export interface PlacedRows {
  readonly layout: KnownLayout;
  /** The row of the layout for each row of the poll; null where they are the same. */
  readonly places: Int32Array | null;
}

/** Rows of layouts in memory, about 250 octets each; those of the devices longest unused go first. */
const MAX_ROWS = 200_000;
const USUAL_WIDTH = 64;
const INTERFACES = 'interface';

export class LayoutBook {
  readonly #current = new Map<number, KnownLayout>();
  readonly #made = new Map<string, KnownLayout>();

  /** Reads the newest layouts of devices that are not known yet. */
  async load(connection: Queryable, devices: Iterable<number>): Promise<void> {
    const missing = [];
    for (const device of new Set(devices)) {
      const known = this.#current.get(device);
      if (known === undefined) missing.push(device);
      else this.#use(known);
    }
    if (missing.length === 0) return;
    const { rows } = await connection.query<StoredLayout>(
      `select distinct on (device) id, device, sha256, rows from readings.layout
        where device = any($1::int[]) and kind = 'interface' order by device, id desc`,
      [missing],
    );
    for (const row of rows) this.#use(knownOf(row, INTERFACES));
    this.#dropOldest();
  }

  /** The layout of the last page where nothing can have changed since: the same rows, and nothing new was heard of their interfaces. */
  asBefore(device: KnownDevice, rows: RowInterfaces, width: 32 | 64): KnownLayout | null {
    const current = this.#current.get(device.id);
    const before = current?.heldAgainst;
    if (current === undefined || before?.rows !== rows || before.details !== device.details) return null;
    return current.width === width ? current : null;
  }

  /**
   * The layout for these rows. Rows that a poll which was cut short did not bring do not make another. `isNews`: the device's interfaces
   * are as this poll says; one that is history may say otherwise.
   */
  place(device: KnownDevice, facts: RowFacts, complete: boolean, isNews: boolean): PlacedRows {
    const current = this.#current.get(device.id);
    const fitting = current !== undefined && isWhole(current, facts) ? current : null;
    const places = fitting !== null || current === undefined || complete ? null : placesIn(current, facts);
    if (places !== null && current !== undefined) return { layout: current, places };
    const layout = fitting ?? this.#make(device.id, rowsOf(facts, current), facts.speeds, INTERFACES);
    this.#use(layout);
    const all = facts.rows.length === layout.rows.length;
    layout.heldAgainst = all && isNews ? { rows: facts.rows, details: device.details } : null;
    return { layout, places: null };
  }

  /** Gives ids to the layouts made since the last time, all of locked devices; returns how many are new for ever. */
  async write(connection: Queryable): Promise<number> {
    const made = [...this.#made.values()];
    this.#made.clear();
    this.#dropOldest();
    if (made.length === 0) return 0;
    const known = await findIds(connection, made);
    const fresh = made.filter((layout) => !known.has(keyOf(layout)));
    const ids = fresh.length === 0 ? known : new Map([...known, ...(await insert(connection, fresh))]);
    for (const layout of made) {
      const id = ids.get(keyOf(layout));
      if (id === undefined) throw new Error(`BUG: a layout of device ${layout.device} was written but is not there`);
      layout.id = id;
    }
    return fresh.length;
  }

  /** After a transaction that failed, its layouts do not exist. */
  forget(devices: Iterable<number>): void {
    this.#made.clear();
    for (const device of devices) this.#current.delete(device);
  }

  /** A layout of what is no interface's octets, to be written with the others. */
  make(device: number, rows: readonly LayoutRow[], kind: string): KnownLayout {
    return this.#make(device, rows, new Float64Array(rows.length), kind);
  }

  /** One that was written, as it is known. */
  known(stored: StoredLayout & { readonly kind: string }): KnownLayout {
    return knownOf(stored, stored.kind);
  }

  #make(device: number, rows: readonly LayoutRow[], speeds: Float64Array, kind: string): KnownLayout {
    const sha256 = createHash('sha256').update(JSON.stringify(rows)).digest();
    const layout: KnownLayout = { id: 0, device, kind, rows, speeds, sha256, width: widthOf(rows), heldAgainst: null };
    const made = this.#made.get(keyOf(layout));
    if (made !== undefined) return made;
    this.#made.set(keyOf(layout), layout);
    return layout;
  }

  #use(layout: KnownLayout): void {
    this.#current.delete(layout.device);
    this.#current.set(layout.device, layout);
  }

  #dropOldest(): void {
    let rows = 0;
    for (const layout of this.#current.values()) rows += layout.rows.length;
    for (const [device, layout] of this.#current) {
      if (rows <= MAX_ROWS) return;
      this.#current.delete(device);
      rows -= layout.rows.length;
    }
  }
}

function isWhole(layout: KnownLayout, facts: RowFacts): boolean {
  if (layout.rows.length !== facts.interfaces.length) return false;
  for (let row = 0; row < layout.rows.length; row += 1) if (!fits(layout, row, facts, row)) return false;
  return true;
}

/** Where each row stands in the layout, in its order, with room between them; null where one does not fit. */
function placesIn(layout: KnownLayout, facts: RowFacts): Int32Array | null {
  const places = new Int32Array(facts.interfaces.length);
  let place = 0;
  for (const [row, one] of facts.interfaces.entries()) {
    while (place < layout.rows.length && layout.rows[place]?.interfaceId !== one.id) place += 1;
    if (!fits(layout, place, facts, row)) return null;
    places[row] = place;
    place += 1;
  }
  return places;
}

function fits(layout: KnownLayout, place: number, facts: RowFacts, row: number): boolean {
  const known = layout.rows[place];
  const found = facts.interfaces[row];
  if (known === undefined || found === undefined) return false;
  const width = facts.widths[row];
  return (
    known.interfaceId === found.id &&
    (width === 0 || width === known.width) &&
    layout.speeds[place] === facts.speeds[row] &&
    known.ifIndex === facts.ifIndexes[row] &&
    known.ifName === (found.ifName ?? '') &&
    known.ifAlias === (found.ifAlias ?? '')
  );
}

function rowsOf(facts: RowFacts, before: KnownLayout | undefined): LayoutRow[] {
  const widths = new Map(before?.rows.map((row) => [row.interfaceId, row.width]));
  return facts.interfaces.map((one, row) => {
    const speed = facts.speeds[row] ?? 0;
    const width = facts.widths[row];
    return {
      interfaceId: one.id,
      interfaceKey: one.key,
      ifIndex: cleanText(facts.ifIndexes[row] ?? ''),
      ifName: one.ifName ?? '',
      ifAlias: one.ifAlias ?? '',
      speedBps: speed > 0 ? BigInt(speed).toString() : null,
      meters: { in: one.meterIn, out: one.meterOut },
      width: width === 32 ? 32 : width === 64 ? 64 : (widths.get(one.id) ?? USUAL_WIDTH),
    };
  });
}

export interface StoredLayout {
  readonly id: number;
  readonly device: number;
  readonly sha256: Buffer;
  readonly rows: readonly LayoutRow[];
}

function knownOf(stored: StoredLayout, kind: string): KnownLayout {
  const speeds = Float64Array.from(stored.rows, (row) => (row.speedBps === null ? 0 : Number(row.speedBps)));
  return { ...stored, kind, speeds, width: widthOf(stored.rows), heldAgainst: null };
}

function widthOf(rows: readonly LayoutRow[]): 32 | 64 | null {
  const width = rows[0]?.width ?? null;
  return rows.every((row) => row.width === width) ? width : null;
}

function keyOf(layout: { readonly device: number; readonly sha256: Buffer }): string {
  return `${layout.device} ${layout.sha256.toString('base64')}`;
}

type StoredKey = Omit<StoredLayout, 'rows'>;

async function findIds(connection: Queryable, layouts: readonly KnownLayout[]): Promise<Map<string, number>> {
  const { rows } = await connection.query<StoredKey>(
    `select id, device, sha256 from readings.layout
      where (device, sha256) in (select * from unnest($1::int[], $2::bytea[]))`,
    [layouts.map((layout) => layout.device), layouts.map((layout) => layout.sha256)],
  );
  return new Map(rows.map((row) => [keyOf(row), row.id]));
}

async function insert(connection: Queryable, layouts: readonly KnownLayout[]): Promise<Map<string, number>> {
  const { rows } = await connection.query<StoredKey>(
    `insert into readings.layout (device, sha256, kind, interfaces, rows)
     select device, sha256, kind, array(select (row ->> 'interfaceId')::int from json_array_elements(rows) with ordinality
                                    as one (row, place) order by place), rows
       from unnest($1::int[], $2::bytea[], $3::json[], $4::text[]) as new (device, sha256, rows, kind)
     returning id, device, sha256`,
    [
      layouts.map((layout) => layout.device),
      layouts.map((layout) => layout.sha256),
      layouts.map((layout) => JSON.stringify(layout.rows)),
      layouts.map((layout) => layout.kind),
    ],
  );
  return new Map(rows.map((row) => [keyOf(row), row.id]));
}
