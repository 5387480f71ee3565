// The bridge's feed over HTTP: all its pages of one version, in bounded time and size; pages that did not change are not sent again.
import { type EpochMs, isoTime } from '../../common/model/time.ts';
import { messageOf, WeirError } from '../../common/runtime/errors.ts';
import { type FeedPage, readFeedPage } from './feed-page.ts';
import type { MirroredService } from './service-book.ts';

export interface FeedCopy {
  readonly version: string;
  readonly services: readonly MirroredService[];
  /** False where every page was as it is known. */
  readonly changed: boolean;
}

export interface FeedSource {
  /** Also what ended after `sinceMs`. Throws feed_unavailable or feed_unreadable. */
  pull(sinceMs: EpochMs, signal: AbortSignal): Promise<FeedCopy>;
}

export interface HttpFeedConfig {
  /** Of the bridge, such as http://127.0.0.1:8081. */
  readonly url: string;
  readonly pageItems: number;
  readonly maxServices: number;
  readonly maxBindings: number;
  readonly maxPageBytes: number;
  readonly timeoutMs: number;
}

export const HTTP_FEED: Omit<HttpFeedConfig, 'url'> = {
  pageItems: 1000,
  maxServices: 200_000,
  maxBindings: 1_000_000,
  maxPageBytes: 16 * 1024 * 1024,
  timeoutMs: 60_000,
};

interface KeptPage {
  readonly tag: string;
  readonly page: FeedPage;
}

export class HttpFeedSource implements FeedSource {
  readonly #config: HttpFeedConfig;
  readonly #token: string;
  readonly #fetch: typeof fetch;
  #kept: ReadonlyMap<string, KeptPage> = new Map();

  constructor(config: HttpFeedConfig, deps: { readonly token: string; readonly fetch?: typeof fetch }) {
    this.#config = config;
    this.#token = deps.token;
    this.#fetch = deps.fetch ?? fetch;
  }

  async pull(sinceMs: EpochMs, signal: AbortSignal): Promise<FeedCopy> {
    const { maxServices, maxBindings } = this.#config;
    const kept = new Map<string, KeptPage>();
    const services = new Map<string, MirroredService>();
    let [version, changed, bindings] = ['', this.#kept.size === 0, 0];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const { tag, page, isNew } = await this.#page(cursor, sinceMs, signal);
      if (kept.has(cursor)) throw unreadable('a cursor comes again');
      if (version !== '' && page.version !== version) throw unreadable('its version changed between two pages');
      version = page.version;
      changed ||= isNew;
      kept.set(cursor, { tag, page });
      for (const service of page.services) {
        if (services.has(service.id)) throw unreadable(`the service ${service.id} is there twice`);
        services.set(service.id, service);
        bindings += service.bindings.length;
      }
      if (services.size > maxServices || bindings > maxBindings)
        throw unreadable(`more than ${maxServices} services or ${maxBindings} bindings`);
      cursor = page.next;
    }
    this.#kept = kept;
    return { version, services: [...services.values()], changed };
  }

  async #page(cursor: string, sinceMs: EpochMs, stop: AbortSignal): Promise<KeptPage & { readonly isNew: boolean }> {
    const known = this.#kept.get(cursor);
    const query = new URLSearchParams({ limit: String(this.#config.pageItems), since: isoTime(sinceMs) });
    if (cursor !== '') query.set('cursor', cursor);
    const headers = new Headers({ authorization: `Bearer ${this.#token}`, accept: 'application/json' });
    if (known !== undefined && known.tag !== '') headers.set('if-none-match', known.tag);
    const { status, tag, text } = await this.#answer(query, headers, stop);
    if (status === 304 && known !== undefined) return { ...known, isNew: false };
    if (status !== 200)
      throw new WeirError('feed_unavailable', `The bridge answers the feed with ${status}.`, { status });
    const page = readFeedPage(jsonOf(text));
    if (typeof page === 'string') throw unreadable(page);
    return { tag, page, isNew: true };
  }

  async #answer(
    query: URLSearchParams,
    headers: Headers,
    stop: AbortSignal,
  ): Promise<{ status: number; tag: string; text: string }> {
    const signal = AbortSignal.any([stop, AbortSignal.timeout(this.#config.timeoutMs)]);
    try {
      const url = `${this.#config.url}/billing/v1/feed?${query.toString()}`;
      const answer = await this.#fetch(url, { headers, signal, redirect: 'error' });
      const text = await boundedText(answer, this.#config.maxPageBytes);
      return { status: answer.status, tag: answer.headers.get('etag') ?? '', text };
    } catch (error) {
      if (error instanceof WeirError) throw error;
      throw new WeirError('feed_unavailable', `The bridge gives no feed: ${messageOf(error)}`, {}, error);
    }
  }
}

async function boundedText(answer: Response, most: number): Promise<string> {
  const reader: ReadableStreamDefaultReader<Uint8Array> | undefined = answer.body?.getReader();
  if (reader === undefined) return '';
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
    bytes += piece.value.byteLength;
    if (bytes > most) {
      await reader.cancel();
      throw unreadable(`a page is longer than ${most} octets`);
    }
    pieces.push(piece.value);
  }
  return Buffer.concat(pieces).toString('utf8');
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw unreadable('no JSON');
  }
}

function unreadable(what: string): WeirError {
  return new WeirError('feed_unreadable', `The feed of the bridge cannot be used: ${what}.`, { what });
}
