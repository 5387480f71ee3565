// Tells the head of the ledger outside, where nobody who changes the database can change it: an append-only file, a signed webhook.
import { createHash, createHmac } from 'node:crypto';
import { open, readFile } from 'node:fs/promises';
import type { Database, Queryable } from '../../common/database/database.ts';
import { isoTime } from '../../common/model/time.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import { messageOf } from '../../common/runtime/errors.ts';
import type { CounterMetric, GaugeMetric, Reporter } from '../../common/runtime/reporter.ts';
import { type ChainEntry, chainAfter } from './chain.ts';

export interface ChainSink {
  /** Names its position in the database; another file or address is another sink. */
  readonly name: string;
  /** Says how many of them were there already: they count as delivered. Throws where it cannot tell that they are there. */
  deliver(entries: readonly ChainEntry[]): Promise<{ readonly alreadyThere: number }>;
}

export interface SinkSummary {
  readonly delivered: number;
  readonly alreadyThere: number;
  readonly failed: number;
}

const AT_ONCE = 1_000;
const TIMEOUT_MS = 10_000;
const MAX_TAIL_BYTES = 65_536;

export interface ChainPublisherDeps {
  readonly database: Database;
  readonly clock: Clock;
  readonly sinks: readonly ChainSink[];
}

export class ChainPublisher {
  readonly #reporter: Reporter;
  readonly #deps: ChainPublisherDeps;
  readonly #delivered: CounterMetric;
  readonly #failed: CounterMetric;
  readonly #waiting: GaugeMetric;

  constructor(reporter: Reporter, deps: ChainPublisherDeps) {
    this.#reporter = reporter.child('audit');
    this.#deps = deps;
    this.#delivered = reporter.counter('ledger_sink_delivered_total', 'Ledger entries told to a sink', ['sink']);
    this.#failed = reporter.counter(
      'ledger_sink_failures_total',
      'Deliveries to a sink that failed and are tried again',
      ['sink'],
    );
    this.#waiting = reporter.gauge('ledger_sink_waiting', 'Ledger entries that a sink was not told yet', ['sink']);
  }

  /** Each sink on its own: a slow or broken one delays no other. What failed is tried again at the next run. */
  async run(fence: (connection: Queryable) => Promise<void>): Promise<SinkSummary> {
    const done = await Promise.all(this.#deps.sinks.map((sink) => this.#tell(sink, fence)));
    return {
      delivered: done.reduce((sum, one) => sum + one.delivered, 0),
      alreadyThere: done.reduce((sum, one) => sum + one.alreadyThere, 0),
      failed: done.filter((one) => one.failed).length,
    };
  }

  async #tell(sink: ChainSink, fence: (connection: Queryable) => Promise<void>) {
    let [delivered, alreadyThere] = [0, 0];
    const { database, clock } = this.#deps;
    for (;;) {
      const entries = await chainAfter(database, await this.#positionOf(sink), AT_ONCE);
      const last = entries.at(-1);
      this.#waiting.set(entries.length, { sink: sink.name });
      if (last === undefined) return { delivered, alreadyThere, failed: false };
      try {
        alreadyThere += (await sink.deliver(entries)).alreadyThere;
      } catch (error) {
        this.#failed.add(1, { sink: sink.name });
        this.#reporter.warn('a sink of the ledger does not take its entries; they are kept and told later', {
          sink: sink.name,
          problem: messageOf(error),
        });
        return { delivered, alreadyThere, failed: true };
      }
      await database.transaction(async (connection) => {
        await fence(connection);
        await connection.query(
          `insert into billing.chain_sink (sink, position, delivered_at_ms) values ($1, $2, $3) on conflict (sink) do update
             set position = greatest(billing.chain_sink.position, excluded.position), delivered_at_ms = excluded.delivered_at_ms`,
          [sink.name, last.position, clock.now()],
        );
      });
      delivered += entries.length;
      this.#delivered.add(entries.length, { sink: sink.name });
    }
  }

  async #positionOf(sink: ChainSink): Promise<bigint> {
    const { rows } = await this.#deps.database.query<{ position: bigint }>(
      'select position from billing.chain_sink where sink = $1',
      [sink.name],
    );
    return rows[0]?.position ?? 0n;
  }
}

/** One line an entry. What a crash left half written is completed by a line end, and told again. */
export function fileSink(file: string): ChainSink {
  return {
    name: `file ${file}`,
    deliver: async (entries) => {
      const handle = await open(file, 'a+', 0o600);
      try {
        const { size } = await handle.stat();
        const tail = Buffer.alloc(Math.min(size, MAX_TAIL_BYTES));
        await handle.read(tail, 0, tail.length, size - tail.length);
        const text = tail.toString('utf8');
        const there = lastPosition(text);
        const fresh = entries.filter(({ position }) => position > there);
        const torn = text !== '' && !text.endsWith('\n') ? '\n' : '';
        await handle.appendFile(torn + fresh.map((entry) => `${JSON.stringify(lineOf(entry))}\n`).join(''));
        await handle.sync();
        return { alreadyThere: entries.length - fresh.length };
      } finally {
        await handle.close();
      }
    },
  };
}

/** Heads that a file of such a sink holds, by position. Lines that a crash tore are left out. */
export async function headsIn(file: string): Promise<Map<string, string>> {
  const heads = new Map<string, string>();
  for (const line of (await readFile(file, 'utf8')).split('\n')) {
    const entry = readLine(line);
    if (entry !== null) heads.set(entry.position, entry.hash);
  }
  return heads;
}

export interface WebhookOptions {
  readonly url: string;
  readonly secret: string;
  readonly clock: Clock;
  readonly fetch: typeof fetch;
}

/** Signed as `HMAC-SHA256(secret, timestamp.body)`; 409 says that it is there already, which is as good as taken. */
export function webhookSink({ url, secret, clock, fetch: send }: WebhookOptions): ChainSink {
  return {
    // Not its path: some hold a secret there.
    name: `webhook ${new URL(url).host} ${createHash('sha256').update(url).digest('hex').slice(0, 8)}`,
    deliver: async (entries) => {
      const body = JSON.stringify({ entries: entries.map(lineOf) });
      const timestamp = isoTime(clock.now());
      const signature = createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex');
      const response = await send(url, {
        method: 'POST',
        body,
        redirect: 'error',
        signal: AbortSignal.timeout(TIMEOUT_MS),
        headers: {
          'content-type': 'application/json',
          'idempotency-key': `ledger-${entries[0]?.position}-${entries.at(-1)?.position}`,
          'x-weir-timestamp': timestamp,
          'x-weir-signature': `sha256=${signature}`,
        },
      });
      await response.body?.cancel();
      if (response.status === 409) return { alreadyThere: entries.length };
      if (!response.ok) throw new Error(`it answers ${response.status}`);
      return { alreadyThere: 0 };
    },
  };
}

function lineOf({ position, kind, atMs, hash }: ChainEntry): object {
  return { position: position.toString(), kind, at: isoTime(atMs), hash };
}

function lastPosition(text: string): bigint {
  for (const line of text.split('\n').toReversed()) {
    const entry = readLine(line);
    if (entry !== null) return BigInt(entry.position);
  }
  return 0n;
}

function readLine(line: string): { position: string; hash: string } | null {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value !== 'object' || value === null || !('position' in value) || !('hash' in value)) return null;
    const { position, hash } = value;
    return typeof position === 'string' && /^\d{1,18}$/.test(position) && typeof hash === 'string'
      ? { position, hash }
      : null;
  } catch {
    return null;
  }
}
