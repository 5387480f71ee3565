// The query of TM Forum lists (TMF630): which attributes, which resources, which page. Pure.
import { WeirError } from '../../../common/runtime/errors.ts';

export type Resource = Readonly<Record<string, unknown>>;

export interface TmfQuery {
  /** Null: all attributes. */
  readonly fields: readonly string[] | null;
  readonly offset: number;
  readonly limit: number;
  readonly filters: readonly Filter[];
}

interface Filter {
  readonly path: readonly string[];
  readonly operator: 'eq' | 'ne' | 'gt' | 'gte' | 'lt' | 'lte';
  /** Any of them. */
  readonly values: readonly string[];
}

const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 1_000;
const MAX_OFFSET = 1_000_000;
const OPERATORS = ['eq', 'ne', 'gt', 'gte', 'lt', 'lte'] as const;
/** What every answer has, whatever is asked for. */
const ALWAYS = ['id', 'href'];

/** Throws invalid_request, also for an attribute that the resource does not have: a misspelt filter must not answer with everything. */
export function readTmfQuery(query: Readonly<Record<string, unknown>>, attributes: readonly string[]): TmfQuery {
  const filters: Filter[] = [];
  for (const [name, value] of Object.entries(query)) {
    if (['fields', 'offset', 'limit'].includes(name)) continue;
    const path = name.split('.');
    const operator = OPERATORS.find((one) => path.length > 1 && path.at(-1) === one);
    if (operator !== undefined) path.pop();
    if (!attributes.includes(path[0] ?? '')) throw invalid(`${name}: there is no attribute ${path[0] ?? ''}.`);
    const values = textsOf(value);
    filters.push({ path, operator: operator ?? 'eq', values });
  }
  return {
    fields: fieldsOf(query['fields'], attributes),
    offset: whole(query, 'offset', 0, MAX_OFFSET),
    limit: whole(query, 'limit', DEFAULT_LIMIT, MAX_LIMIT),
    filters,
  };
}

/** The one value that an attribute has to equal, for who can look for it; null where there is no such filter. */
export function equals(query: TmfQuery, name: string): string | null {
  const filter = query.filters.find(({ path, operator }) => operator === 'eq' && path.join('.') === name);
  return filter?.values.length === 1 ? (filter.values[0] ?? null) : null;
}

export function fits(resource: Resource, query: TmfQuery): boolean {
  return query.filters.every(({ path, operator, values }) => {
    const found = valuesAt(resource, path);
    if (operator === 'ne') return !found.some((one) => values.includes(String(one)));
    return found.some((one) => values.some((value) => compares(one, operator, value)));
  });
}

/** Only the attributes asked for, with what every answer has. */
export function selected(resource: Resource, fields: readonly string[] | null): Resource {
  if (fields === null) return resource;
  return Object.fromEntries(
    Object.entries(resource).filter(([name]) => ALWAYS.includes(name) || name.startsWith('@') || fields.includes(name)),
  );
}

export function fieldsOf(value: unknown, attributes: readonly string[]): readonly string[] | null {
  if (value === undefined || value === '') return null;
  const fields = textsOf(value);
  const unknown = fields.find((field) => field !== 'none' && !attributes.includes(field.split('.')[0] ?? ''));
  if (unknown !== undefined) throw invalid(`fields: there is no attribute ${unknown}.`);
  return fields.map((field) => field.split('.')[0] ?? '');
}

/** A parameter may be given again. */
function textsOf(value: unknown): string[] {
  const given: readonly unknown[] = Array.isArray(value) ? value : [value];
  return given.filter((one) => typeof one === 'string').flatMap((one) => one.split(','));
}

function valuesAt(value: unknown, path: readonly string[]): unknown[] {
  if (Array.isArray(value)) return value.flatMap((one) => valuesAt(one, path));
  const [name, ...rest] = path;
  if (name === undefined) return value === undefined || value === null ? [] : [value];
  if (typeof value !== 'object' || value === null) return [];
  return valuesAt(new Map<string, unknown>(Object.entries(value)).get(name), rest);
}

function compares(found: unknown, operator: Filter['operator'], value: string): boolean {
  if (operator === 'eq') return String(found) === value;
  const [left, right] = typeof found === 'number' ? [found, Number(value)] : orderOf(String(found), value);
  if (operator === 'gt') return left > right;
  if (operator === 'gte') return left >= right;
  return operator === 'lt' ? left < right : left <= right;
}

/** Times are compared as times, whatever their offset. */
function orderOf(found: string, value: string): [number | string, number | string] {
  const [left, right] = [Date.parse(found), Date.parse(value)];
  return Number.isNaN(left) || Number.isNaN(right) ? [found, value] : [left, right];
}

function whole(query: Readonly<Record<string, unknown>>, name: string, otherwise: number, most: number): number {
  const value = query[name] === undefined ? otherwise : Number(query[name]);
  if (!Number.isInteger(value) || value < 0 || value > most)
    throw invalid(`${name}: expected a whole number from 0 to ${most}.`);
  return value;
}

function invalid(message: string): WeirError {
  return new WeirError('invalid_request', message, { issues: [{ path: 'query', message }] });
}
