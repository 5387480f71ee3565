// A scheduler under the virtual clock, with devices that do as a test tells them.
import { Scheduler, type SchedulerConfig, type SchedulerDeps } from '../../agent/poll/scheduler.ts';
import type { DeviceNotice } from '../../agent/poll/explanation.ts';
import type { DeviceReader, ReadTable, RememberingReader } from '../../agent/snmp/table-reader.ts';
import { FRESH_MEMORY } from '../../agent/snmp/walk-sizing.ts';
import type { Poll } from '../../common/model/poll.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import { bareCatalogue } from './bare-profile.ts';
import { silentReporter } from './silent-reporter.ts';
import { VirtualClock } from './virtual-clock.ts';

const START = Date.UTC(2026, 10, 25);
export const MINUTE = 60_000;
const catalogue = bareCatalogue();

/** A device of one interface under the virtual clock. */
export class FakeReader implements RememberingReader {
  readonly wide = true;
  latencyMs = 10;
  dead = false;
  /** Hangs on, whatever the signal says. */
  deaf = false;
  broken: Error | null = null;
  /** What its counter says. */
  octets: () => bigint = () => 1n;
  /** When its readings of any table began and ended. */
  readonly readings: { readonly from: number; to: number | null }[] = [];
  /** Of these, those of counters: one a poll. */
  readonly spans: { readonly from: number; to: number | null }[] = [];
  probes = 0;
  /** What it taught in this life, and what it was told of the last. */
  taught: ReturnType<RememberingReader['limits']> = new Map();
  recalled: ReturnType<RememberingReader['limits']> | null = null;
  #requests = 0;
  readonly #clock: VirtualClock;

  constructor(clock: VirtualClock) {
    this.#clock = clock;
  }

  get traffic(): DeviceReader['traffic'] {
    return { requests: this.#requests, retries: 0, sentBytes: 0, receivedBytes: 0 };
  }

  async readTable(request: Parameters<DeviceReader['readTable']>[0]): Promise<ReadTable> {
    this.#requests += 1;
    if (this.broken !== null) throw this.broken;
    const span: { from: number; to: number | null } = { from: this.#clock.now(), to: null };
    this.readings.push(span);
    if (request.name === 'interface') this.spans.push(span);
    await this.#clock.sleep(this.latencyMs, this.deaf ? undefined : request.signal);
    span.to = this.#clock.now();
    if (request.signal?.aborted === true && !this.deaf) return nothing('poll_deadline');
    return this.dead ? nothing('snmp_timeout') : this.#table(request);
  }

  async readScalars(...asked: Parameters<DeviceReader['readScalars']>): ReturnType<DeviceReader['readScalars']> {
    const [requests, signal] = asked;
    this.#requests += 1;
    if (this.broken !== null) throw this.broken;
    if (this.dead) await this.#keepSilent(signal);
    return { values: requests.map(() => 'text'), segment: null };
  }

  async probe(signal?: AbortSignal): Promise<void> {
    this.probes += 1;
    this.#requests += 1;
    if (this.dead) await this.#keepSilent(signal);
  }

  async #keepSilent(signal: AbortSignal | undefined): Promise<never> {
    await this.#clock.sleep(this.latencyMs, signal);
    throw new WeirError('snmp_timeout', 'silent');
  }

  memoryOf(): typeof FRESH_MEMORY {
    return FRESH_MEMORY;
  }

  readonly health = { roundTrip: null, timeoutMs: 2000, askedAt: null, replyAddress: null, line: null };

  sizeOf(): ReturnType<RememberingReader['sizeOf']> {
    return { repetitions: 1, reason: 'frame' };
  }

  takeWalks(): [] {
    return [];
  }

  limits(): ReturnType<RememberingReader['limits']> {
    return this.taught;
  }

  recall(limits: ReturnType<RememberingReader['limits']>): void {
    this.recalled = limits;
  }

  #table(request: Parameters<DeviceReader['readTable']>[0]): ReadTable {
    const uptimeTicks = Math.floor(this.#clock.monotonicMs() / 10) + 1_000_000;
    const at = this.#clock.now();
    const segment = {
      firstRow: 0,
      sentAtMs: at,
      receivedAtMs: at,
      monotonicMs: this.#clock.monotonicMs(),
      uptimeTicks,
    };
    const columns = request.columns.map(({ name, form }): ReadTable['columns'][number] => {
      if (form === 'counter64' || form === 'counter32')
        return {
          kind: 'counter',
          name,
          width: form === 'counter64' ? 64 : 32,
          values: BigUint64Array.of(this.octets()),
          present: Uint8Array.of(1),
        };
      return form === 'number'
        ? { kind: 'number', name, values: Float64Array.of(1) }
        : { kind: 'text', name, values: ['eth0'] };
    });
    return { complete: true, failure: null, index: ['1'], segments: [segment], columns, beside: [7] };
  }
}

function nothing(failure: ReadTable['failure']): ReadTable {
  return { complete: false, failure, index: [], segments: [], columns: [], beside: [] };
}

export interface Rig {
  readonly clock: VirtualClock;
  readonly scheduler: Scheduler;
  readonly readers: Map<string, FakeReader>;
  readonly polls: Poll[];
  readonly metrics: () => Promise<string>;
  readonly health: () => { readonly healthy: boolean; readonly message: string } | undefined;
  readonly notices: DeviceNotice[];
  pollsOf(device: string): Poll[];
}

const rigs: Rig[] = [];

/** A scheduler that runs, with a fake device behind each name. */
export async function start(
  devices: readonly string[],
  config: Partial<SchedulerConfig> = {},
  deps: Partial<SchedulerDeps> = {},
  prepare: (reader: FakeReader, device: string) => void = () => undefined,
): Promise<Rig> {
  const clock = new VirtualClock(START);
  const { reporter } = silentReporter();
  const readers = new Map(devices.map((name) => [name, new FakeReader(clock)]));
  for (const [name, reader] of readers) prepare(reader, name);
  const polls: Poll[] = [];
  const notices: DeviceNotice[] = [];
  const whole: SchedulerConfig = {
    devices: devices.map((name) => ({ name, intervalMs: MINUTE })),
    concurrency: 100,
    slowIntervalMs: MINUTE,
    inventoryIntervalMs: 60 * MINUTE,
    firstPollWithinMs: 15_000,
    processId: 'process',
    ...config,
  };
  const scheduler = new Scheduler(reporter, whole, {
    clock,
    catalogue,
    open: (device) => {
      const reader = readers.get(device);
      if (reader === undefined) throw new WeirError('secret_unresolved', 'no secret');
      return reader;
    },
    sink: {
      accept: (poll) => {
        polls.push(poll);
        return Promise.resolve();
      },
    },
    notice: (notice) => void notices.push(notice),
    ...deps,
  });
  await scheduler.start();
  const rig: Rig = {
    clock,
    scheduler,
    readers,
    polls,
    notices,
    metrics: () => reporter.metricsText(),
    health: () => reporter.healthStates()['poll'],
    pollsOf: (device) => polls.filter((poll) => poll.device === device),
  };
  rigs.push(rig);
  return rig;
}

/** Stops while the clock goes on. */
export async function stop(rig: Rig): Promise<void> {
  let stopped = false;
  const stopping = rig.scheduler.stop().then(() => {
    stopped = true;
  });
  for (let turn = 0; turn < 100 && !stopped; turn += 1) await rig.clock.advance(10_000);
  await stopping;
}

/** Of the test that ends. */
export async function stopRigs(): Promise<void> {
  for (const rig of rigs.splice(0)) await stop(rig);
}

export const names = (count: number): string[] => Array.from({ length: count }, (_, at) => `device-${at}`);
export const metric = (text: string, line: string): number =>
  Number(new RegExp(`^weir_${line} (\\S+)$`, 'm').exec(text)?.[1]);
