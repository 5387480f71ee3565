// Reads a few objects and columns by their identifiers, as plain texts and within bounds: for whoever looks into a device, not for what is measured.
import { WeirError } from '../../common/runtime/errors.ts';
import { isOidText, type Oid, oidOf } from './oid.ts';
import type { SnmpResponse, SnmpSession } from './session.ts';
import { hexText, valueAt } from './value.ts';

/** Of one request, so that its answer fits into a datagram. */
const MOST_AT_ONCE = 10;
const MOST_ROWS = 20;
const MOST_VALUES = 60;
const MOST_CHARACTERS = 300;
/** Behind the identifier of a column. */
const EVERY_ROW = '.*';

/** By identifier, null where the device has no such object; a column (`OID.*`) is its first rows. Throws snmp_oid_invalid. */
export async function readNamed(
  session: Pick<SnmpSession, 'get' | 'getNext'>,
  oids: readonly string[],
  signal: AbortSignal,
): Promise<Record<string, string | null>> {
  const found: Record<string, string | null> = {};
  const objects = oids.filter((oid) => !oid.endsWith(EVERY_ROW));
  for (let from = 0; from < objects.length; from += MOST_AT_ONCE)
    await readObjects(session, objects.slice(from, from + MOST_AT_ONCE), found, signal);
  for (const column of oids.filter((oid) => oid.endsWith(EVERY_ROW))) {
    const left = MOST_VALUES - Object.keys(found).length;
    await readColumn(session, column.slice(0, -EVERY_ROW.length), { found, most: Math.min(MOST_ROWS, left), signal });
  }
  return found;
}

async function readObjects(
  session: Pick<SnmpSession, 'get'>,
  oids: readonly string[],
  found: Record<string, string | null>,
  signal: AbortSignal,
): Promise<void> {
  const { varbinds, errorStatus } = await session.get(oids.map(checkedOid), { signal });
  if (errorStatus === 0 && varbinds.count === oids.length) {
    for (const [at, oid] of oids.entries()) found[oid] = textAt(varbinds, at);
    return;
  }
  // Version 1 refuses all where one is absent (RFC 1157 §4.1.2); and some answers are too big.
  for (const oid of oids) {
    const one = await session.get([checkedOid(oid)], { signal });
    found[oid] = one.errorStatus === 0 && one.varbinds.count === 1 ? textAt(one.varbinds, 0) : null;
  }
}

interface ColumnReading {
  readonly found: Record<string, string | null>;
  readonly most: number;
  readonly signal: AbortSignal;
}

async function readColumn(
  session: Pick<SnmpSession, 'getNext'>,
  column: string,
  { found, most, signal }: ColumnReading,
): Promise<void> {
  const prefix = checkedOid(column);
  let at = prefix;
  for (let row = 0; row < most; row += 1) {
    const { varbinds, errorStatus } = await session.getNext([at], { signal });
    if (errorStatus !== 0 || varbinds.count !== 1 || !varbinds.startsWith(0, prefix) || !varbinds.hasValue(0)) return;
    const name = varbinds.oidText(0);
    // A device that answers with the same again would be asked for ever.
    if (name in found) return;
    found[name] = textAt(varbinds, 0);
    at = varbinds.oid(0);
  }
}

function checkedOid(text: string): Oid {
  const plain = text.replace(/^\./, '');
  if (!isOidText(plain)) throw new WeirError('snmp_oid_invalid', 'What is to be read is no object identifier.', {});
  return oidOf(plain);
}

function textAt(varbinds: SnmpResponse['varbinds'], at: number): string | null {
  if (!varbinds.hasValue(at)) return null;
  const counter = varbinds.counter(at);
  if (counter !== null) return counter.toString();
  const value = valueAt(varbinds, at, 'value');
  if (typeof value !== 'string') return value === null ? null : String(value);
  const octets = varbinds.octets(at);
  // What is no text is told as octets: it may be anything.
  const text =
    octets !== null && /[\p{Cc}\p{Cn}\p{Co}]/u.test(value) ? `0x${hexText(octets).replaceAll(':', '')}` : value;
  return text.slice(0, MOST_CHARACTERS);
}
