// What is costly to learn again of devices, over a restart of the agent: sizes that they are silent above, and marks that they do not keep.
//
// One JSON file for all devices: {"version": 1, "devices": {NAME: {"vain": true, "tables": {TABLE: [bytes per row, ceiling, columns or null,
// patience, rows, cause, refused, refused bytes]}}}}. Only devices that taught us anything stand in it.
import { z } from 'zod';
import type { TableMemory } from '../snmp/walk-sizing.ts';

export interface LearntOfDevice {
  /** Sizes that were limited by silence or tooBig, by table. */
  readonly limits: ReadonlyMap<string, TableMemory>;
  /** It renews ifTableLastChange without a change. */
  readonly distrustsTableLastChange: boolean;
}

/** The part of common/runtime/kept-file.ts that is used. */
export interface BytesKept {
  read(): Uint8Array | null;
  write(bytes: Uint8Array): boolean;
}

const MOST_DEVICES = 20_000;
const MOST_TABLES = 64;

const positive = z.number().positive();
const count = z.number().int().min(0);
const tableSchema = z.tuple([
  z.number().min(0),
  positive,
  positive.nullable(),
  positive,
  count,
  z.enum(['none', 'silence', 'too_big']),
  count,
  z.number().min(0),
]);
const fileSchema = z.object({
  version: z.literal(1),
  devices: z.record(z.string(), z.object({ vain: z.boolean(), tables: z.record(z.string(), tableSchema) })),
});

type TableRow = z.output<typeof tableSchema>;

export class LearntFile {
  readonly #file: BytesKept;
  #written: string | null = null;

  constructor(file: BytesKept) {
    this.#file = file;
  }

  /** By device; empty where there is no file, or none that can be read: then it is learnt again. */
  read(): ReadonlyMap<string, LearntOfDevice> {
    const bytes = this.#file.read();
    const text = bytes === null ? null : Buffer.from(bytes).toString('utf8');
    this.#written = text;
    const parsed = text === null ? null : fileSchema.safeParse(jsonOrNull(text));
    if (parsed?.success !== true) return new Map();
    return new Map(
      Object.entries(parsed.data.devices).map(([device, { vain, tables }]) => {
        const limits = new Map(Object.entries(tables).map(([table, row]) => [table, memoryOf(row)]));
        return [device, { limits, distrustsTableLastChange: vain }];
      }),
    );
  }

  /** Replaces the file where anything changed; false where the disk refuses. */
  write(learnt: ReadonlyMap<string, LearntOfDevice>): boolean {
    const devices: Record<string, { vain: boolean; tables: Record<string, TableRow> }> = {};
    const taught = [...learnt].filter(([, one]) => one.limits.size > 0 || one.distrustsTableLastChange);
    for (const [device, { limits, distrustsTableLastChange }] of taught.slice(0, MOST_DEVICES)) {
      const tables: Record<string, TableRow> = {};
      for (const [table, memory] of [...limits].slice(0, MOST_TABLES)) tables[table] = rowOf(memory);
      devices[device] = { vain: distrustsTableLastChange, tables };
    }
    const text = JSON.stringify({ version: 1, devices });
    if (text === this.#written || (this.#written === null && taught.length === 0)) return true;
    const kept = this.#file.write(Buffer.from(text));
    if (kept) this.#written = text;
    return kept;
  }
}

function rowOf(memory: TableMemory): TableRow {
  const { bytesPerRow, ceiling, columnsPerRequest, patience, rows, cause, refused, refusedBytes } = memory;
  const columns = Number.isFinite(columnsPerRequest) ? columnsPerRequest : null;
  return [Math.ceil(bytesPerRow), ceiling, columns, patience, rows, cause, refused, Math.floor(refusedBytes)];
}

function memoryOf([
  bytesPerRow,
  ceiling,
  columns,
  patience,
  rows,
  cause,
  refused,
  refusedBytes,
]: TableRow): TableMemory {
  const columnsPerRequest = columns ?? Number.POSITIVE_INFINITY;
  return { bytesPerRow, ceiling, columnsPerRequest, cleanWalks: 0, patience, rows, cause, refused, refusedBytes };
}

function jsonOrNull(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
