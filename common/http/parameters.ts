// Parameters that mean the same on every route: times, limits and the cursors of pages.
import { z } from 'zod';
import type { EpochMs } from '../model/time.ts';
import { WeirError } from '../runtime/errors.ts';

export const MAX_PAGE = 10_000;
const DEFAULT_PAGE = 100;
const MAX_CURSOR = 1000;

/** ISO 8601 with an offset, such as 2026-11-01T00:00:00Z. */
export const timeParameter = z.iso
  .datetime({ offset: true, message: 'expected a time such as 2026-11-01T00:00:00Z' })
  .transform((text): EpochMs => Date.parse(text));

/** How many items a page has, and after which item it begins. */
export const pageParameters = {
  limit: z.coerce.number().int().min(1).max(MAX_PAGE).default(DEFAULT_PAGE).describe('items of a page'),
  cursor: z.string().max(MAX_CURSOR).optional().describe('`next` of the page before; absent for the first'),
};

/** The answer of a page: `next` is null at the end. */
export function pageOf(item: z.ZodType): z.ZodType {
  return z.object({ items: z.array(item), next: z.string().nullable() });
}

/** Opaque outside: the place after the last item of a page, as JSON. */
export function writeCursor(place: unknown): string {
  return Buffer.from(JSON.stringify(place)).toString('base64url');
}

/** Null where there is none; throws invalid_request for one that was never given. */
export function readCursor<Schema extends z.ZodType>(
  cursor: string | undefined,
  place: Schema,
): z.output<Schema> | null {
  if (cursor === undefined) return null;
  const parsed = place.safeParse(jsonOf(Buffer.from(cursor, 'base64url').toString('utf8')));
  if (parsed.success) return parsed.data;
  throw new WeirError('invalid_request', 'cursor: expected one that a page gave as `next`.', {
    issues: [{ path: 'cursor', message: 'expected one that a page gave as `next`' }],
  });
}

/** One page of a list in memory that is in the order of `keyOf`. */
export function pageInMemory<Item>(
  items: readonly Item[],
  keyOf: (item: Item) => string,
  query: { readonly limit: number; readonly cursor?: string | undefined },
): { readonly items: readonly Item[]; readonly next: string | null } {
  const after = readCursor(query.cursor, z.string());
  const begin = after === null ? 0 : items.findIndex((item) => keyOf(item) > after);
  const page = begin < 0 ? [] : items.slice(begin, begin + query.limit);
  const last = page.at(-1);
  const more = last !== undefined && begin + page.length < items.length;
  return { items: page, next: more ? writeCursor(keyOf(last)) : null };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
