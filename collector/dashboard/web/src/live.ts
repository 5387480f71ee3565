// The pulse of the page: a round of asking after each event, never more often than now and then, and now and then without any.
import { createContext } from 'preact';
import { useContext, useEffect, useState } from 'preact/hooks';
import type { StreamState } from './event-stream.ts';
import { listenToEvents } from './listen.ts';

/** Events come in bursts: the page asks again at most this often. */
const REFRESH_MS = 2000;

export interface Live {
  /** Grows with each round; everything on the page asks along. */
  readonly round: number;
  readonly stream: StreamState;
  /** Grows when something was done: then everything is asked at once, also what is asked rarely. */
  readonly done: number;
  readonly now: () => void;
}

export const LiveContext = createContext<Live>({
  round: 0,
  stream: 'connecting',
  done: 0,
  now: () => undefined,
});

export function useRound(): number {
  return useContext(LiveContext).round;
}

/** `whose`: who looks. */
export function useLive(whose: string): Live {
  const [round, setRound] = useState(0);
  const [done, setDone] = useState(0);
  const [stream, setStream] = useState<StreamState>('connecting');
  useEffect(() => {
    let asked = 0;
    let waiting: ReturnType<typeof setTimeout> | null = null;
    const soon = () => {
      // A page that nobody looks at asks nothing.
      if (waiting !== null || document.hidden) return;
      waiting = setTimeout(
        () => {
          waiting = null;
          asked = Date.now();
          setRound((last) => last + 1);
        },
        Math.max(0, asked + REFRESH_MS - Date.now()),
      );
    };
    soon();
    const stop = listenToEvents(whose, soon, setStream);
    const slow = setInterval(soon, 5 * REFRESH_MS);
    document.addEventListener('visibilitychange', soon);
    return () => {
      stop();
      clearInterval(slow);
      document.removeEventListener('visibilitychange', soon);
      if (waiting !== null) clearTimeout(waiting);
    };
  }, [whose]);
  return { round, stream, done, now: () => setDone((last) => last + 1) };
}
