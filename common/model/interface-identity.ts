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
  return new Map(
    rows.map((row) => {
      const name = row.ifName?.trim() ?? '';
      if (name !== '' && names.get(name) === 1) return [row.ifIndex, name];
      const description = row.ifDescr?.trim() ?? '';
      if (description !== '' && descriptions.get(description) === 1 && !names.has(description)) {
        return [row.ifIndex, description];
      }
      return [row.ifIndex, `${name === '' ? description || 'if' : name}#${row.ifIndex}`];
    }),
  );
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
