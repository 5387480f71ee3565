// Places the nodes of a map: linked ones near, all others apart, the same network the same way each time; pure.

export interface Spot {
  readonly x: number;
  readonly y: number;
}

interface Node {
  readonly name: string;
  readonly group: string;
}

const ROUNDS = 300;
/** As wide as screens are. */
export const WIDTH = 1700;
export const HEIGHT = 1000;
const EDGE = 50;

/** Fruchterman and Reingold's forces from a circle ordered by group; `held` are not moved.  */
export function placed(
  nodes: readonly Node[],
  links: readonly (readonly [string, string])[],
  held: ReadonlyMap<string, Spot>,
): Map<string, Spot> {
  const order = nodes.toSorted((a, b) => a.group.localeCompare(b.group) || a.name.localeCompare(b.name));
  const index = new Map(order.map(({ name }, place) => [name, place]));
  const x = order.map(
    ({ name }, place) => held.get(name)?.x ?? WIDTH / 2 + 0.4 * WIDTH * Math.cos((2 * Math.PI * place) / order.length),
  );
  const y = order.map(
    ({ name }, place) =>
      held.get(name)?.y ?? HEIGHT / 2 + 0.4 * HEIGHT * Math.sin((2 * Math.PI * place) / order.length),
  );
  const ends = links.flatMap(([a, b]) => {
    const [one, other] = [index.get(a), index.get(b)];
    return one === undefined || other === undefined || one === other ? [] : [[one, other] as const];
  });
  const ideal = Math.sqrt((WIDTH * HEIGHT) / Math.max(1, order.length)) / 1.4;
  const rounds = order.length > 400 ? ROUNDS / 5 : ROUNDS;
  for (let round = 0; round < rounds; round += 1) {
    const heat = (HEIGHT / 10) * (1 - round / rounds);
    step(order, x, y, { ends, ideal, heat, held });
  }
  return new Map(order.map(({ name }, place) => [name, { x: x[place] ?? 0, y: y[place] ?? 0 }]));
}

interface Forces {
  readonly ends: readonly (readonly [number, number])[];
  readonly ideal: number;
  readonly heat: number;
  readonly held: ReadonlyMap<string, Spot>;
}

function step(order: readonly Node[], x: number[], y: number[], { ends, ideal, heat, held }: Forces): void {
  const dx = order.map(() => 0);
  const dy = order.map(() => 0);
  const push = (one: number, other: number, force: (distance: number) => number): void => {
    const [gapX, gapY] = [(x[one] ?? 0) - (x[other] ?? 0), (y[one] ?? 0) - (y[other] ?? 0)];
    const distance = Math.max(1, Math.hypot(gapX, gapY));
    const strength = force(distance) / distance;
    dx[one] = (dx[one] ?? 0) + gapX * strength;
    dy[one] = (dy[one] ?? 0) + gapY * strength;
    dx[other] = (dx[other] ?? 0) - gapX * strength;
    dy[other] = (dy[other] ?? 0) - gapY * strength;
  };
  for (let one = 0; one < order.length; one += 1)
    for (let other = one + 1; other < order.length; other += 1) {
      const near = order[one]?.group === order[other]?.group ? 0.7 : 1;
      push(one, other, (distance) => (near * ideal * ideal) / distance);
    }
  for (const [one, other] of ends) push(one, other, (distance) => -(distance * distance) / ideal);
  for (let place = 0; place < order.length; place += 1) {
    if (held.has(order[place]?.name ?? '')) continue;
    const length = Math.max(1, Math.hypot(dx[place] ?? 0, dy[place] ?? 0));
    x[place] = clamped((x[place] ?? 0) + ((dx[place] ?? 0) / length) * Math.min(length, heat), WIDTH);
    y[place] = clamped((y[place] ?? 0) + ((dy[place] ?? 0) / length) * Math.min(length, heat), HEIGHT);
  }
}

function clamped(value: number, size: number): number {
  return Math.max(EDGE, Math.min(size - EDGE, value));
}
