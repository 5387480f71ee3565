// The permanent meters of what is metered beside octets, and the layouts of their pages: rows join a layout and stay, so that one that is silent for a poll changes nothing.
import type { Queryable } from '../../common/database/database.ts';
import type { Table } from '../../common/model/poll.ts';
import type { LayoutRow } from '../../common/wire/reading-page.ts';
import type { KnownDevice } from '../inventory/known-device.ts';
import type { BuiltPage } from './build-page.ts';
import type { KnownLayout, LayoutBook, StoredLayout } from './layout-book.ts';
import { buildMeteredPage } from './metered-page.ts';
import { METERED_CLASSES, type MeteredClass, type MeteredRow, meteredRows } from './metered-rows.ts';
import type { PageArena } from './page-arena.ts';

interface Meters {
  readonly id: number;
  readonly in: number;
  readonly out: number;
}

/** A device's table with its meters; `kind` of its layouts is the name of the table. */
interface Metered {
  readonly meters: Map<string, Meters>;
  readonly layouts: Map<string, KnownLayout>;
}

/** Rows of one table of one device; what is beyond is left out and counted. */
const MOST_ROWS = 10_000;
/** Rows of devices in memory; then all are read again. */
const MAX_ROWS = 200_000;
/** Of the table of interfaces the pages of octets are `interface`. */
const KINDS: Readonly<Partial<Record<Table['name'], string>>> = {
  outlet: 'outlet',
  sensor: 'sensor',
  interface: 'interface-others',
};

export interface MeteredPages {
  readonly pages: readonly BuiltPage[];
  readonly leftOut: number;
}

/** Of whom a page may be made, with what the rows of its interfaces are called. */
export interface MeteredPoll {
  readonly device: KnownDevice;
  readonly keysOf: (table: Table) => readonly (string | null)[];
}

export class MeteredBook {
  readonly #wanted: ReadonlySet<MeteredClass>;
  readonly #layoutBook: LayoutBook;
  readonly #devices = new Map<number, Metered>();
  #rows = 0;

  constructor(wanted: readonly MeteredClass[], layoutBook: LayoutBook) {
    this.#wanted = new Set(wanted.filter((one) => METERED_CLASSES.includes(one)));
    this.#layoutBook = layoutBook;
  }

  /** Tables whose rows may be metered here. */
  reads(table: Table): boolean {
    if (this.#wanted.size === 0 || KINDS[table.name] === undefined) return false;
    if (table.name !== 'interface') return ['energy', 'power', 'current'].some((one) => this.#has(one));
    return ['packets', 'all_packets', 'ports', 'uptime'].some((one) => this.#has(one));
  }

  #has(name: string): boolean {
    return METERED_CLASSES.some((one) => one === name && this.#wanted.has(one));
  }

  /** Reads what is known of these devices; they are locked. */
  async load(connection: Queryable, devices: Iterable<number>): Promise<void> {
    if (this.#rows > MAX_ROWS) this.forgetAll();
    const missing = [...new Set(devices)].filter((device) => !this.#devices.has(device));
    if (missing.length === 0) return;
    for (const device of missing) this.#devices.set(device, { meters: new Map(), layouts: new Map() });
    const meters = await connection.query<MeterRow>(`${SELECT} where device = any($1::int[])`, [missing]);
    for (const row of meters.rows) this.#keep(row);
    const layouts = await connection.query<StoredLayout & { readonly kind: string }>(
      `select distinct on (device, kind) id, device, sha256, rows, kind from readings.layout
        where device = any($1::int[]) and kind <> 'interface' order by device, kind, id desc`,
      [missing],
    );
    for (const row of layouts.rows) {
      const layout = this.#layoutBook.known(row);
      this.#devices.get(row.device)?.layouts.set(row.kind, layout);
      this.#rows += layout.rows.length;
    }
  }

  /** The pages of a table; writes meters that are new. */
  async build(
    connection: Queryable,
    arena: PageArena,
    { device, keysOf }: MeteredPoll,
    table: Table,
    clockOffsetMs: number,
  ): Promise<MeteredPages> {
    const kind = KINDS[table.name];
    if (kind === undefined || !this.reads(table)) return { pages: [], leftOut: 0 };
    const { rows, misfits } = meteredRows(table, this.#wanted, table.name === 'interface' ? keysOf(table) : []);
    const kept = onceEach(rows.slice(0, MOST_ROWS));
    const leftOut = misfits + rows.length - kept.length;
    if (kept.length === 0) return { pages: [], leftOut };
    const known = this.#of(device.id);
    await this.#addMeters(connection, device.id, kept, known);
    const layout = this.#layoutFor(device.id, kind, kept, known);
    if (layout === null) return { pages: [], leftOut: leftOut + kept.length };
    const byKey = new Map(kept.map((row) => [keyOf(row.key, row.class), row]));
    const placed = layout.rows.map((row) => byKey.get(keyOf(row.interfaceKey, row.class ?? '')));
    return { pages: [buildMeteredPage(arena, table, layout, placed, clockOffsetMs)], leftOut };
  }

  /** After a transaction that failed. */
  forget(devices: Iterable<number>): void {
    for (const device of devices) this.#devices.delete(device);
  }

  forgetAll(): void {
    this.#devices.clear();
    this.#rows = 0;
  }

  #of(device: number): Metered {
    const known = this.#devices.get(device);
    if (known === undefined) throw new Error(`BUG: what is metered of device ${device} was not loaded`);
    return known;
  }

  #keep(row: MeterRow): void {
    const meters = { id: row.id, in: row.meter_in, out: row.meter_out ?? 0 };
    this.#devices.get(row.device)?.meters.set(keyOf(row.key, row.class), meters);
  }

  async #addMeters(connection: Queryable, device: number, rows: readonly MeteredRow[], known: Metered): Promise<void> {
    const fresh = rows.filter((row) => !known.meters.has(keyOf(row.key, row.class)));
    if (fresh.length === 0) return;
    // The device is locked: nobody adds the same meanwhile.
    const { rows: added } = await connection.query<MeterRow>(
      `insert into readings.metered (device, key, class, meter_in, meter_out)
       select $1, key, class, nextval('inventory.meter_id'), case when paired then nextval('inventory.meter_id') end
         from unnest($2::text[], $3::text[], $4::boolean[]) as new (key, class, paired)
       on conflict (device, key, class) do update set class = excluded.class
       returning id, device, key, class, meter_in, meter_out`,
      [
        device,
        fresh.map((row) => row.key),
        fresh.map((row) => row.class),
        fresh.map((row) => row.class !== 'energy' && row.class !== 'uptime'),
      ],
    );
    for (const row of added) this.#keep(row);
  }

  /** The last layout where it has all these rows as they are; else one with them: in place of what they were, or behind. */
  #layoutFor(device: number, kind: string, rows: readonly MeteredRow[], known: Metered): KnownLayout | null {
    const current = known.layouts.get(kind);
    const places = new Map(current?.rows.map((row, place) => [keyOf(row.interfaceKey, row.class ?? ''), place]));
    const next = [...(current?.rows ?? [])];
    let changed = false;
    for (const row of rows) {
      const place = places.get(keyOf(row.key, row.class));
      const before = place === undefined ? undefined : next[place];
      if (before !== undefined && before.width === row.width && before.ifName === row.name) continue;
      changed = true;
      const made = layoutRow(row, known);
      if (place === undefined) next.push(made);
      else next[place] = made;
    }
    if (current !== undefined && !changed) return current;
    if (next.length > MOST_ROWS) return null;
    const layout = this.#layoutBook.make(device, next, kind);
    known.layouts.set(kind, layout);
    this.#rows += layout.rows.length;
    return layout;
  }
}

function layoutRow(row: MeteredRow, known: Metered): LayoutRow {
  const meters = known.meters.get(keyOf(row.key, row.class));
  if (meters === undefined) throw new Error(`BUG: ${row.key} has no meter of ${row.class}`);
  return {
    interfaceId: -meters.id,
    interfaceKey: row.key,
    ifIndex: row.index,
    ifName: row.name,
    ifAlias: '',
    speedBps: row.speedBps,
    meters: { in: meters.in, out: meters.out },
    width: row.width,
    class: row.class,
  };
}

function keyOf(key: string, meterClass: string): string {
  return `${meterClass} ${key}`;
}

interface MeterRow {
  readonly id: number;
  readonly device: number;
  readonly key: string;
  readonly class: string;
  readonly meter_in: number;
  readonly meter_out: number | null;
}

const SELECT = 'select id, device, key, class, meter_in, meter_out from readings.metered';

/** The first row of each meter: two that are called alike once they are cleaned cannot both be it. */
function onceEach(rows: readonly MeteredRow[]): readonly MeteredRow[] {
  const seen = new Set(rows.map((row) => keyOf(row.key, row.class)));
  if (seen.size === rows.length) return rows;
  return rows.filter((row) => seen.delete(keyOf(row.key, row.class)));
}
