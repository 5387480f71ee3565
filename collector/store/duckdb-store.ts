// The embedded metric store: one DuckDB file with the readings and the position of the journal, opened anew after every failure.
import type { DurationMs, EpochMs } from '../../common/model/time.ts';
import { Breather } from '../../common/runtime/breather.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import { codeOf, messageOf, WeirError } from '../../common/runtime/errors.ts';
import type { CounterMetric as Count, GaugeMetric, Reporter } from '../../common/runtime/reporter.ts';
import type { JournaledBatch } from '../project/projection.ts';
import { DuckDbFile } from './duckdb-file.ts';
import { readLatest, readSpans } from './duckdb-queries.ts';
import { readTop } from './duckdb-top.ts';
import { DuckDbWriter } from './duckdb-writer.ts';
import { type Grid, gridOf, pointsOf } from './grid.ts';
import { type Metric, metricNamed } from './metrics.ts';
import { averageSpans } from './average-spans.ts';
import { RESOURCE_KINDS, type Resource, type ResourceBook, resourceName, splitResource } from './resource-book.ts';
import { SeriesCatalogue } from './stored-series.ts';
import {
  type CatalogueQuery,
  type GaugeResource,
  type ManyQuery,
  MAX_MANY,
  MAX_MANY_POINTS,
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
  readonly catalogue: SeriesCatalogue;
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
  readonly #resources: GaugeMetric;
  #countedVersion = -1;
  #opening: Promise<Opened> | null = null;
  #trouble: string | null = null;
  #retaining: Promise<void> | null = null;

  constructor(reporter: Reporter, config: StoreConfig, deps: { readonly clock: Clock }) {
    this.#reporter = reporter;
    this.#config = config;
    this.#clock = deps.clock;
    this.#rows = reporter.counter('store_rows_total', 'Rows written to the metric store');
    this.#dropped = reporter.counter('store_rows_dropped_total', 'Rows left out: more resources than the bound');
    this.#resources = reporter.gauge('store_resources', 'Resources that the metric store knows', ['kind']);
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
      this.#count(opened.writer.book);
      if (rows < LARGE_CHUNK_ROWS) await this.#pause(startedAtMs);
    } catch (error) {
      // What is held in memory has run ahead of the file.
      await this.#reopenLater(opened, error);
      throw error;
    }
  }

  /** Sets the position of the journal back, durably; what is applied after it with `again` replaces what was. */
  async rewind(journal: string, position: number): Promise<void> {
    const opened = await this.#opened();
    try {
      await opened.writer.rewind(journal, position);
    } catch (error) {
      await this.#reopenLater(opened, error);
      throw error;
    }
  }

  async series(query: SeriesQuery): Promise<Series> {
    const { resource, ...others } = query;
    const [found] = await this.many({ ...others, resources: [resource] });
    if (found === undefined) throw new Error('BUG: a series without an answer');
    return found;
  }

  async many(query: ManyQuery): Promise<readonly Series[]> {
    const metric = metricNamed(query.metric, query.function);
    const opened = await this.#opened();
    const asked = query.resources.slice(0, MAX_MANY).map((name) => ({
      name,
      resources: resourcesOf(opened, metric, { metric: query.metric, resource: name }),
    }));
    const all = new Map(asked.flatMap(({ resources }) => resources.map((one) => [one.id, one] as const)));
    const intervalMs = Math.max(0, ...[...all.values()].map((one) => one.intervalMs)) || DEFAULT_INTERVAL_MS;
    const grid = gridOf(query.fromMs, query.toMs, query.stepMs, intervalMs);
    refuseTooManyPoints(grid, asked.length);
    const spans = await this.#reading(opened, () =>
      readSpans(opened.file, metric, [...all.values()], grid.fromMs, grid.toMs),
    );
    return asked.map(({ name, resources }) => {
      const lines = resources.map((one) => spans.get(one.id) ?? []);
      const only = lines.length === 1 ? lines[0] : undefined;
      const unit = metric.unit === '' ? (resources[0]?.unit ?? '') : metric.unit;
      return {
        metric: query.metric,
        resource: name,
        function: query.function,
        unit: query.function === 'delta' && metric.kind === 'counter' ? (metric.deltaUnit ?? unit) : unit,
        ...grid,
        points: pointsOf(grid, only ?? averageSpans(lines), query.function),
      };
    });
  }

  async catalogue(query: CatalogueQuery): Promise<readonly StoredSeries[]> {
    if (query.metric !== undefined) metricNamed(query.metric, null);
    return (await this.#opened()).catalogue.page(query);
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
    const found = await this.#reading(opened, () =>
      readTop(opened.file, metric, {
        fromMs: query.fromMs,
        toMs: query.toMs,
        limit,
        function: query.function ?? 'avg',
        ids: idsAmong(opened, metric, query.among),
      }),
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

  #count(book: ResourceBook): void {
    if (this.#countedVersion === book.version) return;
    this.#countedVersion = book.version;
    for (const kind of RESOURCE_KINDS) this.#resources.set(book.count(kind), { kind });
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
      return { file, writer, catalogue: new SeriesCatalogue(writer.book) };
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

function refuseTooManyPoints(grid: Grid, resources: number): void {
  const points = ((grid.toMs - grid.fromMs) / grid.stepMs) * resources;
  if (points <= MAX_MANY_POINTS) return;
  throw new WeirError('series_too_long', `The answer would have ${points} points, ${MAX_MANY_POINTS} are the most.`, {
    points,
    most: MAX_MANY_POINTS,
  });
}

/** Resources that may be ranked; null where that is everything in the metric's table. */
function idsAmong(opened: Opened, metric: Metric, among: TopQuery['among']): number[] | null {
  const { book } = opened.writer;
  const gauge = metric.kind === 'number' ? metric.gauge : null;
  if (among === undefined) return gauge === null ? null : book.gaugesOf(gauge).map((one) => one.id);
  const ids = new Set<number>();
  const kind = metric.kind === 'counter' || metric.table === 'interface_metrics' ? 'interface' : 'device';
  for (const device of among.devices)
    for (const one of book.ofDevice(device))
      if (gauge === null ? one.kind === kind : one.metric === gauge) ids.add(one.id);
  for (const resource of among.resources)
    for (const one of resourcesOf(opened, metric, { metric: gauge ?? '', resource }))
      if (gauge === null || resourceName(one) === resource) ids.add(one.id);
  return [...ids];
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
  if (metric.table === 'point_metrics') {
    const found = book.findPoint(query.metric, query.resource);
    return found === undefined ? [] : [found];
  }
  return book.findGauges(device, metric.gauge).filter((one) => part === '' || one.part === part);
}
