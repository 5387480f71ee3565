// Readings pulled from the collector, and what that says of it: /readyz tells when it is away or refuses.
import type { MeterReadingsAnswer, ReadingsAnswer } from '../common/wire/reading-page.ts';
import { codeOf, messageOf } from '../common/runtime/errors.ts';
import type { Reporter } from '../common/runtime/reporter.ts';
import type { ReadingsSource } from './mediate/mediation.ts';

export class CollectorWatch implements ReadingsSource {
  readonly #inner: ReadingsSource;
  #trouble: string | null = null;

  constructor(reporter: Reporter, inner: ReadingsSource) {
    this.#inner = inner;
    reporter.health('collector', () => ({
      healthy: this.#trouble === null,
      message: this.#trouble ?? 'gives readings',
    }));
  }

  after(cursor: string | null, limit: number, signal?: AbortSignal): Promise<ReadingsAnswer> {
    return this.#watched(this.#inner.after(cursor, limit, signal), signal);
  }

  ofMeter(query: Parameters<ReadingsSource['ofMeter']>[0]): Promise<MeterReadingsAnswer> {
    return this.#inner.ofMeter(query);
  }

  async #watched<T>(answer: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
    try {
      const found = await answer;
      this.#trouble = null;
      return found;
    } catch (error) {
      // A pull that was broken off at the stop says nothing of the collector.
      if (signal?.aborted !== true) this.#trouble = `${messageOf(error)} [${codeOf(error)}]`;
      throw error;
    }
  }
}
