// Keeps the engine table and the localized keys over a restart, sealed: written some seconds after something changed, and at the end.
import { z } from 'zod';
import type { Clock } from '../../common/runtime/clock.ts';
import type { Component } from '../../common/runtime/component.ts';
import { messageOf } from '../../common/runtime/errors.ts';
import type { Reporter } from '../../common/runtime/reporter.ts';
import type { EngineTable } from './engine-table.ts';
import type { KeyRing } from './key-ring.ts';
import type { SealedFile } from './sealed-file.ts';

/** Changes wait this long for others: writing thousands of engines takes some ten milliseconds. */
const WRITE_AFTER_MS = 10_000;

const hex = z.string().regex(/^([0-9a-f]{2})*$/);
const keptSchema = z.object({
  version: z.literal(1),
  engines: z.array(
    z.object({
      device: z.string(),
      engineId: hex,
      boots: z.number().int().min(0),
      time: z.number().int().min(0),
      atMs: z.number(),
    }),
  ),
  keys: z.array(z.object({ name: z.string(), auth: hex, privacy: hex.nullable() })),
});

export interface EngineStoreDeps {
  readonly clock: Clock;
  readonly table: EngineTable;
  readonly ring: KeyRing;
  readonly file: SealedFile;
}

export class EngineStore implements Component {
  readonly #reporter: Reporter;
  readonly #deps: EngineStoreDeps;
  #stopping: AbortController | null = null;
  #writing: Promise<void> = Promise.resolve();

  constructor(reporter: Reporter, deps: EngineStoreDeps) {
    this.#reporter = reporter;
    this.#deps = deps;
  }

  start(): Promise<void> {
    this.#load();
    this.#stopping = new AbortController();
    this.#writing = this.#writeOn(this.#stopping.signal);
    return Promise.resolve();
  }

  async stop(): Promise<void> {
    if (this.#stopping === null) return;
    this.#stopping.abort();
    this.#stopping = null;
    await this.#writing;
    this.#save();
  }

  async #writeOn(signal: AbortSignal): Promise<void> {
    const { clock, table, ring } = this.#deps;
    while (!signal.aborted) {
      await clock.sleep(WRITE_AFTER_MS, signal);
      if (!signal.aborted && (table.dirty || ring.dirty)) this.#save();
    }
  }

  /** Where no device speaks version 3 there is no file. */
  #save(): void {
    const { table, ring, file } = this.#deps;
    const [engines, keys] = [table.kept(), ring.kept()];
    if (engines.length + keys.length === 0) return;
    file.write(Buffer.from(JSON.stringify({ version: 1, engines, keys })));
  }

  #load(): void {
    const { table, ring, file } = this.#deps;
    const bytes = file.read();
    if (bytes === null) return;
    try {
      const kept = keptSchema.parse(JSON.parse(bytes.toString('utf8')));
      table.load(kept.engines);
      ring.load(kept.keys);
    } catch (error) {
      this.#reporter.warn('the kept SNMPv3 engines cannot be read; they are learnt again', { error: messageOf(error) });
    }
  }
}
