// What a poll of a recording finds beside what LibreNMS found on the same device: how much of it is there and right, what is missing, what is more.
import { pollDocument, tableNamed } from '../../cli/poll/document.ts';
import { columnOf, type Poll, type TableName } from '../../common/model/poll.ts';
import type { Recording, Row } from './recording.ts';

export const ASPECTS = [
  'identity',
  'processors',
  'memory',
  'sensors',
  'storage',
  'bgp-peers',
  'links',
  'entities',
] as const;
export type Aspect = (typeof ASPECTS)[number];

export interface Finding {
  /** What LibreNMS lists. */
  readonly expected: number;
  /** Of these, those that we have with the same value. */
  readonly right: number;
  /** All that we list. */
  readonly found: number;
  readonly missing: readonly string[];
  readonly more: readonly string[];
}

export type Findings = Readonly<Record<Aspect, Finding>>;

/** Something that one of the two lists. */
interface Item {
  /** Only items of one class can be the same. */
  readonly class: string;
  readonly values: readonly number[];
  readonly text: string;
}

export function findingsOf(recording: Recording, poll: Poll): Findings {
  return {
    identity: identity(recording, poll),
    processors: matched(
      recording.rows('processors', 'processors').map((row) => {
        return { class: '', values: [number(row['processor_usage'])], text: text(row['processor_descr']) };
      }),
      itemsOf(poll, 'processor', ['usagePercent']),
      (expected, found) => near(expected[0], found[0], 1, 0),
    ),
    memory: memory(recording, poll),
    sensors: matched(
      recording.rows('sensors', 'sensors').map((row) => {
        const where = `${text(row['sensor_descr'])} ${text(row['sensor_oid'])}`;
        return { class: text(row['sensor_class']), values: [number(row['sensor_current'])], text: where };
      }),
      itemsOf(poll, 'sensor', ['value'], 'class'),
      (expected, found) => near(expected[0], found[0], 0.011, 0.005),
    ),
    storage: matched(
      recording.rows('storage', 'storage').map((row) => {
        const values = [number(row['storage_size']), number(row['storage_used'])];
        return { class: '', values, text: text(row['storage_descr']) };
      }),
      itemsOf(poll, 'storage', ['totalBytes', 'usedBytes']),
      (expected, found) => near(expected[0], found[0], 1, 0.01) && near(expected[1], found[1], 1, 0.01),
    ),
    'bgp-peers': matched(
      peersOf(recording),
      keyedItems(poll, 'bgp-peer', ['remoteAddress', 'state'], ['remoteAs']).map((item) => {
        const [remote = '', state = ''] = item.class.split(' ');
        return { ...item, class: `${address(remote)} ${state}` };
      }),
      (expected, found) => near(expected[0], found[0], 0, 0),
    ),
    links: links(recording, poll),
    entities: matched(
      recording.rows('entity-physical', 'entPhysical').map((row) => {
        // A part without a class is of unknown class.
        const key = [
          row['entPhysicalClass'] ?? 'unknown',
          row['entPhysicalModelName'],
          row['entPhysicalSerialNum'],
        ].map(text);
        return { class: key.map(folded).join(' '), values: [number(row['entPhysicalIndex'])], text: '' };
      }),
      keyedItems(poll, 'entity', ['class', 'model', 'serial'], []),
      () => true,
    ),
  };
}

function identity(recording: Recording, poll: Poll): Finding {
  const { device } = pollDocument(poll);
  const [row = {}] = recording.rows('os', 'devices');
  const missing: string[] = [];
  let [expected, right] = [0, 0];
  for (const [theirs, ours] of [
    ['hardware', 'model'],
    ['version', 'version'],
    ['serial', 'serial'],
  ] as const) {
    // `S4128F-ON` and `s4128Fon` are one model in two spellings.
    const fold = theirs === 'hardware' ? spelling : folded;
    const wanted = fold(text(row[theirs]));
    if (wanted === '') continue;
    const found = fold(text(device[ours]));
    expected += 1;
    const same = found === wanted || (theirs !== 'serial' && found !== '' && contain(found, wanted));
    if (same) right += 1;
    else missing.push(`${theirs}: ${text(row[theirs])} (ours: ${text(device[ours])})`);
  }
  return { expected, right, found: expected, missing, more: [] };
}

const contain = (a: string, b: string): boolean => a.includes(b) || b.includes(a);

function memory(recording: Recording, poll: Poll): Finding {
  const expected = recording.rows('mempools', 'mempools').map((row): Item => {
    const values = [number(row['mempool_total']), number(row['mempool_used']), number(row['mempool_perc'])];
    return { class: '', values, text: text(row['mempool_descr']) };
  });
  const found = itemsOf(poll, 'memory', ['totalBytes', 'usedBytes', 'usedPercent']).map((item): Item => {
    const [total = Number.NaN, used = Number.NaN, percent = Number.NaN] = item.values;
    return { ...item, values: [total, used, Number.isNaN(percent) ? (used * 100) / total : percent] };
  });
  return matched(expected, found, ([total, used, percent], [ourTotal, ourUsed, ourPercent]) => {
    if (near(total, ourTotal, 1, 0.01) && near(used, ourUsed, 1, 0.01)) return true;
    return near(percent, ourPercent, 1, 0);
  });
}

/** LibreNMS lists a peer twice that it has found by two MIBs. */
function peersOf(recording: Recording): Item[] {
  const peers = recording.rows('bgp-peers', 'bgpPeers').map((row): Item => {
    const key = `${address(text(row['bgpPeerIdentifier']))} ${text(row['bgpPeerState'])}`;
    return { class: key, values: [number(row['bgpPeerRemoteAs'])], text: '' };
  });
  return [...new Map(peers.map((peer) => [`${peer.class} ${peer.values.join()}`, peer])).values()];
}

/** A link is the same where the local port is, and the name or address of the other side. */
function links(recording: Recording, poll: Poll): Finding {
  const expected = recording.rows('discovery-protocols', 'links').map((row): Item => {
    return { class: folded(text(row['remote_hostname'])), values: [], text: text(row['ifName']) };
  });
  const found = keyedItems(poll, 'neighbour', ['remoteDevice'], []);
  return matched(expected, found, () => true);
}

function itemsOf(poll: Poll, table: TableName, columns: readonly string[], classColumn?: string): Item[] {
  return keyedItems(poll, table, classColumn === undefined ? [] : [classColumn], columns);
}

function keyedItems(poll: Poll, name: TableName, keys: readonly string[], columns: readonly string[]): Item[] {
  const table = tableNamed(poll, name);
  if (table === undefined) return [];
  const cell = (column: string, row: number): unknown => {
    const found = columnOf(table, column);
    return found === undefined || found.kind === 'counter' ? null : found.values[row];
  };
  return table.index.map((index, row) => ({
    class: keys.map((key) => folded(text(cell(key, row)))).join(' '),
    values: columns.map((column) => number(cell(column, row))),
    text: `${index} ${text(cell('description', row))}`,
  }));
}

/** Pairs each expected item with one found that is the same, the nearest first. */
function matched(
  expected: readonly Item[],
  found: readonly Item[],
  same: (expected: readonly number[], found: readonly number[]) => boolean,
): Finding {
  const left = new Set(found);
  const missing: string[] = [];
  const unmatched: Item[] = [];
  const distance = (a: Item, b: Item): number => Math.abs((a.values[0] ?? 0) - (b.values[0] ?? 0));
  for (const item of expected) {
    const candidates = [...left].filter((one) => one.class === item.class && same(item.values, one.values));
    const nearest = candidates.toSorted((a, b) => distance(item, a) - distance(item, b))[0];
    if (nearest === undefined) unmatched.push(item);
    else left.delete(nearest);
  }
  for (const item of unmatched) missing.push(`${item.class} ${item.values.join('/')} ${item.text}`);
  return {
    expected: expected.length,
    right: expected.length - missing.length,
    found: found.length,
    missing,
    more: [...left].map((item) => `${item.class} ${item.values.join('/')} ${item.text}`),
  };
}

function near(a = Number.NaN, b = Number.NaN, absolute: number, relative: number): boolean {
  return Math.abs(a - b) <= Math.max(absolute, Math.abs(a) * relative);
}

function number(value: unknown): number {
  if (typeof value === 'number') return value;
  return typeof value === 'string' && value.trim() !== '' ? Number(value) : Number.NaN;
}

function text(value: Row[string]): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}

function spelling(value: string): string {
  return value.toLowerCase().replaceAll(/[^a-z0-9]/g, '');
}

function folded(value: string): string {
  return value.toLowerCase().replaceAll(/\s+/g, ' ').trim();
}

/** LibreNMS writes IPv6 addresses with leading zeros or with `::`; here all eight groups, each without. */
function address(value: string): string {
  if (!value.includes(':')) return value;
  const [head = '', tail] = value.split('::');
  const groups = (part: string): string[] => (part === '' ? [] : part.split(':'));
  const [before, after] = [groups(head), groups(tail ?? '')];
  const zeros = Array.from({ length: Math.max(0, 8 - before.length - after.length) }, () => '0');
  return [...before, ...zeros, ...after].map((group) => Number.parseInt(group, 16).toString(16)).join(':');
}
