// Readings on a real PostgreSQL for tests: polls of ports in a few words, the projection through any database, and pages read back as rows.
import { InventoryWriter } from '../../../collector/inventory/inventory-writer.ts';
import { inventoryMigrations } from '../../../collector/inventory/inventory-migrations.ts';
import {
  appliedMigrations,
  appliedThrough,
  claim,
  projectionPosition,
  setPosition,
} from '../../../collector/project/applied.ts';
import type { JournaledBatch } from '../../../collector/project/projection.ts';
import { quarantineMigrations } from '../../../collector/project/quarantine.ts';
import type { PostgresReadings } from '../../../collector/readings/postgres-readings.ts';
import { readingsMigrations } from '../../../collector/readings/readings-migrations.ts';
import type { MeteredClass } from '../../../collector/readings/metered-rows.ts';
import { ReadingsProjection } from '../../../collector/readings/readings-projection.ts';
import type { Answer, Database, Queryable } from '../../../common/database/database.ts';
import { migrate } from '../../../common/database/migrate.ts';
import { interfaceKeys } from '../../../common/model/interface-identity.ts';
import type { Column, Poll, Segment, Table } from '../../../common/model/poll.ts';
import type { Reporter } from '../../../common/runtime/reporter.ts';
import { type Layout, type ReadingsAnswer, unpackValues } from '../../../common/wire/reading-page.ts';
import { interfacePoll } from '../../support/poll-builder.ts';
import { silentReporter } from '../../support/silent-reporter.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

export const START_MS = 1_790_000_000_000;
export const MINUTE = 60_000;

export async function migrateReadings(database: Database): Promise<void> {
  await migrate(database, [
    ...inventoryMigrations,
    ...appliedMigrations,
    ...quarantineMigrations,
    ...readingsMigrations,
  ]);
}

export async function clearReadings(database: Database): Promise<void> {
  await database.query(
    `truncate inventory.device, inventory.interface, readings.journal, readings.stream, readings.batch, readings.layout,
              readings.page, readings.longest_page, readings.waiting_watermark, readings.quarantine,
              readings.applied_mark, readings.projection_position restart identity cascade`,
  );
  await database.query('alter sequence inventory.meter_id restart');
}

export interface Published {
  readonly kind: string;
  readonly data: Readonly<Record<string, unknown>>;
}

export function readingsProjection(
  database: Database,
  published: Published[] = [],
  reporter: Reporter = silentReporter().reporter,
  meters: readonly MeteredClass[] = [],
): ReadingsProjection {
  return new ReadingsProjection(
    reporter,
    { soundClockMs: 2000, meters },
    {
      database,
      clock: new VirtualClock(START_MS),
      inventory: new InventoryWriter(),
      publish: (kind, data) => published.push({ kind, data }),
      claim,
      positionOf: projectionPosition,
      setPosition,
      throughOf: appliedThrough,
    },
  );
}

export interface Port {
  readonly ifIndex: string;
  readonly ifName?: string | null;
  readonly ifDescr?: string | null;
  readonly ifAlias?: string;
  readonly mac?: string;
  readonly speedBps?: number;
  readonly in?: bigint;
  readonly out?: bigint;
  readonly width?: 32 | 64;
  readonly discontinuity?: number;
  readonly oper?: number;
}

export interface PortsWords {
  readonly device?: string;
  readonly atMs: number;
  readonly ports: readonly Port[];
  /** Whether the names come along; the keys of the rows are made of them in any case, as the agent does. */
  readonly names?: boolean;
  readonly complete?: boolean;
  readonly uptimeTicks?: number;
  readonly processId?: string;
  readonly monotonicMs?: number;
  /** Rows that come in one response, each 10 ms after the one before. */
  readonly rowsInSegment?: number;
  /** Of which the keys are made, where the poll has not all of them. */
  readonly known?: readonly Port[];
  /** The rows say whose they are. */
  readonly keyed?: boolean;
}

export function portsPoll(words: PortsWords): Poll {
  const { device = 'core1', atMs, names = false } = words;
  const tables = [...(names ? [namesTable(words)] : []), portsTable(words)];
  const poll = interfacePoll({
    device,
    atMs,
    tables,
    ...(words.processId === undefined ? {} : { processId: words.processId }),
  });
  return words.complete === false ? { ...poll, outcome: 'partial' } : poll;
}

function keysOf(words: PortsWords): (string | null)[] {
  const keys = interfaceKeys((words.known ?? words.ports).map((port) => ({ ifName: null, ifDescr: null, ...port })));
  return words.ports.map((port) => keys.get(port.ifIndex) ?? null);
}

export function namesTable(words: PortsWords): Table {
  const text = (name: string, values: (string | null)[]): Column => ({ kind: 'text', name, values });
  const { ports } = words;
  return {
    name: 'interface-inventory',
    complete: true,
    index: ports.map((port) => port.ifIndex),
    segments: segmentsOf({ ...words, rowsInSegment: ports.length }),
    columns: [
      ...(words.keyed === false ? [] : [text('interfaceKey', keysOf(words))]),
      text(
        'ifName',
        ports.map((port) => port.ifName ?? null),
      ),
      text(
        'ifDescr',
        ports.map((port) => port.ifDescr ?? null),
      ),
      text(
        'ifAlias',
        ports.map((port) => port.ifAlias ?? ''),
      ),
      text(
        'ifPhysAddress',
        ports.map((port) => port.mac ?? null),
      ),
      {
        kind: 'number',
        name: 'ifSpeedBps',
        values: Float64Array.from(ports, (port) => port.speedBps ?? Number.NaN),
      },
    ],
  };
}

function segmentsOf(words: PortsWords): Segment[] {
  const { atMs, ports, uptimeTicks = Math.floor(atMs / 10) % 2 ** 32, monotonicMs = atMs } = words;
  const { rowsInSegment = ports.length } = words;
  return Array.from({ length: Math.ceil(ports.length / Math.max(1, rowsInSegment)) }, (_, at) => ({
    firstRow: at * rowsInSegment,
    sentAtMs: atMs + at * 10,
    receivedAtMs: atMs + at * 10,
    monotonicMs: monotonicMs + at * 10,
    uptimeTicks: (uptimeTicks + at) % 2 ** 32,
  }));
}

function portsTable(words: PortsWords): Table {
  const { ports } = words;
  const counters = (
    [
      ['ifHCInOctets', 64, 'in'],
      ['ifHCOutOctets', 64, 'out'],
      ['ifInOctets', 32, 'in'],
      ['ifOutOctets', 32, 'out'],
    ] as const
  ).map(([name, width, direction]): Column => {
    const cells = ports.map((port) => ((port.width ?? 64) === width ? port[direction] : undefined));
    return {
      kind: 'counter',
      name,
      width,
      values: BigUint64Array.from(cells, (cell) => cell ?? 0n),
      present: Uint8Array.from(cells, (cell) => (cell === undefined ? 0 : 1)),
    };
  });
  const numbers = (name: string, of: (port: Port) => number | undefined): Column => ({
    kind: 'number',
    name,
    values: Float64Array.from(ports, (port) => of(port) ?? Number.NaN),
  });
  return {
    name: 'interface',
    complete: words.complete ?? true,
    index: ports.map((port) => port.ifIndex),
    segments: segmentsOf(words),
    columns: [
      ...(words.keyed === false ? [] : [{ kind: 'text' as const, name: 'interfaceKey', values: keysOf(words) }]),
      ...counters.filter((column) => column.kind === 'counter' && column.present.includes(1)),
      numbers('ifAdminStatus', () => 1),
      numbers('ifOperStatus', (port) => port.oper ?? 1),
      numbers('ifSpeedBps', (port) => port.speedBps),
      numbers('ifCounterDiscontinuityTime', (port) => port.discontinuity),
    ],
  };
}

/** The same entry with the watermarks its agent would add. */
export function withWatermarks(entry: JournaledBatch): JournaledBatch {
  const watermarks = entry.batch.polls.map((poll) => ({ device: poll.device, completeUntilMs: poll.finishedAtMs }));
  return { ...entry, batch: { ...entry.batch, watermarks } };
}

export interface ReadRow {
  readonly interfaceId: number;
  readonly key: string;
  readonly ifIndex: string;
  readonly meters: { readonly in: number; readonly out: number };
  readonly width: 32 | 64;
  readonly speedBps: string | null;
  readonly in: bigint | null;
  readonly out: bigint | null;
  readonly discontinuity: bigint | null;
  readonly atMs: number;
  readonly monotonicMs: number;
  readonly uptimeTicks: number | null;
}

/** The rows of each page of an answer, as the bridge would read them. */
export function rowsOf(answer: ReadingsAnswer, layouts: readonly Layout[] = answer.layouts): ReadRow[][] {
  const byId = new Map(layouts.map((layout) => [layout.id, layout]));
  return answer.items.map((page) => {
    const layout = byId.get(page.layout);
    if (layout === undefined) throw new Error(`the answer does not name layout ${page.layout}`);
    const count = layout.rows.length;
    const values = unpackValues(page.values, page.present, count * 3);
    return layout.rows.map((row, at) => {
      const segment = page.segments.findLast(([firstRow]) => firstRow <= at);
      if (segment === undefined) throw new Error('a row without a segment');
      return {
        interfaceId: row.interfaceId,
        key: row.interfaceKey,
        ifIndex: row.ifIndex,
        meters: row.meters,
        width: row.width,
        speedBps: row.speedBps,
        in: values[at] ?? null,
        out: values[count + at] ?? null,
        discontinuity: values[2 * count + at] ?? null,
        atMs: segment[1],
        monotonicMs: segment[2],
        uptimeTicks: segment[3],
      };
    });
  });
}

/** Everything after a cursor, in answers of so many pages. */
export async function readAll(
  readings: PostgresReadings,
  limit = 2000,
  from: string | null = null,
): Promise<{ readonly answers: ReadingsAnswer[]; readonly next: string }> {
  const answers: ReadingsAnswer[] = [];
  let cursor = from;
  for (;;) {
    const answer = await readings.after(cursor, limit);
    answers.push(answer);
    cursor = answer.next;
    if (!answer.more) return { answers, next: cursor };
  }
}

export class Crash extends Error {}

/** Loses the connection when it is told to: in the nth query of a transaction, or after a commit that nobody heard of. */
export class CrashingDatabase implements Database {
  readonly #database: Database;
  /** Infinity: never. */
  queriesLeft = Number.POSITIVE_INFINITY;

  constructor(database: Database) {
    this.#database = database;
  }

  query<Row extends object>(text: string, values?: readonly unknown[]): Promise<Answer<Row>> {
    return this.#database.query<Row>(text, values);
  }

  async transaction<T>(work: (connection: Queryable) => Promise<T>): Promise<T> {
    const result = await this.#database.transaction((connection) =>
      work({
        query: (text, values) => {
          this.#count('in a query');
          return connection.query(text, values);
        },
      }),
    );
    this.#count('after the commit');
    return result;
  }

  #count(where: string): void {
    this.queriesLeft -= 1;
    if (this.queriesLeft === 0) throw new Crash(where);
  }
}
