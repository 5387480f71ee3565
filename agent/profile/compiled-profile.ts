// A profile with everything it inherits, ready to be read from a device: rules become rows, rows become tables of the model.
import type { Segment, Table, TableName } from '../../common/model/poll.ts';
import { numberOf, type Row, rowOf, textOf, textsOf } from './expression.ts';
import type { Identification, Profile, ReadContext, ReadTier, SystemFacts } from './profile.ts';
import { readRule } from './rule-reader.ts';
import type {
  InterfaceColumns,
  MemoryRule,
  NeighbourRule,
  ProcessorRule,
  ProfileFile,
  Rule,
  SensorRule,
} from './schema.ts';

type Rules = Pick<ProfileFile, 'system' | 'processor' | 'memory' | 'sensor' | 'neighbour'>;

const IDENTIFIED = ['vendor', 'model', 'os', 'version', 'serial'] as const;

const MOST_IDENTIFICATION_LENGTH = 120;

/** A row of a table of the model: texts and numbers by column name. */
interface Line {
  readonly texts: Readonly<Record<string, string | null>>;
  readonly numbers: Readonly<Record<string, number>>;
}

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
    for (const rule of this.#rules.system) {
      const missing = IDENTIFIED.filter((field) => found[field] === null && rule[field] !== undefined);
      if (missing.length === 0) continue;
      const asks = Object.keys(rule.columns).length + Object.keys(rule.scalars).length > 0;
      const rows = asks ? (await readRule(this.name, rule, context)).rows : [rowOf('0', () => null)];
      const first = rows[0];
      if (first === undefined) continue;
      const row = rowOf(first.index, (name) => factOf(facts, name) ?? first.cell(name));
      for (const field of missing) found[field] = tidied(textOf(rule[field], row));
    }
    return { ...found, vendor: found.vendor ?? this.#vendorOf(facts.sysObjectID) };
  }

  async readTables(context: ReadContext, tier: ReadTier): Promise<readonly Table[]> {
    if (tier === 'inventory') return [];
    const tables = [
      await this.#readTable('processor', this.#rules.processor, context, processorLine),
      await this.#readTable('memory', this.#rules.memory, context, memoryLine),
      await this.#readTable('sensor', this.#rules.sensor, context, sensorLine),
      await this.#readTable('neighbour', this.#rules.neighbour, context, (rule, row) =>
        neighbourLine(rule, row, context),
      ),
    ];
    return tables.filter((table) => table.index.length > 0 || !table.complete);
  }

  async #readTable<R extends Rule>(
    name: TableName,
    rules: readonly R[],
    context: ReadContext,
    lineOf: (rule: R, row: Row) => Line | null,
  ): Promise<Table> {
    const index: string[] = [];
    const lines: Line[] = [];
    const segments: Segment[] = [];
    let complete = true;
    for (const rule of rules) {
      const read = await readRule(this.name, rule, context);
      complete &&= read.complete;
      const before = index.length;
      for (const row of read.rows) {
        const line = lineOf(rule, row);
        if (
          line === null ||
          Object.values(line.numbers).every((value) => Number.isNaN(value)) !== (name === 'neighbour')
        )
          continue;
        index.push(rule.bare_index ? row.index : `${rule.name}.${row.index}`);
        lines.push(line);
      }
      if (index.length > before && read.segment !== null) segments.push({ ...read.segment, firstRow: before });
    }
    return { name, complete, index, segments, columns: columnsOf(lines) };
  }
}

function columnsOf(lines: readonly Line[]): Table['columns'] {
  const first = lines[0];
  if (first === undefined) return [];
  const texts = Object.keys(first.texts).map((name) => ({
    kind: 'text' as const,
    name,
    values: lines.map((line) => line.texts[name] ?? null),
  }));
  const numbers = Object.keys(first.numbers).map((name) => ({
    kind: 'number' as const,
    name,
    values: Float64Array.from(lines, (line) => line.numbers[name] ?? Number.NaN),
  }));
  return [...texts, ...numbers];
}

function processorLine(rule: ProcessorRule, row: Row): Line | null {
  const usagePercent = numberOf(rule.usage_percent, row);
  if (Number.isNaN(usagePercent)) return null;
  return { texts: { description: textOf(rule.description, row) }, numbers: { usagePercent } };
}

function memoryLine(rule: MemoryRule, row: Row): Line | null {
  const free = numberOf(rule.free_bytes, row);
  const percent = numberOf(rule.used_percent, row);
  let used = numberOf(rule.used_bytes, row);
  let total = numberOf(rule.total_bytes, row);
  if (Number.isNaN(total)) total = used + free;
  if (Number.isNaN(used)) used = total - free;
  if (Number.isNaN(used)) used = (total * percent) / 100;
  if (!(total > 0)) return null;
  return { texts: { description: textOf(rule.description, row) }, numbers: { totalBytes: total, usedBytes: used } };
}

function sensorLine(rule: SensorRule, row: Row): Line | null {
  const value = numberOf(rule.value, row);
  const kind = textOf(rule.class, row);
  if (Number.isNaN(value) || kind === null) return null;
  return {
    texts: { class: kind, description: textOf(rule.description, row), unit: textOf(rule.unit, row) },
    numbers: { value, lowLimit: numberOf(rule.low_limit, row), highLimit: numberOf(rule.high_limit, row) },
  };
}

function neighbourLine(rule: NeighbourRule, row: Row, context: ReadContext): Line | null {
  const candidates = textsOf(rule.local_interface, row);
  const key = candidates.map((text) => context.interfaceKey(text)).find((found) => found !== null);
  const remoteDevice = textOf(rule.remote_device, row);
  if (remoteDevice === null) return null;
  return {
    texts: {
      localInterface: key ?? candidates.find((text) => !text.startsWith('#')) ?? null,
      remoteDevice,
      remotePort: textOf(rule.remote_port, row),
      protocol: textOf(rule.protocol, row),
    },
    numbers: {},
  };
}

/** Some devices put hex dumps or pages of text where a model stands. */
function tidied(text: string | null): string | null {
  if (text === null) return null;
  const line = text.replaceAll(/[\s\0]+/g, ' ').trim();
  return line === '' ? null : line.slice(0, MOST_IDENTIFICATION_LENGTH);
}

function factOf(facts: SystemFacts, name: string): string | null {
  if (name === 'sysDescr' || name === 'sysObjectID' || name === 'sysName') return facts[name];
  return null;
}
