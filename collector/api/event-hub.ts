// Live events to many readers: each has a bound on what waits for it, and one that falls behind is told to ask again instead.
import type { DurationMs } from '../../common/model/time.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import type { Component } from '../../common/runtime/component.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import type { CounterMetric, GaugeMetric, Reporter } from '../../common/runtime/reporter.ts';

export type EventKind = 'alarm' | 'event' | 'poll' | 'device' | 'applied' | 'resync';

/** One reader's connection. */
export interface EventSink {
  /** Octets that wait for the reader. */
  readonly buffered: number;
  write(text: string): void;
  end(): void;
}

export interface EventHubConfig {
  readonly maxStreams: number;
  readonly maxBufferBytes: number;
}

interface Stream {
  readonly sink: EventSink;
  readonly openedAtMs: number;
  behindSinceMs: number | null;
}

const HEARTBEAT_MS: DurationMs = 15_000;
const RETRY_AFTER_SECONDS = 10;
/** The reader connects again by itself, and its token is looked at anew. */
const LIFE_MS: DurationMs = 900_000;
/** A reader that took nothing for so long is gone. */
const STUCK_MS: DurationMs = 60_000;
const GREETING = 'retry: 2000\n\n';
const HEARTBEAT = ': still here\n\n';
const RESYNC = 'event: resync\ndata: {}\n\n';

export class EventHub implements Component {
  readonly #config: EventHubConfig;
  readonly #clock: Clock;
  readonly #streams = new Set<Stream>();
  readonly #stopping = new AbortController();
  readonly #open: GaugeMetric;
  readonly #dropped: CounterMetric;
  readonly #refused: CounterMetric;
  #beating: Promise<void> | null = null;

  constructor(reporter: Reporter, config: EventHubConfig, deps: { readonly clock: Clock }) {
    this.#config = config;
    this.#clock = deps.clock;
    this.#open = reporter.gauge('event_streams', 'Readers of live events');
    this.#dropped = reporter.counter('events_dropped_total', 'Events not sent to a reader that had fallen behind');
    this.#refused = reporter.counter('event_streams_refused_total', 'Readers refused or cut off, by reason', [
      'reason',
    ]);
  }

  async start(): Promise<void> {
    this.#beating ??= this.#beat();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    for (const stream of this.#streams) this.#drop(stream);
    await this.#beating;
  }

  /** Sends the reader that `open` gives every event from now on; what it returns is to be called when the reader has gone. Throws overloaded, before it opens. */
  attach(open: () => EventSink): () => void {
    if (this.#streams.size >= this.#config.maxStreams || this.#stopping.signal.aborted) {
      this.#refused.add(1, { reason: 'too_many' });
      throw new WeirError('overloaded', 'There are as many streams of events as may be.', {
        bound: 'events.max_streams',
        most: this.#config.maxStreams,
        retryAfterSeconds: RETRY_AFTER_SECONDS,
      });
    }
    const sink = open();
    const stream: Stream = { sink, openedAtMs: this.#clock.monotonicMs(), behindSinceMs: null };
    this.#streams.add(stream);
    this.#open.set(this.#streams.size);
    sink.write(GREETING);
    return () => this.#forget(stream);
  }

  publish(kind: EventKind, data: Readonly<Record<string, unknown>>): void {
    if (this.#streams.size === 0) return;
    const text = `event: ${kind}\ndata: ${JSON.stringify(data)}\n\n`;
    for (const stream of this.#streams) this.#send(stream, text);
  }

  #send(stream: Stream, text: string): void {
    this.#catchUp(stream);
    const fits = stream.sink.buffered + text.length <= this.#config.maxBufferBytes;
    if (stream.behindSinceMs === null && fits) stream.sink.write(text);
    else {
      stream.behindSinceMs ??= this.#clock.monotonicMs();
      this.#dropped.add();
    }
  }

  /** Once it has taken everything, a reader that missed something is told so. */
  #catchUp(stream: Stream): void {
    if (stream.behindSinceMs === null || stream.sink.buffered > 0) return;
    stream.behindSinceMs = null;
    stream.sink.write(RESYNC);
  }

  async #beat(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      await this.#clock.sleep(HEARTBEAT_MS, signal);
      if (signal.aborted) return;
      const nowMs = this.#clock.monotonicMs();
      for (const stream of this.#streams) this.#tend(stream, nowMs);
    }
  }

  #tend(stream: Stream, nowMs: number): void {
    this.#catchUp(stream);
    if (stream.behindSinceMs !== null && nowMs - stream.behindSinceMs > STUCK_MS) {
      this.#refused.add(1, { reason: 'stuck' });
      this.#drop(stream);
    } else if (nowMs - stream.openedAtMs > LIFE_MS) this.#drop(stream);
    else if (stream.sink.buffered === 0) stream.sink.write(HEARTBEAT);
    else stream.behindSinceMs ??= nowMs;
  }

  #drop(stream: Stream): void {
    this.#forget(stream);
    stream.sink.end();
  }

  #forget(stream: Stream): void {
    this.#streams.delete(stream);
    this.#open.set(this.#streams.size);
  }
}
