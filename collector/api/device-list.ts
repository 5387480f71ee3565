// Devices by name: those that were seen and those that are only configured, in one list whose pages meet.
import { z } from 'zod';
import { readCursor, writeCursor } from '../../common/http/parameters.ts';
import type { InventoryDevice, InventoryPage } from '../inventory/inventory.ts';

export interface ListedDevice {
  readonly name: string;
  /** Null where it was never seen. */
  readonly seen: InventoryDevice | null;
}

/** The page of the inventory in hand, and the last name given from it. */
const place = z.tuple([z.string().max(900).nullable(), z.string().max(200)]);

/** Lists the union; `configured` sorted by code units, as the inventory is. */
export async function listDevices(
  inventory: (cursor: string | null, limit: number) => Promise<InventoryPage<InventoryDevice>>,
  configured: readonly string[],
  query: { readonly cursor?: string | undefined; readonly limit: number },
): Promise<{ readonly items: readonly ListedDevice[]; readonly next: string | null }> {
  let [cursor, after] = readCursor(query.cursor, place) ?? [null, ''];
  const items: ListedDevice[] = [];
  for (;;) {
    const page = await inventory(cursor, query.limit);
    const upTo = page.next === null ? null : (page.items.at(-1)?.name ?? '');
    const merged = merge(page.items, configured, after, upTo);
    const room = query.limit - items.length;
    items.push(...merged.slice(0, room));
    after = items.at(-1)?.name ?? after;
    if (merged.length > room) return { items, next: writeCursor([cursor, after]) };
    if (page.next === null) return { items, next: null };
    cursor = page.next;
    if (items.length === query.limit) return { items, next: writeCursor([cursor, after]) };
  }
}

/** Seen and configured names in (after, upTo], each once, in order. */
function merge(
  seen: readonly InventoryDevice[],
  configured: readonly string[],
  after: string,
  upTo: string | null,
): ListedDevice[] {
  const within = (name: string): boolean => name > after && (upTo === null || name <= upTo);
  const names = new Map<string, InventoryDevice | null>();
  for (const name of configured) if (within(name)) names.set(name, null);
  for (const device of seen) if (within(device.name)) names.set(device.name, device);
  return [...names].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([name, device]) => ({ name, seen: device }));
}
