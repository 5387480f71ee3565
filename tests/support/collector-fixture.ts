// A whole collector in the test's process: real PostgreSQL, real DuckDB, real LMDB, really listening, fed with batches as an agent would.
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { CollectorConfig } from '../../collector/config.ts';
import { type Collector, createCollector } from '../../collector/main.ts';
import { openDatabase } from '../../common/database/pool.ts';
import { TokenStore } from '../../common/database/tokens.ts';
import type { Batch, Receipt } from '../../common/model/batch.ts';
import type { Poll } from '../../common/model/poll.ts';
import type { Role } from '../../common/runtime/access.ts';
import { type Clock, SystemClock } from '../../common/runtime/clock.ts';
import type { Reporter } from '../../common/runtime/reporter.ts';
import { encodeBatch } from '../../common/wire/batch-codec.ts';
import { type ConfigWords, configOf } from './collector-fixture-config.ts';
import { silentReporter } from './silent-reporter.ts';
import { type TestDatabase, startTestDatabase } from './test-database.ts';

export const ADMINISTRATOR = 'weir_administrator-of-the-tests';
export const AGENT = 'weir_agent-1-of-the-tests';
export const BRIDGE = 'weir_bridge-of-the-tests';
export const INCARNATION = 'incarnation-1';

export interface FixtureOptions extends ConfigWords {
  readonly dashboardFolder?: string;
  readonly clock?: Clock;
}

export interface BatchWords {
  readonly sequence: number;
  readonly polls?: readonly Poll[];
  readonly events?: Batch['events'];
  readonly agent?: string;
  readonly incarnation?: string;
  readonly token?: string;
  /** Agent clock less the collector's. */
  readonly clockOffsetMs?: number;
  /** Instead of an encoded batch. */
  readonly body?: Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Answered {
  readonly status: number;
  readonly headers: Headers;
  readonly body: unknown;
}

export class CollectorFixture {
  readonly database: TestDatabase;
  readonly folder: string;
  readonly config: CollectorConfig;
  readonly #options: FixtureOptions;
  readonly #url: string | null;
  #collector: Collector;
  reporter: Reporter;
  lines: string[];

  /** `url`: of a collector that runs elsewhere, to be asked only. */
  constructor(database: TestDatabase, folder: string, options: FixtureOptions, url: string | null = null) {
    this.#url = url;
    this.database = database;
    this.folder = folder;
    this.#options = options;
    this.config = configOf(options);
    ({ reporter: this.reporter, lines: this.lines } = silentReporter());
    this.#collector = this.#make();
  }

  #make(): Collector {
    return createCollector(this.reporter, this.config, {
      clock: this.#options.clock ?? new SystemClock(),
      random: () => 0.5,
      environment: { WEIR_ADMIN_TOKEN: ADMINISTRATOR, WEIR_AGENT_TOKEN: AGENT, WEIR_BRIDGE_TOKEN: BRIDGE },
      databaseUrl: this.database.url,
      dataFolder: this.folder,
      dashboardFolder: this.#options.dashboardFolder ?? null,
      version: '0.0.0',
      checkAnswers: true,
    });
  }

  get url(): string {
    return this.#url ?? `http://127.0.0.1:${this.#collector.port}`;
  }

  start(): Promise<void> {
    return this.#collector.start();
  }

  stop(): Promise<void> {
    return this.#collector.stop();
  }

  /** The same data in a new process, so to speak. */
  async restart(): Promise<void> {
    await this.stop();
    ({ reporter: this.reporter, lines: this.lines } = silentReporter());
    this.#collector = this.#make();
    await this.start();
  }

  /** Other devices, while it runs. */
  reload(devices: NonNullable<FixtureOptions['devices']>): Promise<void> {
    return this.#collector.reload(configOf({ ...this.#options, devices }).devices);
  }

  /** Stops, and gives another collector for its place and its data, whose configuration lacks a device; not started. */
  async without(device: string): Promise<CollectorFixture> {
    await this.stop();
    const devices = this.config.devices
      .filter(({ name }) => name !== device)
      .map(({ name, agent }) => ({ name, agent }));
    return new CollectorFixture(this.database, this.folder, { ...this.#options, devices });
  }

  async token(name: string, role: Role): Promise<string> {
    const { reporter } = silentReporter();
    const database = openDatabase(reporter, { url: this.database.url, maxConnections: 1, applicationName: 'test' });
    try {
      return await new TokenStore(reporter, database, { clock: new SystemClock() }).create(name, role);
    } finally {
      await database.close();
    }
  }

  async ask(place: string, init: RequestInit & { readonly token?: string | null } = {}): Promise<Answered> {
    const { token = ADMINISTRATOR, ...rest } = init;
    const headers = new Headers(rest.headers);
    if (token !== null) headers.set('authorization', `Bearer ${token}`);
    const answer = await fetch(`${this.url}${place}`, { ...rest, headers });
    const text = await answer.text();
    const json = answer.headers.get('content-type')?.startsWith('application/json') === true;
    return { status: answer.status, headers: answer.headers, body: json ? JSON.parse(text) : text };
  }

  /** The body of an answer that must be 200. */
  async get<T>(place: string, token?: string): Promise<T> {
    const { status, body } = await this.ask(place, token === undefined ? {} : { token });
    if (status !== 200) throw new Error(`${place}: ${status} ${JSON.stringify(body)}`);
    return body as T;
  }

  post(place: string, body: unknown, token?: string): Promise<Answered> {
    return this.ask(place, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      ...(token === undefined ? {} : { token }),
    });
  }

  send(words: BatchWords): Promise<Answered> {
    const { token = AGENT, headers = {} } = words;
    const request = requestOf(words);
    return this.ask('/api/v1/batches', {
      method: 'POST',
      token,
      body: request.body,
      headers: { ...request.headers, ...headers },
    });
  }

  /** Sends, and expects a receipt. */
  async receipt(words: BatchWords): Promise<Receipt> {
    const answer = await this.send(words);
    if (answer.status !== 200) throw new Error(`${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body as Receipt;
  }

  /** Until readings and faults have applied the sequence. */
  async applied(sequence: number, incarnation = INCARNATION, patienceMs = 20_000): Promise<void> {
    const place = `/api/v1/batches/receipt?incarnation=${incarnation}&agent=agent-1`;
    await eventually(
      async () => {
        const { status, body } = await this.ask(place);
        return status === 200 && (body as Receipt).applied >= sequence;
      },
      `sequence ${sequence} applied`,
      patienceMs,
    );
  }

  /** What a metric of Prometheus says; null where it is not there. */
  async metric(line: string): Promise<number | null> {
    const text = await this.reporter.metricsText();
    const found = text.split('\n').find((one) => one.startsWith(`${line} `));
    return found === undefined ? null : Number(found.slice(line.length + 1));
  }
}

export function requestOf(words: BatchWords): { body: Uint8Array<ArrayBuffer>; headers: Record<string, string> } {
  const { sequence, polls = [], events = [], agent = 'agent-1', incarnation = INCARNATION, clockOffsetMs = 0 } = words;
  const createdAtMs = Math.max(1, ...polls.map((poll) => poll.finishedAtMs));
  const watermarks = [...new Set(polls.map((poll) => poll.device))].map((device) => ({
    device,
    completeUntilMs: createdAtMs,
  }));
  const stream = { agent, incarnation, sequence };
  const batch: Batch = { ...stream, createdAtMs, thinned: false, polls, events, watermarks, gaps: [] };
  const body = new Uint8Array(words.body ?? encodeBatch(batch));
  return {
    body,
    headers: {
      'content-type': 'application/vnd.weir.batch',
      'weir-agent': agent,
      'weir-incarnation': incarnation,
      'weir-sequence': String(sequence),
      'weir-sha256': createHash('sha256').update(body).digest('hex'),
      'weir-sent-at': String(Date.now() + clockOffsetMs),
    },
  };
}

export async function eventually(condition: () => Promise<boolean>, what: string, patienceMs = 20_000): Promise<void> {
  const untilMs = Date.now() + patienceMs;
  while (!(await condition())) {
    if (Date.now() > untilMs) throw new Error(`not within ${patienceMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

export interface StartedFixture {
  readonly fixture: CollectorFixture;
  readonly remove: () => Promise<void>;
}

/** Starts database and collector; `remove` ends both. */
export async function startCollectorFixture(options: FixtureOptions = {}): Promise<StartedFixture> {
  const database = await startTestDatabase();
  const folder = mkdtempSync(path.join(tmpdir(), 'weir-collector-'));
  const fixture = new CollectorFixture(database, folder, options);
  const remove = async (): Promise<void> => {
    await fixture.stop();
    await database.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await fixture.start();
  } catch (error) {
    await remove();
    throw error;
  }
  return { fixture, remove };
}
