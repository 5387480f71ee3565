// Values to be set as people ask for them over the API, made into what a session sends.
import { WeirError } from '../../common/runtime/errors.ts';
import { oidOf } from './oid.ts';
import type { SnmpResponse } from './session.ts';
import type { SetValueType, SetVarbind } from './set-value.ts';

export interface AskedValue {
  readonly oid: string;
  readonly type: string;
  readonly value: string;
}

const TYPES: Readonly<Record<string, SetValueType>> = {
  integer: 'integer',
  gauge32: 'gauge32',
  counter32: 'counter32',
  counter64: 'counter64',
  timeTicks: 'timeTicks',
  text: 'octets',
  hex: 'octets',
  oid: 'oid',
  ipAddress: 'ipAddress',
};

/** Throws snmp_oid_invalid, snmp_value_invalid. */
export function askedVarbinds(values: readonly AskedValue[]): SetVarbind[] {
  return values.map(({ oid, type, value }) => {
    const known = Object.hasOwn(TYPES, type) ? TYPES[type] : undefined;
    if (known === undefined) throw new WeirError('snmp_value_invalid', `There is no type ${type}.`, { oid, type });
    return { oid: oidOf(oid.replace(/^\./, '')), type: known, value: type === 'hex' ? bytesOf(oid, value) : value };
  });
}

/** Pairs of hexadecimal digits; colons, blanks and a 0x before them may stand between. */
function bytesOf(oid: string, text: string): Uint8Array {
  const digits = text.replace(/^0x/i, '').replaceAll(/[\s:]/g, '');
  if (!/^([0-9a-f]{2})*$/i.test(digits))
    throw new WeirError('snmp_value_invalid', 'A value to be written is no pairs of hexadecimal digits.', {
      oid,
      type: 'hex',
    });
  return Buffer.from(digits, 'hex');
}

/** RFC 3416 §3, by number. */
const REFUSALS = [
  'noError',
  'tooBig',
  'noSuchName',
  'badValue',
  'readOnly',
  'genErr',
  'noAccess',
  'wrongType',
  'wrongLength',
  'wrongEncoding',
  'wrongValue',
  'noCreation',
  'inconsistentValue',
  'resourceUnavailable',
  'commitFailed',
  'undoFailed',
  'authorizationError',
  'notWritable',
  'inconsistentName',
];

/** Throws snmp_refused where the device set nothing, with the name of its reason and the value it is about. */
export function refuseFailedSet(response: SnmpResponse, values: readonly AskedValue[]): void {
  const { errorStatus, errorIndex } = response;
  if (errorStatus === 0) return;
  const reason = REFUSALS[errorStatus] ?? `status ${errorStatus}`;
  const oid = values[errorIndex - 1]?.oid ?? null;
  throw new WeirError('snmp_refused', `The device set nothing: ${reason}${oid === null ? '' : ` at ${oid}`}.`, {
    errorStatus,
    reason,
    oid,
  });
}
