// Live events under a virtual clock: bounds on readers and on what waits for each, and what a slow one is told.
import fc from 'fast-check';
import { beforeEach, expect, test } from 'vitest';
import { EventHub, type EventSink, type Subscription } from '../../../collector/api/event-hub.ts';
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
    return this.texts.flatMap((text) => /^event: (\w+)/m.exec(text)?.[1] ?? []);
  }
}

const ORIGIN = { collector: 'north', start: 'a1' };
const EVERYTHING = { filter: () => true, lastEventId: null };

let clock: VirtualClock;
let hub: EventHub;
let metrics: () => Promise<string>;

beforeEach(() => {
  clock = new VirtualClock(1_800_000_000_000);
  const { reporter } = silentReporter();
  metrics = () => reporter.metricsText();
  hub = new EventHub(reporter, { maxStreams: 2, maxBufferBytes: 300, replayBytes: 2000 }, { clock, origin: ORIGIN });
});

function read(words: Partial<Subscription> = {}): Reader {
  const reader = new Reader();
  hub.attach(() => reader, { ...EVERYTHING, ...words });
  return reader;
}

test('every reader gets every event, as a named event with one line of JSON', () => {
  const [a, b] = [read(), read()];
  hub.publish('alarm', { text: 'line one\nline two' });
  for (const reader of [a, b])
    expect(reader.texts.at(-1)).toBe('id: north.a1.1\nevent: alarm\ndata: {"text":"line one\\nline two"}\n\n');
});

test('more readers than the bound are refused before anything is written to them, and let in when one has gone', async () => {
  const detach = hub.attach(() => new Reader(), EVERYTHING);
  read();
  let opened = false;
  const late = (): EventSink => {
    opened = true;
    return new Reader();
  };
  expect(() => hub.attach(late, EVERYTHING)).toThrow(expect.objectContaining({ code: 'overloaded' }));
  expect(opened).toBe(false);
  detach();
  hub.attach(late, EVERYTHING);
  expect(opened).toBe(true);
  expect(await metrics()).toContain('weir_event_streams_refused_total{reason="too_many"} 1');
});

test('a slow reader holds no more than its bound, delays nobody, and is told to ask again once it reads', async () => {
  const [slow, quick] = [read(), read()];
  slow.stuck = true;
  for (let count = 0; count < 50; count += 1) hub.publish('poll', { device: `device-${count}` });
  expect(slow.buffered).toBeLessThanOrEqual(300);
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

/** What a reader would send as last-event-id: the id of the last block that has one. */
function lastIdOf(reader: Reader): string {
  const ids = reader.texts.flatMap((text) => /^id: (.*)$/m.exec(text)?.[1] ?? []);
  return ids.at(-1) ?? '';
}
const reasonsOf = (reader: Reader): string[] =>
  reader.texts.flatMap((text) => /event: resync\ndata: \{"reason":"(\w+)"\}/.exec(text)?.[1] ?? []);
const numbersOf = (reader: Reader): number[] =>
  reader.texts.flatMap((text) => Number(/data: \{"n":(\d+)\}/.exec(text)?.[1] ?? Number.NaN)).filter((n) => n >= 0);

test('a reader that comes back gets what it missed, once and in order', () => {
  hub.publish('poll', { n: 1 });
  const detach = (() => {
    const reader = new Reader();
    const leave = hub.attach(() => reader, EVERYTHING);
    hub.publish('poll', { n: 2 });
    return { leave, id: lastIdOf(reader) };
  })();
  detach.leave();
  hub.publish('poll', { n: 3 });
  hub.publish('poll', { n: 4 });
  const back = read({ lastEventId: detach.id });
  hub.publish('poll', { n: 5 });
  expect(numbersOf(back)).toEqual([3, 4, 5]);
  expect(reasonsOf(back)).toEqual([]);
  expect(numbersOf(read({ lastEventId: lastIdOf(back) }))).toEqual([]);
});

test('a reader that comes for the first time gets nothing of before, and knows where it is', () => {
  hub.publish('poll', { n: 1 });
  const reader = read();
  expect(numbersOf(reader)).toEqual([]);
  expect(lastIdOf(reader)).toBe('north.a1.1');
});

test.each([
  ['north.a0.1', 'restarted'],
  ['south.a1.1', 'other_collector'],
  ['north.a1.99', 'bad_id'],
  ['nonsense', 'bad_id'],
  ["north.a1.1' or 1=1", 'bad_id'],
  ['north.a1.0', 'away_too_long'],
])('the id %s is answered with a resync: %s', async (lastEventId, reason) => {
  for (let n = 1; n <= 30; n += 1) hub.publish('poll', { n });
  const reader = read({ lastEventId });
  expect(reasonsOf(reader)).toEqual([reason]);
  expect(lastIdOf(reader)).toBe('north.a1.30');
  expect(await metrics()).toContain(`weir_event_resyncs_total{reason="${reason}"} 1`);
});

test('more missed events than may wait for a reader are a resync', () => {
  for (let n = 1; n <= 10; n += 1) hub.publish('poll', { n });
  expect(reasonsOf(read({ lastEventId: 'north.a1.9' }))).toEqual([]);
  expect(reasonsOf(read({ lastEventId: 'north.a1.2' }))).toEqual(['away_too_long']);
});

test('the memory of events is bounded, also by an event that is larger than it', () => {
  hub.publish('event', { text: 'x'.repeat(5000) });
  expect(reasonsOf(read({ lastEventId: 'north.a1.0' }))).toEqual(['away_too_long']);
  expect(reasonsOf(read({ lastEventId: 'north.a1.1' }))).toEqual([]);
});

test('a reader gets only what its filter lets through, also of what it missed, and goes on behind the rest', async () => {
  await hub.start();
  const filter: Subscription['filter'] = (_kind, data) => Number(data['n']) % 2 === 0;
  const reader = read({ filter });
  for (let n = 1; n <= 3; n += 1) hub.publish('poll', { n });
  expect(numbersOf(reader)).toEqual([2]);
  expect(numbersOf(read({ filter, lastEventId: 'north.a1.0' }))).toEqual([2]);
  await clock.advance(15_000);
  expect(lastIdOf(reader)).toBe('north.a1.3');
  await hub.stop();
});

test('what a reader may see is looked at with every heartbeat', async () => {
  await hub.start();
  let looks = 0;
  read({ tend: () => (looks += 1) });
  await clock.advance(31_000);
  expect(looks).toBe(2);
  await hub.stop();
});

test('a reader whose token has ended is cut off at the next heartbeat', async () => {
  await hub.start();
  const reader = read({ tend: (end) => end() });
  hub.publish('poll', { n: 1 });
  await clock.advance(16_000);
  hub.publish('poll', { n: 2 });
  expect(numbersOf(reader)).toEqual([1]);
  expect(reader.ended).toBe(true);
  expect(hub.open).toBe(false);
  await hub.stop();
});

test('whatever is published and whenever a reader leaves: it has every event once, or is told to ask again', () => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(fc.constant('publish' as const), fc.constant('leave' as const)), { maxLength: 60 }),
      fc.integer({ min: 0, max: 3000 }),
      (steps, replayBytes) => {
        const small = new EventHub(
          silentReporter().reporter,
          { maxStreams: 1, maxBufferBytes: 1000, replayBytes },
          { clock, origin: ORIGIN },
        );
        let published = 0;
        let away = false;
        let reader = new Reader();
        let leave = small.attach(() => reader, EVERYTHING);
        const got: number[] = [];
        const comeBack = (): void => {
          const lastEventId = lastIdOf(reader);
          got.push(...numbersOf(reader));
          reader = new Reader();
          leave = small.attach(() => reader, { ...EVERYTHING, lastEventId });
          away = false;
          if (reasonsOf(reader).length === 0) return;
          // What it asks for again has everything until now.
          got.length = 0;
          for (let n = 1; n <= published; n += 1) got.push(n);
        };
        for (const step of steps)
          if (step === 'publish') small.publish('poll', { n: (published += 1) });
          else if (away) comeBack();
          else {
            leave();
            away = true;
          }
        if (!away) leave();
        comeBack();
        got.push(...numbersOf(reader));
        expect(got).toEqual(Array.from({ length: published }, (_, at) => at + 1));
      },
    ),
  );
});
