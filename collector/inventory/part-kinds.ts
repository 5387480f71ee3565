// What a device is made of beside its interfaces, as rows of a poll's tables: which tables, which of their columns are facts, and what names a part.
import { createHash } from 'node:crypto';
import { neighbourKey } from '../../common/model/neighbour-key.ts';
import type { Table } from '../../common/model/poll.ts';
import { cleanKey, cleanText, numbersOf, textsOf } from '../../common/model/table-columns.ts';
import type { EpochMs } from '../../common/model/time.ts';

export const PART_KINDS = ['module', 'sensor', 'neighbour', 'storage', 'bgp-peer', 'outlet'] as const;
export type PartKind = (typeof PART_KINDS)[number];

/** Texts and numbers by name; what the device did not say is left out. What a part measures is no fact of it: that is series. */
export type PartFacts = Readonly<Record<string, string | number>>;

export interface SeenPart {
  /** Unique in the kind and device, and as lasting as the device lets it be. */
  readonly key: string;
  readonly facts: PartFacts;
}

/** A table of a poll as its parts. */
export interface SeenParts {
  readonly kind: PartKind;
  readonly atMs: EpochMs;
  /** Only then what is missing is gone. */
  readonly complete: boolean;
  readonly parts: readonly SeenPart[];
  /** Rows beyond the bound. */
  readonly leftOut: number;
  /** Of all that is above but the time: the same table again has the same. */
  readonly digest: string;
}

/** Rows of one table; the largest chassis have some ten thousand entities. */
export const MAX_PARTS = 20_000;

interface Source {
  readonly kind: PartKind;
  readonly texts: readonly string[];
  readonly numbers: readonly string[];
  /** A device that is just starting has empty tables too; where the last one may truly go, an empty table says so. */
  readonly emptyCounts: boolean;
}

const SOURCES: ReadonlyMap<string, Source> = new Map<string, Source>([
  [
    'entity',
    {
      kind: 'module',
      texts: ['class', 'description', 'name', 'model', 'serial', 'hardware', 'firmware', 'software', 'containedIn'],
      numbers: [],
      emptyCounts: false,
    },
  ],
  [
    'sensor',
    {
      kind: 'sensor',
      texts: ['class', 'description', 'unit', 'state'],
      numbers: ['lowLimit', 'lowWarning', 'highWarning', 'highLimit'],
      emptyCounts: false,
    },
  ],
  [
    'neighbour',
    {
      kind: 'neighbour',
      texts: ['localInterface', 'remoteDevice', 'remotePort', 'protocol', 'remoteDuplex'],
      numbers: ['remoteVlan', 'localVlan'],
      emptyCounts: true,
    },
  ],
  ['storage', { kind: 'storage', texts: ['description'], numbers: ['totalBytes'], emptyCounts: false }],
  [
    'bgp-peer',
    {
      kind: 'bgp-peer',
      texts: ['remoteAddress', 'localAddress', 'state', 'adminStatus'],
      numbers: ['remoteAs', 'localAs'],
      emptyCounts: true,
    },
  ],
  ['outlet', { kind: 'outlet', texts: ['description', 'state'], numbers: [], emptyCounts: false }],
]);

/** The parts of a table; null for one that is about something else, or is empty where that says nothing. */
export function partsOf(table: Table, atMs: EpochMs): SeenParts | null {
  const source = SOURCES.get(table.name);
  if (source === undefined || (table.index.length === 0 && !(source.emptyCounts && table.complete))) return null;
  const texts = source.texts.map((name) => [name, textsOf(table, name)] as const);
  const numbers = source.numbers.map((name) => [name, numbersOf(table, name)] as const);
  const parts = new Map<string, SeenPart>();
  let leftOut = 0;
  for (const [row, index] of table.index.entries()) {
    const facts: Record<string, string | number> = {};
    for (const [name, values] of texts) {
      const text = cleanText(values?.[row] ?? '').trim();
      if (text !== '') facts[name] = text;
    }
    for (const [name, values] of numbers) {
      const value = values?.[row];
      if (value !== undefined && Number.isFinite(value)) facts[name] = value;
    }
    const key = keyOf(source.kind, index, facts);
    if (parts.has(key)) continue;
    if (parts.size < MAX_PARTS) parts.set(key, { key, facts });
    else leftOut += 1;
  }
  const complete = table.complete && leftOut === 0;
  const all = [...parts.values()];
  const digest = createHash('sha256')
    .update(JSON.stringify([complete, all]))
    .digest('base64url')
    .slice(0, 22);
  return { kind: source.kind, atMs, complete, parts: all, leftOut, digest };
}

function keyOf(kind: PartKind, index: string, facts: PartFacts): string {
  if (kind !== 'neighbour') return cleanKey(index);
  const word = (name: string): string => String(facts[name] ?? '');
  return neighbourKey({
    localInterface: word('localInterface'),
    protocol: word('protocol'),
    remoteDevice: word('remoteDevice'),
    remotePort: word('remotePort'),
  });
}
