// How long ingest waits for PostgreSQL before it goes on with what it knows: a database that hangs must not hold the agents.
import type { DurationMs } from '../../common/model/time.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import { WeirError } from '../../common/runtime/errors.ts';

export const DATABASE_PATIENCE_MS = 2000;

/** The answer, or database_busy after that time; the question goes on without us. */
export async function answerWithin<T>(clock: Clock, patienceMs: DurationMs, answer: Promise<T>): Promise<T> {
  const answered = new AbortController();
  const late = clock.sleep(patienceMs, answered.signal).then((): never => {
    throw new WeirError('database_busy', `The database gave no answer within ${patienceMs} ms.`);
  });
  late.catch(() => undefined);
  try {
    return await Promise.race([answer, late]);
  } finally {
    answered.abort();
  }
}
