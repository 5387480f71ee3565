// The DuckDB file with what is held of it in memory: opened when it is first needed, and anew after every failure.
import type { Clock } from '../../common/runtime/clock.ts';
import { codeOf, messageOf, WeirError } from '../../common/runtime/errors.ts';
import type { CounterMetric, Reporter } from '../../common/runtime/reporter.ts';
import { DuckDbFile, type DuckDbFileConfig } from './duckdb-file.ts';
import { DuckDbRollUp } from './duckdb-roll-up.ts';
import { DuckDbWriter } from './duckdb-writer.ts';
import { SeriesCatalogue } from './stored-series.ts';

export interface Opened {
  readonly file: DuckDbFile;
  readonly writer: DuckDbWriter;
  readonly catalogue: SeriesCatalogue;
  readonly rollUp: DuckDbRollUp;
}

export class DuckDbOpening {
  readonly #reporter: Reporter;
  readonly #config: DuckDbFileConfig;
  readonly #clock: Clock;
  readonly #setAside: CounterMetric;
  #opening: Promise<Opened> | null = null;
  #trouble: string | null = null;
  #closed = false;

  constructor(reporter: Reporter, config: DuckDbFileConfig, deps: { readonly clock: Clock }) {
    this.#reporter = reporter;
    this.#config = config;
    this.#clock = deps.clock;
    this.#setAside = reporter.counter('store_logs_set_aside_total', 'Times that a torn log was set aside');
    reporter.health('metric store', () => ({
      healthy: this.#trouble === null,
      message: this.#trouble ?? 'open',
    }));
  }

  opened(): Promise<Opened> {
    if (this.#closed) return Promise.reject(new WeirError('store_unavailable', 'The metric store has been stopped.'));
    this.#opening ??= this.#open();
    return this.#opening;
  }

  /** For good. */
  async close(): Promise<void> {
    this.#closed = true;
    const opening = this.#opening;
    this.#opening = null;
    const opened = await opening?.catch(() => null);
    await opened?.file.close();
  }

  /** A question that fails because of the file closes it; the next one opens it again. */
  async reading<T>(opened: Opened, read: () => Promise<T>): Promise<T> {
    try {
      return await read();
    } catch (error) {
      if (error instanceof WeirError && error.code.startsWith('store_')) await this.reopenLater(opened, error);
      throw error;
    }
  }

  /** What is held in memory has run ahead of the file where a change of it fails. */
  async changing<T>(change: (opened: Opened) => Promise<T>): Promise<T> {
    const opened = await this.opened();
    try {
      return await change(opened);
    } catch (error) {
      await this.reopenLater(opened, error);
      throw error;
    }
  }

  async reopenLater(opened: Opened, error: unknown): Promise<void> {
    if ((await this.#opening?.catch(() => null)) === opened) this.#opening = null;
    this.#tell(error);
    await opened.file.close().catch(() => undefined);
  }

  async #open(): Promise<Opened> {
    try {
      const file = await DuckDbFile.open(this.#config, this.#clock.now());
      this.#tellSetAside(file.setAside);
      const opened = await loaded(file).catch(async (error: unknown) => {
        await file.close();
        throw error;
      });
      this.#trouble = null;
      return opened;
    } catch (error) {
      this.#opening = null;
      this.#tell(error);
      throw error;
    }
  }

  /** What to do stands in the table of errors. */
  #tellSetAside(logs: readonly string[]): void {
    if (logs.length === 0) return;
    this.#setAside.add();
    this.#reporter.error('the log of the metric store is torn: opened at its last checkpoint', {
      code: 'store_log_torn',
      setAside: logs.join(', '),
    });
  }

  #tell(error: unknown): void {
    const trouble = `${codeOf(error)}: ${messageOf(error)}`;
    if (trouble !== this.#trouble) this.#reporter.error('metric store does not work', { reason: trouble });
    this.#trouble = trouble;
  }
}

async function loaded(file: DuckDbFile): Promise<Opened> {
  const writer = await DuckDbWriter.load(file);
  const rollUp = await DuckDbRollUp.load(file, writer.book);
  writer.judgeLateBy(() => rollUp.lateBeforeMs);
  return { file, writer, rollUp, catalogue: new SeriesCatalogue(writer.book) };
}
