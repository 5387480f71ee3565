// The shortest way between two nodes of the map. Pure.

/** Both ends with what lies between them; null where nothing is known to lead there. Of several as short the one by the order of the links. */
export function wayBetween(
  links: readonly (readonly [string, string])[],
  from: string,
  to: string,
): readonly string[] | null {
  const near = new Map<string, string[]>();
  const join = (one: string, other: string): void => {
    const own = near.get(one);
    if (own === undefined) near.set(one, [other]);
    else own.push(other);
  };
  for (const [one, other] of links) {
    join(one, other);
    join(other, one);
  }
  const cameFrom = new Map<string, string | null>([[from, null]]);
  // What is found is appended while it is gone through.
  for (const name of cameFrom.keys())
    for (const next of near.get(name) ?? []) if (!cameFrom.has(next)) cameFrom.set(next, name);
  if (!cameFrom.has(to)) return null;
  const way = [to];
  for (let at = cameFrom.get(to) ?? null; at !== null; at = cameFrom.get(at) ?? null) way.unshift(at);
  return way;
}
