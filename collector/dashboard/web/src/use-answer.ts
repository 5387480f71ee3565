// Asks the server again in each round and keeps the last answer until a newer one comes.
import { useEffect, useState } from 'preact/hooks';
import { ask, Refusal } from './api.ts';

export interface Answer<T> {
  readonly data: T | null;
  readonly problem: string | null;
  /** HTTP status of the refusal; null where there is none. */
  readonly refused: number | null;
}

interface Held<T> extends Answer<T> {
  readonly subject: string | null;
}

/** `path` null asks nothing. `subject`: what the answer is about; an answer about something else is not shown. A late answer to an older question is dropped. */
export function useAnswer<T>(path: string | null, round: number, subject: string | null = path): Answer<T> {
  const nothing: Held<T> = { subject, data: null, problem: null, refused: null };
  const [held, setHeld] = useState<Held<T>>(nothing);
  useEffect(() => {
    if (path === null || round === 0) return undefined;
    let wanted = true;
    ask<T>(path)
      .then((data) => wanted && setHeld({ subject, data, problem: null, refused: null }))
      .catch((error: unknown) => {
        if (!wanted) return;
        const problem = error instanceof Error ? error.message : String(error);
        const refused = error instanceof Refusal ? error.status : null;
        setHeld((last) => ({ subject, data: last.subject === subject ? last.data : null, problem, refused }));
      });
    return () => {
      wanted = false;
    };
  }, [path, round, subject]);
  return held.subject === subject ? held : nothing;
}
