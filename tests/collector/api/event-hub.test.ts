// Live events under a virtual clock: bounds on readers and on what waits for each, and what a slow one is told.
import { beforeEach, expect, test } from 'vitest';
import { EventHub, type EventSink } from '../../../collector/api/event-hub.ts';
import { silentReporter } from '../../support/silent-reporter.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

class Reader implements EventSink {
  buffered = 0;
  ended = false;
  readonly texts: string[] = [];
  /** Takes nothing any more: what is written waits. */
  stuck = false;

  write(text: string): void {
    if (this.ended) throw new Error('written after its end');
    if (this.stuck) this.buffered += text.length;
    else this.texts.push(text);
  }

  end(): void {
    this.ended = true;
  }

  kinds(): string[] {
    return this.texts.flatMap((text) => /^event: (\w+)/.exec(text)?.[1] ?? []);
  }
}

let clock: VirtualClock;
let hub: EventHub;
let metrics: () => Promise<string>;

beforeEach(() => {
  clock = new VirtualClock(1_800_000_000_000);
  const { reporter } = silentReporter();
  metrics = () => reporter.metricsText();
  hub = new EventHub(reporter, { maxStreams: 2, maxBufferBytes: 200 }, { clock });
});

function read(): Reader {
  const reader = new Reader();
  hub.attach(() => reader);
  return reader;
}

test('every reader gets every event, as a named event with one line of JSON', () => {
  const [a, b] = [read(), read()];
  hub.publish('alarm', { text: 'line one\nline two' });
  for (const reader of [a, b])
    expect(reader.texts.at(-1)).toBe('event: alarm\ndata: {"text":"line one\\nline two"}\n\n');
});

test('more readers than the bound are refused before anything is written to them, and let in when one has gone', async () => {
  const detach = hub.attach(() => new Reader());
  read();
  let opened = false;
  const late = (): EventSink => {
    opened = true;
    return new Reader();
  };
  expect(() => hub.attach(late)).toThrow(expect.objectContaining({ code: 'overloaded' }));
  expect(opened).toBe(false);
  detach();
  hub.attach(late);
  expect(opened).toBe(true);
  expect(await metrics()).toContain('weir_event_streams_refused_total{reason="too_many"} 1');
});

test('a slow reader holds no more than its bound, delays nobody, and is told to ask again once it reads', async () => {
  const [slow, quick] = [read(), read()];
  slow.stuck = true;
  for (let count = 0; count < 50; count += 1) hub.publish('poll', { device: `device-${count}` });
  expect(slow.buffered).toBeLessThanOrEqual(200);
  expect(quick.kinds()).toHaveLength(50);
  slow.stuck = false;
  slow.buffered = 0;
  hub.publish('alarm', { id: '1' });
  expect(slow.kinds()).toEqual(['resync', 'alarm']);
  const dropped = /weir_events_dropped_total (\d+)/.exec(await metrics())?.[1];
  expect(Number(dropped)).toBeGreaterThan(40);
});

test('a reader that fell behind is told so by the heartbeat, also when nothing happens any more', async () => {
  await hub.start();
  const reader = read();
  reader.stuck = true;
  for (let count = 0; count < 20; count += 1) hub.publish('poll', { device: 'a-device-with-a-long-name' });
  reader.stuck = false;
  reader.buffered = 0;
  await clock.advance(15_000);
  expect(reader.kinds()).toEqual(['resync']);
  await hub.stop();
});

test('silence is broken by comments, so that nothing between takes the connection for dead', async () => {
  await hub.start();
  const reader = read();
  await clock.advance(31_000);
  expect(reader.texts.filter((text) => text.startsWith(':'))).toHaveLength(2);
  await hub.stop();
});

test('a reader that takes nothing for a minute is cut off, and its place is free', async () => {
  await hub.start();
  const reader = read();
  reader.stuck = true;
  for (let count = 0; count < 20; count += 1) hub.publish('poll', { device: 'a-device-with-a-long-name' });
  await clock.advance(90_000);
  expect(reader.ended).toBe(true);
  hub.publish('poll', {});
  read();
  read();
  await hub.stop();
});

test('a stream ends after a quarter of an hour, so that its token is looked at anew', async () => {
  await hub.start();
  const reader = read();
  await clock.advance(14 * 60_000);
  expect(reader.ended).toBe(false);
  await clock.advance(2 * 60_000);
  expect(reader.ended).toBe(true);
  await hub.stop();
});

test('the stop ends every stream, and no reader is let in afterwards', async () => {
  await hub.start();
  const reader = read();
  await hub.stop();
  await hub.stop();
  expect(reader.ended).toBe(true);
  expect(() => read()).toThrow(expect.objectContaining({ code: 'overloaded' }));
});
