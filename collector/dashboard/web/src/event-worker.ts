// The worker that all tabs of a browser share: one event stream for all of one reader.
import { type FromTab, SharedStream } from './shared-stream.ts';

interface Scope {
  onconnect: ((event: MessageEvent) => void) | null;
}

const streams = new Map<string, SharedStream>();

(globalThis as unknown as Scope).onconnect = ({ ports: [port] }) => {
  if (port === undefined) return;
  port.onmessage = ({ data }: MessageEvent<FromTab>) => {
    if ('join' in data) {
      const stream =
        streams.get(data.join) ?? new SharedStream(() => new EventSource('/api/v1/events', { withCredentials: true }));
      streams.set(data.join, stream);
      stream.join(port);
      return;
    }
    streams.get(data.leave)?.leave(port);
    port.close();
  };
};
