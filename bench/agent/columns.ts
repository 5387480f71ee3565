// The twelve interface columns that every system of the agent's benchmark reads: those of Weir's base profile, and the name.
const IF_ENTRY = '1.3.6.1.2.1.2.2.1';
const IF_X_ENTRY = '1.3.6.1.2.1.31.1.1.1';

/** RFC 2863. */
export const VALUE_COLUMNS: readonly {
  readonly name: string;
  readonly oid: string;
  readonly kind: 'counter' | 'gauge';
}[] = [
  { name: 'ifHCInOctets', oid: `${IF_X_ENTRY}.6`, kind: 'counter' },
  { name: 'ifHCOutOctets', oid: `${IF_X_ENTRY}.10`, kind: 'counter' },
  { name: 'ifHCInUcastPkts', oid: `${IF_X_ENTRY}.7`, kind: 'counter' },
  { name: 'ifHCOutUcastPkts', oid: `${IF_X_ENTRY}.11`, kind: 'counter' },
  { name: 'ifInDiscards', oid: `${IF_ENTRY}.13`, kind: 'counter' },
  { name: 'ifInErrors', oid: `${IF_ENTRY}.14`, kind: 'counter' },
  { name: 'ifOutDiscards', oid: `${IF_ENTRY}.19`, kind: 'counter' },
  { name: 'ifOutErrors', oid: `${IF_ENTRY}.20`, kind: 'counter' },
  { name: 'ifAdminStatus', oid: `${IF_ENTRY}.7`, kind: 'gauge' },
  { name: 'ifOperStatus', oid: `${IF_ENTRY}.8`, kind: 'gauge' },
  { name: 'ifCounterDiscontinuityTime', oid: `${IF_X_ENTRY}.19`, kind: 'gauge' },
];

/** Weir reads it in every poll of a device that does not keep ifTableLastChange; the peers for their labels. */
export const NAME_COLUMN = { name: 'ifName', oid: `${IF_X_ENTRY}.1` } as const;

export const COLUMNS_READ = VALUE_COLUMNS.length + 1;
