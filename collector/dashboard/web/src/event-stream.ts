// The page's stream of live events: what it listens to, when everything is asked anew, and when it connects again.

export type StreamState = 'connecting' | 'live' | 'lost';

/** What is used of an EventSource. */
export interface EventStream {
  readonly readyState: number;
  addEventListener(kind: string, listener: () => void): void;
  close(): void;
}

const KINDS = ['alarm', 'event', 'poll', 'device', 'applied', 'resync'];
const CONNECT_AGAIN_MS = 10_000;
/** EventSource.CLOSED: the browser does not try by itself. */
const CLOSED = 2;

/**
 * A stream that breaks is connected again by the browser, which tells the id of the last event it had: the server sends what was missed, or
 * `resync`. One that is refused is opened anew by us, and knows of nothing before. Returns the end of it.
 */
export function followEvents(
  open: () => EventStream,
  onEvent: (kind: string) => void,
  onState: (state: StreamState) => void,
): () => void {
  let stream: EventStream | null = null;
  let again: ReturnType<typeof setTimeout> | null = null;
  const connect = (): void => {
    again = null;
    const opened = open();
    stream = opened;
    let first = true;
    opened.addEventListener('open', () => {
      onState('live');
      // Something may have happened before it was there.
      if (first) onEvent('resync');
      first = false;
    });
    opened.addEventListener('error', () => {
      onState('lost');
      if (opened.readyState === CLOSED) again ??= setTimeout(connect, CONNECT_AGAIN_MS);
    });
    for (const kind of KINDS) opened.addEventListener(kind, () => onEvent(kind));
  };
  onState('connecting');
  connect();
  return () => {
    if (again !== null) clearTimeout(again);
    stream?.close();
  };
}
