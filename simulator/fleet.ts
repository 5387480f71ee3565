// A fleet of equal switches for benchmarks and tests of scale: every port carries traffic, nothing goes wrong.
import { G, M, macOf, MODELS } from './models.ts';
import type { DeviceDefinition, NetworkDefinition, PortDefinition } from './network.ts';
import type { Stream } from './flow.ts';

const DAY_TICKS = 8_640_000;

/** `devices` switches of `ports` gigabit ports each. */
export function fleet(devices: number, ports: number): NetworkDefinition {
  return {
    name: `fleet ${devices}x${ports}`,
    devices: Array.from({ length: devices }, (_, order) => fleetDevice(order, ports)),
  };
}

function fleetDevice(order: number, ports: number): DeviceDefinition {
  const name = `fleet${order + 1}`;
  return {
    name,
    model: MODELS.cisco,
    location: `site ${Math.floor(order / 16) + 1}`,
    serial: `FLEET${String(order + 1).padStart(6, '0')}`,
    ports: Array.from({ length: ports }, (_, at) => fleetPort(name, order, at + 1)),
    sensors: [],
    processors: 1,
    memoryBytes: 1024 ** 3,
    diskBytes: 0,
    lldpPortSubtype: 5,
    uptimeAtStart: DAY_TICKS + order,
    restarts: null,
    renumbers: false,
    silences: null,
  };
}

function fleetPort(device: string, order: number, number: number): PortDefinition {
  const stream = (direction: string, bps: number): Stream => ({
    id: `${device} ${number} ${direction}`,
    busyBps: bps,
    shape: 'hosting',
    burst: null,
    stopped: null,
  });
  return {
    name: `Gi1/0/${number}`,
    descr: `GigabitEthernet1/0/${number}`,
    alias: `customer ${order + 1}-${number}`,
    ifIndex: 10_100 + number,
    type: 6,
    mtu: 1500,
    speedBps: G,
    mac: macOf(order, number),
    width: 64,
    adminUp: true,
    in: [stream('in', (20 + ((order + number) % 7) * 15) * M)],
    out: [stream('out', (60 + ((order * 3 + number) % 11) * 25) * M)],
    initial: { in: BigInt(number) * 1_000_003n, out: BigInt(number) * 5_000_011n },
    downs: [],
    resets: null,
    packetsPerError: null,
    packetsPerDiscard: null,
    neighbour: null,
  };
}
