// The schemas of a TM Forum specification (swagger 2.0) of the corpus, to hold answers and events against.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { CORPUS } from './requirements.ts';

interface Property {
  readonly $ref?: string;
  readonly items?: { readonly $ref?: string };
}
interface Definition {
  readonly properties?: Readonly<Record<string, Property>>;
}

/** What is wrong with the value as the named definition has it, and every field that the definition does not know; empty where nothing is. */
export type FaultsOf = (name: string, value: unknown) => string[];

export function swaggerFaults(file: string): FaultsOf {
  const text = readFileSync(path.join(CORPUS, 'tmf/specs', file), 'utf8').replaceAll('#/definitions/', '#/$defs/');
  const { definitions } = JSON.parse(text) as { readonly definitions: Record<string, Definition> };
  // The specification says integer, its conformance kit text: the kit is what is tested by.
  for (const name of ['Alarm', 'AlarmRefOrValue']) {
    const properties = definitions[name]?.properties as Record<string, unknown> | undefined;
    if (properties !== undefined) properties['id'] = { type: 'string' };
  }
  return (name, value) => {
    const schema = z.fromJSONSchema({ $ref: `#/$defs/${name}`, $defs: definitions } as Parameters<
      typeof z.fromJSONSchema
    >[0]);
    const parsed = schema.safeParse(value);
    const wrong = parsed.success ? [] : parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
    return [...wrong, ...unknownFields(definitions, name, value, name)];
  };
}

function unknownFields(
  definitions: Readonly<Record<string, Definition>>,
  name: string,
  value: unknown,
  place: string,
): string[] {
  const properties = definitions[name]?.properties;
  if (properties === undefined || typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, one]: [string, unknown]) => {
    const property = properties[key];
    if (property === undefined) return [`${place}.${key}: no field of the specification`];
    const reference = (property.$ref ?? property.items?.$ref ?? '').split('/').pop() ?? '';
    return [one].flat().flatMap((each) => unknownFields(definitions, reference, each, `${place}.${key}`));
  });
}
