// The last events of this process under ids that say whose they are, so that a reader who was away for a moment gets what it missed.
import type { EventFilter, EventKind } from './event-hub.ts';

/** Why a reader has to ask for everything again. */
export const RESYNC_REASONS = ['slow', 'away_too_long', 'restarted', 'other_collector', 'bad_id'] as const;
export type ResyncReason = (typeof RESYNC_REASONS)[number];

/** Ids are COLLECTOR.START.NUMBER: a collector counts anew from each of its starts. */
export interface EventOrigin {
  /** Of the collector, through its restarts. */
  readonly collector: string;
  /** Of this start. */
  readonly start: string;
}

export interface NumberedEvent {
  readonly kind: EventKind;
  readonly data: Readonly<Record<string, unknown>>;
  /** As it is sent, with its id. */
  readonly text: string;
}

const ID = /^([\w-]{1,64})\.([\w-]{1,64})\.(\d{1,15})$/;
/** What an event costs beside its text. */
const OVERHEAD_BYTES = 200;
const FORGOTTEN: NumberedEvent = { kind: 'resync', data: {}, text: '' };
const PLACES_AT_ONCE = 1000;

export class EventReplay {
  readonly #origin: EventOrigin;
  readonly #maxBytes: number;
  #events: NumberedEvent[] = [];
  /** Of the first that is kept. */
  #first = 1;
  #skipped = 0;
  #bytes = 0;

  constructor(origin: EventOrigin, maxBytes: number) {
    this.#origin = origin;
    this.#maxBytes = maxBytes;
  }

  /** Of the last event; number 0 before any. */
  get lastId(): string {
    return this.#idOf(this.#first + this.#events.length - this.#skipped - 1);
  }

  #idOf(number: number): string {
    return `${this.#origin.collector}.${this.#origin.start}.${number}`;
  }

  /** Gives the event its id, and forgets the oldest beyond the bound. */
  add(kind: EventKind, data: Readonly<Record<string, unknown>>): NumberedEvent {
    const id = this.#idOf(this.#first + this.#events.length - this.#skipped);
    const event = { kind, data, text: `id: ${id}\nevent: ${kind}\ndata: ${JSON.stringify(data)}\n\n` };
    this.#events.push(event);
    this.#bytes += costOf(event);
    while (this.#bytes > this.#maxBytes) this.#forgetOldest();
    return event;
  }

  #forgetOldest(): void {
    const oldest = this.#events[this.#skipped];
    if (oldest === undefined) throw new Error('BUG: octets of no event');
    this.#bytes -= costOf(oldest);
    // Its text goes now, its place with many others.
    this.#events[this.#skipped] = FORGOTTEN;
    this.#skipped += 1;
    this.#first += 1;
    if (this.#skipped < PLACES_AT_ONCE && this.#skipped < this.#events.length) return;
    this.#events = this.#events.slice(this.#skipped);
    this.#skipped = 0;
  }

  /** What a reader who has seen that id and what is before it missed; or why that cannot be said. */
  after(id: string, filter: EventFilter): readonly NumberedEvent[] | ResyncReason {
    const match = ID.exec(id);
    if (match === null) return 'bad_id';
    const [, collector, start, text] = match;
    if (collector !== this.#origin.collector) return 'other_collector';
    if (start !== this.#origin.start) return 'restarted';
    const number = Number(text);
    const kept = this.#events.length - this.#skipped;
    if (number >= this.#first + kept) return 'bad_id';
    if (number < this.#first - 1) return 'away_too_long';
    return this.#events
      .slice(this.#skipped + number + 1 - this.#first)
      .filter((event) => filter(event.kind, event.data));
  }
}

function costOf(event: NumberedEvent): number {
  return event.text.length + OVERHEAD_BYTES;
}
