// Holds a document against the rules of OpenAPI 3.1 (https://spec.openapis.org/oas/v3.1.0) and of JSON Schema 2020-12, as far as ours uses them.
type Json = Readonly<Record<string, unknown>>;

const METHODS = new Set(['get', 'put', 'post', 'delete', 'options', 'head', 'patch', 'trace']);
const TYPES = new Set(['null', 'boolean', 'object', 'array', 'number', 'string', 'integer']);
const SUBSCHEMAS = ['items', 'additionalProperties', 'not', 'propertyNames', 'contains', 'if', 'then', 'else'];
const LISTS_OF_SCHEMAS = ['anyOf', 'oneOf', 'allOf', 'prefixItems'];
const MAPS_OF_SCHEMAS = ['properties', 'patternProperties', '$defs'];
const NUMBERS = ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf'];
const COUNTS = ['minLength', 'maxLength', 'minItems', 'maxItems', 'minProperties', 'maxProperties'];
const TEXTS = ['description', 'title', 'format', 'pattern', 'contentEncoding', 'contentMediaType', '$ref', 'id'];
const OTHERS = [
  'type',
  'enum',
  'const',
  'default',
  'required',
  'examples',
  'readOnly',
  'writeOnly',
  'deprecated',
  'uniqueItems',
];
const KEYWORDS = new Set([
  ...SUBSCHEMAS,
  ...LISTS_OF_SCHEMAS,
  ...MAPS_OF_SCHEMAS,
  ...NUMBERS,
  ...COUNTS,
  ...TEXTS,
  ...OTHERS,
]);

/** What is wrong, each with its place; empty where nothing is. */
export function openApiFaults(document: unknown): string[] {
  const check = new Check(document);
  check.whole();
  return check.faults;
}

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';

class Check {
  readonly faults: string[] = [];
  readonly #document: unknown;
  readonly #ids = new Set<string>();

  constructor(document: unknown) {
    this.#document = document;
  }

  #fault(place: string, what: string): void {
    this.faults.push(`${place}: ${what}`);
  }

  #only(place: string, value: Json, allowed: readonly string[]): void {
    for (const key of Object.keys(value))
      if (!allowed.includes(key) && !key.startsWith('x-')) this.#fault(place, `unknown field ${key}`);
  }

  #object(place: string, value: unknown): Json {
    if (isObject(value)) return value;
    this.#fault(place, 'is no object');
    return {};
  }

  whole(): void {
    const document = this.#object('document', this.#document);
    this.#only('document', document, [
      'openapi',
      'info',
      'servers',
      'paths',
      'components',
      'security',
      'tags',
      'externalDocs',
    ]);
    if (!/^3\.1\.\d+$/.test(String(document['openapi']))) this.#fault('openapi', 'is not 3.1');
    const info = this.#object('info', document['info']);
    for (const name of ['title', 'version']) if (!isText(info[name])) this.#fault('info', `has no ${name}`);
    this.#security('security', document['security']);
    this.#components(this.#object('components', document['components']));
    const templates = new Set<string>();
    for (const [path, item] of Object.entries(this.#object('paths', document['paths']))) {
      if (!path.startsWith('/')) this.#fault(path, 'does not begin with /');
      const template = path.replaceAll(/\{[^}]*\}/g, '{}');
      if (templates.has(template)) this.#fault(path, 'is the same path as another');
      templates.add(template);
      for (const [method, operation] of Object.entries(this.#object(path, item)))
        if (METHODS.has(method)) this.#operation(`${method} ${path}`, path, operation);
        else this.#fault(path, `unknown field ${method}`);
    }
  }

  #components(components: Json): void {
    for (const [name, schema] of Object.entries(this.#object('schemas', components['schemas'] ?? {})))
      this.#schema(`schema ${name}`, schema);
    for (const [name, response] of Object.entries(this.#object('responses', components['responses'] ?? {})))
      this.#response(`response ${name}`, response);
    for (const [name, scheme] of Object.entries(this.#object('securitySchemes', components['securitySchemes'] ?? {}))) {
      const { type, scheme: http, in: place, name: cookie } = this.#object(name, scheme);
      const sound =
        type === 'http'
          ? isText(http)
          : type === 'apiKey' && isText(cookie) && ['query', 'header', 'cookie'].includes(String(place));
      if (!sound) this.#fault(`security scheme ${name}`, 'is not whole');
    }
  }

  #security(place: string, value: unknown): void {
    if (!Array.isArray(value)) return this.#fault(place, 'is no list');
    for (const requirement of value)
      for (const name of Object.keys(this.#object(place, requirement)))
        if (this.#at(['components', 'securitySchemes', name]) === undefined) this.#fault(place, `${name} is no scheme`);
  }

  #operation(place: string, path: string, value: unknown): void {
    const operation = this.#object(place, value);
    this.#only(place, operation, [
      'operationId',
      'tags',
      'summary',
      'description',
      'security',
      'parameters',
      'requestBody',
      'responses',
      'deprecated',
      'externalDocs',
    ]);
    if (!isText(operation['summary'])) this.#fault(place, 'has no summary');
    const id = operation['operationId'];
    if (!isText(id) || this.#ids.has(id)) this.#fault(place, `operationId ${String(id)} is none or there twice`);
    this.#ids.add(String(id));
    if (operation['security'] !== undefined) this.#security(place, operation['security']);
    this.#parameters(place, path, operation['parameters']);
    if (operation['requestBody'] !== undefined) {
      const body = this.#object(place, operation['requestBody']);
      this.#content(`${place} body`, body['content'], true);
    }
    const responses = this.#object(place, operation['responses']);
    if (Object.keys(responses).length === 0) this.#fault(place, 'has no responses');
    for (const [status, response] of Object.entries(responses)) {
      if (!/^([1-5]\d\d|[1-5]XX|default)$/.test(status)) this.#fault(place, `${status} is no status`);
      this.#response(`${place} ${status}`, response);
    }
  }

  #parameters(place: string, path: string, value: unknown): void {
    const found = new Set<string>();
    for (const one of Array.isArray(value) ? (value as unknown[]) : []) {
      const parameter = this.#object(place, one);
      const { name, in: where, required, schema } = parameter;
      this.#only(`${place} ${String(name)}`, parameter, [
        'name',
        'in',
        'required',
        'schema',
        'description',
        'style',
        'explode',
        'example',
      ]);
      if (!isText(name) || !['query', 'header', 'path', 'cookie'].includes(String(where)))
        this.#fault(place, 'a parameter is not whole');
      if (where === 'path' && required !== true) this.#fault(place, `${String(name)} in the path is not required`);
      if (found.has(`${String(where)} ${String(name)}`)) this.#fault(place, `${String(name)} is there twice`);
      found.add(`${String(where)} ${String(name)}`);
      this.#schema(`${place} ${String(name)}`, schema);
    }
    const wanted = [...path.matchAll(/\{([^}]*)\}/g)].map((match) => `path ${match[1]}`).toSorted();
    const declared = [...found].filter((one) => one.startsWith('path ')).toSorted();
    if (wanted.join() !== declared.join())
      this.#fault(place, `its path has ${wanted.join()}, declared are ${declared.join()}`);
  }

  #response(place: string, value: unknown): void {
    const response = this.#object(place, value);
    if (response['$ref'] !== undefined) return this.#reference(place, response['$ref']);
    this.#only(place, response, ['description', 'headers', 'content', 'links']);
    if (!isText(response['description'])) this.#fault(place, 'has no description');
    if (response['content'] !== undefined) this.#content(place, response['content'], false);
    for (const [name, header] of Object.entries(this.#object(place, response['headers'] ?? {})))
      this.#schema(`${place} ${name}`, this.#object(place, header)['schema']);
  }

  #content(place: string, value: unknown, needed: boolean): void {
    const content = this.#object(place, value);
    if (needed && Object.keys(content).length === 0) this.#fault(place, 'has no content');
    for (const [type, media] of Object.entries(content)) {
      if (!/^[\w.+-]+\/[\w.+*-]+$/.test(type)) this.#fault(place, `${type} is no media type`);
      const { schema } = this.#object(place, media);
      this.#schema(`${place} ${type}`, schema);
    }
  }

  #reference(place: string, value: unknown): void {
    const parts = String(value).split('/');
    if (parts[0] !== '#' || this.#at(parts.slice(1)) === undefined)
      this.#fault(place, `${String(value)} leads nowhere`);
  }

  #at(keys: readonly string[]): unknown {
    return keys.reduce<unknown>(
      (found, key) => (isObject(found) ? found[key.replaceAll('~1', '/').replaceAll('~0', '~')] : undefined),
      this.#document,
    );
  }

  #schema(place: string, value: unknown): void {
    if (typeof value === 'boolean') return;
    const schema = this.#object(place, value);
    if (schema['$ref'] !== undefined) this.#reference(place, schema['$ref']);
    for (const [key, inner] of Object.entries(schema)) {
      if (!KEYWORDS.has(key)) this.#fault(place, `unknown keyword ${key}`);
      else if (SUBSCHEMAS.includes(key)) this.#schema(`${place}.${key}`, inner);
      else if (MAPS_OF_SCHEMAS.includes(key))
        for (const [name, one] of Object.entries(this.#object(place, inner))) this.#schema(`${place}.${name}`, one);
      else if (LISTS_OF_SCHEMAS.includes(key)) this.#schemas(`${place}.${key}`, inner);
      else this.#keyword(place, key, inner);
    }
  }

  #schemas(place: string, value: unknown): void {
    if (!Array.isArray(value) || value.length === 0) return this.#fault(place, 'is an empty list or none');
    value.forEach((one, at) => this.#schema(`${place}[${at}]`, one));
  }

  #keyword(place: string, key: string, value: unknown): void {
    const list = Array.isArray(value) ? (value as unknown[]) : null;
    const sound =
      key === 'type'
        ? (list ?? [value]).every((one) => TYPES.has(String(one)))
        : key === 'enum'
          ? list !== null && list.length > 0
          : key === 'required'
            ? list !== null && list.every(isText) && new Set(list).size === list.length
            : key === 'examples'
              ? list !== null
              : NUMBERS.includes(key)
                ? typeof value === 'number'
                : COUNTS.includes(key)
                  ? Number.isSafeInteger(value) && Number(value) >= 0
                  : key === 'pattern'
                    ? isPattern(value)
                    : !TEXTS.includes(key) || typeof value === 'string';
    if (!sound) this.#fault(place, `${key} is ${JSON.stringify(value)}`);
  }
}

function isPattern(value: unknown): boolean {
  try {
    return typeof value === 'string' && new RegExp(value, 'u') instanceof RegExp;
  } catch {
    return false;
  }
}
