// Which port may not be touched: on drawn networks by a table, on any network against a search that knows nothing of the code.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type GraphDevice, type GraphLink, networkGraph } from '../../../collector/faults/cause/network-graph.ts';
import { pathCheck } from '../../../collector/repair/path-check.ts';

const device = (name: string, parents: readonly string[] = []): GraphDevice => ({
  name,
  site: null,
  agent: 'a',
  intervalMs: 60_000,
  parents,
});
/** `core/p1 access/u1` is a cable. */
const cable = (text: string): GraphLink => {
  const [a = '', b = ''] = text.split(' ');
  const end = (one: string) => ({ device: one.split('/')[0] ?? '', interfaceKey: one.split('/')[1] ?? '' });
  return { a: end(a), b: end(b) };
};

interface Case {
  readonly devices?: readonly GraphDevice[];
  readonly cables: readonly string[];
  readonly at?: readonly string[];
  readonly dead?: readonly string[];
  readonly port: string;
}

const NAMES = ['core', 'dist', 'access', 'ap'];
const check = ({ devices = NAMES.map((name) => device(name)), cables, at, dead = [], port }: Case) =>
  pathCheck(networkGraph(devices, cables.map(cable), at === undefined ? {} : { a: at }), port, new Set(dead));

const LINE = ['core/d1 dist/u1', 'dist/d1 access/u1', 'access/d1 ap/u1'];

describe('of a drawn network', () => {
  test.for([
    ['the uplink of a switch', { cables: LINE, at: ['core'], port: 'access/u1' }, 'cut', ['ap']],
    ['the port towards an access point', { cables: LINE, at: ['core'], port: 'access/d1' }, 'kept', ['ap']],
    [
      'the same where the access point is dead anyway',
      { cables: LINE, at: ['core'], dead: ['ap'], port: 'access/d1' },
      'kept',
      [],
    ],
    ['a port of nobody', { cables: LINE, at: ['core'], port: 'access/d9' }, 'kept', []],
    ['one of two uplinks', { cables: [...LINE, 'core/d2 access/u2'], at: ['core'], port: 'access/u1' }, 'kept', []],
    [
      'one of two cables to the same switch',
      { cables: [...LINE, 'dist/d2 access/u2'], at: ['core'], port: 'access/u1' },
      'kept',
      [],
    ],
    [
      'a port of the device that the agent is plugged into',
      { cables: LINE, at: ['core'], port: 'core/d1' },
      'kept',
      ['access', 'ap', 'dist'],
    ],
    ['nobody has said where the agent is', { cables: LINE, port: 'access/u1' }, 'unsure', ['core', 'dist']],
    [
      'nor here, and what is behind is dead while this answers',
      { cables: LINE, dead: ['ap'], port: 'access/d1' },
      'kept',
      [],
    ],
    ['nor here, in a ring', { cables: [...LINE, 'ap/u2 core/d2'], port: 'access/u1' }, 'kept', []],
    ['nothing is known of the device', { cables: [], port: 'access/u1' }, 'unknown', []],
    [
      'parents say where one comes from',
      {
        devices: [device('core'), device('dist', ['core']), device('access', ['dist']), device('ap', ['access'])],
        cables: LINE,
        port: 'access/u1',
      },
      'cut',
      ['ap'],
    ],
    [
      'and where one goes to',
      {
        devices: [device('core'), device('dist', ['core']), device('access', ['dist']), device('ap', ['access'])],
        cables: LINE,
        port: 'access/d1',
      },
      'kept',
      ['ap'],
    ],
  ] as const)('%s', ([, words, own, others]) => {
    expect(check(words)).toEqual({ own, others });
  });
});

test('on any network: kept where a search without the cable still finds the device, cut where it does not', () => {
  const names = ['a0', 'a1', 'a2', 'a3', 'a4', 'a5'];
  const pair = fc.tuple(fc.nat(5), fc.nat(5)).filter(([one, other]) => one !== other);
  fc.assert(
    fc.property(fc.array(pair, { minLength: 1, maxLength: 12 }), fc.nat(5), fc.nat(11), (pairs, start, which) => {
      const cables = pairs.map(([one, other], at) => `${names[one]}/p${at} ${names[other]}/q${at}`);
      const at = which % pairs.length;
      const [one = 0, other = 0] = pairs[at] ?? [];
      const reach = (without: number): Set<number> => {
        const found = new Set([start]);
        for (const from of found)
          for (const [index, [x, y]] of pairs.entries()) {
            if (index === without) continue;
            if (x === from) found.add(y);
            if (y === from) found.add(x);
          }
        return found;
      };
      const [before, after] = [reach(-1), reach(at)];
      fc.pre(before.has(one));
      const found = check({
        devices: names.map((name) => device(name)),
        cables,
        at: [names[start] ?? ''],
        port: `${names[one]}/p${at}`,
      });
      expect(found.own).toBe(after.has(one) ? 'kept' : 'cut');
      const lost = [...before].filter((index) => !after.has(index) && index !== one).map((index) => names[index] ?? '');
      expect(found.others).toEqual(lost.toSorted((x, y) => (x < y ? -1 : 1)));
      expect(other).not.toBe(one);
    }),
    { numRuns: 300 },
  );
});
