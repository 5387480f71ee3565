// Where the live events of a tab come from: the stream that all tabs of the browser share, or one of its own where the browser has no shared workers.
import { followEvents, type StreamState } from './event-stream.ts';
import type { FromTab, Told } from './shared-stream.ts';

type OnEvent = (kind: string) => void;
type OnState = (state: StreamState) => void;

/** `whose`: another reader has another stream. Returns the end of it. */
export function listenToEvents(whose: string, onEvent: OnEvent, onState: OnState): () => void {
  let end = connected(whose, onEvent, onState);
  const hidden = (): void => end();
  // A page that comes back out of the browser's cache was away.
  const back = ({ persisted }: PageTransitionEvent): void => {
    if (persisted) end = connected(whose, onEvent, onState);
  };
  addEventListener('pagehide', hidden);
  addEventListener('pageshow', back);
  return () => {
    removeEventListener('pagehide', hidden);
    removeEventListener('pageshow', back);
    end();
  };
}

function connected(whose: string, onEvent: OnEvent, onState: OnState): () => void {
  if (typeof SharedWorker === 'undefined') return alone(onEvent, onState);
  let end = (): void => undefined;
  const worker = new SharedWorker(new URL('./event-worker.ts', import.meta.url), { type: 'module' });
  const say = (said: FromTab): void => worker.port.postMessage(said);
  worker.port.onmessage = ({ data }: MessageEvent<Told>) => {
    if (data.what === 'event') onEvent(data.kind);
    else onState(data.state);
  };
  say({ join: whose });
  end = () => {
    say({ leave: whose });
    worker.port.close();
  };
  worker.onerror = () => {
    end();
    end = alone(onEvent, onState);
  };
  return () => end();
}

function alone(onEvent: OnEvent, onState: OnState): () => void {
  return followEvents(() => new EventSource('/api/v1/events', { withCredentials: true }), onEvent, onState);
}
