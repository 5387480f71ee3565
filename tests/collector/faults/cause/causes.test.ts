// Causes and symptoms: a table of networks and what fails in them, and what holds for any network in any order.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { causesOf, type RaisedAlarm, SITE_GONE, siteResource } from '../../../../collector/faults/cause/causes.ts';
import type { NetworkGraph } from '../../../../collector/faults/cause/network-graph.ts';
import { network, type NetworkWords, raised } from '../../../support/network-words.ts';

/** With the alarms of gone sites raised, as the correlator does. `alarm <- root` of each symptom, `alarm` of each root. */
function told(graph: NetworkGraph, alarms: readonly RaisedAlarm[]): string[] {
  const first = causesOf(graph, alarms);
  const sites = first.goneSites.map(({ site }) => raised(`${SITE_GONE} ${siteResource(site)}`));
  const all = [...alarms, ...sites.filter(({ id }) => !alarms.some((one) => one.id === id))];
  const { symptoms } = causesOf(graph, all);
  return all.map(({ id }) => (symptoms.has(id) ? `${id} <- ${symptoms.get(id)?.root}` : id)).toSorted();
}

interface Case extends NetworkWords {
  readonly name: string;
  readonly alarms: readonly string[];
  readonly expected: readonly string[];
}

const TREE = {
  devices: ['core', 'dist', 'acc1', 'acc2', 'other'],
  links: ['dist < core', 'acc1 < dist', 'acc2 < dist', 'other < core'],
};
const RING = {
  devices: ['core', 'a', 'b', 'c', 'd'],
  links: ['core 1 - a 1', 'a 2 - b 1', 'b 2 - c 1', 'c 2 - d 1', 'd 2 - core 2'],
  attached: { 'agent-1': ['core'] },
};
const DUAL = {
  devices: ['core', 'dist1', 'dist2', 'acc'],
  links: ['core 1 - dist1 1', 'core 2 - dist2 1', 'dist1 2 - acc 1', 'dist2 2 - acc 2'],
  attached: { 'agent-1': ['core'] },
};
const LAGS = {
  devices: ['core', 'dist'],
  links: ['core 1 - dist 1', 'core 2 - dist 2'],
  lags: ['core 1 ae0', 'core 2 ae0', 'dist 1 po1', 'dist 2 po1'],
  attached: { 'agent-1': ['core'] },
};
const SITES = {
  devices: ['core@hq', 'router@shop', 'switch@shop', 'camera@shop', 'lone@kiosk'],
  links: ['router < core', 'switch < router', 'camera < switch', 'lone < core'],
};

const CASES: readonly Case[] = [
  { name: 'nothing', ...TREE, alarms: [], expected: [] },
  {
    name: 'a dead core with everything behind it',
    ...TREE,
    alarms: ['acc2', 'core', 'acc1', 'dist', 'other'],
    expected: ['acc1 <- core', 'acc2 <- core', 'core', 'dist <- core', 'other <- core'],
  },
  {
    name: 'a dead switch in the middle',
    ...TREE,
    alarms: ['acc1', 'acc2', 'dist'],
    expected: ['acc1 <- dist', 'acc2 <- dist', 'dist'],
  },
  { name: 'two independent failures stay two', ...TREE, alarms: ['acc1', 'other'], expected: ['acc1', 'other'] },
  {
    name: 'a dead device whose child still answers explains nothing of it',
    ...TREE,
    alarms: ['core', 'acc1'],
    expected: ['acc1', 'core'],
  },
  { name: 'without any topology each is its own cause', devices: ['a', 'b'], alarms: ['a', 'b'], expected: ['a', 'b'] },
  {
    name: 'one of two ways is dead: a device behind both that is dead failed by itself',
    ...DUAL,
    alarms: ['dist1', 'acc'],
    expected: ['acc', 'dist1'],
  },
  {
    name: 'both ways are dead: the device behind them is a symptom, and the two stay two',
    ...DUAL,
    alarms: ['dist1', 'dist2', 'acc'],
    expected: ['acc <- dist1', 'dist1', 'dist2'],
  },
  {
    name: 'both ways are cut at one time: one problem',
    ...DUAL,
    alarms: ['dist1 at 0', 'dist2 at 60', 'acc at 30', 'core/1', 'core/2'],
    expected: ['acc <- dist1', 'core/1 <- dist1', 'core/2 <- dist1', 'dist1', 'dist2 <- dist1'],
  },
  {
    name: 'both ways are cut, hours apart: the second is told too',
    ...DUAL,
    alarms: ['dist1 at 0', 'dist2 at 7200', 'acc at 7200', 'core/1', 'core/2'],
    expected: ['acc <- dist1', 'core/1 <- dist1', 'core/2 <- dist2', 'dist1', 'dist2'],
  },
  {
    name: 'half a ring is cut off: one problem, with the ports that are down as symptoms',
    ...RING,
    alarms: ['a/2', 'd/1', 'b', 'c'],
    expected: ['a/2 <- b', 'b', 'c <- b', 'd/1 <- b'],
  },
  {
    name: 'a ring that is cut once: both ends of the link say so, the nearer one tells it',
    ...RING,
    alarms: ['b/1', 'a/2'],
    expected: ['a/2', 'b/1 <- a/2'],
  },
  {
    name: 'a dead device of a ring hides nobody',
    ...RING,
    alarms: ['a/2', 'c/1', 'b'],
    expected: ['a/2 <- b', 'b', 'c/1 <- b'],
  },
  {
    name: 'a port towards a dead device is a symptom of it',
    ...TREE,
    links: [...TREE.links, 'core ge-1 - dist up'],
    alarms: ['core/ge-1', 'dist', 'acc1'],
    expected: ['acc1 <- dist', 'core/ge-1 <- dist', 'dist'],
  },
  {
    name: 'a port that leads nowhere known is its own cause',
    ...TREE,
    alarms: ['core/customer-7', 'dist'],
    expected: ['core/customer-7', 'dist'],
  },
  {
    name: 'a port with two devices behind it, one of which answers',
    devices: ['core', 'a', 'b'],
    links: ['core 1 - a 1', 'core 1 - b 1'],
    alarms: ['core/1', 'a'],
    expected: ['a', 'core/1'],
  },
  {
    name: 'a site without power is one alarm',
    ...SITES,
    alarms: ['router', 'camera', 'switch'],
    expected: [
      'camera <- site-unreachable site:shop',
      'router <- site-unreachable site:shop',
      'site-unreachable site:shop',
      'switch <- site-unreachable site:shop',
    ],
  },
  {
    name: 'a site of which one device answers is not gone',
    ...SITES,
    alarms: ['switch', 'camera'],
    expected: ['camera <- switch', 'switch'],
  },
  {
    name: 'a site with one device is that device',
    ...SITES,
    alarms: ['lone'],
    expected: ['lone'],
  },
  {
    name: 'a site behind a dead device elsewhere is no cause, and an alarm of it that stands becomes a symptom',
    ...SITES,
    alarms: ['core', 'router', 'switch', 'camera', 'site-unreachable site:shop', 'lone'],
    expected: [
      'camera <- core',
      'core',
      'lone <- core',
      'router <- core',
      'site-unreachable site:shop <- core',
      'switch <- core',
    ],
  },
  {
    name: 'a site behind a site that is gone',
    devices: ['core@hq', 'r1@near', 'r2@near', 'r3@far', 'r4@far'],
    links: ['r1 < core', 'r2 < r1', 'r3 < r2', 'r4 < r3'],
    alarms: ['r1', 'r2', 'r3', 'r4'],
    expected: [
      'r1 <- site-unreachable site:near',
      'r2 <- site-unreachable site:near',
      'r3 <- site-unreachable site:near',
      'r4 <- site-unreachable site:near',
      'site-unreachable site:near',
    ],
  },
  {
    name: 'a silent agent explains that there is no data of its devices, and not that others are dead',
    devices: ['a:east', 'b:east', 'c:west'],
    alarms: ['agent-silent agent:east', 'no-data a', 'no-data b', 'no-data c', 'c'],
    expected: [
      'agent-silent agent:east',
      'c',
      'no-data a <- agent-silent agent:east',
      'no-data b <- agent-silent agent:east',
      'no-data c <- c',
    ],
  },
  {
    name: 'an agent that sends and does not poll is one problem with the devices it leaves out',
    devices: ['a:east', 'b:east', 'c:west'],
    alarms: ['no-data b', 'no-data agent:east', 'no-data a', 'no-data c'],
    expected: ['no-data a <- no-data agent:east', 'no-data agent:east', 'no-data b <- no-data agent:east', 'no-data c'],
  },
  {
    name: 'an agent falls silent with the router that it is plugged into',
    devices: ['core:west', 'router:west', 'switch:east'],
    links: ['router < core', 'switch < router'],
    attached: { east: ['router'] },
    alarms: ['router', 'agent-silent agent:east', 'no-data switch'],
    expected: ['agent-silent agent:east <- router', 'no-data switch <- router', 'router'],
  },
  {
    name: 'neighbours without a known place of the agent: what answers says where it is',
    devices: ['core', 'dist', 'acc1', 'acc2'],
    links: ['core 1 - dist 1', 'dist 2 - acc1 1', 'dist 3 - acc2 1'],
    alarms: ['dist', 'acc1', 'acc2'],
    expected: ['acc1 <- dist', 'acc2 <- dist', 'dist'],
  },
  {
    name: 'everything is dead and nobody knows where the agent is: the device with the most links',
    devices: ['x-core', 'a', 'b', 'c'],
    links: ['x-core 1 - a 1', 'x-core 2 - b 1', 'x-core 3 - c 1'],
    alarms: ['a', 'b', 'c', 'x-core'],
    expected: ['a <- x-core', 'b <- x-core', 'c <- x-core', 'x-core'],
  },
  {
    name: 'a LAG that has lost a member: one problem with the member, at both ends',
    ...LAGS,
    alarms: ['dist/1', 'lag-degraded dist/po1', 'core/1', 'lag-degraded core/ae0 at 0'],
    expected: [
      'core/1 <- lag-degraded core/ae0',
      'dist/1 <- lag-degraded core/ae0',
      'lag-degraded core/ae0',
      'lag-degraded dist/po1 <- lag-degraded core/ae0',
    ],
  },
  {
    name: 'a LAG that is down with all its members: one problem, told by the nearer end',
    ...LAGS,
    alarms: ['dist/1', 'dist/2', 'dist/po1', 'core/1', 'core/2', 'core/ae0'],
    expected: [
      'core/1 <- core/ae0',
      'core/2 <- core/ae0',
      'core/ae0',
      'dist/1 <- core/ae0',
      'dist/2 <- core/ae0',
      'dist/po1 <- core/ae0',
    ],
  },
  {
    name: 'a LAG towards a device that does not answer is a symptom of the device',
    ...LAGS,
    alarms: ['core/1', 'core/2', 'core/ae0', 'dist'],
    expected: ['core/1 <- dist', 'core/2 <- dist', 'core/ae0 <- dist', 'dist'],
  },
  {
    name: 'a LAG of which the other end tells nothing: the members there are folded all the same',
    ...LAGS,
    lags: ['core 1 ae0', 'core 2 ae0'],
    alarms: ['dist/1', 'core/1', 'lag-degraded core/ae0'],
    expected: ['core/1 <- lag-degraded core/ae0', 'dist/1 <- lag-degraded core/ae0', 'lag-degraded core/ae0'],
  },
  {
    name: 'a link that flaps is one problem: the end that said it first, of the same moment the nearer; an end that is seen down meanwhile too',
    ...RING,
    alarms: [
      'interface-flapping core/1 at 30',
      'interface-flapping a/1 at 0',
      'interface-flapping core/2 at 5',
      'interface-flapping d/2 at 5',
      'interface-flapping b/2 at 0',
      'c/1',
    ],
    expected: [
      'c/1 <- interface-flapping b/2',
      'interface-flapping a/1',
      'interface-flapping b/2',
      'interface-flapping core/1 <- interface-flapping a/1',
      'interface-flapping core/2',
      'interface-flapping d/2 <- interface-flapping core/2',
    ],
  },
  {
    name: 'a part that failed, told without its name, is folded under the alarm of that kind with its name: the nearest, of the same device',
    ...TREE,
    alarms: [
      'fan-failed core at 100',
      'fan-failed core/module:7 at 100',
      'fan-failed core/sensor:a at 10',
      'fan-failed core/sensor:b at 110',
      'power-supply-failed core at 100',
      'fan-failed dist at 100',
    ],
    expected: [
      'fan-failed core <- fan-failed core/sensor:b',
      'fan-failed core/module:7 <- fan-failed core/sensor:b',
      'fan-failed core/sensor:a',
      'fan-failed core/sensor:b',
      'power-supply-failed core',
      'fan-failed dist',
    ],
  },
  {
    name: 'thresholds are their own causes',
    ...TREE,
    alarms: ['core', 'high-utilisation dist/ge-1', 'dist'],
    expected: ['core', 'dist <- core', 'high-utilisation dist/ge-1'],
  },
  {
    name: 'two agents: what one sees dead from here, the other may reach from there',
    devices: ['core:west', 'border:west', 'remote:east'],
    links: ['border < core', 'remote < border'],
    attached: { east: ['remote'], west: ['core'] },
    alarms: ['border', 'remote'],
    expected: ['border', 'remote'],
  },
];

describe('causes', () => {
  test.each(CASES)('$name', ({ alarms, expected, ...words }) => {
    expect(told(network(words), alarms.map(raised))).toEqual([...expected].toSorted());
  });
});

/** A connected part with an agent's place, and edges beyond a tree, so that there are several ways. */
const worlds = fc
  .record({
    size: fc.integer({ min: 2, max: 12 }),
    parents: fc.array(fc.nat(), { minLength: 12, maxLength: 12 }),
    extra: fc.array(fc.tuple(fc.nat(), fc.nat()), { maxLength: 8 }),
    places: fc.array(fc.nat(), { minLength: 1, maxLength: 2 }),
    failed: fc.array(fc.nat(), { maxLength: 5 }),
    sites: fc.array(fc.nat({ max: 3 }), { minLength: 12, maxLength: 12 }),
  })
  .map(({ size, parents, extra, places, failed, sites }) => {
    const name = (number: number): string => `d${number % size}`;
    const edges = [
      ...Array.from({ length: size - 1 }, (_, at) => [name((parents[at] ?? 0) % (at + 1)), name(at + 1)] as const),
      ...extra.map(([one, other]) => [name(one), name(other)] as const),
    ].filter(([one, other]) => one !== other);
    const devices = Array.from({ length: size }, (_, at) => name(at));
    return {
      devices,
      edges,
      places: [...new Set(places.map(name))].toSorted(),
      failed: new Set(failed.map(name)),
      sites: new Map(devices.map((device, at) => [device, sites[at] === 0 ? null : `s${sites[at]}`])),
    };
  });

type WorldWords = typeof worlds extends fc.Arbitrary<infer World> ? World : never;

function graphOf({ devices, edges, places, sites }: WorldWords, withSites: boolean): NetworkGraph {
  return network({
    devices: devices.map((name) => {
      const site = sites.get(name) ?? null;
      return withSites && site !== null ? `${name}@${site}` : name;
    }),
    links: edges.map(([one, other], at) => `${one} p${at} - ${other} q${at}`),
    attached: { 'agent-1': places },
  });
}

/** All ways from a place of the agent to a device, without a loop; small networks only. */
function ways({ edges, places }: WorldWords, target: string): string[][] {
  const found: string[][] = [];
  const go = (way: readonly string[]): void => {
    const last = way.at(-1) ?? '';
    if (last === target) return void found.push([...way]);
    for (const [one, other] of edges)
      for (const [from, to] of [
        [one, other],
        [other, one],
      ] as const)
        if (from === last && !way.includes(to)) go([...way, to]);
  };
  for (const place of places) go([place]);
  return found;
}

/** What an agent sees of a world: dead is what it does not reach. */
function seenDead(world: WorldWords): string[] {
  return world.devices.filter((name) => ways(world, name).every((way) => way.some((step) => world.failed.has(step))));
}

describe('in any network', () => {
  test('roots are the failed devices to which a way leads that no other dead device lies on (all ways tried one by one)', () => {
    fc.assert(
      fc.property(worlds, (world) => {
        const dead = seenDead(world);
        const expected = dead.filter((name) =>
          ways(world, name).some((way) => way.every((step) => step === name || !dead.includes(step))),
        );
        const { symptoms } = causesOf(graphOf(world, false), dead.map(raised));
        const roots = dead.filter((name) => !symptoms.has(name));
        expect(roots).toEqual(expected);
        for (const root of roots) expect(world.failed.has(root)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  const alarmsOf = (world: WorldWords, ports: readonly number[]): string[] => [
    ...seenDead(world),
    ...ports
      .map((port) => world.edges[port % world.edges.length])
      .flatMap((edge, at) => (edge === undefined ? [] : [`${edge[0]}/p${(ports[at] ?? 0) % world.edges.length}`])),
  ];
  const anyWorld = fc.record({
    world: worlds,
    ports: fc.array(fc.nat(), { maxLength: 4 }),
    times: fc.array(fc.integer({ min: 0, max: 600 }), { minLength: 20, maxLength: 20 }),
    seeds: fc.array(fc.nat(), { minLength: 20, maxLength: 20 }),
  });
  const raisedIn = (world: WorldWords, ports: readonly number[], times: readonly number[]): RaisedAlarm[] =>
    [...new Set(alarmsOf(world, ports))].map((text, at) => raised(`${text} at ${times[at] ?? 0}`));

  test('shuffled events give the same roots', () => {
    fc.assert(
      fc.property(anyWorld, ({ world, ports, times, seeds }) => {
        const graph = graphOf(world, true);
        const alarms = raisedIn(world, ports, times);
        const shuffled = alarms
          .map((alarm, at) => ({ alarm, key: seeds[at] ?? 0 }))
          .toSorted((one, other) => one.key - other.key)
          .map(({ alarm }) => alarm);
        expect(told(graph, shuffled)).toEqual(told(graph, alarms));
      }),
      { numRuns: 500 },
    );
  });

  test('each symptom leads to an active alarm that is a root, in one step', () => {
    fc.assert(
      fc.property(anyWorld, ({ world, ports, times }) => {
        const graph = graphOf(world, true);
        const lines = told(graph, raisedIn(world, ports, times));
        const roots = new Set(lines.filter((line) => !line.includes(' <- ')));
        for (const line of lines.filter((one) => one.includes(' <- '))) expect(roots).toContain(line.split(' <- ')[1]);
      }),
      { numRuns: 500 },
    );
  });

  test('with LAGs, some known at one end only, and links that flap: in any order the same, and in one step', () => {
    const trouble = fc.record({
      type: fc.constantFrom('', 'lag-degraded ', 'interface-flapping '),
      device: fc.constantFrom('core', 'dist', 'acc'),
      port: fc.constantFrom('1', '2', '3', '4', 'ae0', 'ae1'),
      at: fc.integer({ min: 0, max: 3 }),
    });
    const LAGS_OF_THREE = [
      'core 1 ae0',
      'core 2 ae0',
      'dist 1 ae0',
      'dist 2 ae0',
      'dist 3 ae1',
      'dist 4 ae1',
      'acc 3 ae1',
      'acc 4 ae1',
    ];
    fc.assert(
      fc.property(
        fc.array(trouble, { maxLength: 14 }),
        fc.subarray(LAGS_OF_THREE),
        fc.subarray(['dist', 'acc']),
        fc.array(fc.nat(), { minLength: 20, maxLength: 20 }),
        (troubles, lags, dead, seeds) => {
          const graph = network({
            devices: ['core', 'dist', 'acc'],
            links: ['core 1 - dist 1', 'core 2 - dist 2', 'dist 3 - acc 3', 'dist 4 - acc 4'],
            lags: [...lags, 'acc ae1 3'],
            attached: { 'agent-1': ['core'] },
          });
          const texts = new Map(troubles.map(({ type, device, port, at }) => [`${type}${device}/${port}`, at]));
          const alarms = [...[...texts].map(([text, at]) => `${text} at ${at}`), ...dead].map(raised);
          const lines = told(graph, alarms);
          const roots = new Set(lines.filter((line) => !line.includes(' <- ')));
          for (const line of lines.filter((one) => one.includes(' <- ')))
            expect(roots).toContain(line.split(' <- ')[1]);
          const shuffled = alarms
            .map((alarm, at) => ({ alarm, key: seeds[at] ?? 0 }))
            .toSorted((one, other) => one.key - other.key)
            .map(({ alarm }) => alarm);
          expect(told(graph, shuffled)).toEqual(lines);
        },
      ),
      { numRuns: 500 },
    );
  });

  test('the end of a fault makes a root of nothing that was no fault', () => {
    fc.assert(
      fc.property(anyWorld, fc.nat(), ({ world, ports, times }, which) => {
        const graph = graphOf(world, false);
        const alarms = raisedIn(world, ports, times);
        if (alarms.length === 0) return;
        const gone = alarms[which % alarms.length];
        const before = new Set(alarms.map(({ id }) => id));
        for (const line of told(
          graph,
          alarms.filter((one) => one !== gone),
        ))
          expect(before).toContain(line.split(' <- ')[0]);
      }),
      { numRuns: 300 },
    );
  });

  test('a dead device that is on no way to another explains nothing of it', () => {
    fc.assert(
      fc.property(worlds, (world) => {
        const dead = seenDead(world);
        const { symptoms } = causesOf(graphOf(world, false), dead.map(raised));
        for (const [symptom, { root }] of symptoms)
          expect(ways(world, symptom).some((way) => way.includes(root))).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});
