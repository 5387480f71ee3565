// Which sensors of a device are those of one interface: optics and the like, which name their port in their description. Pure.

/** What a port may be called in a description. */
export interface PortNames {
  readonly ifName: string | null;
  readonly ifDescr: string | null;
}

/**
 * True where the description names the port as a whole word: Ethernet1 is neither Ethernet10 nor Ethernet1/1, and xe-0/0/1 no
 * sub-interface of it. A port that is called by a number alone is meant only where the description begins with it: fan 1 is no port.
 */
export function isSensorOf({ ifName, ifDescr }: PortNames, description: string): boolean {
  return [ifName, ifDescr].some((name) => name !== null && name.trim() !== '' && names(description, name.trim()));
}

function names(description: string, name: string): boolean {
  const [text, word] = [description.toLowerCase(), name.toLowerCase()];
  const onlyFirst = !/[a-z/]/.test(word);
  for (let at = text.indexOf(word); at >= 0; at = text.indexOf(word, at + 1)) {
    if (onlyFirst && at > 0) return false;
    const [before, after] = [text.slice(0, at), text.slice(at + word.length)];
    if (!/[\p{L}\p{N}/.:-]$/u.test(before) && !/^(?:[\p{L}\p{N}]|[/.:-]\p{N})/u.test(after)) return true;
  }
  return false;
}
