// Columns of the usual kinds, made of the objects behind their rows.
import { oidOf } from './ber.ts';
import { type MibColumn, type Rows, SCALAR } from './mib-view.ts';
import type { ResponseWriter } from './response-writer.ts';
import type { Instant } from './truth.ts';

/** Sets the value of a cell. */
export type Write<Of> = (one: Of, instant: Instant, out: ResponseWriter) => void;

/** A single value; `text` is its OID without the final 0. */
export function scalar(text: string, write: (instant: Instant, out: ResponseWriter) => void): MibColumn {
  return { oid: oidOf(text), rows: SCALAR, wide: false, write: (_row, instant, out) => write(instant, out) };
}

/** A column with one object behind each row. */
export function columnOf<Of>(text: string, rows: Rows, objects: readonly Of[], write: Write<Of>): MibColumn {
  return {
    oid: oidOf(text),
    rows,
    wide: false,
    write: (row, instant, out) => {
      const one = objects[row];
      if (one === undefined) throw new Error(`BUG: ${text} has no row ${row}`);
      write(one, instant, out);
    },
  };
}

/** A column of octet strings that never change. */
export function textColumn(text: string, rows: Rows, values: readonly (string | Uint8Array)[]): MibColumn {
  const bytes = values.map((value) => (typeof value === 'string' ? Buffer.from(value) : value));
  return columnOf(text, rows, bytes, (value, _instant, out) => out.octets(value));
}

/** A column of INTEGERs that never change. */
export function integerColumn(text: string, rows: Rows, values: readonly number[]): MibColumn {
  return columnOf(text, rows, values, (value, _instant, out) => out.integer(value));
}

/** Six octets; none for ''. */
export function macBytes(mac: string): Buffer {
  return Buffer.from(mac.replaceAll(':', ''), 'hex');
}
