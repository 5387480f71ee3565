// The truth of a network: the same for the same question for ever, boots and breaks where the schedule says, widths as on the wire.
import { describe, expect, test } from 'vitest';
import { demoNetwork } from '../../simulator/demo-network.ts';
import { fleet } from '../../simulator/fleet.ts';
import { eventsBetween } from '../../simulator/schedule.ts';
import {
  bootAt,
  counterAt,
  createNetwork,
  deviceOf,
  discontinuityTicks,
  epochAt,
  ifIndexOf,
  inErrorsAt,
  instantAt,
  interfaceOf,
  lastChangeTicks,
  octetsBetween,
  operUp,
  outDiscardsAt,
  packetsAt,
} from '../../simulator/truth.ts';

const BEGAN = 1_795_000_000_000;
const SECOND = 1_000;
const demo = createNetwork(demoNetwork(), 5, BEGAN);

const instant = (device: string, seconds: number): NonNullable<ReturnType<typeof bootAt>> => {
  const found = bootAt(demo, device, BEGAN + seconds * SECOND);
  if (found === null) throw new Error(`${device} restarts at ${seconds} s`);
  return found;
};

describe('counters', () => {
  test('are a function of seed, device, boot, interface, direction and uptime alone', () => {
    const later = createNetwork(demoNetwork(), 5, BEGAN + 86_400_000);
    const other = createNetwork(demoNetwork(), 6, BEGAN);
    const names = ['core1', 'dist2', 'access3', 'access5'];
    const ask = (network: typeof demo): string[] =>
      names.flatMap((name) =>
        deviceOf(network, name)
          .interfaces.filter((one) => one.port.in.length > 0)
          .flatMap((one) =>
            [500, 100_000, 7_000].map((ticks) => {
              const boot = name === 'access5' ? 1 : 0;
              const uptime = boot === 1 ? ticks : one.device.uptimeAtStart + ticks;
              const index = ifIndexOf(one.device, one.port, boot);
              return `${name} ${index} ${counterAt(network, name, boot, index, 'in', uptime)}`;
            }),
          ),
      );
    expect(ask(later)).toEqual(ask(demo));
    expect(ask(other)).not.toEqual(ask(demo));
  });

  test('move by what went through between two readings', () => {
    for (const [device, name] of [
      ['core1', 'xe-0/0/2'],
      ['access2', 'Gi1/0/1'],
      ['access3', 'Te1/0/2'],
    ] as const) {
      const [before, after] = [instant(device, 3), instant(device, 3_600)];
      const moved =
        counterAt(demo, device, 0, name, 'out', after.uptimeTicks) -
        counterAt(demo, device, 0, name, 'out', before.uptimeTicks);
      expect(moved).toBeGreaterThan(0n);
      expect(octetsBetween(demo, device, name, 'out', BEGAN + 3 * SECOND, BEGAN + 3_600 * SECOND)).toBe(moved);
    }
  });

  test('of 32 bits wrap within the first minute on every used customer port of the old switch, once', () => {
    const used = deviceOf(demo, 'access4').interfaces.filter(
      ({ port }) => port.in.length > 0 && port.neighbour === null,
    );
    expect(used.length).toBeGreaterThan(3);
    for (const { port } of used)
      for (const direction of ['in', 'out'] as const) {
        const values = [0, 5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 55, 60].map((seconds) =>
          counterAt(demo, 'access4', 0, port.name, direction, instant('access4', seconds).uptimeTicks),
        );
        const wraps = values.filter((value, at) => at > 0 && value < (values[at - 1] ?? 0n)).length;
        expect([port.name, direction, wraps]).toEqual([port.name, direction, 1]);
        expect(values.every((value) => value < 2n ** 32n)).toBe(true);
      }
  });

  test('reach above 2^53 and above 2^63', () => {
    const at = instant('core1', 10).uptimeTicks;
    expect(counterAt(demo, 'core1', 0, 'xe-0/1/0', 'in', at)).toBeGreaterThan(2n ** 63n);
    const second = counterAt(demo, 'core2', 0, 'xe-0/1/0', 'in', instant('core2', 10).uptimeTicks);
    expect(second).toBeGreaterThan(2n ** 53n);
  });

  test('pass 2^63 upwards on one port within the first hours', () => {
    const value = (seconds: number): bigint =>
      counterAt(demo, 'core1', 0, 'xe-0/1/0', 'out', instant('core1', seconds).uptimeTicks);
    expect(value(0)).toBeLessThan(2n ** 63n);
    expect(value(3_600)).toBeGreaterThan(2n ** 63n);
  });

  test('of packets, errors and discards go with the octets and never fall', () => {
    const port = interfaceOf(demo, 'access2', 0, 'Gi1/0/7');
    const bursting = interfaceOf(demo, 'access2', 0, 'Gi1/0/1');
    const at = [0, 30, 60, 120, 600, 3_600].map((seconds) => instant('access2', seconds));
    for (const series of [
      at.map((one) => packetsAt(port, 'in', one)),
      at.map((one) => inErrorsAt(port, one)),
      at.map((one) => outDiscardsAt(bursting, one)),
    ]) {
      expect(series).toEqual(series.toSorted((a, b) => (a < b ? -1 : 1)));
      expect(series.at(-1)).toBeGreaterThan(series[0] ?? 0n);
    }
    expect(inErrorsAt(port, instant('access2', 0))).toBe(0n);
    expect(inErrorsAt(bursting, instant('access2', 3_600))).toBe(0n);
  });

  test('are refused of what there is not', () => {
    expect(() => counterAt(demo, 'core9', 0, 1, 'in', 0)).toThrow('no device core9');
    expect(() => counterAt(demo, 'core1', 0, 1, 'in', 0)).toThrow('no interface 1');
  });
});

describe('boots', () => {
  test('begin after each restart, with uptime and counters at 0 and other interface numbers', () => {
    expect(bootAt(demo, 'access5', BEGAN + 24.99 * SECOND)).toMatchObject({ boot: 0 });
    expect(bootAt(demo, 'access5', BEGAN + 25 * SECOND)).toBeNull();
    expect(bootAt(demo, 'access5', BEGAN + 31.99 * SECOND)).toBeNull();
    expect(bootAt(demo, 'access5', BEGAN + 32 * SECOND)).toMatchObject({ boot: 1, uptimeTicks: 0 });
    expect(bootAt(demo, 'access5', BEGAN + 642.5 * SECOND)).toMatchObject({ boot: 2, uptimeTicks: 1_050 });
    const one = interfaceOf(demo, 'access5', 0, 'ge-0/0/1');
    expect(counterAt(demo, 'access5', 0, 502, 'in', one.device.uptimeAtStart)).toBe(one.port.initial.in);
    expect(counterAt(demo, 'access5', 1, 1502, 'in', 0)).toBe(0n);
    expect(counterAt(demo, 'access5', 1, 1502, 'in', 500)).toBeGreaterThan(0n);
    expect(() => counterAt(demo, 'access5', 1, 502, 'in', 0)).toThrow('no interface 502');
    expect(counterAt(demo, 'access5', 2, 502, 'in', 0)).toBe(0n);
  });

  test('lose nothing that went through: what each boot counted is what went through', () => {
    const last = [0, 1, 2].map((boot) => {
      const end = instantAt(deviceOf(demo, 'access5').definition, boot === 0 ? 2_499 : 62_499 + (boot - 1) * 60_000);
      expect(end?.boot).toBe(boot);
      return counterAt(demo, 'access5', boot, 'ge-0/0/1', 'out', end?.uptimeTicks ?? 0);
    });
    const initial = interfaceOf(demo, 'access5', 0, 'ge-0/0/1').port.initial.out;
    const counted = last.reduce((sum, value) => sum + value, -initial);
    const went = (from: number, to: number): bigint =>
      octetsBetween(demo, 'access5', 'ge-0/0/1', 'out', BEGAN + from * SECOND, BEGAN + to * SECOND);
    expect(went(0, 24.99) + went(32, 624.99) + went(632, 1_224.99)).toBe(counted);
    // While it restarts nothing goes through, so there is nothing that no boot has counted.
    expect(went(25, 32) + went(625, 632)).toBe(0n);
  });

  test('an uptime told after it has wrapped leads to the same counter', () => {
    const at = instant('dist2', 400);
    expect(at.boot).toBe(0);
    expect(at.uptimeTicks).toBeGreaterThan(2 ** 32);
    const whole = counterAt(demo, 'dist2', 0, 'Ethernet4', 'in', at.uptimeTicks);
    expect(counterAt(demo, 'dist2', 0, 'Ethernet4', 'in', at.uptimeTicks - 2 ** 32)).toBe(whole);
    expect(epochAt(demo, 'dist2', 0, at.uptimeTicks - 2 ** 32)).toBe(BEGAN + 400 * SECOND);
  });
});

describe('breaks and states', () => {
  test('a line card restarts: counters begin at 0 and ifCounterDiscontinuityTime tells when', () => {
    const one = interfaceOf(demo, 'core2', 0, 'xe-0/1/1');
    const [before, after] = [instant('core2', 89.99), instant('core2', 90)];
    expect(discontinuityTicks(one, before)).toBe(0);
    expect(discontinuityTicks(one, instant('core2', 100))).toBe(after.uptimeTicks);
    expect(counterAt(demo, 'core2', 0, 'xe-0/1/1', 'in', after.uptimeTicks)).toBe(0n);
    expect(counterAt(demo, 'core2', 0, 'xe-0/1/1', 'in', before.uptimeTicks)).toBeGreaterThan(2n ** 53n);
    expect(discontinuityTicks(interfaceOf(demo, 'core2', 0, 'xe-0/1/0'), instant('core2', 5_000))).toBe(0);
  });

  test('a flapping link is down 8 s in every 40 on both ends, and ifLastChange follows', () => {
    for (const [device, name] of [
      ['access3', 'Te1/0/2'],
      ['dist2', 'Ethernet3'],
    ] as const) {
      const one = interfaceOf(demo, device, 0, name);
      const up = [11, 12, 19, 20, 51, 52, 59, 60].map((seconds) => operUp(one, seconds * 100));
      expect(up).toEqual([true, false, false, true, true, false, false, true]);
      const changed = (seconds: number): number => lastChangeTicks(one, instant(device, seconds));
      expect(changed(11)).toBe(0);
      expect(changed(15)).toBe(instant(device, 12).uptimeTicks);
      expect(changed(30)).toBe(instant(device, 20).uptimeTicks);
    }
  });

  test('whatever is down passes nothing on, on any device, all of the first quarter of an hour', () => {
    let downs = 0;
    for (const { interfaces } of demo.devices)
      for (const one of interfaces)
        for (let tick = 0; tick < 90_000; tick += 50)
          if (!operUp(one, tick)) {
            downs += 1;
            expect(one.flows.in.until(tick + 1) - one.flows.in.until(tick)).toBe(0n);
            expect(one.flows.out.until(tick + 1) - one.flows.out.until(tick)).toBe(0n);
          }
    expect(downs).toBeGreaterThan(1_000);
  });

  test('no line carries more than it can, and bursts fill theirs above 80 %', () => {
    let filled = 0;
    for (const { interfaces } of demo.devices)
      for (const { port, flows } of interfaces)
        for (const flow of [flows.in, flows.out]) {
          if (flow.peak === 0) continue;
          const use = (flow.peak * 800) / port.speedBps;
          expect([port.name, use < 0.96]).toEqual([port.name, true]);
          if (use > 0.8) filled += 1;
        }
    expect(filled).toBeGreaterThan(1);
    const burst = octetsBetween(demo, 'access2', 'Gi1/0/1', 'out', BEGAN + 25 * SECOND, BEGAN + 55 * SECOND);
    const use = Number(burst * 8n) / 30 / 1e9;
    expect(use).toBeGreaterThan(0.8);
    expect(use).toBeLessThan(0.96);
  });
});

describe('the schedule', () => {
  test('tells what happens in the first minute', () => {
    const events = eventsBetween(demo, BEGAN, BEGAN + 60 * SECOND).filter((event) => event.kind !== 'burst');
    const told = events.map(
      (event) =>
        `${(event.fromMs - BEGAN) / SECOND}-${(event.toMs - BEGAN) / SECOND} ${event.kind} ${event.device} ${event.interface ?? ''}`,
    );
    expect(told.toSorted()).toEqual([
      '10-30 silence access6 ',
      '12-20 linkDown access3 Te1/0/2',
      '12-20 linkDown dist2 Ethernet3',
      '25-32 linkDown dist1 Ethernet5',
      '25-32 linkDown dist2 Ethernet5',
      '25-32 restart access5 ',
      '52-60 linkDown access3 Te1/0/2',
      '52-60 linkDown dist2 Ethernet3',
    ]);
  });

  test('tells an event that touches the span at one end only', () => {
    const restarts = (from: number, to: number): number =>
      eventsBetween(demo, BEGAN + from * SECOND, BEGAN + to * SECOND).filter((event) => event.kind === 'restart')
        .length;
    expect([restarts(0, 25), restarts(0, 26), restarts(31, 40), restarts(32, 40), restarts(0, 1_300)]).toEqual([
      0, 1, 1, 0, 3,
    ]);
  });
});

describe('a fleet', () => {
  test('has as many devices and ports as asked for, all different, none over its line', () => {
    const network = createNetwork(fleet(20, 48), 1, BEGAN);
    expect(network.devices.length).toBe(20);
    const values = network.devices.flatMap(({ definition, interfaces }) => {
      expect(interfaces.length).toBe(48);
      return interfaces.map((one) => {
        expect(one.flows.out.peak * 800).toBeLessThan(one.port.speedBps);
        return counterAt(network, definition.name, 0, one.port.ifIndex, 'out', definition.uptimeAtStart + 500_000);
      });
    });
    expect(new Set(values).size).toBe(20 * 48);
  });
});
