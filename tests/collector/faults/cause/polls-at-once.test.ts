// Polls at once: bounded in a pass and for an agent, not the same device again and again; and the view of the network that they are asked by.
import { describe, expect, test } from 'vitest';
import { ConfiguredDevices } from '../../../../collector/agents/configured-devices.ts';
import { NetworkView } from '../../../../collector/faults/cause/network-view.ts';
import { PollsAtOnce } from '../../../../collector/faults/cause/polls-at-once.ts';
import type { Link } from '../../../../collector/inventory/topology.ts';
import { isoTime } from '../../../../common/model/time.ts';
import { configOf } from '../../../support/collector-fixture-config.ts';
import { network } from '../../../support/network-words.ts';
import { silentReporter } from '../../../support/silent-reporter.ts';
import { VirtualClock } from '../../../support/virtual-clock.ts';

const NOW = 1_790_000_000_000;

describe('polls at once', () => {
  const names = Array.from({ length: 120 }, (_, at) => `d${at}`);
  const graph = network({ devices: [...names, 'far:agent-2'] });

  function rig() {
    const { reporter } = silentReporter();
    const asked: string[] = [];
    const polls = new PollsAtOnce(reporter, {
      ask: (agent, { kind, device, varbinds, reason }, { name }) => {
        asked.push(device);
        const at = isoTime(NOW);
        const item = { id: device, agent, kind, device, varbinds, reason, askedBy: name, createdAt: at, expiresAt: at };
        return Promise.resolve({ ...item, state: 'queued', handedOutAt: null, finishedAt: null, result: null });
      },
    });
    const refused = async (reason: string): Promise<number> => {
      const line = `weir_cause_polls_refused_total{reason="${reason}"} `;
      const found = (await reporter.metricsText()).split('\n').find((one) => one.startsWith(line));
      return Number(found?.slice(line.length) ?? 0);
    };
    return { asked, polls, refused };
  }

  test('at most 50 in a pass and 60 of an agent that may be open; another agent is asked all the same', async () => {
    const { asked, polls, refused } = rig();
    await polls.ask(graph, names, NOW);
    expect(asked).toEqual(names.slice(0, 50));
    expect(await refused('bound')).toBe(70);
    await polls.ask(graph, names.slice(50, 70).concat('far'), NOW + 1000);
    expect(asked.slice(50)).toEqual([...names.slice(50, 60), 'far']);
    expect(await refused('agent_bound')).toBe(10);
    // What was asked for is done or has expired.
    await polls.ask(graph, ['d100'], NOW + 31_000);
    expect(asked.at(-1)).toBe('d100');
  });

  test('a device is asked for again only after a while, and after those that were not asked for yet', async () => {
    const { asked, polls } = rig();
    await polls.ask(graph, ['d1', 'd2'], NOW);
    await polls.ask(graph, ['d1', 'd2', 'd3'], NOW + 4999);
    expect(asked).toEqual(['d1', 'd2', 'd3']);
    await polls.ask(graph, ['d1', 'd4'], NOW + 5000);
    expect(asked.slice(3)).toEqual(['d4', 'd1']);
  });

  test('a device that nobody polls is not asked for', async () => {
    const { asked, polls } = rig();
    await polls.ask(graph, ['gone'], NOW);
    expect(asked).toEqual([]);
  });
});

describe('the view of the network', () => {
  const link = (far: string, lastSeenMs: number): Link => ({
    a: { device: 'core1', remoteName: 'core1', interfaceKey: 'p1', port: 'p1' },
    b: { device: far, remoteName: far, interfaceKey: 'up', port: 'up' },
    protocols: ['lldp'],
    toldBy: ['a'],
    lastSeenMs,
  });
  const devicesOf = (...names: string[]) => configOf({ devices: names.map((name) => ({ name })) }).devices;

  test('is the same while devices and links are, and another once either changes', async () => {
    const { reporter } = silentReporter();
    const clock = new VirtualClock(NOW);
    const devices = new ConfiguredDevices(devicesOf('core1', 'access1', 'access2'));
    let links = [link('access1', 1)];
    const since: number[] = [];
    const topology = (goneSinceMs: number) => {
      since.push(goneSinceMs);
      return Promise.resolve({ links, cut: false });
    };
    const view = new NetworkView(reporter, {}, { clock, devices, topology });
    const first = await view.graph();
    expect(first.before.get('access1')).toEqual(['core1']);
    // Links that were lost within a day are asked for, too.
    expect(since).toEqual([NOW - 86_400_000]);
    links = [link('access1', 2)];
    await clock.advance(59_999);
    expect(await view.graph()).toBe(first);
    await clock.advance(1);
    // Told again, and nothing else.
    expect(await view.graph()).toBe(first);
    expect(since).toHaveLength(2);
    links = [link('access2', 3)];
    await clock.advance(60_000);
    expect((await view.graph()).before.get('access2')).toEqual(['core1']);
    devices.replace(devicesOf('core1', 'access1'));
    const last = await view.graph();
    expect([...last.devices.keys()]).toEqual(['core1', 'access1']);
    expect(last.before.get('access2')).toBeUndefined();
  });
});
