// One stream for all tabs: opened once, told to everybody, closed by the last; who joins late asks for everything.
import { expect, test } from 'vitest';
import type { EventStream } from '../../../collector/dashboard/web/src/event-stream.ts';
import { SharedStream, type Told } from '../../../collector/dashboard/web/src/shared-stream.ts';

class ScriptedStream implements EventStream {
  readyState = 0;
  readonly listeners = new Map<string, () => void>();

  addEventListener(kind: string, listener: () => void): void {
    this.listeners.set(kind, listener);
  }

  close(): void {
    this.readyState = 2;
  }
}

function rig() {
  const streams: ScriptedStream[] = [];
  const shared = new SharedStream(() => {
    const stream = new ScriptedStream();
    streams.push(stream);
    return stream;
  });
  const tab = () => {
    const heard: string[] = [];
    return { heard, postMessage: (told: Told) => heard.push(told.what === 'event' ? told.kind : `(${told.state})`) };
  };
  return { streams, shared, tab };
}

test('all tabs hear of one stream, and the last that leaves closes it', () => {
  const { streams, shared, tab } = rig();
  const [one, other] = [tab(), tab()];
  shared.join(one);
  streams[0]?.listeners.get('open')?.();
  shared.join(other);
  streams[0]?.listeners.get('alarm')?.();
  expect(one.heard).toEqual(['(connecting)', '(live)', 'resync', 'alarm']);
  expect(other.heard).toEqual(['(live)', 'resync', 'alarm']);
  shared.leave(one);
  shared.leave(one);
  streams[0]?.listeners.get('poll')?.();
  expect([one.heard.at(-1), other.heard.at(-1), streams.length, streams[0]?.readyState]).toEqual([
    'alarm',
    'poll',
    1,
    0,
  ]);
  shared.leave(other);
  expect(streams[0]?.readyState).toBe(2);
  shared.join(one);
  expect([streams.length, one.heard.at(-1)]).toEqual([2, '(connecting)']);
});

test('tabs that never say that they leave are let go, the oldest first', () => {
  const { streams, shared, tab } = rig();
  const tabs = Array.from({ length: 101 }, tab);
  for (const one of tabs) shared.join(one);
  streams[0]?.listeners.get('alarm')?.();
  expect(tabs.map(({ heard }) => heard.at(-1) === 'alarm').filter((told) => !told)).toHaveLength(1);
  expect(tabs[0]?.heard.at(-1)).not.toBe('alarm');
});
