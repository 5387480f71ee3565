// What a table of parts changes: what is written, what is gone, and what people are told of it.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type KnownPart, partDifference } from '../../../collector/inventory/part-changes.ts';
import type { PartFacts, PartKind, SeenPart } from '../../../collector/inventory/part-kinds.ts';

type Parts = Readonly<Record<string, PartFacts>>;

function difference(
  kind: PartKind,
  before: Parts,
  now: Parts,
  more: { complete?: boolean; first?: boolean; gone?: Parts } = {},
) {
  const { complete = true, first = false, gone = {} } = more;
  const known: KnownPart[] = [
    ...Object.entries(before).map(([key, facts]) => ({ key, facts, gone: false })),
    ...Object.entries(gone).map(([key, facts]) => ({ key, facts, gone: true })),
  ];
  const parts: SeenPart[] = Object.entries(now).map(([key, facts]) => ({ key, facts }));
  return partDifference(known, { kind, atMs: 0, complete, parts, leftOut: 0, digest: '' }, first);
}

const told = (...asked: Parameters<typeof difference>): string[] =>
  difference(...asked).changes.map(({ key, kind, before, after }) => `${key} ${kind}: ${before} -> ${after}`);

const card = (serial: string | null, name = 'Line card', more: PartFacts = {}): PartFacts => ({
  class: 'module',
  name,
  model: 'LC-48',
  ...(serial === null ? {} : { serial }),
  ...more,
});

describe('modules', () => {
  test.each<[what: string, before: Parts, now: Parts, changes: string[], more?: Parameters<typeof difference>[3]]>([
    ['the first table is no news', {}, { 1: card('A') }, [], { first: true }],
    ['the same again', { 1: card('A') }, { 1: card('A') }, []],
    [
      'a card is put in',
      { 1: card('A') },
      { 1: card('A'), 2: card('B') },
      ['2 module_new: null -> Line card, LC-48, B'],
    ],
    [
      'a card is pulled',
      { 1: card('A'), 2: card('B') },
      { 1: card('A') },
      ['2 module_gone: Line card, LC-48, B -> null'],
    ],
    [
      'a card is replaced',
      { 1: card('A') },
      { 1: card('B') },
      ['1 module_replaced: Line card, LC-48, A -> Line card, LC-48, B'],
    ],
    [
      'a card gets new software',
      { 1: card('A', 'LC', { software: '1.0', firmware: '7' }) },
      { 1: card('A', 'LC', { software: '2.0', firmware: '7' }) },
      ['1 module_upgrade: 1.0 / 7 -> 2.0 / 7'],
    ],
    [
      'software that was not told before is no upgrade',
      { 1: card('A') },
      { 1: card('A', 'Line card', { software: '1' }) },
      [],
    ],
    ['entities are numbered anew', { 1: card('A'), 2: card('B') }, { 11: card('A'), 12: card('B') }, []],
    ['two cards change places', { 1: card('A'), 2: card('B') }, { 1: card('B'), 2: card('A') }, []],
    [
      'a card moves into the place of one that is pulled',
      { 1: card('A'), 2: card('B') },
      { 1: card('B') },
      ['1 module_gone: Line card, LC-48, A -> null'],
    ],
    ['without a serial number nothing is told', { 1: card(null) }, { 2: card(null) }, []],
    [
      'of a table that was cut short nothing is gone',
      { 1: card('A'), 2: card('B') },
      { 1: card('A') },
      [],
      { complete: false },
    ],
    [
      'nor replaced, for it may stand further down',
      { 1: card('A') },
      { 1: card('B') },
      ['1 module_new: null -> Line card, LC-48, B'],
      { complete: false },
    ],
    [
      'a card that comes back is new again',
      {},
      { 1: card('A') },
      ['1 module_new: null -> Line card, LC-48, A'],
      { gone: { 1: card('A') } },
    ],
    [
      'a part that is told twice is told of once',
      {},
      { 1: card('A'), 2: card('A') },
      ['1 module_new: null -> Line card, LC-48, A'],
    ],
  ])('%s', (_, before, now, changes, more = {}) => expect(told('module', before, now, more)).toEqual(changes));
});

describe('neighbours', () => {
  const near = (remoteDevice: string, remotePort = 'e1'): PartFacts => ({
    localInterface: 'Gi0/1',
    remoteDevice,
    remotePort,
  });
  test.each<[what: string, before: Parts, now: Parts, changes: string[], more?: Parameters<typeof difference>[3]]>([
    ['comes', {}, { x: near('core2') }, ['x neighbour_new: null -> Gi0/1: core2 e1']],
    ['is lost', { x: near('core2') }, {}, ['x neighbour_lost: Gi0/1: core2 e1 -> null']],
    [
      'comes again',
      {},
      { x: near('core2') },
      ['x neighbour_new: null -> Gi0/1: core2 e1'],
      { gone: { x: near('core2') } },
    ],
    [
      'another one in its place',
      { x: near('core2') },
      { y: near('core3') },
      ['y neighbour_new: null -> Gi0/1: core3 e1', 'x neighbour_lost: Gi0/1: core2 e1 -> null'],
    ],
    ['is not lost by half a table', { x: near('core2') }, {}, [], { complete: false }],
    ['was there at the first sight', {}, { x: near('core2') }, [], { first: true }],
  ])('a neighbour %s', (_, before, now, changes, more = {}) =>
    expect(told('neighbour', before, now, more)).toEqual(changes),
  );
});

test('sensors, file systems, peers and outlets have no changes of their own', () => {
  for (const kind of ['sensor', 'storage', 'bgp-peer', 'outlet'] as const)
    expect(told(kind, { 1: { class: 'x' } }, { 2: { class: 'y' } })).toEqual([]);
});

describe('what is written', () => {
  const parts = fc.dictionary(
    fc.constantFrom('1', '2', '3', '4'),
    fc.record({ serial: fc.constantFrom('A', 'B', 'C') }, { requiredKeys: [] }),
  );

  test('after it, known is what was seen, and the same table again writes and tells nothing', () => {
    fc.assert(
      fc.property(parts, parts, parts, (before, gone, now) => {
        const wasGone = Object.fromEntries(Object.entries(gone).filter(([key]) => !(key in before)));
        const found = difference('module', before, now, { gone: wasGone });
        const after = new Map<string, PartFacts>(Object.entries(before));
        for (const { key, facts } of found.written) after.set(key, facts);
        for (const key of found.gone) after.delete(key);
        expect(Object.fromEntries(after)).toEqual(now);
        const again = difference('module', now, now);
        expect(again).toEqual({ written: [], gone: [], changes: [] });
      }),
    );
  });

  test('no serial number is told of twice, and none that is there before and after', () => {
    fc.assert(
      fc.property(parts, parts, (before, now) => {
        const serials = (all: Parts): Set<unknown> => new Set(Object.values(all).map(({ serial }) => serial));
        const [was, is] = [serials(before), serials(now)];
        const named = difference('module', before, now).changes.flatMap((one) =>
          [one.before, one.after].filter((text) => text !== null).map((text) => text.slice(-1)),
        );
        expect(new Set(named).size).toBe(named.length);
        const other = [...was, ...is].filter(
          (serial) => typeof serial === 'string' && was.has(serial) !== is.has(serial),
        );
        expect(new Set(named)).toEqual(new Set(other));
      }),
    );
  });
});
