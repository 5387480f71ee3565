// What series, labels and values there are, as who builds a query asks it; `limit` cuts what is listed, with a warning.
import { z } from 'zod';
import { WeirError } from '../../common/runtime/errors.ts';
import { type Matcher, notUnderstood, tooLarge } from './expression.ts';
import { parseExpression } from './parse-expression.ts';
import type { FoundSeries, Samples } from './samples.ts';
import { labelKey } from './vector.ts';

/** Parameters of a request; one that stands several times is a list. */
export type Given = Readonly<Record<string, string | string[] | undefined>>;

export const answer = z.object({
  status: z.literal('success'),
  data: z.unknown(),
  warnings: z.array(z.string()).optional(),
});

const MAX_LABEL_SERIES = 10_000;
/** For names of labels and their values. */
const MAX_LOOKED = 500_000;

/** Less than there is, because the reader said how much it wants. */
class Truncated {
  readonly data: readonly unknown[];

  constructor(data: readonly unknown[]) {
    this.data = data;
  }
}

export function success(data: unknown): z.output<typeof answer> {
  if (!(data instanceof Truncated)) return { status: 'success', data };
  return { status: 'success', data: data.data, warnings: ['results truncated due to limit'] };
}

export function limited(items: readonly string[], given: Given): unknown {
  const limit = limitOf(given);
  return limit === null || items.length <= limit ? items : new Truncated(items.slice(0, limit));
}

/** Null where there is none; 0 is none too, as in Prometheus. */
export function limitOf(given: Given): number | null {
  const text = textOf(given, 'limit');
  if (text === '' || text === '0') return null;
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new WeirError('invalid_request', 'limit: expected a whole number.');
}

/** What each `match[]` selects by; one that takes everything where there is none, as Grafana asks for names. */
function selectionsOf(given: Given): (readonly Matcher[])[] {
  const texts = [given['match[]'] ?? []].flat();
  if (texts.length === 0) return [[]];
  return texts.map((text) => {
    const selector = parseExpression(text);
    if (selector.kind !== 'selector' || selector.rangeMs !== null) throw notUnderstood('match[] is a selector', text);
    return selector.matchers;
  });
}

export async function* selected(given: Given, samples: Samples): AsyncGenerator<FoundSeries> {
  let looked = 0;
  for (const matchers of selectionsOf(given))
    for await (const one of samples.each(matchers)) {
      looked += 1;
      if (looked > MAX_LOOKED) throw tooLarge(`more than ${MAX_LOOKED} series match`);
      yield one;
    }
}

export async function seriesOf(given: Given, samples: Samples): Promise<unknown> {
  const limit = limitOf(given);
  const most = Math.min(limit ?? MAX_LABEL_SERIES, MAX_LABEL_SERIES);
  const found = new Map<string, FoundSeries['labels']>();
  for await (const { labels } of selected(given, samples)) {
    const key = labelKey(labels);
    if (found.size === most && !found.has(key)) {
      if (limit === null) throw tooLarge(`more than ${most} series match`);
      return new Truncated([...found.values()]);
    }
    found.set(key, labels);
  }
  return [...found.values()];
}

/** Names of metrics are asked for first, by whoever builds a query, and of all there is: for them not every series is looked at. */
export async function valuesOf(label: string, given: Given, samples: Samples): Promise<Set<string>> {
  const values = new Set<string>();
  if (label === '__name__') {
    for (const matchers of selectionsOf(given)) for (const name of await samples.names(matchers)) values.add(name);
    return values;
  }
  for await (const { labels } of selected(given, samples))
    if (Object.hasOwn(labels, label)) values.add(labels[label] ?? '');
  return values;
}

export function textOf(given: Given, name: string): string {
  const value = given[name] ?? '';
  return typeof value === 'string' ? value : (value[0] ?? '');
}
