// Pages over the union of seen and configured devices: every name once, in order, whatever the length of the pages.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { listDevices } from '../../../collector/api/device-list.ts';
import type { InventoryDevice, InventoryPage } from '../../../collector/inventory/inventory.ts';
import { readCursor, writeCursor } from '../../../common/http/parameters.ts';
import { z } from 'zod';

const DEVICE: InventoryDevice = {
  id: 1,
  name: '',
  agent: null,
  firstSeenMs: 0,
  lastPollAtMs: null,
  lastAnswerAtMs: null,
  lastOutcome: null,
  lastFailure: null,
  lastPollMs: null,
  lastRequests: null,
  lastRetries: null,
  intervalMs: null,
  uptimeTicks: null,
  sysName: null,
  sysDescr: null,
  sysObjectID: null,
  sysLocation: null,
  sysContact: null,
  vendor: null,
  model: null,
  os: null,
  version: null,
  serial: null,
  profile: null,
  interfaceCount: 0,
};

const byUnit = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

function inventoryOf(names: readonly string[]) {
  const sorted = names.toSorted(byUnit);
  return async (cursor: string | null, limit: number): Promise<InventoryPage<InventoryDevice>> => {
    const after = readCursor(cursor ?? undefined, z.string()) ?? '';
    const left = sorted.filter((name) => name > after);
    const items = left.slice(0, limit).map((name) => ({ ...DEVICE, name }));
    const last = items.at(-1);
    return { items, next: left.length > limit && last !== undefined ? writeCursor(last.name) : null };
  };
}

async function all(seen: readonly string[], configured: readonly string[], limit: number): Promise<string[]> {
  const names: string[] = [];
  let cursor: string | undefined;
  for (;;) {
    const page = await listDevices(inventoryOf(seen), configured.toSorted(byUnit), { cursor, limit });
    expect(page.items.length).toBeLessThanOrEqual(limit);
    for (const { name, seen: device } of page.items)
      expect(device?.name ?? null).toBe(seen.includes(name) ? name : null);
    names.push(...page.items.map((item) => item.name));
    if (page.next === null) return names;
    cursor = page.next;
  }
}

test('every device once, in order, for every division into pages', async () => {
  const names = fc.uniqueArray(fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,3}$/), { maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(names, names, fc.integer({ min: 1, max: 9 }), async (seen, configured, limit) => {
      expect(await all(seen, configured, limit)).toEqual([...new Set([...seen, ...configured])].toSorted(byUnit));
    }),
    { numRuns: 300 },
  );
});

test('a device that is seen for the first time between two pages moves nothing out', async () => {
  const configured = ['a', 'b', 'c', 'd', 'e'];
  const first = await listDevices(inventoryOf(['c']), configured, { limit: 2 });
  expect(first.items.map((item) => item.name)).toEqual(['a', 'b']);
  const second = await listDevices(inventoryOf(['a', 'c', 'd']), configured, { limit: 9, cursor: first.next ?? '' });
  expect(second.items.map((item) => item.name)).toEqual(['c', 'd', 'e']);
});

test.for(['', 'made up', Buffer.from('[1,2]').toString('base64url'), Buffer.from('["x"]').toString('base64url')])(
  'a cursor that was never given is refused: %j',
  async (cursor) => {
    await expect(listDevices(inventoryOf([]), ['a'], { cursor, limit: 2 })).rejects.toMatchObject({
      code: 'invalid_request',
    });
  },
);
