// The metric store on a server of line protocol: InfluxDB 1, 2 or 3, or VictoriaMetrics for writing only. The journal is its buffer: an entry counts as applied once the server has acknowledged all of it.
import type { Database, Queryable } from '../../common/database/database.ts';
import type { Poll } from '../../common/model/poll.ts';
import type { DurationMs } from '../../common/model/time.ts';
import { Breather } from '../../common/runtime/breather.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import { codeOf, messageOf, WeirError } from '../../common/runtime/errors.ts';
import type { CounterMetric as Count, Reporter } from '../../common/runtime/reporter.ts';
import type { JournaledBatch } from '../project/projection.ts';
import { InfluxBook, keepRejected } from './influx-book.ts';
import { InfluxClient, ServerBusy } from './influx-client.ts';
import type { InfluxConfig } from './influx-config.ts';
import { type Delivered, InfluxDelivery, type Line } from './influx-delivery.ts';
import { type LineForm, pointLine, pollLines, tooLarge } from './influx-lines.ts';
import { readPolls } from './influx-polls.ts';
import { latestOf, rankedOf, type Reading, spansOf } from './influx-reading.ts';
import { metricNamed } from './metrics.ts';
import { READINGS_AT_ONCE, seriesAtOnce, windowsOf } from './reading-windows.ts';
import type { Resource } from './resource-book.ts';
import { askedLatest, askedSeries, askedTop, gaugesOf, latestByName, oneOf, topByName } from './store-answers.ts';
import {
  type CatalogueQuery,
  type GaugeResource,
  type LatestQuery,
  type LatestValue,
  type ManyQuery,
  MAX_MANY,
  type MetricStore,
  type PollsQuery,
  type Series,
  type SeriesPoint,
  type SeriesQuery,
  type StoredSeries,
  type TopQuery,
  type TopResource,
} from './store.ts';
import { SeriesCatalogue } from './stored-series.ts';

export interface InfluxStoreDeps {
  readonly clock: Clock;
  readonly database: Database;
  /** De-duplication and the position, from collector/project. */
  readonly claim: (
    connection: Queryable,
    projection: string,
    entries: readonly JournaledBatch[],
  ) => Promise<JournaledBatch[]>;
  readonly positionOf: (database: Queryable, projection: string, journal: string) => Promise<number>;
  readonly setPosition: (database: Queryable, projection: string, journal: string, position: number) => Promise<void>;
  /** Of one question to the server; READINGS_AT_ONCE where it is left out. */
  readonly readingsAtOnce?: number;
}

const LEARN_EVERY_MS = 30_000;
const LARGE_CHUNK_LINES = 5000;

export class InfluxStore implements MetricStore {
  readonly name = 'store';
  readonly #reporter: Reporter;
  readonly #config: InfluxConfig;
  readonly #deps: InfluxStoreDeps;
  readonly #client: InfluxClient;
  readonly #form: LineForm;
  readonly #known = new InfluxBook();
  readonly #catalogue = new SeriesCatalogue(this.#known.book);
  readonly #stopping = new AbortController();
  readonly #written: Count;
  readonly #rejected: Count;
  readonly #dropped: Count;
  #learning: Promise<void> | null = null;
  #learntAtMs = Number.NEGATIVE_INFINITY;
  /** By the monotonic clock: the server asked to be left alone until then. */
  #notBeforeMs = 0;
  #trouble: string | null = null;

  constructor(reporter: Reporter, config: InfluxConfig, deps: InfluxStoreDeps) {
    this.#reporter = reporter;
    this.#config = config;
    this.#deps = deps;
    this.#client = new InfluxClient(config, () => deps.clock.now());
    const reads = config.version !== 'victoriametrics';
    this.#form = { counters: reads ? 'signed' : 'unsigned', readable: reads };
    this.#written = reporter.counter('store_rows_total', 'Rows written to the metric store');
    this.#dropped = reporter.counter('store_rows_dropped_total', 'Rows left out: more resources than the bound');
    this.#rejected = reporter.counter(
      'store_lines_rejected_total',
      'Lines the server of the metric store refused, set aside',
    );
    reporter.health('metric store', () => ({ healthy: this.#trouble === null, message: this.#trouble ?? 'open' }));
  }

  start(): Promise<void> {
    return Promise.resolve();
  }

  stop(): Promise<void> {
    this.#stopping.abort();
    return Promise.resolve();
  }

  async position(journal: string): Promise<number> {
    return this.#deps.positionOf(this.#deps.database, this.name, journal);
  }

  async apply(entries: readonly JournaledBatch[]): Promise<void> {
    const { clock, database, claim } = this.#deps;
    const startedAtMs = clock.monotonicMs();
    const leftMs = this.#notBeforeMs - startedAtMs;
    if (leftMs > 0) await clock.sleep(leftMs, this.#stopping.signal);
    if (this.#stopping.signal.aborted) throw new WeirError('store_unavailable', 'The metric store has been stopped.');
    await this.#learn();
    const fresh = await this.#notYetApplied(entries);
    const delivered = await this.#deliver(fresh);
    const { written } = await database.transaction(async (connection) => {
      await claim(connection, this.name, entries);
      await keepRejected(connection, delivered.rejected, clock.now());
      return this.#known.write(connection);
    });
    written();
    this.#tell(delivered);
    if (delivered.written < LARGE_CHUNK_LINES) await this.#pause(startedAtMs);
  }

  /** What is applied after it with `again` overwrites what was. */
  async rewind(journal: string, position: number): Promise<void> {
    await this.#deps.setPosition(this.#deps.database, this.name, journal, position);
  }

  series(query: SeriesQuery): Promise<Series> {
    return oneOf(this, query);
  }

  async many(query: ManyQuery): Promise<readonly Series[]> {
    const metric = metricNamed(query.metric, query.function);
    const reading = await this.#reading(query.metric);
    const { book } = this.#known;
    const { grid, resources } = askedSeries(book, metric, query);
    const intervalMs = Math.max(1, ...resources.map((one) => one.intervalMs));
    const { readingsAtOnce = READINGS_AT_ONCE } = this.#deps;
    const most = seriesAtOnce(grid, intervalMs, readingsAtOnce);
    const answers: Series[] = [];
    for (let first = 0; first < query.resources.length; first += most) {
      const some = query.resources.slice(first, Math.min(MAX_MANY, first + most));
      const points: SeriesPoint[][] = some.map(() => []);
      let told: readonly Series[] = [];
      // Window after window: what was read of one is let go of before the next, however long the span is.
      for (const window of windowsOf(grid, some.length, intervalMs, readingsAtOnce)) {
        const asked = askedSeries(book, metric, { ...query, ...window, resources: some });
        told = asked.answer(await spansOf(reading, metric, asked.resources, window), 'raw');
        for (const [at, one] of told.entries()) points[at]?.push(...one.points);
      }
      answers.push(...told.map((one, at) => ({ ...one, ...grid, points: points[at] ?? [] })));
    }
    return answers;
  }

  async catalogue(query: CatalogueQuery): Promise<readonly StoredSeries[]> {
    if (query.metric !== undefined) metricNamed(query.metric, null);
    await this.#learn();
    return this.#catalogue.page(query);
  }

  async latest(query: LatestQuery): Promise<readonly LatestValue[]> {
    const metric = metricNamed(query.metric, null);
    const reading = await this.#reading(query.metric);
    const wanted = askedLatest(this.#known.book, metric, query);
    if (wanted.length === 0) return [];
    return latestByName(wanted, await latestOf(reading, metric, wanted, query.sinceMs));
  }

  async top(query: TopQuery): Promise<readonly TopResource[]> {
    const metric = metricNamed(query.metric, null);
    const reading = await this.#reading(query.metric);
    const { book } = this.#known;
    const wanted = askedTop(book, metric, query);
    if (wanted === null) return [];
    const kind = metric.kind === 'counter' || metric.table === 'interface_metrics' ? 'interface' : 'device';
    const resources: Resource[] =
      wanted.ids === null
        ? [...book.all()].filter((one) => one.kind === kind)
        : wanted.ids.flatMap((id) => book.byId(id) ?? []);
    const everything = query.among === undefined;
    return topByName(book, await rankedOf(reading, metric, resources, { ...wanted, everything }));
  }

  async gauges(device: string): Promise<readonly GaugeResource[]> {
    await this.#learn();
    return gaugesOf(this.#known.book, device);
  }

  async polls(query: PollsQuery): Promise<readonly Poll[]> {
    await this.#readable();
    return readPolls(this.#client, this.#known.book, query);
  }

  async #readable(): Promise<void> {
    if (!this.#form.readable)
      throw new WeirError(
        'store_reads_unsupported',
        'VictoriaMetrics is only written to: it does not understand InfluxQL.',
      );
    await this.#learn();
  }

  async #reading(metric: string): Promise<Reading> {
    await this.#readable();
    return { client: this.#client, places: this.#known.placesOf(metric) };
  }

  /** What the database knows of resources, now and again: another collector may have written some. */
  #learn(): Promise<void> {
    const nowMs = this.#deps.clock.monotonicMs();
    if (nowMs - this.#learntAtMs < LEARN_EVERY_MS) return Promise.resolve();
    this.#learning ??= this.#known
      .learn(this.#deps.database)
      .then(() => {
        this.#learntAtMs = nowMs;
      })
      .finally(() => {
        this.#learning = null;
      });
    return this.#learning;
  }

  /** Asked in a transaction that is taken back: the entries are claimed once the server has them. */
  async #notYetApplied(entries: readonly JournaledBatch[]): Promise<JournaledBatch[]> {
    const { database, claim, positionOf } = this.#deps;
    const positions = new Map<string, number>();
    for (const journal of new Set(entries.map((entry) => entry.journal)))
      positions.set(journal, await positionOf(database, this.name, journal));
    const unseen = entries.filter((entry) => entry.position > (positions.get(entry.journal) ?? 0));
    const fresh = new Set<JournaledBatch>();
    await database
      .transaction(async (connection) => {
        for (const entry of await claim(connection, this.name, unseen)) fresh.add(entry);
        throw new TakenBack();
      })
      .catch((error: unknown) => {
        if (!(error instanceof TakenBack)) throw error;
      });
    return unseen.filter((entry) => entry.points !== undefined || fresh.has(entry));
  }

  async #deliver(entries: readonly JournaledBatch[]): Promise<Delivered> {
    const delivery = new InfluxDelivery(this.#client, this.#config);
    try {
      return await delivery.deliver(this.#linesOf(entries, delivery));
    } catch (error) {
      if (error instanceof ServerBusy) this.#notBeforeMs = this.#deps.clock.monotonicMs() + error.retryAfterMs;
      const trouble = `${codeOf(error)}: ${messageOf(error)}`;
      if (trouble !== this.#trouble) this.#reporter.error('metric store does not work', { reason: trouble });
      this.#trouble = trouble;
      throw error;
    }
  }

  async *#linesOf(entries: readonly JournaledBatch[], delivery: InfluxDelivery): AsyncGenerator<Line> {
    const breather = new Breather(this.#deps.clock);
    const dropped = (): void => this.#dropped.add(1);
    for (const { journal, position, batch, clockOffsetMs, points } of entries) {
      const lineOf = (text: string): Line => ({ text, journal, position });
      if (points === undefined)
        for (const poll of batch.polls) {
          for (const text of pollLines(poll, clockOffsetMs, this.#form, this.#known.book, dropped)) yield lineOf(text);
          await breather.breathe();
        }
      if (points === undefined) continue;
      this.#known.addPoints([points], dropped);
      for (const point of points.points) {
        const text = pointLine(point);
        if (text === null) dropped();
        else if (tooLarge(point)) delivery.reject(lineOf(text), 'an integer needs more than 64 bits with a sign');
        else yield lineOf(text);
      }
      await breather.breathe();
    }
  }

  #tell({ written, rejected, rejectedCount }: Delivered): void {
    if (this.#trouble !== null) this.#reporter.info('metric store works again', {});
    this.#trouble = null;
    this.#written.add(written);
    if (rejectedCount === 0) return;
    this.#rejected.add(rejectedCount);
    this.#reporter.error('lines set aside that the server of the metric store refuses', {
      count: rejectedCount,
      first: rejected[0]?.reason ?? '',
    });
  }

  /** So that readings which trickle in share a write; the journal gathers them meanwhile. */
  async #pause(startedAtMs: number): Promise<void> {
    const leftMs: DurationMs = this.#config.commitIntervalMs - (this.#deps.clock.monotonicMs() - startedAtMs);
    if (leftMs > 0) await this.#deps.clock.sleep(leftMs, this.#stopping.signal);
  }
}

class TakenBack extends Error {}
