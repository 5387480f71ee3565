// The mirror of the bridge's feed: pulled again and again, kept in the database, and never emptied by a bridge that is away or strange.
import type { EpochMs } from '../../common/model/time.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import type { Component } from '../../common/runtime/component.ts';
import { codeOf, messageOf, WeirError } from '../../common/runtime/errors.ts';
import type { CounterMetric, Reporter } from '../../common/runtime/reporter.ts';
import { type Backoff, backoffDelay } from '../../common/runtime/retry.ts';
import type { FeedSource } from './feed-source.ts';
import type { KeptCopy, MirrorStore } from './mirror-store.ts';
import { type MirroredService, type MirrorState, type ServiceBook, STALE_AFTER_MS } from './service-book.ts';
import { nextEnd, running, ServiceIndex } from './service-index.ts';

export interface ServiceMirrorDeps {
  readonly clock: Clock;
  readonly random: () => number;
  readonly store: Pick<MirrorStore, 'load' | 'replace' | 'confirm'>;
  /** Null where the collector has no token to ask the bridge with: the last copy stays, and grows stale. */
  readonly source: FeedSource | null;
}

/** How long what ended is kept, so that a KPI of last month knows it. */
const KEPT_MS = 400 * 86_400_000;
const DAY_MS = 86_400_000;
const PULL_EVERY_MS = 30_000;
/** Below STALE_AFTER_MS: a bridge that is back is fresh soon. */
const BACKOFF: Backoff = { firstMs: 1000, mostMs: 60_000 };

export class ServiceMirror implements Component, ServiceBook {
  readonly #reporter: Reporter;
  readonly #deps: ServiceMirrorDeps;
  readonly #pulls: CounterMetric;
  #index = new ServiceIndex([]);
  #history = new ServiceIndex([]);
  #nextEndMs = Infinity;
  #version: string | null = null;
  #freshAtMs: EpochMs | null = null;
  #loaded = false;
  /** A copy that was pulled is not kept yet: the next is written, though the bridge says that nothing changed. */
  #behind = false;
  #trouble: string | null = null;
  #stopping = new AbortController();
  #running: Promise<void> | null = null;

  constructor(reporter: Reporter, deps: ServiceMirrorDeps) {
    this.#reporter = reporter;
    this.#deps = deps;
    this.#pulls = reporter.counter('services_pulls_total', "Pulls of the bridge's feed, by result", ['result']);
    // Never unhealthy: the collector does its work without the bridge, which starts after it.
    reporter.health('services', () => ({ healthy: true, message: this.#says() }));
  }

  async start(): Promise<void> {
    if (this.#running !== null) return;
    this.#stopping = new AbortController();
    this.#running = this.#run(this.#stopping.signal);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
    this.#running = null;
  }

  state(): MirrorState {
    const freshAtMs = this.#freshAtMs;
    const stale = freshAtMs === null || this.#deps.clock.now() - freshAtMs > STALE_AFTER_MS;
    return { version: this.#version, freshAtMs, stale };
  }

  services(): readonly MirroredService[] {
    return this.#index.all;
  }

  service(id: string): MirroredService | undefined {
    return this.#index.byId.get(id);
  }

  ofCustomer(customer: string): readonly MirroredService[] {
    return this.#index.byCustomer.get(customer) ?? [];
  }

  /** The same with services and bindings that ended in the last 400 days. */
  get history(): Pick<ServiceBook, 'services' | 'service' | 'ofCustomer'> {
    return {
      services: () => this.#history.all,
      service: (id) => this.#history.byId.get(id),
      ofCustomer: (customer) => this.#history.byCustomer.get(customer) ?? [],
    };
  }

  boundTo(resource: string, atMs: EpochMs): readonly MirroredService[] {
    return this.#index.boundTo(resource, atMs);
  }

  /** One round: the kept copy where it is not known yet, then the bridge. True where it is known to be fresh now; for tests, too. */
  async refresh(signal: AbortSignal): Promise<boolean> {
    try {
      if (!this.#loaded) await this.#load();
      if (this.#deps.source === null) return true;
      const result = await this.#pull(this.#deps.source, signal);
      this.#pulls.add(1, { result });
      this.#trouble = null;
      return true;
    } catch (error) {
      if (signal.aborted) return false;
      this.#pulls.add(1, { result: codeOf(error) });
      const trouble = `${messageOf(error)} [${codeOf(error)}]`;
      if (this.#trouble === null) this.#reporter.warn('the mirror of services is not refreshed', { error });
      this.#trouble = trouble;
      return false;
    } finally {
      this.#measure();
    }
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#deps;
    let failures = 0;
    while (!signal.aborted) {
      failures = (await this.refresh(signal)) ? 0 : failures + 1;
      await clock.sleep(failures === 0 ? PULL_EVERY_MS : backoffDelay(BACKOFF, failures - 1, random), signal);
    }
  }

  async #load(): Promise<void> {
    const kept = await this.#deps.store.load();
    this.#loaded = true;
    if (kept !== null) this.#take(kept);
  }

  async #pull(source: FeedSource, signal: AbortSignal): Promise<'changed' | 'same'> {
    // By days, so that the bridge is asked for the same again.
    const sinceMs = Math.floor(this.#deps.clock.now() / DAY_MS) * DAY_MS - KEPT_MS;
    const { version, services, changed } = await source.pull(sinceMs, signal);
    const freshAtMs = this.#deps.clock.now();
    if (this.#version !== null && BigInt(version) < BigInt(this.#version)) throw older(version, this.#version);
    if (!changed && !this.#behind && version === this.#version) {
      await this.#deps.store.confirm(version, freshAtMs);
      this.#freshAtMs = freshAtMs;
      if (freshAtMs >= this.#nextEndMs) this.#leaveOutEnded(freshAtMs);
      return 'same';
    }
    this.#behind = true;
    const copy = { version, freshAtMs, services };
    if (!(await this.#deps.store.replace(copy))) {
      await this.#load();
      throw older(version, this.#version ?? '');
    }
    this.#behind = false;
    this.#take(copy);
    return 'changed';
  }

  #take({ version, freshAtMs, services }: KeptCopy): void {
    this.#history = new ServiceIndex(services);
    this.#leaveOutEnded(this.#deps.clock.now());
    this.#version = version;
    this.#freshAtMs = freshAtMs;
  }

  #leaveOutEnded(nowMs: EpochMs): void {
    this.#index = new ServiceIndex(running(this.#history.all, nowMs));
    this.#nextEndMs = nextEnd(this.#history.all, nowMs);
  }

  #measure(): void {
    const { freshAtMs, stale } = this.state();
    this.#reporter.gauge('services_mirrored', 'Services in the mirror').set(this.#index.all.length);
    this.#reporter.gauge('services_mirror_stale', '1 where the mirror is older than five minutes').set(stale ? 1 : 0);
    if (freshAtMs !== null)
      this.#reporter
        .gauge('services_mirror_fresh_timestamp_seconds', "When the mirror was last known to be the bridge's")
        .set(freshAtMs / 1000);
  }

  #says(): string {
    const { version, stale } = this.state();
    const what = version === null ? 'no copy yet' : `version ${version}, ${this.#index.all.length} services`;
    const why = this.#deps.source === null ? ': no token of the bridge (WEIR_BRIDGE_TOKEN)' : '';
    return `${what}${stale ? ', stale' : ''}${this.#trouble === null ? why : `: ${this.#trouble}`}`;
  }
}

function older(version: string, held: string): WeirError {
  return new WeirError('feed_older', `The bridge gives version ${version} of its contracts, ${held} is mirrored.`, {
    version,
    held,
  });
}
