// What of a poll is metered beside octets: energy, power and current of outlets and sensors; packets, ports that are up, and uptime. Pure.
import type { MeterClass } from '../../common/model/meter-class.ts';
import { type CounterColumn, counterAt, segmentOf, type Table } from '../../common/model/poll.ts';
import { cleanKey, cleanText, countersOf, numbersOf, textsOf } from '../../common/model/table-columns.ts';

/** Which a collector keeps readings of: those of energy cost little; the others are a page more for every poll of every device. */
export const METERED_CLASSES = ['energy', 'power', 'current', 'packets', 'all_packets', 'ports', 'uptime'] as const;
export type MeteredClass = (typeof METERED_CLASSES)[number];

export interface MeteredRow {
  /** In the table, for its clocks. */
  readonly tableRow: number;
  readonly key: string;
  readonly class: MeteredClass & MeterClass;
  readonly index: string;
  readonly name: string;
  readonly width: 32 | 64;
  /** Eight times the most base units in a second that are believed; null: any number. */
  readonly speedBps: string | null;
  /** Of a gauge both are its value; of a counter without a direction `out` is null. */
  readonly in: bigint | null;
  readonly out: bigint | null;
}

export interface MeteredRows {
  readonly rows: readonly MeteredRow[];
  /** Values that no meter counts: negative, or beyond what a double holds. */
  readonly misfits: number;
}

/** mWh in a second, times eight: more than 100 kW at an outlet, or 5 MW at an inlet, is a jump of the counter and no energy. */
const OUTLET_BOUND = speedOf(100_000n);
const SENSOR_BOUND = speedOf(5_000_000n);

function speedOf(watts: bigint): string {
  return ((watts * 1000n * 8n) / 3600n + 1n).toString();
}

const MILLI = 1000;
const UP = 1;

/** `keys`: what each row of the table of interfaces is called; null where nobody knows. */
export function meteredRows(
  table: Table,
  wanted: ReadonlySet<MeteredClass>,
  keys: readonly (string | null)[],
): MeteredRows {
  const found = new Found(wanted);
  if (table.segments.length === 0) return found;
  if (table.name === 'outlet') addOutlets(table, found);
  if (table.name === 'sensor') addSensors(table, found);
  if (table.name === 'interface') addInterfaces(table, found, keys);
  return found;
}

type Place = Pick<MeteredRow, 'tableRow' | 'key' | 'index' | 'name'>;

class Found implements MeteredRows {
  readonly rows: MeteredRow[] = [];
  misfits = 0;
  readonly wanted: ReadonlySet<MeteredClass>;

  constructor(wanted: ReadonlySet<MeteredClass>) {
    this.wanted = wanted;
  }

  /** A scaled value of a device, in so many base units each. */
  addNumber(place: Place, meterClass: MeteredClass, value: number | undefined, units: number, bound: string): void {
    if (value === undefined || Number.isNaN(value) || !this.wanted.has(meterClass)) return;
    const base = Math.round(value * units);
    if (!(base >= 0 && base <= Number.MAX_SAFE_INTEGER)) {
      this.misfits += 1;
      return;
    }
    const counter = meterClass === 'energy';
    this.rows.push({
      ...place,
      class: meterClass,
      width: 64,
      speedBps: counter ? bound : null,
      in: BigInt(base),
      out: counter ? null : BigInt(base),
    });
  }

  add(row: MeteredRow): void {
    if (this.wanted.has(row.class)) this.rows.push(row);
  }
}

function addOutlets(table: Table, found: Found): void {
  const descriptions = textsOf(table, 'description');
  const energy = numbersOf(table, 'energyWattHours');
  const power = numbersOf(table, 'powerWatts');
  const current = numbersOf(table, 'currentAmperes');
  for (const [tableRow, index] of table.index.entries()) {
    const place = placeOf('outlet', tableRow, index, descriptions?.[tableRow]);
    found.addNumber(place, 'energy', energy?.[tableRow], MILLI, OUTLET_BOUND);
    found.addNumber(place, 'power', power?.[tableRow], MILLI, OUTLET_BOUND);
    found.addNumber(place, 'current', current?.[tableRow], MILLI, OUTLET_BOUND);
  }
}

const WATT_HOURS: Readonly<Record<string, number>> = { Wh: 1, kWh: 1_000, MWh: 1_000_000 };

function addSensors(table: Table, found: Found): void {
  const classes = textsOf(table, 'class');
  const units = textsOf(table, 'unit');
  const values = numbersOf(table, 'value');
  const descriptions = textsOf(table, 'description');
  const isEnergy = (row: number): boolean => classes?.[row] === 'power_consumed' || classes?.[row] === 'energy';
  // Optics tell currents too, of their lasers: nobody is billed for these.
  const measuresEnergy = table.index.some((_, row) => isEnergy(row));
  for (const [tableRow, index] of table.index.entries()) {
    const place = placeOf('sensor', tableRow, index, descriptions?.[tableRow]);
    const value = values?.[tableRow];
    const kind = classes?.[tableRow];
    if (isEnergy(tableRow)) {
      const wattHours = WATT_HOURS[units?.[tableRow] ?? ''] ?? (kind === 'energy' ? 1 : 1_000);
      found.addNumber(place, 'energy', value, wattHours * MILLI, SENSOR_BOUND);
    } else if (kind === 'power') found.addNumber(place, 'power', value, MILLI, SENSOR_BOUND);
    else if (kind === 'current' && measuresEnergy) found.addNumber(place, 'current', value, MILLI, SENSOR_BOUND);
  }
}

type Sides = readonly [readonly (CounterColumn | undefined)[], readonly (CounterColumn | undefined)[]];

/** Unicast, multicast and broadcast, each wide and narrow, in and out. */
function packetColumns(table: Table): readonly [Sides, Sides, Sides] {
  const of = (kind: string): Sides => [
    [countersOf(table, `ifHCIn${kind}Pkts`), countersOf(table, `ifIn${kind}Pkts`)],
    [countersOf(table, `ifHCOut${kind}Pkts`), countersOf(table, `ifOut${kind}Pkts`)],
  ];
  return [of('Ucast'), of('Multicast'), of('Broadcast')];
}

interface Packets {
  readonly width: 32 | 64;
  readonly in: bigint | null;
  readonly out: bigint | null;
}

/** Of a row whose directions differ in width, only what has that of the first. */
function packetsOf([inward, outward]: Sides, tableRow: number): Packets | null {
  const [first, second] = [firstOf(inward, tableRow), firstOf(outward, tableRow)];
  const width = first?.width ?? second?.width;
  if (width === undefined) return null;
  const fitting = (one: typeof first): bigint | null => (one?.width === width ? one.value : null);
  return { width, in: fitting(first), out: fitting(second) };
}

/** Three counters as one that wraps as they do: a sum of differences is the difference of the sums. Null where one of them is missing. */
function allPacketsOf(columns: readonly Sides[], tableRow: number): Packets | null {
  const kinds = columns.flatMap((sides) => packetsOf(sides, tableRow) ?? []);
  const width = kinds[0]?.width;
  if (width === undefined || kinds.length < columns.length || kinds.some((one) => one.width !== width)) return null;
  const sumOf = (side: 'in' | 'out'): bigint | null => {
    const values = kinds.flatMap((one) => one[side] ?? []);
    return values.length < kinds.length
      ? null
      : BigInt.asUintN(
          width,
          values.reduce((sum, value) => sum + value, 0n),
        );
  };
  const [into, out] = [sumOf('in'), sumOf('out')];
  return into === null && out === null ? null : { width, in: into, out };
}

function addInterfaces(table: Table, found: Found, keys: readonly (string | null)[]): void {
  const columns = packetColumns(table);
  const states = numbersOf(table, 'ifOperStatus');
  for (const [tableRow, index] of table.index.entries()) {
    const key = keys[tableRow] ?? null;
    if (key === null) continue;
    const place = { tableRow, key, index, name: key };
    const unicast = packetsOf(columns[0], tableRow);
    if (unicast !== null) found.add({ ...place, class: 'packets', speedBps: null, ...unicast });
    const all = allPacketsOf(columns, tableRow);
    if (all !== null) found.add({ ...place, class: 'all_packets', speedBps: null, ...all });
    const state = states?.[tableRow];
    const up = state === undefined || Number.isNaN(state) ? null : state === UP ? 1n : 0n;
    if (up !== null) found.add({ ...place, class: 'ports', width: 64, speedBps: null, in: up, out: up });
  }
  addUptime(table, found);
}

/** Hundredths of a second as the device counts them: a restart ends them as it ends every counter. */
function addUptime(table: Table, found: Found): void {
  if (table.index.length === 0) return;
  const ticks = segmentOf(table, 0).uptimeTicks;
  if (ticks === null) return;
  const place = { tableRow: 0, key: 'system', index: '0', name: 'uptime' };
  found.add({ ...place, class: 'uptime', width: 32, speedBps: null, in: BigInt(ticks), out: null });
}

function firstOf(
  columns: readonly (CounterColumn | undefined)[],
  row: number,
): { readonly width: 32 | 64; readonly value: bigint } | null {
  for (const column of columns) {
    const value = column === undefined ? null : counterAt(column, row);
    if (column !== undefined && value !== null) return { width: column.width, value };
  }
  return null;
}

function placeOf(kind: 'outlet' | 'sensor', tableRow: number, index: string, name: string | null | undefined): Place {
  return { tableRow, key: cleanKey(`${kind}:${index}`), index: cleanText(index), name: cleanText(name ?? '') };
}
