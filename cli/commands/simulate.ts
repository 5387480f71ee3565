// `weir simulate`: a network of simulated SNMP devices on loopback.
import path from 'node:path';
import { SystemClock } from '../../common/runtime/clock.ts';
import { startAll, stopAll } from '../../common/runtime/component.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import { createReporter } from '../../common/runtime/reporter.ts';
import { demoNetwork, fleetNetwork } from '../../simulator/demo-network.ts';
import { Simulator } from '../../simulator/simulator.ts';
import { TruthServer } from '../../simulator/truth-server.ts';
import type { Command, CommandContext } from '../command.ts';
import { portOption, textOption } from '../options.ts';

const PORT_BASE = 16_100;

export const simulateCommand: Command = {
  name: 'simulate',
  summary: 'run a network of simulated SNMP devices',
  help: `usage: weir simulate [--network demo|fleet] [--devices N] [--ports M] [--port BASE] [--truth-port N] [--seed N] [--data DIR]

  --network      demo: 13 devices with faults (default); fleet: --devices (200) of --ports (48) each, without
  --port         device i answers SNMP v1 and v2c, community public, on 127.0.0.1:BASE+i; default ${PORT_BASE}
  --truth-port   serves /truth/devices and /truth/counter; without it nothing does
  --data         keeps when the network began, so that the next start goes on as if this one had never stopped`,
  options: {
    network: { type: 'string' },
    devices: { type: 'string' },
    ports: { type: 'string' },
    port: { type: 'string' },
    'truth-port': { type: 'string' },
    seed: { type: 'string' },
    data: { type: 'string' },
  },
  run: async (context) => {
    const portBase = portOption(context, 'port') ?? PORT_BASE;
    const truthPort = portOption(context, 'truth-port');
    const data = textOption(context, 'data');
    const network = networkOf(context);
    const config = {
      network,
      portBase,
      community: 'public',
      dataFolder: data === undefined ? null : path.resolve(data),
    };
    const simulator = new Simulator(createReporter({ component: 'simulator' }), config, { clock: new SystemClock() });
    const components =
      truthPort === undefined ? [simulator] : [simulator, new TruthServer(simulator, truthPort, portBase)];
    await startAll(components);
    for (const [at, device] of network.devices.entries()) {
      const address = `127.0.0.1:${portBase + at}`;
      context.print(
        context.json
          ? JSON.stringify({ name: device.name, address, interfaces: device.interfaces.length })
          : `${device.name.padEnd(12)}${address.padEnd(18)}${device.interfaces.length} interfaces`,
      );
    }
    if (!context.signal.aborted)
      await new Promise((resolve) => context.signal.addEventListener('abort', resolve, { once: true }));
    await stopAll(components);
    return 0;
  },
};

function networkOf(context: CommandContext): ReturnType<typeof demoNetwork> {
  const seed = numberOption(context, 'seed', 1, 0, 2 ** 31);
  const kind = textOption(context, 'network') ?? 'demo';
  if (kind === 'demo') return demoNetwork(seed);
  if (kind !== 'fleet') throw new WeirError('misused', `--network is demo or fleet, not ${kind}.`);
  return fleetNetwork(
    seed,
    numberOption(context, 'devices', 200, 1, 20_000),
    numberOption(context, 'ports', 48, 1, 1000),
  );
}

function numberOption(context: CommandContext, name: string, otherwise: number, least: number, most: number): number {
  const text = textOption(context, name);
  const value = text === undefined ? otherwise : Number(text);
  if (!Number.isInteger(value) || value < least || value > most)
    throw new WeirError('misused', `--${name} takes a whole number from ${least} to ${most}, not ${text}.`);
  return value;
}
