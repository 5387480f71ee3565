// Holds answers against a definition of a TM Forum specification (swagger 2.0): types, required and allowed attributes, values, times.
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { CORPUS } from './requirements.ts';

type Json = Readonly<Record<string, unknown>>;

const FOLDER = path.join(CORPUS, 'tmf/specs');
const NOTHING = JSON.stringify({ basePath: '', paths: {}, definitions: {} });
const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/;

export class SwaggerContract {
  readonly basePath: string;
  readonly paths: Readonly<Record<string, Json>>;
  readonly #definitions: Readonly<Record<string, Json>>;

  constructor(file: string) {
    const place = path.join(FOLDER, file);
    // Tests that are skipped without the corpus are looked through all the same.
    const whole = JSON.parse(existsSync(place) ? readFileSync(place, 'utf8') : NOTHING) as {
      basePath: string;
      paths: Record<string, Json>;
      definitions: Record<string, Json>;
    };
    this.basePath = whole.basePath.replace(/\/$/, '');
    this.paths = whole.paths;
    this.#definitions = whole.definitions;
  }

  attributesOf(definition: string): string[] {
    return Object.keys((this.#definitions[definition]?.['properties'] as Json | undefined) ?? {});
  }

  /** What is wrong, each with its place; empty where nothing is. */
  faults(definition: string, value: unknown): string[] {
    return this.#check({ $ref: `#/definitions/${definition}` }, value, definition);
  }

  #check(schema: Json, value: unknown, place: string): string[] {
    const ref = schema['$ref'];
    if (typeof ref === 'string') {
      const name = ref.split('/').at(-1) ?? '';
      const definition = this.#definitions[name];
      return definition === undefined ? [`${place}: no definition ${name}`] : this.#check(definition, value, place);
    }
    const { type, enum: allowed, format } = schema as { type?: string; enum?: unknown[]; format?: string };
    if (allowed !== undefined && !allowed.includes(value)) return [`${place}: ${String(value)} is not allowed`];
    if (type === 'array') {
      if (!Array.isArray(value)) return [`${place}: no array`];
      return value.flatMap((one, at) => this.#check(schema['items'] as Json, one, `${place}[${at}]`));
    }
    if (type === 'string' || type === 'number' || type === 'boolean') {
      if (typeof value !== type) return [`${place}: ${typeof value} where ${type} is expected`];
      return format === 'date-time' && !TIME.test(String(value)) ? [`${place}: ${String(value)} is no time`] : [];
    }
    return type === 'object' ? this.#object(schema, value, place) : [];
  }

  #object(schema: Json, value: unknown, place: string): string[] {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return [`${place}: no object`];
    const properties = (schema['properties'] ?? {}) as Readonly<Record<string, Json>>;
    const missing = ((schema['required'] ?? []) as string[]).filter((name) => !(name in value));
    const faults = missing.map((name) => `${place}.${name}: missing`);
    for (const [name, one] of Object.entries(value)) {
      const own = properties[name];
      if (own !== undefined) faults.push(...this.#check(own, one, `${place}.${name}`));
      else if (Object.keys(properties).length > 0) faults.push(`${place}.${name}: not in the specification`);
    }
    return faults;
  }
}
