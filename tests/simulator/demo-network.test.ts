// The demo network as a whole: its size, its cables, and that config/demo.yaml tells the same story.
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { agentShape, checkAgent } from '../../agent/config.ts';
import { billingBridgeShape, checkBillingBridge } from '../../billing-bridge/config.ts';
import { parseConfiguration, readConfigurationFile } from '../../common/runtime/configuration.ts';
import { demoNetwork } from '../../simulator/demo-network.ts';
import type { DeviceDefinition, PortDefinition } from '../../simulator/network.ts';

const network = demoNetwork();
const ports = network.devices.flatMap((device) => device.ports.map((port) => ({ device, port })));

function portOf(deviceName: string, name: string): { device: DeviceDefinition; port: PortDefinition } {
  const found = ports.find(({ device, port }) => device.name === deviceName && port.name === name);
  if (found === undefined) throw new Error(`there is no ${deviceName} ${name}`);
  return found;
}

const ids = (streams: readonly { readonly id: string }[]): string[] => streams.map((stream) => stream.id).toSorted();

describe('the demo network', () => {
  test('has at least 12 devices and 150 interfaces, each with a name, number and address of its own', () => {
    expect(network.devices.length).toBeGreaterThanOrEqual(12);
    expect(ports.length).toBeGreaterThan(150);
    for (const device of network.devices) {
      expect(new Set(device.ports.map((port) => port.name)).size).toBe(device.ports.length);
      expect(new Set(device.ports.map((port) => port.ifIndex)).size).toBe(device.ports.length);
    }
    const macs = ports.map(({ port }) => port.mac).filter((mac) => mac !== '');
    expect(new Set(macs).size).toBe(macs.length);
  });

  test('has cables with two ends that see each other and count the same streams crosswise', () => {
    const cabled = ports.filter(({ port }) => port.neighbour !== null);
    expect(cabled.length).toBeGreaterThan(30);
    for (const { device, port } of cabled) {
      const far = portOf(port.neighbour?.device ?? '', port.neighbour?.port ?? '');
      expect(far.port.neighbour).toEqual({ device: device.name, port: port.name });
      expect(ids(far.port.in)).toEqual(ids(port.out));
      expect(ids(far.port.out)).toEqual(ids(port.in));
      expect(far.port.speedBps).toBe(port.speedBps);
      const restarts = (one: DeviceDefinition): number => (one.restarts === null ? 0 : 1);
      expect(far.port.downs.length).toBe(port.downs.length + restarts(device) - restarts(far.device));
    }
  });

  test('carries on its uplinks what its customers send and receive', () => {
    for (const [device, uplink] of [
      ['access1', 'Te1/0/1'],
      ['access4', 'Fa0/25'],
      ['access6', 'sfp-sfpplus1'],
    ]) {
      const customers = ports.filter((one) => one.device.name === device && one.port.neighbour === null);
      expect(ids(portOf(device ?? '', uplink ?? '').port.out)).toEqual(ids(customers.flatMap((one) => one.port.in)));
      expect(ids(portOf(device ?? '', uplink ?? '').port.in)).toEqual(ids(customers.flatMap((one) => one.port.out)));
    }
    const core = portOf('core1', 'xe-0/0/2').port.in.length;
    expect(core).toBeGreaterThan(25);
  });

  test('has an alias that is not UTF-8, and ports of 32 bits at 100 Mbit/s only', () => {
    const strange = ports.filter(
      ({ port }) => Buffer.isBuffer(port.alias) && port.alias.toString('utf8').includes('\ufffd'),
    );
    expect(strange.map(({ device, port }) => `${device.name} ${port.name}`)).toEqual(['access3 Gi1/0/1']);
    const narrow = ports.filter(({ port }) => port.width === 32);
    expect(narrow.length).toBeGreaterThan(20);
    for (const { port } of narrow) expect(port.speedBps).toBeLessThanOrEqual(100e6);
  });
});

describe('config/demo.yaml', () => {
  const file = path.resolve(import.meta.dirname, '../../config/demo.yaml');
  const schema = z.object({ ...agentShape, ...billingBridgeShape }).superRefine((whole, context) => {
    checkAgent(whole, context);
    checkBillingBridge(whole, context);
  });
  const whole = parseConfiguration(readConfigurationFile(file), file, schema);

  test('names the devices of the network, each at its port', () => {
    expect(whole.devices.map(({ name, address }) => `${name} ${address}`)).toEqual(
      network.devices.map(({ name }, at) => `${name} 127.0.0.1:${16_100 + at}`),
    );
  });

  test('binds only ports that there are, and leaves out of those with traffic two', () => {
    const bound = whole.services.flatMap((service) => service.bindings);
    for (const binding of bound) expect(portOf(binding.device, binding.interface).port.neighbour).toBeNull();
    const explained = ({ device, port }: (typeof ports)[number]): boolean =>
      bound.some((binding) => binding.device === device.name && binding.interface === port.name) ||
      (whole.devices.find((one) => one.name === device.name)?.infrastructure ?? []).some((rule) =>
        rule.interface.endsWith('*') ? port.name.startsWith(rule.interface.slice(0, -1)) : rule.interface === port.name,
      );
    const unassigned = ports.filter((one) => one.port.in.length > 0 && !explained(one));
    expect(unassigned.map(({ device, port }) => `${device.name} ${port.name}`)).toEqual([
      'access5 ge-0/0/7',
      'access6 ether9',
    ]);
  });

  test('has a plan of each usual kind', () => {
    const kinds = new Set(whole.price_plans.flatMap((plan) => plan.items.map((item) => item.kind)));
    for (const kind of ['flat', 'per_unit', 'percentile', 'graduated']) expect(kinds).toContain(kind);
    expect(whole.billing_bridge.bucket_ms).toBe(30_000);
    expect(whole.agent).toMatchObject({ name: 'demo-agent', poll_interval_ms: 5_000 });
  });
});
