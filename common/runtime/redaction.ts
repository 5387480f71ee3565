// What a log line may hold: no secret wherever it stands, nothing that cannot be printed, and a bound on all of it. Pure.

export type Fields = Readonly<Record<string, unknown>>;

const SECRET = '[secret]';
const CUT = '[cut]';
const MOST_CHARACTERS = 16_000;
const MOST_OF_ONE_TEXT = 4_000;
const MOST_VALUES = 500;
const MOST_DEPTH = 8;

/** Names whose value is a secret, however they are spelt: authPassphrase, collector_token, set-cookie. */
const SECRET_NAME = /(token|password|passphrase|community|authorization|cookie|secret|private[_-]?key)s?$/i;

/** Secrets inside texts: in addresses, headers, queries and cookies, and our own tokens. */
const SECRET_TEXTS: readonly (readonly [RegExp, string])[] = [
  [/(\/\/[^\s:@/]*):\S*@/g, `$1:${SECRET}@`],
  [/\b(bearer|basic)\s+\S+/gi, `$1 ${SECRET}`],
  [/\bweir_[\w-]{43,}/g, `weir_${SECRET}`],
  [/([\w-]*(?:token|password|passphrase|secret|session))=[^\s&;"']+/gi, `$1=${SECRET}`],
];

/** What pino and we write ourselves: a field of that name would stand twice in the line. */
const RESERVED = new Set(['level', 'time', 'component', 'msg']);

/** A text without the secrets that it holds, and not too long. */
export function plainText(text: string, most = MOST_OF_ONE_TEXT): string {
  const short = text.length > most ? `${text.slice(0, most)}${CUT}` : text;
  return SECRET_TEXTS.reduce((plain, [secret, instead]) => plain.replace(secret, instead), short);
}

/** The fields as they may be printed: a copy of plain values. */
export function plainFields(fields: Fields): Fields {
  const walk = new Walk();
  return Object.fromEntries(
    walk.entriesOf(fields, 0).map(([name, value]) => [RESERVED.has(name) ? `${name}_` : name, value]),
  );
}

class Walk {
  #characters = MOST_CHARACTERS;
  #values = MOST_VALUES;

  entriesOf(object: object, depth: number): [string, unknown][] {
    const entries: [string, unknown][] = [];
    for (const name of Object.keys(object)) {
      if (this.#values <= 0) {
        entries.push([CUT, Object.keys(object).length - entries.length]);
        break;
      }
      entries.push([plainText(name, 200), this.#named(name, readable(object, name), depth)]);
    }
    return entries;
  }

  #named(name: string, value: unknown, depth: number): unknown {
    const holdsText = typeof value === 'string' || (typeof value === 'object' && value !== null);
    return holdsText && SECRET_NAME.test(name) ? SECRET : this.#plain(value, depth);
  }

  #plain(value: unknown, depth: number): unknown {
    this.#values -= 1;
    if (typeof value === 'string') return this.#text(value);
    if (typeof value === 'bigint') return value.toString();
    if (typeof value === 'function' || typeof value === 'symbol') return undefined;
    if (typeof value !== 'object' || value === null) return value;
    if (depth >= MOST_DEPTH || this.#values <= 0) return CUT;
    if (Array.isArray(value)) return this.#list(value, depth);
    const printed = jsonOf(value);
    if (printed !== value) return this.#plain(printed, depth + 1);
    return Object.fromEntries([...this.#ofError(value, depth), ...this.entriesOf(value, depth + 1)]);
  }

  /** What an error says is not among the keys of an object. */
  #ofError(value: object, depth: number): [string, unknown][] {
    if (!(value instanceof Error)) return [];
    const message: [string, unknown] = ['message', this.#text(value.message)];
    return value.cause === undefined ? [message] : [message, ['cause', this.#plain(value.cause, depth + 1)]];
  }

  #list(list: readonly unknown[], depth: number): unknown[] {
    const plain: unknown[] = [];
    for (const one of list) {
      if (this.#values <= 0) return [...plain, `${CUT} ${list.length - plain.length} more`];
      plain.push(this.#plain(one, depth + 1));
    }
    return plain;
  }

  #text(text: string): string {
    const plain = plainText(text, Math.min(MOST_OF_ONE_TEXT, Math.max(0, this.#characters)));
    this.#characters -= plain.length;
    return plain;
  }
}

/** A property may be a getter that throws. */
function readable(object: object, name: string): unknown {
  try {
    const value: unknown = Reflect.get(object, name);
    return value;
  } catch {
    return '[unreadable]';
  }
}

/** What an object says it is in JSON, such as a date; else the object itself. */
function jsonOf(value: object): unknown {
  const toJSON = readable(value, 'toJSON');
  if (typeof toJSON !== 'function') return value;
  try {
    const printed: unknown = Reflect.apply(toJSON, value, []);
    return printed;
  } catch {
    return '[unreadable]';
  }
}
