// Counts bodies whose sender went away before their end: nothing is kept of them, and nobody else would tell.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { CounterMetric, Reporter } from '../../common/runtime/reporter.ts';

export class CutOff {
  readonly #cut: CounterMetric;

  constructor(reporter: Reporter) {
    this.#cut = reporter.counter(
      'ingest_cut_off_total',
      'Bodies that ended before they were whole, or came too slowly: nothing of them is kept',
    );
  }

  /** One that is refused before its end has its answer, and is not counted here. */
  watch(request: IncomingMessage, answer: ServerResponse): void {
    // Heard before the server itself answers what nobody reads.
    request.once('error', () => {
      if (!answer.headersSent) this.#cut.add();
    });
  }
}
