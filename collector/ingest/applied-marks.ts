// What PostgreSQL says is applied, remembered: a receipt never waits for the database, and an old mark only keeps agents' spools longer.
import { codeOf, messageOf } from '../../common/runtime/errors.ts';
import type { Reporter } from '../../common/runtime/reporter.ts';
import type { StreamName } from './streams.ts';

/** Reads of many streams at once: the highest sequence up to which readings and faults have committed everything. */
export type ReadApplied = (
  streams: readonly StreamName[],
) => Promise<readonly (StreamName & { readonly through: number })[]>;

/** Called with each mark that moved. */
export type OnApplied = (stream: StreamName, through: number) => void;

const MAX_MARKS = 20_000;
const STREAMS_A_READ = 1000;

export class AppliedMarks {
  readonly #reporter: Reporter;
  readonly #read: ReadApplied;
  readonly #onApplied: OnApplied;
  readonly #marks = new Map<string, number>();
  #wanted = new Map<string, StreamName>();
  #running: Promise<void> | null = null;

  constructor(reporter: Reporter, deps: { readonly read: ReadApplied; readonly onApplied: OnApplied }) {
    this.#reporter = reporter;
    this.#read = deps.read;
    this.#onApplied = deps.onApplied;
  }

  /** As far as is known; 0 where nothing is. */
  of(stream: StreamName): number {
    return this.#marks.get(keyOf(stream)) ?? 0;
  }

  /** Asks PostgreSQL about the streams, together with whatever else is wanted by then. Never rejects: the last known marks stay. */
  refresh(streams: Iterable<StreamName>): Promise<void> {
    for (const stream of streams) this.#wanted.set(keyOf(stream), stream);
    this.#running ??= this.#run().finally(() => {
      this.#running = null;
    });
    return this.#running;
  }

  async #run(): Promise<void> {
    while (this.#wanted.size > 0) {
      const streams = [...this.#wanted.values()].slice(0, STREAMS_A_READ);
      for (const stream of streams) this.#wanted.delete(keyOf(stream));
      try {
        for (const found of await this.#read(streams)) this.#set(found, found.through);
      } catch (error) {
        this.#reporter.debug('applied marks not read; the last known ones stay', {
          code: codeOf(error),
          message: messageOf(error),
        });
        return;
      }
    }
  }

  #set(stream: StreamName, through: number): void {
    const key = keyOf(stream);
    if ((this.#marks.get(key) ?? 0) >= through) return;
    this.#marks.delete(key);
    this.#marks.set(key, through);
    for (const oldest of this.#marks.keys()) {
      if (this.#marks.size <= MAX_MARKS) break;
      this.#marks.delete(oldest);
    }
    this.#onApplied(stream, through);
  }
}

function keyOf(stream: StreamName): string {
  return `${stream.agent} ${stream.incarnation}`;
}
