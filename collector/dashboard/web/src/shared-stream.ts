// One event stream for all tabs of a browser: the first that joins opens it, the last that leaves closes it.
import { type EventStream, followEvents, type StreamState } from './event-stream.ts';

export type Told =
  | { readonly what: 'event'; readonly kind: string }
  | { readonly what: 'state'; readonly state: StreamState };

/** What a tab says, and for whom: another reader of the same browser has another session. */
export type FromTab = { readonly join: string } | { readonly leave: string };

/** What is used of a MessagePort. */
export interface Tab {
  postMessage(told: Told): void;
}

/** A tab that crashed does not say that it leaves; beyond so many the oldest is let go. */
const MOST_TABS = 100;

export class SharedStream {
  readonly #open: () => EventStream;
  readonly #tabs = new Set<Tab>();
  #end: (() => void) | null = null;
  #state: StreamState = 'connecting';

  constructor(open: () => EventStream) {
    this.#open = open;
  }

  join(tab: Tab): void {
    const [oldest] = this.#tabs;
    if (oldest !== undefined && this.#tabs.size >= MOST_TABS) this.#tabs.delete(oldest);
    this.#tabs.add(tab);
    if (this.#end !== null) {
      tab.postMessage({ what: 'state', state: this.#state });
      // What happened before it joined went to the others.
      tab.postMessage({ what: 'event', kind: 'resync' });
      return;
    }
    this.#end = followEvents(
      this.#open,
      (kind) => this.#tell({ what: 'event', kind }),
      (state) => {
        this.#state = state;
        this.#tell({ what: 'state', state });
      },
    );
  }

  leave(tab: Tab): void {
    if (!this.#tabs.delete(tab) || this.#tabs.size > 0) return;
    this.#end?.();
    this.#end = null;
  }

  #tell(told: Told): void {
    for (const tab of this.#tabs) tab.postMessage(told);
  }
}
