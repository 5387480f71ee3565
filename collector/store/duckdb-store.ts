// The embedded metric store: one DuckDB file with the readings and the position of the journal, opened anew after every failure.
import type { DurationMs, EpochMs } from '../../common/model/time.ts';
import { Breather } from '../../common/runtime/breather.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import { codeOf, messageOf, WeirError } from '../../common/runtime/errors.ts';
import type { CounterMetric as Count, Reporter } from '../../common/runtime/reporter.ts';
import type { JournaledBatch } from '../project/projection.ts';
import { DuckDbFile } from './duckdb-file.ts';
import { readCounterSpans, readLatest, readNumberSpans, readTop } from './duckdb-queries.ts';
import { DuckDbWriter } from './duckdb-writer.ts';
import { gridOf, pointsOf } from './grid.ts';
import { type Metric, metricNamed } from './metrics.ts';
import { averageSpans } from './average-spans.ts';
import { type Resource, resourceName, splitResource } from './resource-book.ts';
import type { Span } from './spans.ts';
import {
  type CatalogueQuery,
  type GaugeResource,
  type ManyQuery,
  MAX_MANY,
  type StoredSeries,
  type LatestQuery,
  type LatestValue,
  MAX_LATEST,
  MAX_TOP,
  type MetricStore,
  type Series,
  type SeriesQuery,
  type TopQuery,
  type TopResource,
} from './store.ts';
import type { StoreConfig } from './store-config.ts';

interface Opened {
  readonly file: DuckDbFile;
  readonly writer: DuckDbWriter;
}

/** A chunk of this many rows is worth its commit at once: there is a backlog to work off. */
const LARGE_CHUNK_ROWS = 5000;
const RETENTION_EVERY_MS = 3_600_000;
const MAX_GAUGES = 10_000;
const DEFAULT_INTERVAL_MS = 60_000;

export class DuckDbStore implements MetricStore {
  readonly name = 'store';
  readonly #reporter: Reporter;
  readonly #config: StoreConfig;
  readonly #clock: Clock;
  readonly #stopping = new AbortController();
  readonly #rows: Count;
  readonly #dropped: Count;
  #opening: Promise<Opened> | null = null;
  #trouble: string | null = null;
  #retaining: Promise<void> | null = null;

  constructor(reporter: Reporter, config: StoreConfig, deps: { readonly clock: Clock }) {
    this.#reporter = reporter;
    this.#config = config;
    this.#clock = deps.clock;
    this.#rows = reporter.counter('store_rows_total', 'Rows written to the metric store');
    this.#dropped = reporter.counter('store_rows_dropped_total', 'Rows left out: more resources than the bound');
    reporter.health('metric store', () => ({
      healthy: this.#trouble === null,
      message: this.#trouble ?? 'open',
    }));
  }

  /** Opens the file. Where that fails it is told and tried again at the next call: alarms and bills do not wait for graphs. */
  async start(): Promise<void> {
    await this.#opened().catch(() => undefined);
    this.#retaining ??= this.#retain();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#retaining;
    const opening = this.#opening;
    this.#opening = null;
    const opened = await opening?.catch(() => null);
    await opened?.file.close();
  }

  async position(journal: string): Promise<number> {
    return (await this.#opened()).writer.position(journal);
  }

  async apply(entries: readonly JournaledBatch[]): Promise<void> {
    const startedAtMs = this.#clock.monotonicMs();
    const opened = await this.#opened();
    try {
      const { rows, dropped } = await opened.writer.apply(entries, new Breather(this.#clock));
      this.#rows.add(rows);
      if (dropped > 0) this.#dropped.add(dropped);
      if (rows < LARGE_CHUNK_ROWS) await this.#pause(startedAtMs);
    } catch (error) {
      // What is held in memory has run ahead of the file.
      await this.#reopenLater(opened, error);
      throw error;
    }
  }

  async series(query: SeriesQuery): Promise<Series> {
    const metric = metricNamed(query.metric, query.function);
    const opened = await this.#opened();
    const resources = resourcesOf(opened, metric, query);
    const intervalMs = Math.max(0, ...resources.map((one) => one.intervalMs)) || DEFAULT_INTERVAL_MS;
    const grid = gridOf(query.fromMs, query.toMs, query.stepMs, intervalMs);
    const lines: Span[][] = [];
    for (const one of resources) lines.push(await this.#spans(opened, metric, one, grid.fromMs, grid.toMs));
    const only = lines.length === 1 ? lines[0] : undefined;
    const unit = metric.unit === '' ? (resources[0]?.unit ?? '') : metric.unit;
    return {
      metric: query.metric,
      resource: query.resource,
      function: query.function,
      unit: query.function === 'delta' && metric.kind === 'counter' ? (metric.deltaUnit ?? unit) : unit,
      ...grid,
      points: pointsOf(grid, only ?? averageSpans(lines), query.function),
    };
  }

  async many(query: ManyQuery): Promise<readonly Series[]> {
    const found: Series[] = [];
    for (const resource of query.resources.slice(0, MAX_MANY)) found.push(await this.series({ ...query, resource }));
    return found;
  }

  async catalogue(_query: CatalogueQuery): Promise<readonly StoredSeries[]> {
    await this.#opened();
    return [];
  }

  async latest(query: LatestQuery): Promise<readonly LatestValue[]> {
    const metric = metricNamed(query.metric, null);
    const opened = await this.#opened();
    const wanted = query.resources.slice(0, MAX_LATEST).flatMap((resource) => {
      const found = resourcesOf(opened, metric, { metric: query.metric, resource });
      return found.length === 1 ? found : [];
    });
    if (wanted.length === 0) return [];
    const found = await this.#reading(opened, () =>
      readLatest(
        opened.file,
        metric,
        wanted.map((one) => one.id),
        query.sinceMs,
      ),
    );
    return wanted.flatMap((one) => {
      const value = found.get(one.id);
      return value === undefined ? [] : [{ resource: resourceName(one), ...value }];
    });
  }

  async top(query: TopQuery): Promise<readonly TopResource[]> {
    const metric = metricNamed(query.metric, null);
    const opened = await this.#opened();
    const limit = Math.max(0, Math.min(MAX_TOP, Math.trunc(query.limit)));
    if (limit === 0 || query.toMs <= query.fromMs) return [];
    const gauges =
      metric.kind === 'number' && metric.gauge !== null
        ? opened.writer.book.gaugesOf(metric.gauge).map((one) => one.id)
        : null;
    const found = await this.#reading(opened, () =>
      readTop(opened.file, metric, query.fromMs, query.toMs, limit, gauges),
    );
    return found.flatMap(({ resource, value }) => {
      const known = opened.writer.book.byId(resource);
      return known === undefined ? [] : [{ resource: resourceName(known), value }];
    });
  }

  async gauges(device: string): Promise<readonly GaugeResource[]> {
    const { writer } = await this.#opened();
    return writer.book
      .findGauges(device, null)
      .slice(0, MAX_GAUGES)
      .map((one) => ({
        resource: resourceName(one),
        device,
        metric: one.metric,
        description: one.description,
        unit: one.unit,
      }));
  }

  #spans(opened: Opened, metric: Metric, one: Resource, fromMs: EpochMs, toMs: EpochMs): Promise<Span[]> {
    return this.#reading(opened, () =>
      metric.kind === 'counter'
        ? readCounterSpans(opened.file, metric, one.id, one.intervalMs, fromMs, toMs)
        : readNumberSpans(opened.file, metric, one.id, one.intervalMs, fromMs, toMs),
    );
  }

  #opened(): Promise<Opened> {
    if (this.#stopping.signal.aborted)
      return Promise.reject(new WeirError('store_unavailable', 'The metric store has been stopped.'));
    this.#opening ??= this.#open();
    return this.#opening;
  }

  async #open(): Promise<Opened> {
    try {
      const file = await DuckDbFile.open(this.#config);
      const writer = await DuckDbWriter.load(file).catch(async (error: unknown) => {
        await file.close();
        throw error;
      });
      this.#trouble = null;
      return { file, writer };
    } catch (error) {
      this.#opening = null;
      this.#tell(error);
      throw error;
    }
  }

  /** A question that fails because of the file closes it; the next one opens it again. */
  async #reading<T>(opened: Opened, read: () => Promise<T>): Promise<T> {
    try {
      return await read();
    } catch (error) {
      if (error instanceof WeirError && error.code.startsWith('store_')) await this.#reopenLater(opened, error);
      throw error;
    }
  }

  async #reopenLater(opened: Opened, error: unknown): Promise<void> {
    if ((await this.#opening?.catch(() => null)) === opened) this.#opening = null;
    this.#tell(error);
    await opened.file.close().catch(() => undefined);
  }

  #tell(error: unknown): void {
    const trouble = `${codeOf(error)}: ${messageOf(error)}`;
    if (trouble !== this.#trouble) this.#reporter.error('metric store does not work', { reason: trouble });
    this.#trouble = trouble;
  }

  /** So that readings which trickle in share a commit; the journal gathers them meanwhile. */
  async #pause(startedAtMs: number): Promise<void> {
    const leftMs: DurationMs = this.#config.commitIntervalMs - (this.#clock.monotonicMs() - startedAtMs);
    if (leftMs > 0) await this.#clock.sleep(leftMs, this.#stopping.signal);
  }

  async #retain(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      await this.#clock.sleep(RETENTION_EVERY_MS, this.#stopping.signal);
      if (this.#stopping.signal.aborted) return;
      await this.forgetBefore(this.#clock.now() - this.#config.rawRetentionMs).catch((error: unknown) => {
        this.#reporter.warn('old readings not forgotten', { code: codeOf(error), message: messageOf(error) });
      });
    }
  }

  /** Deletes readings older than that. */
  async forgetBefore(beforeMs: EpochMs): Promise<void> {
    const opened = await this.#opened();
    try {
      await opened.writer.forgetBefore(beforeMs);
    } catch (error) {
      await this.#reopenLater(opened, error);
      throw error;
    }
  }
}

/** Those that a query means; none where nothing of it was ever stored. A device alone means all of its gauges of that metric. */
function resourcesOf(
  opened: Opened,
  metric: Metric,
  query: { readonly metric: string; readonly resource: string },
): Resource[] {
  const { device, part } = splitResource(query.resource);
  const { book } = opened.writer;
  if (metric.kind === 'counter' || metric.table === 'interface_metrics') {
    const found = book.findInterface(device, part);
    return found === undefined ? [] : [found];
  }
  if (metric.table === 'device_metrics') {
    const found = part === '' ? book.findDevice(device) : undefined;
    return found === undefined ? [] : [found];
  }
  return book.findGauges(device, metric.gauge).filter((one) => part === '' || one.part === part);
}
