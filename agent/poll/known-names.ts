// What each ifIndex of a device stands for, from the names last read. A thousand devices have tens of thousands of interfaces, so it is columns
// and one text, not objects and maps.

/** One interface as it was read. */
export interface NamedInterface {
  readonly ifIndex: string;
  readonly key: string;
  readonly ifName: string | null;
  readonly ifDescr: string | null;
  readonly ifAlias: string | null;
  readonly ifPhysAddress: string | null;
  readonly speedBps: number;
}

/** Whether ifName is the name by which a later poll notices that an index now means another interface. */
export type CheckColumn = 'ifName' | 'ifDescr';

/** A text counts where exactly one interface bears it; a name before a description, that before an address, an alias last. */
const FIELDS = ['key', 'ifName', 'ifDescr', 'ifPhysAddress', 'ifAlias'] as const;
/** Around the entries of the text of all names; what bears one of them itself cannot be looked up. */
const [BEGIN, MIDDLE, END] = ['\u0001', '\u0002', '\u0003'];
const CONTROL = new RegExp(`[${BEGIN}${MIDDLE}${END}]`, 'u');

export class KnownNames {
  /** ifIndex, in the order of the device's tables. */
  readonly index: readonly string[];
  readonly keys: readonly string[];
  readonly checkNames: readonly (string | null)[];
  /** ifHighSpeed × 10^6 where that is not 0, else ifSpeed; NaN unknown. */
  readonly speedsBps: Float64Array;
  readonly checkedBy: CheckColumn;
  readonly readAtMonotonicMs: number;
  /** ifTableLastChange (RFC 2863) with these names; NaN where the device has none, 0 where it does not keep it. */
  readonly tableLastChange: number;
  /** Every text with its field and row, such as BEGIN 1 eth0 MIDDLE 17 END. */
  readonly #texts: string;

  constructor(rows: readonly NamedInterface[], readAtMonotonicMs: number, tableLastChange: number) {
    this.checkedBy = rows.some((row) => row.ifName !== null && row.ifName !== '') ? 'ifName' : 'ifDescr';
    this.index = rows.map((row) => row.ifIndex);
    this.keys = rows.map((row) => row.key);
    // Mostly the key is the name: then it is the same string, kept once.
    this.checkNames = rows.map((row) => (row[this.checkedBy] === row.key ? row.key : row[this.checkedBy]));
    this.speedsBps = Float64Array.from(rows, (row) => row.speedBps);
    this.readAtMonotonicMs = readAtMonotonicMs;
    this.tableLastChange = tableLastChange;
    this.#texts = textsOf(rows);
  }

  get size(): number {
    return this.index.length;
  }

  /** The interface key that a name, description, address, alias or `#ifIndex` stands for; null where it means none or two. */
  keyOf(text: string): string | null {
    if (text === '' || CONTROL.test(text)) return null;
    for (const field of FIELDS.keys()) {
      const row = this.#onlyRow(`${BEGIN}${field}${text}${MIDDLE}`);
      if (row !== null) return this.keys[row] ?? null;
    }
    return text.startsWith('#') ? (this.keys[this.index.indexOf(text.slice(1))] ?? null) : null;
  }

  /** For each index its row here, -1 where it is not known; null where they are just these, in this order, as in nearly every poll. */
  rowsOf(index: readonly string[]): Int32Array | null {
    if (sameTexts(index, this.index)) return null;
    const rows = new Map(this.index.map((one, row) => [one, row]));
    return Int32Array.from(index, (one) => rows.get(one) ?? -1);
  }

  /** Whether every index means what it meant to the other. */
  sameAs(other: KnownNames): boolean {
    return sameTexts(this.index, other.index) && sameTexts(this.keys, other.keys);
  }

  #onlyRow(entry: string): number | null {
    const found = this.#texts.indexOf(entry);
    if (found === -1 || this.#texts.includes(entry, found + entry.length)) return null;
    const from = found + entry.length;
    return Number(this.#texts.slice(from, this.#texts.indexOf(END, from)));
  }
}

function textsOf(rows: readonly NamedInterface[]): string {
  const entries: string[] = [];
  for (const [row, one] of rows.entries()) {
    for (const [field, name] of FIELDS.entries()) {
      const text = one[name];
      const told = name !== 'key' && text === one.key;
      if (text !== null && text !== '' && !told && !CONTROL.test(text))
        entries.push(BEGIN, String(field), text, MIDDLE, String(row), END);
    }
  }
  return entries.join('');
}

function sameTexts(a: readonly string[], b: readonly string[]): boolean {
  if (a.length !== b.length) return false;
  for (let at = 0; at < a.length; at += 1) if (a[at] !== b[at]) return false;
  return true;
}
