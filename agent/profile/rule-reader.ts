// Reads what one rule of a profile names: its columns as a table, its scalars, and lookups in other tables for the rows that count.
import type { Segment } from '../../common/model/poll.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import type { ReadTable } from '../snmp/table-reader.ts';
import { type Cell, filled, holds, type Row, rowOf } from './expression.ts';
import type { ReadContext } from './profile.ts';
import type { Rule } from './schema.ts';

export interface RuleRows {
  readonly complete: boolean;
  readonly rows: readonly Row[];
  readonly segment: Segment | null;
}

/** Lookups kept for a device; beyond it they are fetched again. */
const MOST_LOOKUPS = 5_000;
/** Rows of one rule; a device with more sensors is cut short there, and says so. */
const MOST_RULE_ROWS = 10_000;

export async function readRule(profile: string, rule: Rule, context: ReadContext): Promise<RuleRows> {
  const columns = Object.entries(rule.columns).map(([name, object]) => ({ name, oid: object.oid, form: object.form }));
  try {
    const { scalars, segment } = await readScalars(rule, context);
    if (columns.length === 0) {
      const rows = [rowOf('0', (name) => scalars.get(name) ?? null)].filter(() => scalars.size > 0);
      return { complete: true, rows: rows.filter((row) => holds(rule.where, row)), segment };
    }
    const table = await context.reader.readTable({
      name: `${profile}/${rule.name}`,
      columns,
      mostRows: MOST_RULE_ROWS,
      ...(context.signal === undefined ? {} : { signal: context.signal }),
    });
    const rows = rowsOf(table, scalars).filter((row) => holdsBeforeLookups(rule, row));
    const extended = await withLookups(rule, rows, context);
    return {
      complete: table.complete,
      rows: extended.filter((row) => holds(rule.where, row)),
      segment: table.segments[0] ?? null,
    };
  } catch (error) {
    if (!(error instanceof WeirError)) throw error;
    return { complete: false, rows: [], segment: null };
  }
}

async function readScalars(
  rule: Rule,
  context: ReadContext,
): Promise<{ scalars: Map<string, Cell>; segment: Segment | null }> {
  const entries = Object.entries(rule.scalars);
  if (entries.length === 0) return { scalars: new Map(), segment: null };
  const requests = entries.map(([, object]) => ({ oid: object.oid, form: object.form }));
  const { values, segment } = await context.reader.readScalars(requests, context.signal);
  const found = entries.flatMap(([name], at): [string, Cell][] => {
    const value = values[at] ?? null;
    return value === null ? [] : [[name, value]];
  });
  return { scalars: new Map(found), segment };
}

function rowsOf(table: ReadTable, scalars: ReadonlyMap<string, Cell>): Row[] {
  const columns = new Map(table.columns.map((column) => [column.name, column]));
  return table.index.map((index, at) =>
    rowOf(index, (name) => {
      const column = columns.get(name);
      if (column?.kind === 'value') return column.values[at] ?? null;
      return scalars.get(name) ?? null;
    }),
  );
}

/** Conditions on what is already there spare the lookups of rows that do not count. */
function holdsBeforeLookups(rule: Rule, row: Row): boolean {
  const early = Object.entries(rule.where).filter(([name]) => !(name in rule.lookups));
  return holds(Object.fromEntries(early), row);
}

async function withLookups(rule: Rule, rows: readonly Row[], context: ReadContext): Promise<Row[]> {
  const lookups = Object.entries(rule.lookups);
  if (lookups.length === 0) return [...rows];
  const wanted = new Map<string, { oid: string; form: 'value' | 'hex' | 'address' }>();
  const oidOf = (oid: string, key: string, row: Row): string | null => {
    const index = filled(key, row);
    return index === null || !/^\d+(\.\d+)*$/.test(index) ? null : `${oid}.${index}`;
  };
  for (const row of rows) {
    for (const [, { oid, key, form }] of lookups) {
      const instance = oidOf(oid, key, row);
      if (instance !== null && !context.lookups.has(instance)) wanted.set(instance, { oid: instance, form });
    }
  }
  const requests = [...wanted.values()];
  const values = requests.length === 0 ? [] : (await context.reader.readScalars(requests, context.signal)).values;
  if (context.lookups.size + requests.length > MOST_LOOKUPS) context.lookups.clear();
  const fetched = new Map(requests.map(({ oid }, at) => [oid, values[at] ?? null]));
  for (const [oid, value] of fetched) if (context.lookups.size < MOST_LOOKUPS) context.lookups.set(oid, value);
  return rows.map((row) =>
    rowOf(row.index, (name) => {
      const lookup = rule.lookups[name];
      if (lookup === undefined) return row.cell(name);
      const instance = oidOf(lookup.oid, lookup.key, row);
      return instance === null ? null : (fetched.get(instance) ?? context.lookups.get(instance) ?? null);
    }),
  );
}
