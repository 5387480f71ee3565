// What an interface is called for ever inside one device; ifIndex is only its address (docs/decisions, interface identity).

export interface InterfaceNames {
  readonly ifIndex: string;
  readonly ifName: string | null;
  readonly ifDescr: string | null;
}

/**
 * The identity key of each interface of a device, by ifIndex: ifName where it is unique, else ifDescr where that is unique,
 * else the name with `#ifIndex`, because two interfaces that cannot be told apart must never share a meter.
 */
export function interfaceKeys(rows: readonly InterfaceNames[]): Map<string, string> {
  const names = countOf(rows.map((row) => row.ifName));
  const descriptions = countOf(rows.map((row) => row.ifDescr));
  const keys = rows.map((row) => {
    const name = row.ifName?.trim() ?? '';
    if (name !== '' && names.get(name) === 1) return name;
    const description = row.ifDescr?.trim() ?? '';
    if (description !== '' && descriptions.get(description) === 1 && !names.has(description)) return description;
    return `${name === '' ? description || 'if' : name}#${row.ifIndex}`;
  });
  const told = toldApart(
    keys,
    rows.map((row) => row.ifIndex),
  );
  return new Map(rows.map((row, at) => [row.ifIndex, told[at] ?? '']));
}

/** A name may be what was made up for another interface, and made up again. */
const ROUNDS = 4;

/** The keys with `#ifIndex` added to each that occurs more than once; '' stays, and is what becomes of keys that cannot be told apart at all. */
export function toldApart(keys: readonly string[], index: readonly string[]): readonly string[] {
  let told = keys;
  for (let round = 0; round <= ROUNDS; round += 1) {
    const counts = countOf(told);
    if (counts.size === told.length) return told;
    const repeated = (key: string): boolean => (counts.get(key) ?? 0) > 1;
    if (!told.some(repeated)) return told;
    told = told.map((key, row) => (repeated(key) ? (round === ROUNDS ? '' : `${key}#${index[row] ?? ''}`) : key));
  }
  return told;
}

function countOf(texts: readonly (string | null)[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const text of texts) {
    const trimmed = text?.trim() ?? '';
    if (trimmed !== '') counts.set(trimmed, (counts.get(trimmed) ?? 0) + 1);
  }
  return counts;
}

/** The resource id of an interface in alarms, series and the API; a device's is its name. */
export function interfaceResource(device: string, key: string): string {
  return `${device}/${key}`;
}
