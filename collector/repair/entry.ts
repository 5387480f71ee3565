// What a step of a diagnosis found, as named texts within bounds: devices say what they like, so nothing that steers a terminal or a page comes through.
import { cleanText } from '../../common/model/table-columns.ts';

export interface Entry {
  /** What it is about, as alarms name resources: who does not see that does not see the entry. */
  readonly about: string;
  readonly name: string;
  readonly value: string;
}

export interface Finding {
  readonly state: 'done' | 'failed' | 'timed_out' | 'skipped';
  /** In one line. */
  readonly summary: string;
  readonly entries: readonly Entry[];
  /** Entries beyond the bound. */
  readonly leftOut: number;
}

const MOST_ENTRIES = 60;
const MOST_NAME = 120;
const MOST_VALUE = 300;

/** Control and format characters: escapes of terminals, and those that turn the direction of a text. */
const STEERING = /[\p{Cc}\p{Cf}\u2028\u2029]/gu;

export function plainWords(text: string, most = MOST_VALUE): string {
  return cleanText(text.replaceAll(STEERING, ' '), most).trim();
}

export function finding(state: Finding['state'], summary: string, entries: readonly Entry[] = []): Finding {
  return {
    state,
    summary: plainWords(summary),
    entries: entries.slice(0, MOST_ENTRIES).map(({ about, name, value }) => ({
      about,
      name: plainWords(name, MOST_NAME),
      value: plainWords(value),
    })),
    leftOut: Math.max(0, entries.length - MOST_ENTRIES),
  };
}
