// A collector's readings for the bridge's benchmark: pages of many ports at any interval, made as they are asked for, answered over HTTP as the real ones are.
import { createServer, type Server } from 'node:http';
import type { Component } from '../../common/runtime/component.ts';
import { type Layout, type ReadingPage, type ReadingsAnswer } from '../../common/wire/reading-page.ts';

export interface FeedConfig {
  readonly port: number;
  readonly devices: number;
  readonly portsEach: number;
  readonly intervalMs: number;
  readonly startMs: number;
}

export const feedDevice = (device: number): string => `edge${device + 1}`;
export const feedPort = (port: number): string => `Gi1/0/${port + 1}`;

const SPEED_BPS = '10000000000';
const BATCH_DIGEST = 'ab'.repeat(32);
/** Octets in a second at most, in and out. */
const [MOST_IN, MOST_OUT] = [30_000_000, 120_000_000];

/** Polls of all devices at each interval; `release` lets them be seen up to a time. */
export class ReadingsFeed implements Component {
  readonly #config: FeedConfig;
  readonly #layouts: readonly Layout[];
  readonly #counters: BigUint64Array;
  readonly #answers = new Map<number, string>();
  #server: Server | null = null;
  #released = 0;
  #made = 0;
  #random = 0x1234_5678;

  constructor(config: FeedConfig) {
    this.#config = config;
    this.#layouts = Array.from({ length: config.devices }, (_, device) => layoutOf(device, config.portsEach));
    this.#counters = new BigUint64Array(config.devices * config.portsEach * 2).fill(1_000_000n);
  }

  async start(): Promise<void> {
    const server = createServer((request, response) => {
      const query = new URL(request.url ?? '/', 'http://127.0.0.1').searchParams;
      response.setHeader('content-type', 'application/json');
      response.end(this.#answer(Number(query.get('after') ?? 0), Number(query.get('limit'))));
    });
    this.#server = server;
    await new Promise<void>((resolve) => server.listen(this.#config.port, '127.0.0.1', () => resolve()));
  }

  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    server?.closeAllConnections();
    if (server !== null) await new Promise<void>((resolve) => server.close(() => resolve()));
  }

  /** Polls up to and including that one may be pulled. They are made before, so that nobody waits for them. */
  release(polls: number, pagesAtOnce: number): void {
    this.#released = polls * this.#config.devices;
    for (let at = this.#made; at < this.#released; at += pagesAtOnce) {
      const until = Math.min(this.#released, at + pagesAtOnce);
      this.#answers.set(at, this.#make(at, until));
      this.#made = until;
    }
  }

  #answer(after: number, limit: number): string {
    const ready = this.#answers.get(after);
    this.#answers.delete(after);
    if (ready !== undefined) return ready;
    if (after >= this.#released) return this.#wrap([], [], this.#released, this.#released);
    throw new Error(`BUG: pages after ${after} were asked for again, ${limit} at once`);
  }

  #make(from: number, to: number): string {
    const pages = Array.from({ length: to - from }, (_, at) => this.#page(from + at));
    const devices = new Set(pages.map((page) => page.layout));
    return this.#wrap(
      pages,
      this.#layouts.filter((layout) => devices.has(layout.id)),
      to,
      this.#released,
    );
  }

  #wrap(items: readonly ReadingPage[], layouts: readonly Layout[], next: number, released: number): string {
    const more = next < released;
    const { devices, startMs, intervalMs } = this.#config;
    const untilMs = startMs + (Math.floor(released / devices) - 1) * intervalMs;
    const marks = Array.from({ length: more ? 0 : devices }, (_, device) => [feedDevice(device), untilMs] as const);
    const watermarks = Object.fromEntries(marks);
    const answer: ReadingsAnswer = { items, layouts, next: String(next), more, watermarks, quarantined: 0 };
    return JSON.stringify(answer);
  }

  #page(number: number): ReadingPage {
    const { devices, portsEach, startMs, intervalMs } = this.#config;
    const device = number % devices;
    const atMs = startMs + Math.floor(number / devices) * intervalMs;
    return {
      journal: 'bench-journal',
      position: number + 1,
      ordinal: 0,
      agent: 'bench',
      incarnation: 'bench-incarnation',
      sequence: number + 1,
      batchSha256: BATCH_DIGEST,
      device: feedDevice(device),
      layout: device + 1,
      processId: 'bench-process',
      intervalMs,
      clockSound: true,
      segments: [[0, atMs, atMs, Math.floor((atMs - startMs) / 10) + 100]],
      values: this.#grown(device).toString('base64'),
      present: Buffer.alloc(portsEach * 3, 1).toString('base64'),
    };
  }

  /** The device's counters after another interval: in, out, and a constant discontinuity. */
  #grown(device: number): Buffer {
    const { portsEach, intervalMs } = this.#config;
    const words = Buffer.alloc(portsEach * 3 * 8);
    for (let at = 0; at < portsEach * 2; at += 1) {
      const place = device * portsEach * 2 + at;
      const most = at < portsEach ? MOST_IN : MOST_OUT;
      const moved = Math.floor(this.#next() * most * (intervalMs / 1000));
      const value = (this.#counters[place] ?? 0n) + BigInt(moved);
      this.#counters[place] = value;
      words.writeBigUInt64LE(value, at * 8);
    }
    return words;
  }

  /** xorshift32: the same traffic in every run. */
  #next(): number {
    let x = this.#random;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#random = x;
    return (x >>> 0) / 2 ** 32;
  }
}

function layoutOf(device: number, ports: number): Layout {
  const rows = Array.from({ length: ports }, (_, port) => {
    const id = device * ports + port + 1;
    return {
      interfaceId: id,
      interfaceKey: feedPort(port),
      ifIndex: String(port + 1),
      ifName: feedPort(port),
      ifAlias: '',
      speedBps: SPEED_BPS,
      meters: { in: id * 2 - 1, out: id * 2 },
      width: 64 as const,
    };
  });
  return { id: device + 1, device: feedDevice(device), rows };
}
