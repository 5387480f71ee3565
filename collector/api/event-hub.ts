// Live events to many readers: each has a bound on what waits for it, one that comes back gets what it missed, and one that missed too much is told to ask again.
import type { DurationMs } from '../../common/model/time.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import type { Component } from '../../common/runtime/component.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import type { CounterMetric, GaugeMetric, Reporter } from '../../common/runtime/reporter.ts';
import { type EventOrigin, EventReplay, type ResyncReason } from './event-replay.ts';

export type EventKind = 'alarm' | 'problem' | 'event' | 'poll' | 'device' | 'applied' | 'resync';

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
  /** Events kept for readers that come back. */
  readonly replayBytes: number;
}

/** Whether a reader may see an event. */
export type EventFilter = (kind: EventKind, data: Readonly<Record<string, unknown>>) => boolean;

export interface Subscription {
  readonly filter: EventFilter;
  /** The id of the last event that the reader has; null for one that comes for the first time. */
  readonly lastEventId: string | null;
  /** Called with each heartbeat, so that what the reader may see is looked at anew; `end` cuts the reader off. */
  readonly tend?: (end: () => void) => void;
}

export interface EventHubDeps {
  readonly clock: Clock;
  readonly origin: EventOrigin;
}

interface Stream extends Pick<Subscription, 'filter' | 'tend'> {
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

export class EventHub implements Component {
  readonly #config: EventHubConfig;
  readonly #clock: Clock;
  readonly #streams = new Set<Stream>();
  readonly #replay: EventReplay;
  readonly #stopping = new AbortController();
  readonly #readers: GaugeMetric;
  readonly #replayed: CounterMetric;
  readonly #resyncs: CounterMetric;
  readonly #dropped: CounterMetric;
  readonly #refused: CounterMetric;
  readonly #listeners: ((kind: EventKind) => void)[] = [];
  #beating: Promise<void> | null = null;

  constructor(reporter: Reporter, config: EventHubConfig, deps: EventHubDeps) {
    this.#config = config;
    this.#clock = deps.clock;
    this.#replay = new EventReplay(deps.origin, config.replayBytes);
    this.#readers = reporter.gauge('event_streams', 'Readers of live events');
    this.#dropped = reporter.counter('events_dropped_total', 'Events not sent to a reader that had fallen behind');
    this.#replayed = reporter.counter('events_replayed_total', 'Events sent again to readers that came back');
    this.#resyncs = reporter.counter('event_resyncs_total', 'Readers told to ask for everything again, by reason', [
      'reason',
    ]);
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

  /**
   * Sends the reader that `open` gives what it missed, or a resync with the reason, and every event from now on; what it returns is to be
   * called when the reader has gone. Throws overloaded, before it opens.
   */
  attach(open: () => EventSink, subscription: Subscription): () => void {
    if (this.#streams.size >= this.#config.maxStreams || this.#stopping.signal.aborted) {
      this.#refused.add(1, { reason: 'too_many' });
      throw new WeirError('overloaded', 'There are as many streams of events as may be.', {
        bound: 'events.max_streams',
        most: this.#config.maxStreams,
        retryAfterSeconds: RETRY_AFTER_SECONDS,
      });
    }
    const sink = open();
    const { filter, tend, lastEventId } = subscription;
    const stream: Stream = {
      sink,
      filter,
      ...(tend === undefined ? {} : { tend }),
      openedAtMs: this.#clock.monotonicMs(),
      behindSinceMs: null,
    };
    this.#streams.add(stream);
    this.#readers.set(this.#streams.size);
    sink.write(GREETING);
    this.#takeUp(stream, lastEventId);
    return () => this.#forget(stream);
  }

  /** Calls a part of the collector with each event, before any reader has it. */
  listen(listener: (kind: EventKind) => void): void {
    this.#listeners.push(listener);
  }

  publish(kind: EventKind, data: Readonly<Record<string, unknown>>): void {
    if (this.#stopping.signal.aborted) return;
    for (const listener of this.#listeners) listener(kind);
    const event = this.#replay.add(kind, data);
    for (const stream of this.#streams) if (stream.filter(kind, data)) this.#send(stream, event.text);
  }

  /** Whether anybody reads. */
  get open(): boolean {
    return this.#streams.size > 0;
  }

  /** Tells every reader to ask for everything again: something happened that was not published here. */
  resyncAll(reason: ResyncReason): void {
    for (const stream of this.#streams) this.#resync(stream, reason);
  }

  #takeUp(stream: Stream, lastEventId: string | null): void {
    const missed = lastEventId === null ? [] : this.#replay.after(lastEventId, stream.filter);
    if (typeof missed === 'string') return this.#resync(stream, missed);
    const bytes = missed.reduce((sum, event) => sum + event.text.length, 0);
    if (bytes > this.#config.maxBufferBytes) return this.#resync(stream, 'away_too_long');
    for (const event of missed) stream.sink.write(event.text);
    this.#replayed.add(missed.length);
    // Where it is from now on, also when none of what follows is for this reader.
    stream.sink.write(`id: ${this.#replay.lastId}\n\n`);
  }

  #resync(stream: Stream, reason: ResyncReason): void {
    this.#resyncs.add(1, { reason });
    stream.sink.write(`id: ${this.#replay.lastId}\nevent: resync\ndata: ${JSON.stringify({ reason })}\n\n`);
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
    this.#resync(stream, 'slow');
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
    stream.tend?.(() => {
      this.#refused.add(1, { reason: 'token_ended' });
      this.#drop(stream);
    });
    if (!this.#streams.has(stream)) return;
    this.#catchUp(stream);
    if (stream.behindSinceMs !== null && nowMs - stream.behindSinceMs > STUCK_MS) {
      this.#refused.add(1, { reason: 'stuck' });
      this.#drop(stream);
    } else if (nowMs - stream.openedAtMs > LIFE_MS) this.#drop(stream);
    else if (stream.sink.buffered === 0) stream.sink.write(`: still here\nid: ${this.#replay.lastId}\n\n`);
    else stream.behindSinceMs ??= nowMs;
  }

  #drop(stream: Stream): void {
    this.#forget(stream);
    stream.sink.end();
  }

  #forget(stream: Stream): void {
    this.#streams.delete(stream);
    this.#readers.set(this.#streams.size);
  }
}
