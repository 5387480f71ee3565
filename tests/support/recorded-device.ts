// A device that answers from a recording inside the process: a DeviceReader without packets, for profiles to be tried in a second.
import { readFileSync } from 'node:fs';
import type { Poll } from '../../common/model/poll.ts';
import { DeviceState } from '../../agent/poll/device-state.ts';
import { pollDevice } from '../../agent/poll/poll-device.ts';
import type { ProfileCatalogue } from '../../agent/profile/profile.ts';
import type { ColumnForm, DeviceReader, ReadColumn, ReadTable } from '../../agent/snmp/table-reader.ts';
import { addressText, hexText, octetText, type ValueForm } from '../../agent/snmp/value.ts';
import { FRESH_MEMORY } from '../../agent/snmp/walk-sizing.ts';

interface Recorded {
  /** BER tag. */
  readonly tag: number;
  readonly octets: Buffer;
}

const TAG = { octetString: 4, null: 5, oid: 6, ipAddress: 64, counter32: 65, counter64: 70 } as const;
const SEGMENT = { firstRow: 0, sentAtMs: 0, receivedAtMs: 0, monotonicMs: 0, uptimeTicks: 1 };

export class RecordedDevice implements DeviceReader {
  readonly wide = true;
  readonly #objects: ReadonlyMap<string, Recorded>;
  readonly #oids: readonly string[];
  #requests = 0;

  /** `file`: a .snmprec, a row an object: `OID|type|value`; a type with `x` has its value in hex. */
  constructor(file: string) {
    this.#objects = objectsOf(file);
    this.#oids = [...this.#objects.keys()].toSorted();
  }

  /** Every table and every GET counts one. */
  get traffic(): DeviceReader['traffic'] {
    return { requests: this.#requests, retries: 0, sentBytes: 0, receivedBytes: 0 };
  }

  readTable({ columns, beside }: Parameters<DeviceReader['readTable']>[0]): Promise<ReadTable> {
    this.#requests += 1;
    const found = columns.map(({ oid }) => this.#instancesOf(oid));
    const index = [...new Set(found.flatMap((instances) => [...instances.keys()]))].toSorted(byParts);
    return Promise.resolve({
      complete: true,
      failure: null,
      index,
      segments: index.length === 0 ? [] : [SEGMENT],
      columns: columns.map(({ name, form }, at) => columnOf(name, form, index, found[at] ?? new Map())),
      beside: (beside ?? []).map((oid) => Number(valueOf(this.#objects.get(`${oid}.0`), 'value') ?? Number.NaN)),
    });
  }

  readScalars(requests: Parameters<DeviceReader['readScalars']>[0]): ReturnType<DeviceReader['readScalars']> {
    this.#requests += Math.ceil(requests.length / 16);
    const values = requests.map(({ oid, form }) => valueOf(this.#objects.get(oid), form));
    return Promise.resolve({ values, segment: SEGMENT });
  }

  probe(): Promise<void> {
    return Promise.resolve();
  }

  memoryOf(): typeof FRESH_MEMORY {
    return FRESH_MEMORY;
  }

  /** By index. */
  #instancesOf(column: string): Map<string, Recorded> {
    const prefix = `${column}.`;
    const found = new Map<string, Recorded>();
    let [low, high] = [0, this.#oids.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#oids[middle] ?? '') < prefix) low = middle + 1;
      else high = middle;
    }
    for (let at = low; at < this.#oids.length; at += 1) {
      const oid = this.#oids[at] ?? '';
      if (!oid.startsWith(prefix)) break;
      const object = this.#objects.get(oid);
      if (object !== undefined) found.set(oid.slice(prefix.length), object);
    }
    return found;
  }
}

/** One whole poll of a recording, as after a start. */
export async function pollRecording(file: string, catalogue: ProfileCatalogue): Promise<Poll> {
  const [first] = await visitsOf(file, catalogue, 1);
  if (first === undefined) throw new Error('BUG: no visit');
  return first;
}

/** So many polls of it, a minute apart, each with all tables that are due that often. */
export async function visitsOf(file: string, catalogue: ProfileCatalogue, count: number): Promise<Poll[]> {
  const device = new RecordedDevice(file);
  const state = new DeviceState();
  const visits: Poll[] = [];
  let nowMs = 0;
  const plan = {
    device: 'd',
    intervalMs: 60_000,
    slowIntervalMs: 60_000,
    inventoryIntervalMs: 3_600_000,
    processId: 'p',
  };
  const times = { now: () => nowMs, monotonicMs: () => nowMs };
  const { signal } = new AbortController();
  for (let at = 0; at < count; at += 1) {
    visits.push(await pollDevice(device, plan, state, { times, catalogue }, signal));
    nowMs += plan.intervalMs;
  }
  return visits;
}

function objectsOf(file: string): Map<string, Recorded> {
  const objects = new Map<string, Recorded>();
  for (const line of readFileSync(file, 'latin1').split('\n')) {
    const [oid = '', type = '', ...rest] = line.replace(/\r$/, '').split('|');
    if (!/^[\d.]+$/.test(oid)) continue;
    const octets = Buffer.from(rest.join('|'), type.endsWith('x') ? 'hex' : 'latin1');
    objects.set(oid.replace(/^\./, ''), { tag: Number.parseInt(type, 10), octets });
  }
  return objects;
}

function valueOf(object: Recorded | undefined, form: ValueForm | 'text'): string | number | null {
  if (object === undefined || object.tag === TAG.null) return null;
  const { tag, octets } = object;
  if (tag === TAG.oid) return octets.toString('latin1').replace(/^\./, '');
  if (tag === TAG.ipAddress) return octets.length === 4 ? addressText(octets) : octets.toString('latin1');
  if (tag !== TAG.octetString) return form === 'text' ? null : Number(octets.toString('latin1'));
  if (form === 'hex') return hexText(octets);
  if (form === 'address') return addressText(octets);
  return octetText(octets);
}

function columnOf(
  name: string,
  form: ColumnForm,
  index: readonly string[],
  instances: ReadonlyMap<string, Recorded>,
): ReadColumn {
  const objects = index.map((one) => instances.get(one));
  if (form === 'counter32' || form === 'counter64') {
    const tag = form === 'counter64' ? TAG.counter64 : TAG.counter32;
    const given = objects.map((object) => (object?.tag === tag ? BigInt(object.octets.toString('latin1')) : null));
    return {
      kind: 'counter',
      name,
      width: form === 'counter64' ? 64 : 32,
      values: BigUint64Array.from(given, (value) => value ?? 0n),
      present: Uint8Array.from(given, (value) => (value === null ? 0 : 1)),
    };
  }
  if (form === 'number') {
    const numbers = objects.map((object) => (object?.tag === TAG.octetString ? null : valueOf(object, 'value')));
    return { kind: 'number', name, values: Float64Array.from(numbers, (value) => Number(value ?? Number.NaN)) };
  }
  const values = objects.map((object) => valueOf(object, form));
  if (form !== 'text') return { kind: 'value', name, values };
  return { kind: 'text', name, values: values.map((value) => (value === null ? null : String(value))) };
}

function byParts(a: string, b: string): number {
  const [left, right] = [a.split('.'), b.split('.')];
  for (const [at, part] of left.entries()) {
    const difference = Number(part) - Number(right[at] ?? -1);
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}
