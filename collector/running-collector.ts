// The life of a collector: journal and database opened before its parts, and closed after them.
import path from 'node:path';
import { type OpenDatabase, openDatabase } from '../common/database/pool.ts';
import { requireLoopback } from '../common/http/loopback.ts';
import { type OpenJournal, openJournal } from '../common/journal/lmdb-journal.ts';
import type { DurationMs } from '../common/model/time.ts';
import type { Clock } from '../common/runtime/clock.ts';
import { type Component, startAll, stopAll } from '../common/runtime/component.ts';
import { WeirError } from '../common/runtime/errors.ts';
import type { Reporter } from '../common/runtime/reporter.ts';
import type { CollectorConfig } from './config.ts';
import { BatchJournal } from './journal/batch-journal.ts';

export interface CollectorDeps {
  readonly clock: Clock;
  readonly random: () => number;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly databaseUrl: string;
  /** Of all of Weir; the collector keeps its own in `collector` below it. */
  readonly dataFolder: string;
  /** Of the built page; null where there is none. */
  readonly dashboardFolder: string | null;
  readonly version: string;
  /** For tests. */
  readonly checkAnswers?: boolean;
}

export interface Collector extends Component {
  /** The port it listens on; 0 before. */
  readonly port: number;
  /** Takes up other devices, and other fault rules, while it runs, all or none; rejects with not_ready, or as the database does, and then nothing has changed. */
  reload(devices: CollectorConfig['devices'], faults?: CollectorConfig['faults']): Promise<void>;
}

/** What everything else rests on. */
export interface Grounds {
  readonly journal: BatchJournal;
  readonly database: OpenDatabase;
}

export interface Parts {
  /** In the order of their start. */
  readonly components: readonly Component[];
  readonly port: () => number;
  /** Writes into the journal what helps the next start; called once everything else has stopped. */
  readonly settle: (journal: BatchJournal) => Promise<void>;
  readonly reload: (devices: CollectorConfig['devices'], faults?: CollectorConfig['faults']) => Promise<void>;
}

export type Compose = (reporter: Reporter, config: CollectorConfig, deps: CollectorDeps, grounds: Grounds) => Parts;

const MAX_PENDING_BYTES = 128 * 1024 * 1024;
/** How long the stop waits for one part: a database that hangs must not hold it. */
const STOP_PATIENCE_MS: DurationMs = 8000;

export class RunningCollector implements Collector {
  readonly #reporter: Reporter;
  readonly #config: CollectorConfig;
  readonly #deps: CollectorDeps;
  readonly #compose: Compose;
  #parts: Parts | null = null;
  #journal: OpenJournal | null = null;
  #database: OpenDatabase | null = null;

  constructor(reporter: Reporter, config: CollectorConfig, deps: CollectorDeps, compose: Compose) {
    this.#reporter = reporter;
    this.#config = config;
    this.#deps = deps;
    this.#compose = compose;
  }

  get port(): number {
    return this.#parts?.port() ?? 0;
  }

  reload(devices: CollectorConfig['devices'], faults?: CollectorConfig['faults']): Promise<void> {
    if (this.#parts === null) return Promise.reject(new WeirError('not_ready', 'The collector does not run.'));
    return this.#parts.reload(devices, faults);
  }

  async start(): Promise<void> {
    if (this.#parts !== null) return;
    requireLoopback(this.#config.host, this.#config.insecure);
    const { maxBytes, reserveBytes } = this.#config.journal;
    const folder = path.join(this.#deps.dataFolder, 'collector', 'journal');
    this.#journal = openJournal(this.#reporter, { folder, maxBytes, reserveBytes, maxPendingBytes: MAX_PENDING_BYTES });
    try {
      this.#database = openDatabase(this.#reporter, {
        url: this.#deps.databaseUrl,
        maxConnections: this.#config.databaseConnections,
        applicationName: 'weir-collector',
      });
      this.#parts = this.#compose(this.#reporter, this.#config, this.#deps, {
        journal: new BatchJournal(this.#journal),
        database: this.#database,
      });
      await startAll(this.#parts.components);
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  /** Takes no more, ends what is in hand, writes what is known; what is not applied yet stays in the journal. */
  async stop(): Promise<void> {
    const [parts, journal, database] = [this.#parts, this.#journal, this.#database];
    this.#parts = null;
    this.#journal = null;
    this.#database = null;
    const { clock } = this.#deps;
    await stopAll((parts?.components ?? []).map((part) => patient(clock, part)));
    // Only a help for the next start: it finds the same in the entries.
    if (journal !== null && parts !== null) await parts.settle(new BatchJournal(journal)).catch(() => undefined);
    await journal?.close();
    if (database !== null) await patiently(clock, database.close());
  }
}

function patient(clock: Clock, part: Component): Component {
  return { start: () => part.start(), stop: () => patiently(clock, part.stop()) };
}

/** Waits for the end of the work, but not for ever. */
async function patiently(clock: Clock, work: Promise<void>): Promise<void> {
  const ended = new AbortController();
  await Promise.race([work.finally(() => ended.abort()), clock.sleep(STOP_PATIENCE_MS, ended.signal)]);
}
