// The embedded metric store: one DuckDB file with the readings and the position of the journal, opened anew after every failure.
import type { Poll } from '../../common/model/poll.ts';
import type { DurationMs, EpochMs } from '../../common/model/time.ts';
import { Breather } from '../../common/runtime/breather.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import type { CounterMetric as Count, GaugeMetric, Reporter } from '../../common/runtime/reporter.ts';
import type { JournaledBatch } from '../project/projection.ts';
import { DuckDbOpening } from './duckdb-opening.ts';
import { DuckDbUpkeep } from './duckdb-upkeep.ts';
import { readPolls } from './duckdb-polls.ts';
import { readLatest } from './duckdb-queries.ts';
import type { DuckDbWriter } from './duckdb-writer.ts';
import { metricNamed } from './metrics.ts';
import { planTiers } from './tier-plan.ts';
import { coarsestOf, readTieredSpans } from './tier-queries.ts';
import { readShares } from './tier-shares.ts';
import { readStatistics } from './tier-statistics.ts';
import { readTieredTop } from './tier-top.ts';
import { RESOURCE_KINDS, type ResourceBook } from './resource-book.ts';
import {
  type CatalogueQuery,
  type GaugeResource,
  type ManyQuery,
  type StoredSeries,
  type LatestQuery,
  type LatestValue,
  type MetricStore,
  type PollsQuery,
  type Series,
  type SeriesQuery,
  type Shares,
  type SharesQuery,
  type Statistics,
  type StatisticsQuery,
  type TopQuery,
  type TopResource,
} from './store.ts';
import { askedLatest, askedSeries, askedTop, gaugesOf, latestByName, oneOf, topByName } from './store-answers.ts';
import type { StoreConfig } from './store-config.ts';

/** A chunk of this many rows is worth its commit at once: there is a backlog to work off. */
const LARGE_CHUNK_ROWS = 5000;

export class DuckDbStore implements MetricStore {
  readonly name = 'store';
  readonly #config: StoreConfig;
  readonly #clock: Clock;
  readonly #stopping = new AbortController();
  readonly #rows: Count;
  readonly #dropped: Count;
  readonly #resources: GaugeMetric;
  readonly #opening: DuckDbOpening;
  readonly #upkeep: DuckDbUpkeep;
  /** The position of each journal that its reader goes on from. */
  readonly #told = new Map<string, number>();
  #countedVersion = -1;
  #upkeeping: Promise<void> | null = null;

  constructor(reporter: Reporter, config: StoreConfig, deps: { readonly clock: Clock }) {
    this.#config = config;
    this.#clock = deps.clock;
    this.#rows = reporter.counter('store_rows_total', 'Rows written to the metric store');
    this.#dropped = reporter.counter('store_rows_dropped_total', 'Rows left out: more resources than the bound');
    this.#resources = reporter.gauge('store_resources', 'Resources that the metric store knows', ['kind']);
    this.#opening = new DuckDbOpening(reporter, config, deps);
    this.#upkeep = new DuckDbUpkeep(reporter, config, { ...deps, opening: this.#opening });
  }

  /** Opens the file. Where that fails it is told and tried again at the next call: alarms and bills do not wait for graphs. */
  async start(): Promise<void> {
    await this.#opening.opened().catch(() => undefined);
    this.#upkeeping ??= this.#upkeep.run(this.#stopping.signal);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#upkeeping;
    await this.#opening.close();
  }

  async position(journal: string): Promise<number> {
    const position = (await this.#opening.opened()).writer.position(journal);
    this.#told.set(journal, position);
    return position;
  }

  async apply(entries: readonly JournaledBatch[]): Promise<void> {
    const startedAtMs = this.#clock.monotonicMs();
    const opened = await this.#opening.opened();
    this.#refuseHole(opened.writer, entries);
    try {
      const { rows, dropped } = await opened.writer.apply(entries, new Breather(this.#clock));
      this.#rows.add(rows);
      if (dropped > 0) this.#dropped.add(dropped);
      this.#count(opened.writer.book);
      this.#upkeep.tellLag();
      for (const { journal } of entries) this.#told.set(journal, opened.writer.position(journal));
      if (rows < LARGE_CHUNK_ROWS) await this.#pause(startedAtMs);
    } catch (error) {
      // What is held in memory has run ahead of the file.
      await this.#opening.reopenLater(opened, error);
      throw error;
    }
  }

  /** Sets the position of the journal back, durably; what is applied after it with `again` replaces what was. */
  async rewind(journal: string, position: number): Promise<void> {
    await this.#opening.changing((opened) => opened.writer.rewind(journal, position));
    this.#told.set(journal, position);
  }

  series(query: SeriesQuery): Promise<Series> {
    return oneOf(this, query);
  }

  async many(query: ManyQuery): Promise<readonly Series[]> {
    const metric = metricNamed(query.metric, query.function);
    const opened = await this.#opening.opened();
    const asked = askedSeries(opened.writer.book, metric, query);
    const sections = planTiers({ ...asked.grid, function: query.function }, opened.rollUp.reach());
    const spans = await this.#opening.reading(opened, () =>
      readTieredSpans(opened.file, metric, asked.resources, sections, query.function),
    );
    return asked.answer(spans, coarsestOf(sections));
  }

  async catalogue(query: CatalogueQuery): Promise<readonly StoredSeries[]> {
    if (query.metric !== undefined) metricNamed(query.metric, null);
    return (await this.#opening.opened()).catalogue.page(query);
  }

  async latest(query: LatestQuery): Promise<readonly LatestValue[]> {
    const metric = metricNamed(query.metric, null);
    const opened = await this.#opening.opened();
    const wanted = askedLatest(opened.writer.book, metric, query);
    if (wanted.length === 0) return [];
    const ids = wanted.map((one) => one.id);
    const found = await this.#opening.reading(opened, () => readLatest(opened.file, metric, ids, query.sinceMs));
    return latestByName(wanted, found);
  }

  async top(query: TopQuery): Promise<readonly TopResource[]> {
    const metric = metricNamed(query.metric, null);
    const opened = await this.#opening.opened();
    const { book } = opened.writer;
    const wanted = askedTop(book, metric, query);
    if (wanted === null) return [];
    const found = await this.#opening.reading(opened, () =>
      opened.file.widely(() => readTieredTop(opened.file, metric, wanted, opened.rollUp.reach())),
    );
    return topByName(book, found);
  }

  async statistics(query: StatisticsQuery): Promise<Statistics | null> {
    const opened = await this.#opening.opened();
    return this.#opening.reading(opened, () =>
      opened.file.widely(() => readStatistics(opened.file, opened.writer.book, query, opened.rollUp.reach())),
    );
  }

  async shares(query: SharesQuery): Promise<Shares | null> {
    const opened = await this.#opening.opened();
    return this.#opening.reading(opened, () =>
      opened.file.widely(() => readShares(opened.file, opened.writer.book, query, opened.rollUp.reach())),
    );
  }

  async gauges(device: string): Promise<readonly GaugeResource[]> {
    return gaugesOf((await this.#opening.opened()).writer.book, device);
  }

  async polls(query: PollsQuery): Promise<readonly Poll[]> {
    const opened = await this.#opening.opened();
    return this.#opening.reading(opened, () => readPolls(opened.file, opened.writer.book, query));
  }

  /** Opened anew it may stand further back than it told: what lies between would be lost. Who asks for the position goes on from there. */
  #refuseHole(writer: DuckDbWriter, entries: readonly JournaledBatch[]): void {
    for (const { journal } of entries) {
      const [told, position] = [this.#told.get(journal) ?? 0, writer.position(journal)];
      if (position >= told) continue;
      const what = `The metric store stands at position ${position} of its journal, not at ${told} as it told.`;
      throw new WeirError('store_unavailable', what, { journal, position, told });
    }
  }

  #count(book: ResourceBook): void {
    if (this.#countedVersion === book.version) return;
    this.#countedVersion = book.version;
    for (const kind of RESOURCE_KINDS) this.#resources.set(book.count(kind), { kind });
  }

  /** So that readings which trickle in share a commit; the journal gathers them meanwhile. */
  async #pause(startedAtMs: number): Promise<void> {
    const leftMs: DurationMs = this.#config.commitIntervalMs - (this.#clock.monotonicMs() - startedAtMs);
    if (leftMs > 0) await this.#clock.sleep(leftMs, this.#stopping.signal);
  }

  /** Rolls up the whole hours before that time, and late readings. */
  rollUp(beforeMs: EpochMs): Promise<void> {
    return this.#upkeep.rollUp(beforeMs, this.#stopping.signal);
  }

  /** Deletes of each tier what is older than its retention; what is not yet rolled up stays. */
  retain(nowMs: EpochMs): Promise<void> {
    return this.#upkeep.retain(nowMs);
  }

  /** Deletes readings older than that. */
  forgetBefore(beforeMs: EpochMs): Promise<void> {
    return this.#upkeep.forgetBefore(beforeMs);
  }
}
