// Asks the server again in each round and keeps the last answer until a newer one comes.
import { useEffect, useState } from 'preact/hooks';
import { ask } from './api.ts';

export interface Answer<T> {
  readonly data: T | null;
  readonly problem: string | null;
}

/** `path` null asks nothing. A late answer to an older question is dropped. */
export function useAnswer<T>(path: string | null, round: number): Answer<T> {
  const [answer, setAnswer] = useState<Answer<T>>({ data: null, problem: null });
  useEffect(() => {
    if (path === null || round === 0) return undefined;
    let wanted = true;
    ask<T>(path)
      .then((data) => wanted && setAnswer({ data, problem: null }))
      .catch(
        (error: unknown) =>
          wanted &&
          setAnswer((last) => ({ data: last.data, problem: error instanceof Error ? error.message : String(error) })),
      );
    return () => {
      wanted = false;
    };
  }, [path, round]);
  return answer;
}
