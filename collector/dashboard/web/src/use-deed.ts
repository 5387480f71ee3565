// What the reader changes: sent, told where it is refused, and then everything on the page is asked again.
import { useContext, useState } from 'preact/hooks';
import { ask } from './api.ts';
import { LiveContext } from './live.ts';

export interface Deeds {
  /** Why the last one was refused. */
  readonly problem: string | null;
  /** The answer; null where it was refused. */
  readonly send: <T>(method: 'POST' | 'PUT' | 'DELETE', path: string, body?: object) => Promise<T | null>;
}

export function useDeed(): Deeds {
  const live = useContext(LiveContext);
  const [problem, setProblem] = useState<string | null>(null);
  const send = async <T>(method: 'POST' | 'PUT' | 'DELETE', path: string, body?: object): Promise<T | null> => {
    const content =
      body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
    try {
      const answer = await ask<T>(path, { method, ...content });
      setProblem(null);
      return answer;
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error));
      return null;
    } finally {
      live.now();
    }
  };
  return { problem, send };
}
