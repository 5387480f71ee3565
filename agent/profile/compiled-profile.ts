// A profile with everything it inherits, ready to be read from a device: rules become rows, rows become tables of the model.
import type { Segment, Table, TableName } from '../../common/model/poll.ts';
import { type Row, rowOf, textOf } from './expression.ts';
import {
  bgpPeerLines,
  entityLines,
  type Line,
  neighbourLines,
  outletLines,
  processorLines,
  sensorLines,
  sizeLines,
} from './lines.ts';
import type { Identification, Profile, ReadContext, ReadTier, SystemFacts } from './profile.ts';
import { RuleReader, type RuleRows } from './rule-reader.ts';
import type { InterfaceColumns, Rules } from './schema.ts';
import type { TableRule } from './schema-rules.ts';

const IDENTIFIED = ['vendor', 'model', 'os', 'version', 'serial'] as const;
/** Some devices put hex dumps or pages of text where a model stands. */
const MOST_IDENTIFICATION_LENGTH = 120;

export class CompiledProfile implements Profile {
  readonly name: string;
  readonly interface: InterfaceColumns;
  readonly #rules: Rules;
  readonly #vendorOf: (sysObjectId: string | null) => string | null;

  constructor(
    name: string,
    columns: InterfaceColumns,
    rules: Rules,
    vendorOf: (sysObjectId: string | null) => string | null,
  ) {
    this.name = name;
    this.interface = columns;
    this.#rules = rules;
    this.#vendorOf = vendorOf;
  }

  async identify(context: ReadContext, facts: SystemFacts): Promise<Identification> {
    const found: Record<(typeof IDENTIFIED)[number], string | null> = {
      vendor: null,
      model: null,
      os: null,
      version: null,
      serial: null,
    };
    const { system } = this.#rules;
    const reader = new RuleReader(this.name, system, context);
    for (const rule of [...system.filter((one) => !one.fallback), ...system.filter((one) => one.fallback)]) {
      const missing = IDENTIFIED.filter((field) => found[field] === null && rule[field] !== undefined);
      if (missing.length === 0) continue;
      const asks = Object.keys(rule.columns).length + Object.keys(rule.scalars).length > 0;
      const rows = asks ? (await reader.read(rule)).rows : [rowOf('0', () => null)];
      for (const row of rows) {
        const whole = rowOf(row.index, (name) => factOf(facts, name) ?? row.cell(name));
        for (const field of missing) found[field] ??= tidied(textOf(rule[field], whole));
      }
    }
    return { ...found, vendor: found.vendor ?? this.#vendorOf(facts.sysObjectID) };
  }

  async readTables(context: ReadContext, tier: ReadTier): Promise<readonly Table[]> {
    const rules = this.#rules;
    const tables =
      tier === 'inventory'
        ? await this.#readAll(context, [new TableWriter('entity', rules.entity, entityLines)])
        : await this.#readAll(context, [
            new TableWriter('processor', rules.processor, processorLines),
            new TableWriter('memory', rules.memory, sizeLines),
            new TableWriter('sensor', rules.sensor, sensorLines),
            new TableWriter('neighbour', rules.neighbour, (rule, row) =>
              neighbourLines(rule, row, (text) => context.interfaceKey(text)),
            ),
            new TableWriter('storage', rules.storage, sizeLines),
            new TableWriter('bgp-peer', rules.bgp_peer, bgpPeerLines),
            new TableWriter('outlet', rules.outlet, outletLines),
          ]);
    return tables.filter((table) => table !== null);
  }

  async #readAll(context: ReadContext, writers: readonly Writer[]): Promise<(Table | null)[]> {
    const wanted = writers.flatMap((writer) => writer.rules);
    const reader = new RuleReader(this.name, wanted, context);
    const tables: (Table | null)[] = [];
    for (const writer of writers) tables.push(await writer.read(reader, context));
    return tables;
  }
}

interface Writer {
  readonly rules: readonly TableRule[];
  /** Null where the device was asked for none of it. */
  read(reader: RuleReader, context: ReadContext): Promise<Table | null>;
}

/** Collects what the rules of one kind find. */
class TableWriter<R extends TableRule> implements Writer {
  readonly rules: readonly R[];
  readonly #name: TableName;
  readonly #linesOf: (rule: R, row: Row) => readonly Line[];
  readonly #lines = new Map<string, Line>();
  readonly #segments: Segment[] = [];
  #complete = true;

  constructor(name: TableName, rules: readonly R[], linesOf: (rule: R, row: Row) => readonly Line[]) {
    this.#name = name;
    this.rules = rules;
    this.#linesOf = linesOf;
  }

  async read(reader: RuleReader, context: ReadContext): Promise<Table | null> {
    let asked = false;
    for (const rule of this.rules) {
      // What could not be read may be there: a stand-in would come and go with it.
      const standsIn = this.#lines.size === 0 && this.#complete;
      if (context.emptyRules.has(rule) || (rule.fallback && !standsIn)) continue;
      const read = await reader.read(rule);
      asked = true;
      // What was there once may be there again at any time.
      if (read.complete && read.hasNothing && !context.fruitfulRules.has(rule)) context.emptyRules.add(rule);
      const before = this.#lines.size;
      this.#take(rule, read);
      if (this.#lines.size > before) context.fruitfulRules.add(rule);
    }
    // A table without rows tells that the last neighbour is lost, even where that was before this process began.
    if (!asked) return null;
    return {
      name: this.#name,
      complete: this.#complete,
      index: [...this.#lines.keys()],
      segments: this.#segments,
      columns: columnsOf([...this.#lines.values()]),
    };
  }

  #take(rule: R, read: RuleRows): void {
    this.#complete &&= read.complete;
    const before = this.#lines.size;
    for (const row of read.rows) {
      for (const line of this.#linesOf(rule, row)) {
        const own = line.part === undefined ? row.index : `${line.part}.${row.index}`;
        const index = line.index ?? (rule.bare_index ? own : `${rule.name}.${own}`);
        // What an earlier rule found counts.
        if (!this.#lines.has(index)) this.#lines.set(index, line);
      }
    }
    if (this.#lines.size > before && read.segment !== null) this.#segments.push({ ...read.segment, firstRow: before });
  }
}

function columnsOf(lines: readonly Line[]): Table['columns'] {
  const textNames = new Set(lines.flatMap((line) => Object.keys(line.texts)));
  const numberNames = new Set(lines.flatMap((line) => Object.keys(line.numbers)));
  const texts = [...textNames].map((name) => ({
    kind: 'text' as const,
    name,
    values: lines.map((line) => line.texts[name] ?? null),
  }));
  const numbers = [...numberNames].map((name) => ({
    kind: 'number' as const,
    name,
    values: Float64Array.from(lines, (line) => line.numbers[name] ?? Number.NaN),
  }));
  return [...texts, ...numbers];
}

function tidied(text: string | null): string | null {
  if (text === null) return null;
  const line = text.replaceAll(/[\s\0]+/g, ' ').trim();
  return line === '' ? null : line.slice(0, MOST_IDENTIFICATION_LENGTH);
}

function factOf(facts: SystemFacts, name: string): string | null {
  if (name === 'sysDescr' || name === 'sysObjectID' || name === 'sysName') return facts[name];
  return null;
}
