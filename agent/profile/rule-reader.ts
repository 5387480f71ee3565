// Reads what the rules of a profile name: columns as a table (once for all rules of the table), scalars, and lookups in other tables for the rows that count.
import type { Segment } from '../../common/model/poll.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import type { ColumnRequest, ReadTable } from '../snmp/table-reader.ts';
import { type Cell, filled, holds, type Row, rowOf } from './expression.ts';
import type { ReadContext } from './profile.ts';
import type { Rule } from './schema-rules.ts';

export interface RuleRows {
  readonly complete: boolean;
  readonly rows: readonly Row[];
  /** The device has none of the objects of the rule. */
  readonly hasNothing: boolean;
  readonly segment: Segment | null;
}

type ValueForm = 'value' | 'hex' | 'address';

/** Lookups kept for a device; beyond it they are fetched again. */
const MOST_LOOKUPS = 5_000;
/** Rows of one rule; a device with more sensors is cut short there, and says so. */
const MOST_RULE_ROWS = 10_000;

/** Reads rules during one visit: a table that several of them name is walked once, with the columns of all. */
export class RuleReader {
  readonly #profile: string;
  readonly #context: ReadContext;
  /** By table: the columns of all rules, by OID and form. */
  readonly #columns = new Map<string, Map<string, ColumnRequest>>();
  readonly #walks = new Map<string, Promise<ReadTable>>();

  constructor(profile: string, rules: readonly Rule[], context: ReadContext) {
    this.#profile = profile;
    this.#context = context;
    for (const rule of rules) {
      const table = tableOf(rule);
      const columns = this.#columns.get(table) ?? new Map<string, ColumnRequest>();
      for (const { oid, form } of Object.values(rule.columns)) {
        columns.set(`${oid} ${form}`, { name: `${oid} ${form}`, oid, form });
      }
      this.#columns.set(table, columns);
    }
  }

  /** Never rejects on account of the device. */
  async read(rule: Rule): Promise<RuleRows> {
    try {
      const { scalars, segment } = await this.#scalars(rule);
      if (Object.keys(rule.columns).length === 0) {
        const rows = [rowOf('0', (name) => scalars.get(name) ?? null)].filter(() => scalars.size > 0);
        const hasNothing = rows.length === 0;
        const extended = await this.#withLookups(rule, rows);
        return { complete: true, rows: extended.filter((row) => holds(rule.where, row)), hasNothing, segment };
      }
      const table = await this.#walk(rule);
      const all = rowsOf(rule, table, scalars);
      const rows = await this.#withLookups(
        rule,
        all.filter((row) => holdsBeforeLookups(rule, row)),
      );
      return {
        complete: table.complete,
        rows: rows.filter((row) => holds(rule.where, row)),
        hasNothing: all.length === 0,
        segment: table.segments[0] ?? null,
      };
    } catch (error) {
      if (!(error instanceof WeirError)) throw error;
      return { complete: false, rows: [], hasNothing: false, segment: null };
    }
  }

  #walk(rule: Rule): Promise<ReadTable> {
    const table = tableOf(rule);
    const { reader, signal } = this.#context;
    const known = this.#walks.get(table);
    if (known !== undefined) return known;
    const walk = reader.readTable({
      name: `${this.#profile}/${table}`,
      columns: [...(this.#columns.get(table)?.values() ?? [])],
      mostRows: MOST_RULE_ROWS,
      ...(signal === undefined ? {} : { signal }),
    });
    this.#walks.set(table, walk);
    return walk;
  }

  async #scalars(rule: Rule): Promise<{ scalars: Map<string, Cell>; segment: Segment | null }> {
    const entries = Object.entries(rule.scalars);
    if (entries.length === 0) return { scalars: new Map(), segment: null };
    const requests = entries.map(([, object]) => ({ oid: object.oid, form: object.form }));
    const { values, segment } = await this.#context.reader.readScalars(requests, this.#context.signal);
    const found = entries.flatMap(([name], at): [string, Cell][] => {
      const value = values[at] ?? null;
      return value === null ? [] : [[name, value]];
    });
    return { scalars: new Map(found), segment };
  }

  /** Lookups whose key names another lookup are fetched after it. */
  async #withLookups(rule: Rule, rows: readonly Row[]): Promise<Row[]> {
    let extended = [...rows];
    for (const names of lookupLevels(rule)) extended = await this.#withLevel(rule, names, extended);
    return extended;
  }

  async #withLevel(rule: Rule, names: readonly string[], rows: readonly Row[]): Promise<Row[]> {
    const { lookups } = this.#context;
    const wanted = new Map<string, { oid: string; form: ValueForm }>();
    for (const row of rows) {
      for (const name of names) {
        const request = requestFor(rule, name, row);
        if (request !== null && !lookups.has(memoryKey(request))) wanted.set(memoryKey(request), request);
      }
    }
    const requests = [...wanted.values()];
    const { reader, signal } = this.#context;
    const values = requests.length === 0 ? [] : (await reader.readScalars(requests, signal)).values;
    if (lookups.size + requests.length > MOST_LOOKUPS) lookups.clear();
    const fetched = new Map([...wanted.keys()].map((key, at) => [key, values[at] ?? null]));
    for (const [key, value] of fetched) if (lookups.size < MOST_LOOKUPS) lookups.set(key, value);
    return rows.map((row) => {
      const found = new Map<string, Cell>();
      for (const name of names) {
        const request = requestFor(rule, name, row);
        const key = request === null ? null : memoryKey(request);
        found.set(name, key === null ? null : (fetched.get(key) ?? lookups.get(key) ?? null));
      }
      return rowOf(row.index, (name) => (found.has(name) ? (found.get(name) ?? null) : row.cell(name)));
    });
  }
}

/** Rules whose columns all stand in one table share its walk; the columns of several tables are walked by themselves. */
function tableOf(rule: Rule): string {
  const entries = new Set(Object.values(rule.columns).map(({ oid }) => oid.slice(0, oid.lastIndexOf('.'))));
  return [...entries].toSorted().join('+');
}

/** The rows in which the rule's own columns have anything. */
function rowsOf(rule: Rule, table: ReadTable, scalars: ReadonlyMap<string, Cell>): Row[] {
  const read = new Map(table.columns.map((column) => [column.name, column.kind === 'value' ? column.values : []]));
  const own = new Map(
    Object.entries(rule.columns).map(([name, { oid, form }]) => [name, read.get(`${oid} ${form}`) ?? []]),
  );
  const columns = [...own.values()];
  return table.index.flatMap((index, at) => {
    if (!columns.some((values) => (values[at] ?? null) !== null)) return [];
    return [rowOf(index, (name) => own.get(name)?.[at] ?? scalars.get(name) ?? null)];
  });
}

/** Conditions on what is already there spare the lookups of rows that do not count. */
function holdsBeforeLookups(rule: Rule, row: Row): boolean {
  const early = Object.entries(rule.where).filter(([name]) => !(name in rule.lookups));
  return holds(Object.fromEntries(early), row);
}

function lookupLevels(rule: Rule): string[][] {
  const levels: string[][] = [];
  const levelOf = new Map<string, number>();
  for (const [name, { key }] of Object.entries(rule.lookups)) {
    const named = [...key.matchAll(/\{([^}]+)\}/g)].map((match) => levelOf.get(match[1] ?? '') ?? -1);
    const level = Math.max(-1, ...named) + 1;
    levelOf.set(name, level);
    (levels[level] ??= []).push(name);
  }
  return levels;
}

function requestFor(rule: Rule, name: string, row: Row): { oid: string; form: ValueForm } | null {
  const lookup = rule.lookups[name];
  if (lookup === undefined) return null;
  const index = filled(lookup.key, row);
  if (index === null || !/^\d+(\.\d+)*$/.test(index)) return null;
  return { oid: `${lookup.oid}.${index}`, form: lookup.form };
}

function memoryKey({ oid, form }: { oid: string; form: ValueForm }): string {
  return form === 'value' ? oid : `${oid} ${form}`;
}
