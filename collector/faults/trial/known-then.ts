// What the inventory kept of then: when versions, serial numbers, modules and neighbours changed. A trial puts it back into the polls, which do not have it.
import type { Queryable } from '../../../common/database/database.ts';
import type { Column, Table } from '../../../common/model/poll.ts';
import type { EpochMs } from '../../../common/model/time.ts';

interface Step {
  readonly atMs: EpochMs;
  readonly before: string;
  readonly after: string;
}

interface NeighbourThen {
  readonly facts: Readonly<Record<string, string | number>>;
  readonly isThereNow: boolean;
  readonly steps: readonly { readonly atMs: EpochMs; readonly isThere: boolean }[];
}

export interface DeviceThen {
  readonly versions: readonly Step[];
  readonly serials: readonly Step[];
  /** Serial numbers by slot. */
  readonly modules: ReadonlyMap<string, readonly Step[]>;
  /** Null where no neighbour came or went: then they are those of now. */
  readonly neighbours: readonly NeighbourThen[] | null;
}

interface ChangeRow {
  readonly device: string;
  readonly part: string;
  readonly kind: string;
  readonly before: string | null;
  readonly after: string | null;
  readonly at_ms: bigint;
}

const KINDS = ['upgrade', 'replacement', 'module_replaced', 'neighbour_new', 'neighbour_lost'];
/** Of all devices of one trial. */
const MAX_ROWS = 200_000;
/** Times of stored polls are rounded. */
const ROUNDED_MS = 2;
const NEIGHBOUR = 'neighbour:';
const MODULE = 'module:';

/** Of devices of which something changed since then. */
export async function readThen(
  database: Queryable,
  devices: readonly string[],
  sinceMs: EpochMs,
): Promise<ReadonlyMap<string, DeviceThen>> {
  const { rows } = await database.query<ChangeRow>(
    `select device, part, kind, before, after, at_ms from inventory.change
      where device = any($1::text[]) and kind = any($2::text[]) and at_ms >= $3 order by at_ms, id limit ${MAX_ROWS}`,
    [devices, KINDS, Math.floor(sinceMs)],
  );
  const byDevice = new Map<string, ChangeRow[]>();
  for (const row of rows) {
    const own = byDevice.get(row.device);
    if (own === undefined) byDevice.set(row.device, [row]);
    else own.push(row);
  }
  const wired = [...byDevice].filter(([, own]) => own.some(({ part }) => part.startsWith(NEIGHBOUR)));
  const neighbours = await readNeighbours(
    database,
    wired.map(([device]) => device),
  );
  return new Map([...byDevice].map(([device, own]) => [device, thenOf(own, neighbours.get(device) ?? null)]));
}

interface PartRow {
  readonly key: string;
  readonly facts: NeighbourThen['facts'];
  readonly is_there: boolean;
}

async function readNeighbours(
  database: Queryable,
  devices: readonly string[],
): Promise<ReadonlyMap<string, PartRow[]>> {
  const found = new Map<string, PartRow[]>(devices.map((device) => [device, []]));
  if (devices.length === 0) return found;
  const { rows } = await database.query<PartRow & { device: string }>(
    `select device.name as device, part.key, part.facts, part.gone_at_ms is null as is_there
       from inventory.part part join inventory.device device on device.id = part.device
      where device.name = any($1::text[]) and part.kind = 'neighbour' limit ${MAX_ROWS}`,
    [devices],
  );
  for (const { device, ...row } of rows) found.get(device)?.push(row);
  return found;
}

function thenOf(changes: readonly ChangeRow[], parts: readonly PartRow[] | null): DeviceThen {
  const stepOf = ({ at_ms: atMs, before, after }: ChangeRow, pick: (text: string) => string): Step => ({
    atMs: Number(atMs),
    before: pick(before ?? ''),
    after: pick(after ?? ''),
  });
  const ofKind = (kind: string): ChangeRow[] => changes.filter((one) => one.kind === kind && one.part === '');
  const modules = new Map<string, Step[]>();
  for (const change of changes) {
    if (change.kind !== 'module_replaced') continue;
    const slot = change.part.slice(MODULE.length);
    modules.set(slot, [...(modules.get(slot) ?? []), stepOf(change, serialIn)]);
  }
  return {
    versions: ofKind('upgrade').map((change) => stepOf(change, String)),
    serials: ofKind('replacement').map((change) => stepOf(change, String)),
    modules,
    neighbours:
      parts?.map(({ key, facts, is_there: isThereNow }) => ({
        facts,
        isThereNow,
        steps: changes
          .filter(({ part }) => part === `${NEIGHBOUR}${key}`)
          .map(({ kind, at_ms: atMs }) => ({ atMs: Number(atMs), isThere: kind === 'neighbour_new' })),
      })) ?? null,
  };
}

/** Of a module as the inventory tells it: name, model, serial number. */
function serialIn(text: string): string {
  const serial = text.slice(text.lastIndexOf(', ') + 1).trim();
  return serial === 'no serial number' ? '' : serial;
}

/** The tables that a poll of that time had, as far as something in them changed. */
export function tablesThen(then: DeviceThen, atMs: EpochMs): Table[] {
  const { versions, serials, modules, neighbours } = then;
  const system = [textColumn('version', [valueAt(versions, atMs)]), textColumn('serial', [valueAt(serials, atMs)])];
  const there = neighbours?.filter((one) => isThere(one, atMs)) ?? null;
  const fact = (name: string): Column => textColumn(name, there?.map(({ facts }) => String(facts[name] ?? '')) ?? []);
  return [
    ...(versions.length + serials.length === 0 ? [] : [tableOf('system', [''], system)]),
    ...(modules.size === 0
      ? []
      : [
          tableOf(
            'entity',
            [...modules.keys()],
            [
              textColumn(
                'serial',
                [...modules.values()].map((steps) => valueAt(steps, atMs)),
              ),
            ],
          ),
        ]),
    ...(there === null
      ? []
      : [
          tableOf(
            'neighbour',
            there.map((_, at) => String(at + 1)),
            ['localInterface', 'remoteDevice', 'remotePort', 'protocol'].map(fact),
          ),
        ]),
  ];
}

function valueAt(steps: readonly Step[], atMs: EpochMs): string {
  const last = steps.findLast((step) => step.atMs <= atMs + ROUNDED_MS);
  return last?.after ?? steps[0]?.before ?? '';
}

function isThere({ steps, isThereNow }: NeighbourThen, atMs: EpochMs): boolean {
  const last = steps.findLast((step) => step.atMs <= atMs + ROUNDED_MS);
  const [first] = steps;
  return last?.isThere ?? (first === undefined ? isThereNow : !first.isThere);
}

function textColumn(name: string, values: readonly string[]): Column {
  return { kind: 'text', name, values: [...values] };
}

function tableOf(name: Table['name'], index: readonly string[], columns: readonly Column[]): Table {
  return { name, complete: true, index: [...index], segments: [], columns: [...columns] };
}
