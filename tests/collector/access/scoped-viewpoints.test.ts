// What a scope sees is kept for a moment, and never beyond a change of devices or services.
import { beforeEach, expect, test } from 'vitest';
import { ScopedViewpoints } from '../../../collector/access/scoped-viewpoints.ts';
import type { MirroredService } from '../../../collector/services/service-book.ts';
import type { Viewpoint } from '../../../common/model/viewpoint.ts';
import type { Principal, Scope } from '../../../common/runtime/access.ts';

let devices: Map<string, { readonly name: string; readonly site: string | null }>;
let version: string | null;
let bound: MirroredService[];
let nowMs: number;
let asked: number;
let viewpoints: ScopedViewpoints;

const BINDING = { device: 'd9', interfaceKey: 'p1', fromMs: 1000, toMs: 5000 };
const principal = (scope: Scope | null): Principal => ({ name: 'noc', role: 'operator', scope });
const seen = (sites: string[], customers: string[] = []): Promise<Viewpoint> =>
  viewpoints.of(principal({ sites, customers }));

beforeEach(() => {
  devices = new Map([['n1', { name: 'n1', site: 'north' }]]);
  [version, bound, nowMs, asked] = ['1', [], 1000, 0];
  viewpoints = new ScopedViewpoints({
    devices: () => devices,
    services: {
      ofCustomer: () => {
        asked += 1;
        return bound;
      },
      state: () => ({ version, freshAtMs: nowMs, stale: false }),
    },
    now: () => nowMs,
  });
});

test('is made once for as long as it is kept, for everybody of the scope, and for no other scope', async () => {
  const first = await seen(['north'], ['acme']);
  nowMs += 1999;
  expect(await viewpoints.of({ ...principal({ sites: ['north'], customers: ['acme'] }), name: 'bert' })).toBe(first);
  expect(asked).toBe(1);
  expect((await seen([], ['acme', 'bolt'])).devices).toEqual([]);
  nowMs += 1;
  expect(await seen(['north'], ['acme'])).not.toBe(first);
});

test('another device, or another copy of the services, is seen at once', async () => {
  expect((await seen(['north'])).devices).toEqual(['n1']);
  devices = new Map([...devices, ['n2', { name: 'n2', site: 'north' }]]);
  expect((await seen(['north'])).devices).toEqual(['n1', 'n2']);
  expect((await seen([], ['acme'])).resources).toEqual([]);
  bound = [{ bindings: [BINDING] } as unknown as MirroredService];
  version = '2';
  expect((await seen([], ['acme'])).resources).toEqual(['d9/p1']);
});

test('a binding that ends is gone when what was kept is', async () => {
  bound = [{ bindings: [BINDING] } as unknown as MirroredService];
  expect((await seen([], ['acme'])).resources).toEqual(['d9/p1']);
  nowMs = 5000;
  expect((await seen([], ['acme'])).resources).toEqual([]);
});

test('a clock that was set back keeps nothing for longer', async () => {
  nowMs = 1_000_000;
  const first = await seen(['north']);
  nowMs = 1000;
  expect(await seen(['north'])).not.toBe(first);
});

test('of a thousand and one scopes the one asked for first is made anew', async () => {
  await seen([], ['customer-0']);
  for (let at = 1; at <= 1000; at += 1) await seen([], [`customer-${at}`]);
  expect(asked).toBe(1001);
  await seen([], ['customer-1000']);
  expect(asked).toBe(1001);
  await seen([], ['customer-0']);
  expect(asked).toBe(1002);
});
