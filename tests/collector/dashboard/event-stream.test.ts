// When the page asks for everything anew: at its first connection and where the server says so, not after each break that the browser mends.
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type EventStream, followEvents } from '../../../collector/dashboard/web/src/event-stream.ts';

class ScriptedStream implements EventStream {
  readyState = 0;
  readonly #listeners = new Map<string, (() => void)[]>();

  addEventListener(kind: string, listener: () => void): void {
    this.#listeners.set(kind, [...(this.#listeners.get(kind) ?? []), listener]);
  }

  close(): void {
    this.readyState = 2;
  }

  tell(...kinds: readonly string[]): void {
    for (const kind of kinds) for (const listener of this.#listeners.get(kind) ?? []) listener();
  }
}

const streams: ScriptedStream[] = [];
const told: string[] = [];

function follow(): () => void {
  const open = (): EventStream => {
    const stream = new ScriptedStream();
    streams.push(stream);
    return stream;
  };
  return followEvents(
    open,
    (kind) => told.push(kind),
    (state) => told.push(`(${state})`),
  );
}

beforeEach(() => vi.useFakeTimers());
afterEach(() => {
  vi.useRealTimers();
  streams.length = 0;
  told.length = 0;
});

test('every kind of event is heard, traps and notices too', () => {
  const end = follow();
  streams[0]?.tell('open', 'alarm', 'event', 'poll', 'device', 'applied', 'resync', 'message');
  expect(told).toEqual(['(connecting)', '(live)', 'resync', 'alarm', 'event', 'poll', 'device', 'applied', 'resync']);
  end();
});

test('a break that the browser mends asks for nothing but what the server sends after it', () => {
  const end = follow();
  streams[0]?.tell('open');
  told.length = 0;
  streams[0]?.tell('error', 'open', 'alarm');
  expect(told).toEqual(['(lost)', '(live)', 'alarm']);
  expect(streams).toHaveLength(1);
  end();
});

test('a stream that is refused is opened anew after a while, and asks for everything', () => {
  const end = follow();
  const [refused] = streams;
  refused?.tell('open');
  refused?.close();
  refused?.tell('error', 'error');
  told.length = 0;
  vi.advanceTimersByTime(9_999);
  expect(streams).toHaveLength(1);
  vi.advanceTimersByTime(1);
  expect(streams).toHaveLength(2);
  streams[1]?.tell('open');
  expect(told).toEqual(['(live)', 'resync']);
  end();
  expect(streams[1]?.readyState).toBe(2);
});

test('ended while it waits it is not opened again', () => {
  const end = follow();
  streams[0]?.close();
  streams[0]?.tell('error');
  end();
  vi.advanceTimersByTime(60_000);
  expect(streams).toHaveLength(1);
});
