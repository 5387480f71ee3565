// Requests to a server of line protocol through the transport of @influxdata/influxdb-client; its own buffer and retries, which lose data, are not used.
import { HttpError, InfluxDB, type Transport } from '@influxdata/influxdb-client';
import type { DurationMs, EpochMs } from '../../common/model/time.ts';
import { messageOf, WeirError } from '../../common/runtime/errors.ts';
import type { InfluxConfig } from './influx-config.ts';
import { type ResultSeries, seriesIn } from './influx-results.ts';

/** Why a server did not take lines. `dropped`: how many of them it says it left out, the others are stored. */
export interface Refusal {
  readonly of: 'lines' | 'size';
  readonly reason: string;
  readonly dropped: number;
}

/** The server wants to be left alone for a while. */
export class ServerBusy extends WeirError {
  readonly retryAfterMs: DurationMs;

  constructor(status: number, reason: string, retryAfterMs: DurationMs) {
    super('store_unavailable', `The server of the metric store answers ${status}: ${reason}`, { status, retryAfterMs });
    this.retryAfterMs = retryAfterMs;
  }
}

const GZIP_FROM_BYTES = 1024;
const MAX_REASON = 500;
/** A server that wants more is asked again nevertheless. */
const LONGEST_WAIT_MS = 3_600_000;
/** A query may take so many times as long as a write. */
const QUERY_TIMES = 6;
/** Answers of queries come in parts of so many rows. */
const CHUNK_ROWS = 10_000;
const MAX_LINE_CHARACTERS = 64 * 1024 * 1024;

export class InfluxClient {
  readonly #config: InfluxConfig;
  readonly #now: () => EpochMs;
  readonly #transport: Transport;
  readonly #writePath: string;

  constructor(config: InfluxConfig, now: () => EpochMs) {
    this.#config = config;
    this.#now = now;
    const { url, token, user, timeoutMs } = config;
    const basic = user === null ? null : Buffer.from(`${user.name}:${user.password}`).toString('base64');
    const headers = basic === null ? {} : { authorization: `Basic ${basic}` };
    this.#transport = new InfluxDB({
      url,
      timeout: timeoutMs,
      headers,
      ...(token === null ? {} : { token }),
    }).transport;
    this.#writePath = writePathOf(config);
  }

  /** Null where the server has stored all of it. Throws ServerBusy, store_unavailable or store_refused, where asking again may help and the lines are not at fault. */
  async write(lines: string): Promise<Refusal | null> {
    let status = 0;
    try {
      await this.#transport.request(
        this.#writePath,
        lines,
        {
          method: 'POST',
          headers: { 'content-type': 'text/plain; charset=utf-8', accept: 'text/plain' },
          gzipThreshold: GZIP_FROM_BYTES,
          signal: AbortSignal.timeout(this.#config.timeoutMs),
        },
        (_headers, code) => {
          status = code ?? 0;
        },
      );
    } catch (error) {
      return refusalOf(error, this.#now());
    }
    // Something else that answers 200 to everything has stored nothing.
    if (status === 204 || status === 201) return null;
    throw new WeirError('store_refused', `A write was answered ${status}, where 204 was expected.`, { status });
  }

  /** Hands over the series of an InfluxQL query as they come; a series that is cut goes on in the next call. `take` ends the query by throwing. */
  async query(statement: string, take: (series: ResultSeries) => void): Promise<void> {
    const { database, retentionPolicy, timeoutMs } = this.#config;
    const form = new URLSearchParams({
      db: database,
      ...(retentionPolicy === null ? {} : { rp: retentionPolicy }),
      epoch: 'ms',
      chunked: 'true',
      chunk_size: String(CHUNK_ROWS),
      q: statement,
    });
    const ended = new AbortController();
    const signal = AbortSignal.any([ended.signal, AbortSignal.timeout(timeoutMs * QUERY_TIMES)]);
    const headers = { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' };
    try {
      const decoder = new TextDecoder();
      let text = '';
      for await (const part of this.#transport.iterate('/query', form.toString(), {
        method: 'POST',
        headers,
        signal,
      })) {
        text += decoder.decode(part, { stream: true });
        const end = text.lastIndexOf('\n');
        if (end < 0 && text.length > MAX_LINE_CHARACTERS)
          throw new WeirError('store_refused', 'An answer has no end of line.');
        if (end < 0) continue;
        for (const series of seriesIn(text.slice(0, end))) take(series);
        text = text.slice(end + 1);
      }
      for (const series of seriesIn(text + decoder.decode())) take(series);
    } catch (error) {
      if (error instanceof WeirError) throw error;
      const refusal = refusalOf(error, this.#now());
      throw new WeirError('store_refused', `The server of the metric store refuses a query: ${refusal.reason}`);
    } finally {
      ended.abort();
    }
  }
}

function writePathOf(config: InfluxConfig): string {
  const { version, database, retentionPolicy, org, bucket } = config;
  if (version === 2) return `/api/v2/write?${new URLSearchParams({ org, bucket, precision: 'ms' }).toString()}`;
  if (version === 3) return `/api/v2/write?${new URLSearchParams({ bucket: database, precision: 'ms' }).toString()}`;
  const where = {
    ...(database === '' ? {} : { db: database }),
    ...(retentionPolicy === null ? {} : { rp: retentionPolicy }),
  };
  return `/write?${new URLSearchParams({ ...where, precision: 'ms' }).toString()}`;
}

/** What the lines may be at fault for; throws for everything else. */
function refusalOf(error: unknown, nowMs: EpochMs): Refusal {
  if (!(error instanceof HttpError))
    throw new WeirError(
      'store_unavailable',
      `The server of the metric store does not answer: ${messageOf(error)}`,
      {},
      error,
    );
  const { statusCode: status } = error;
  const reason = reasonOf(error);
  if (status === 400 || status === 422)
    return { of: 'lines', reason, dropped: Number(/\bdropped=(\d{1,9})\b/.exec(reason)?.[1] ?? 0) };
  if (status === 413) return { of: 'size', reason, dropped: 0 };
  if (status === 429 || status === 503) throw new ServerBusy(status, reason, waitOf(error, nowMs));
  const detail = { status, reason };
  if (status >= 500 || status === 408)
    throw new WeirError('store_unavailable', `The server of the metric store answers ${status}: ${reason}`, detail);
  throw new WeirError('store_refused', `The server of the metric store answers ${status}: ${reason}`, detail);
}

/** Seconds, or a date (RFC 9110 §10.2.3). Read here, because the client library takes the seconds for milliseconds. */
function waitOf(error: HttpError, nowMs: EpochMs): DurationMs {
  const asked = String(error.headers?.['retry-after'] ?? '');
  const waitMs = /^\d{1,9}$/.test(asked) ? Number(asked) * 1000 : Date.parse(asked) - nowMs;
  return Number.isFinite(waitMs) ? Math.max(0, Math.min(LONGEST_WAIT_MS, waitMs)) : 0;
}

/** InfluxDB 1 says `error`, 2 and 3 say `message` or `error`; a proxy says whatever it likes. */
function reasonOf(error: HttpError): string {
  const text = error.body ?? '';
  return (messageIn(text) ?? (text === '' ? (error.statusMessage ?? '') : text)).trim().slice(0, MAX_REASON);
}

function messageIn(text: string): string | null {
  try {
    const said: unknown = JSON.parse(text);
    if (typeof said !== 'object' || said === null) return null;
    if ('message' in said && typeof said.message === 'string') return said.message;
    return 'error' in said && typeof said.error === 'string' ? said.error : null;
  } catch {
    return null;
  }
}
