// The demo network with an address for each device, at a moment where nothing goes wrong, to be discovered.
import { demoNetwork } from '../../simulator/demo-network.ts';
import type { NetworkDefinition } from '../../simulator/network.ts';
import { placeAt } from '../../simulator/place.ts';
import { createSimulator } from '../../simulator/simulator.ts';
import { freePortBlock } from './free-port.ts';
import { silentReporter } from './silent-reporter.ts';
import { VirtualClock } from './virtual-clock.ts';

export interface DiscoveredNetwork {
  readonly definition: NetworkDefinition;
  readonly port: number;
  /** Where the device of that name answers. */
  addressOf(device: string): string;
  stop(): Promise<void>;
}

/** Device i answers on `firstAddress` + i; its clock stands still. */
export async function startDiscoveredNetwork(firstAddress: string, community: string): Promise<DiscoveredNetwork> {
  const definition = demoNetwork();
  const port = await freePortBlock(1);
  const places = { portBase: port, firstAddress };
  const simulator = createSimulator(
    silentReporter().reporter,
    { network: definition, seed: 1, ...places, community, truthPort: null, dataFolder: null },
    { clock: new VirtualClock(Date.UTC(2026, 10, 2)) },
  );
  await simulator.start();
  return {
    definition,
    port,
    addressOf: (device) => {
      const at = definition.devices.findIndex((one) => one.name === device);
      if (at === -1) throw new Error(`there is no device ${device}`);
      return placeAt(places, at).host;
    },
    stop: () => simulator.stop(),
  };
}
