// A process of the detection benchmark: simulated switches whose first port goes down when it is told so, for good.
import { SystemClock } from '../../common/runtime/clock.ts';
import { createReporter } from '../../common/runtime/reporter.ts';
import { fleet } from '../../simulator/fleet.ts';
import type { Recurrence } from '../../simulator/recurrence.ts';
import { createSimulator } from '../../simulator/simulator.ts';

export interface LinkedFleetConfig {
  readonly devices: number;
  readonly port: number;
  readonly firstAddress: string;
}

const FOR_GOOD: Recurrence = { first: 0, every: 2e12, length: 1e12 };

async function main({ devices, port, firstAddress }: LinkedFleetConfig): Promise<void> {
  const downs: Recurrence[][] = Array.from({ length: devices }, () => []);
  const plain = fleet(devices, 2);
  const network = {
    ...plain,
    devices: plain.devices.map((device, at) => ({
      ...device,
      ports: device.ports.map((one, place) => (place === 0 ? { ...one, downs: downs[at] ?? [] } : one)),
    })),
  };
  const simulator = createSimulator(
    createReporter({ component: 'simulator', level: 'warn' }),
    { network, seed: 1, portBase: port, firstAddress, community: 'public', truthPort: null, dataFolder: null },
    { clock: new SystemClock() },
  );
  process.on('message', (message) => {
    const device = Number(message);
    if (downs[device]?.length === 0) downs[device].push(FOR_GOOD);
    process.send?.({ device });
  });
  process.on('disconnect', () => process.exit());
  await simulator.start();
}

await main(JSON.parse(process.argv[2] ?? '{}') as LinkedFleetConfig);
