// Asks the server again in each round and keeps the last answer until a newer one comes.
import { useContext, useEffect, useRef, useState } from 'preact/hooks';
import { ask, Refusal } from './api.ts';
import { LiveContext } from './live.ts';
import type { Page } from './types.ts';

export interface Answer<T> {
  readonly data: T | null;
  readonly problem: string | null;
  /** HTTP status of the refusal; null where there is none. */
  readonly refused: number | null;
}

interface Held<T> extends Answer<T> {
  readonly subject: string | null;
}

interface Asking<T> {
  /** What the answer is about; an answer about something else is not shown. The path without it. */
  readonly subject?: string | null;
  readonly by?: (path: string) => Promise<T>;
  /** Asked anew only with each so many rounds. */
  readonly every?: number;
}

/** `path` null asks nothing. A late answer to an older question is dropped. */
export function useAnswer<T>(path: string | null, asking: Asking<T> = {}): Answer<T> {
  const { subject = path, by = ask<T>, every = 1 } = asking;
  const { round, done } = useContext(LiveContext);
  const turn = Math.ceil(round / every);
  const nothing: Held<T> = { subject, data: null, problem: null, refused: null };
  const [held, setHeld] = useState<Held<T>>(nothing);
  useEffect(() => {
    if (path === null || turn === 0) return undefined;
    let wanted = true;
    by(path)
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
  }, [path, turn, done, subject]);
  return held.subject === subject ? held : nothing;
}

const PAGE = 1000;
/** Rows that one list of the page holds; the API has all of them. */
export const MOST_ROWS = 20_000;

/** Every page of a list, up to MOST_ROWS. */
export async function all<T>(path: string, limit: number = PAGE): Promise<readonly T[]> {
  const rows: T[] = [];
  let cursor: string | null = null;
  do {
    const more: string = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`;
    const page: Page<T> = await ask<Page<T>>(`${path}${path.includes('?') ? '&' : '?'}limit=${limit}${more}`);
    rows.push(...page.items);
    cursor = page.next;
  } while (cursor !== null && rows.length < MOST_ROWS);
  return rows;
}

/** A list of so many is asked for less often: to read it takes longer than a frame lasts. */
const LONG_LIST = 2000;
const LONG_EVERY = 5;

/** Every page of a list. */
export function useAll<T>(path: string | null, every = 1): Answer<readonly T[]> {
  const length = useRef(0);
  const answer = useAnswer<readonly T[]>(path, {
    by: (asked) => all<T>(asked),
    every: length.current > LONG_LIST ? Math.max(every, LONG_EVERY) : every,
  });
  length.current = answer.data?.length ?? 0;
  return answer;
}
