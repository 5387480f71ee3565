// A trap receiver on a loopback port with a sink, an engine directory and a memory that a test holds in its hands.
import { randomBytes } from 'node:crypto';
import { pathToFileURL } from 'node:url';
import type { KnownEngine } from '../../agent/trap/exchange.ts';
import { type ReceiverDevice, TrapReceiver, type TrapReceiverConfig } from '../../agent/trap/receiver.ts';
import type { DeviceEvent } from '../../common/model/event.ts';
import { SystemClock } from '../../common/runtime/clock.ts';
import { type BundledProgram, bundledProgram } from './bundled-program.ts';
import { freePortBlock } from './free-port.ts';
import { silentReporter } from './silent-reporter.ts';
import { NAMES, SETS } from './trap-settings.ts';

/** The thread's program, bundled from the sources: Node 20 runs no TypeScript. */
export function trapProgram(): Promise<BundledProgram> {
  return bundledProgram('../../agent/trap/trap-worker.ts');
}

/** What the receiver keeps for its next life, in memory; `refuse` is a full disk. */
export class MemoryFile {
  bytes: Buffer | null = null;
  refuse = false;

  read(): Buffer | null {
    return this.bytes;
  }

  write(bytes: Uint8Array): boolean {
    if (!this.refuse) this.bytes = Buffer.from(bytes);
    return !this.refuse;
  }
}

export interface TrapRig {
  readonly port: number;
  readonly receiver: TrapReceiver;
  readonly events: DeviceEvent[];
  /** Devices to be polled at once. */
  readonly polls: string[];
  readonly engines: KnownEngine[];
  /** Those of now; the receiver looks every ten seconds. */
  devices: readonly ReceiverDevice[];
  readonly lines: string[];
  readonly reporter: ReturnType<typeof silentReporter>['reporter'];
  /** What `acceptEvent` waits for; set to reject for a spool that refuses. */
  hold: () => Promise<void>;
  /** A figure of /metrics, all its labels that contain the text added up. */
  metric(name: string, label?: string): Promise<number>;
}

export interface RigOptions {
  readonly program: BundledProgram;
  readonly port?: number;
  readonly file?: MemoryFile;
  readonly config?: Partial<TrapReceiverConfig>;
  /** Default core1 at 127.0.0.1 under the community `public`. */
  readonly devices?: readonly ReceiverDevice[];
}

const CORE1: readonly ReceiverDevice[] = [
  {
    name: 'core1',
    address: { host: '127.0.0.1' },
    credentialName: 'plain',
    credential: { version: '2c', community: 'public' },
  },
];

export async function trapRig({ program, port, file, config, devices = CORE1 }: RigOptions): Promise<TrapRig> {
  const { reporter, lines } = silentReporter();
  const events: DeviceEvent[] = [];
  const polls: string[] = [];
  const engines: KnownEngine[] = [];
  const memory = file ?? new MemoryFile();
  const used = port ?? (await freePortBlock(1));
  let ids = 0;
  const receiver = new TrapReceiver(
    reporter,
    {
      port: used,
      listen: ['127.0.0.1'],
      credentials: [],
      users: [],
      networks: [],
      acceptUnknown: false,
      perSecond: 1000,
      perSecondPerSource: 500,
      namesFolder: null,
      sets: SETS,
      names: NAMES,
      ...config,
    },
    {
      clock: new SystemClock(),
      environment: {},
      devices: () => rig.devices,
      sink: {
        acceptEvent: async (event) => {
          await rig.hold();
          events.push(event);
        },
      },
      engines: { engines: () => engines },
      lookup: () => Promise.resolve(['127.0.0.1']),
      interfaceKeyOf: (device, ifIndex) => `${device}/port${ifIndex}`,
      pollNow: (device) => {
        polls.push(device);
        return Promise.resolve({ startedAtMs: Date.now() });
      },
      file: memory,
      randomId: () => {
        ids += 1;
        return `event-${ids}`;
      },
      randomOctets: () => randomBytes(12),
      workerFile: pathToFileURL(program.file),
    },
  );
  const rig: TrapRig = {
    port: used,
    receiver,
    events,
    polls,
    engines,
    devices,
    lines,
    reporter,
    hold: () => Promise.resolve(),
    metric: async (name, label = '') => {
      const found = (await reporter.metricsText())
        .split('\n')
        .filter((line) => line.startsWith(`weir_${name}`) && line.includes(label));
      return found.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
    },
  };
  await receiver.start();
  return rig;
}
