// Results of work as the details of an event: flat, named by their path, and bounded.
import type { EventDetail } from '../../common/model/event.ts';

/** Of one result, so that a batch carries many. */
const MOST_DETAILS = 100;
const MOST_CHARACTERS = 1000;
const MOST_DEPTH = 6;

/** `{ping: {result: 'answers'}}` is `ping.result`: answers; an item of a list is one detail; what is undefined is left out. */
export function detailsOf(value: unknown, prefix = ''): EventDetail[] {
  const details: EventDetail[] = [];
  flatten(value, prefix, 0, details);
  if (details.length <= MOST_DETAILS) return details;
  const left = details.length - MOST_DETAILS + 1;
  return [...details.slice(0, MOST_DETAILS - 1), { name: 'left_out', value: `${left} more` }];
}

function flatten(value: unknown, name: string, depth: number, into: EventDetail[]): void {
  if (value === undefined || into.length > MOST_DETAILS * 10) return;
  if (typeof value === 'object' && value !== null && depth < MOST_DEPTH) {
    for (const [key, inner] of Object.entries(value))
      flatten(Array.isArray(value) ? inOneLine(inner) : inner, name === '' ? key : `${name}.${key}`, depth + 1, into);
    return;
  }
  into.push({ name, value: textOf(value).slice(0, MOST_CHARACTERS) });
}

/** `{name: 'interface', rows: 48}` is `name=interface rows=48`. */
function inOneLine(item: unknown): unknown {
  if (typeof item !== 'object' || item === null) return item;
  const parts: EventDetail[] = [];
  flatten(item, '', 1, parts);
  return parts.map(({ name, value }) => `${name}=${value}`).join(' ');
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean') return String(value);
  return value === null ? '' : JSON.stringify(value);
}
