// The map: the same network the same way each time, everything inside, linked things nearer than others, held ones where they were put.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { HEIGHT, placed, type Spot, WIDTH } from '../../../collector/dashboard/web/src/layout.ts';

const node = (name: string, group = '') => ({ name, group });
const far = (a: Spot | undefined, b: Spot | undefined): number =>
  Math.hypot((a?.x ?? 0) - (b?.x ?? 0), (a?.y ?? 0) - (b?.y ?? 0));

test('whatever the network, all of it lies inside and no two in one place', () => {
  const names = fc.uniqueArray(fc.stringMatching(/^[a-z]{1,4}$/), { minLength: 1, maxLength: 25 });
  fc.assert(
    fc.property(names, fc.array(fc.tuple(fc.nat(24), fc.nat(24)), { maxLength: 40 }), (known, pairs) => {
      const links = pairs.map(([a, b]) => [known[a % known.length] ?? '', known[b % known.length] ?? ''] as const);
      const spots = [
        ...placed(
          known.map((name) => node(name)),
          links,
          new Map(),
        ).values(),
      ];
      expect(spots).toHaveLength(known.length);
      for (const { x, y } of spots) {
        expect(x >= 0 && x <= WIDTH && y >= 0 && y <= HEIGHT).toBe(true);
      }
      expect(new Set(spots.map(({ x, y }) => `${x} ${y}`)).size).toBe(known.length);
    }),
    { numRuns: 30 },
  );
});

test('the order in which devices are told makes no difference', () => {
  const nodes = ['a', 'b', 'c', 'd'].map((name) => node(name));
  const links = [['a', 'b'] as const];
  expect(placed(nodes.toReversed(), links, new Map())).toEqual(placed(nodes, links, new Map()));
});

test('a chain of linked devices is nearer than what is not linked', () => {
  const nodes = ['a', 'b', 'c', 'x', 'y'].map((name) => node(name));
  const spots = placed(
    nodes,
    [
      ['a', 'b'],
      ['b', 'c'],
    ],
    new Map(),
  );
  expect(far(spots.get('a'), spots.get('b'))).toBeLessThan(far(spots.get('a'), spots.get('x')));
});

test('what somebody moved stays there', () => {
  const held = new Map([['b', { x: 123, y: 456 }]]);
  expect(placed([node('a'), node('b')], [['a', 'b']], held).get('b')).toEqual({ x: 123, y: 456 });
});
