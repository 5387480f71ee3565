// The mirror of services against the real API of the bridge over a real PostgreSQL, and against one that misbehaves.
import type { FastifyInstance } from 'fastify';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { HTTP_FEED, HttpFeedSource } from '../../../collector/services/feed-source.ts';
import { MirrorStore } from '../../../collector/services/mirror-store.ts';
import { ServiceMirror } from '../../../collector/services/service-mirror.ts';
import { servicesMigrations } from '../../../collector/services/services-migrations.ts';
import { migrate } from '../../../common/database/migrate.ts';
import { LedgerFixture } from '../../support/ledger-fixture.ts';
import { silentReporter } from '../../support/silent-reporter.ts';
import { startTestDatabase, type TestDatabase } from '../../support/test-database.ts';

const NOVEMBER = Date.parse('2026-11-01T00:00:00Z');
const MINUTE = 60_000;
const NEVER = new AbortController().signal;

const CONTRACTS = {
  customers: [
    { id: 'acme', name: 'Acme', currency: 'EUR' },
    { id: 'bolt', name: 'Bolt', currency: 'EUR' },
  ],
  price_plans: [
    { id: 'flat', currency: 'EUR', items: [{ id: 'line', kind: 'flat', amount: '5.00' }] },
    {
      id: 'by-volume',
      currency: 'EUR',
      items: [{ id: 'traffic', kind: 'per_unit', unit: 'MB', direction: 'sum', price: '0.0125' }],
    },
  ],
  services: [
    {
      id: 'acme-port',
      customer: 'acme',
      plan: 'by-volume',
      from: '2026-11-01',
      bindings: [{ device: 'sw1', interface: 'ge-0' }],
    },
    {
      id: 'bolt-line',
      customer: 'bolt',
      plan: 'flat',
      from: '2026-11-01',
      bindings: [{ device: 'sw1', interface: 'ge-1' }],
    },
    { id: 'bolt-spare', customer: 'bolt', plan: 'flat', from: '2026-11-01' },
  ],
};

let server: TestDatabase;
let ledger: LedgerFixture;
let api: FastifyInstance;
/** Every request: its cursor and status. */
let asked: string[];
/** What answers instead of the bridge; null lets it answer. */
let instead: ((url: string) => Response | Promise<Response>) | null;

beforeAll(async () => {
  server = await startTestDatabase();
});
afterAll(() => server.stop());

beforeEach(async () => {
  ledger = await LedgerFixture.make(server.database, NOVEMBER);
  await server.database.query('drop schema if exists services cascade');
  await migrate(server.database, servicesMigrations);
  await ledger.apply(CONTRACTS);
  api = ledger.api();
  [asked, instead] = [[], null];
});
afterEach(() => api.close());

const throughInject: typeof fetch = async (input, init) => {
  const url = new Request(input).url;
  if (instead !== null) return instead(url);
  const headers = Object.fromEntries(new Headers(init?.headers ?? {}));
  const answer = await api.inject({ url: url.replace('http://bridge', ''), headers });
  asked.push(`${url.includes('cursor') ? 'next' : 'first'} ${answer.statusCode}`);
  const body = answer.statusCode === 304 ? null : answer.body;
  return new Response(body, { status: answer.statusCode, headers: { etag: String(answer.headers['etag'] ?? '') } });
};

function mirrorOf(pageItems = 1000, token = 'bridge', most = {}): ServiceMirror {
  return new ServiceMirror(silentReporter().reporter, {
    clock: ledger.clock,
    random: () => 0.5,
    store: new MirrorStore(server.database),
    source: new HttpFeedSource(
      { ...HTTP_FEED, ...most, url: 'http://bridge', pageItems },
      { token, fetch: throughInject },
    ),
  });
}

const ids = (mirror: ServiceMirror): string[] => mirror.services().map(({ id }) => id);
const ALL = ['acme-port', 'bolt-line', 'bolt-spare'];

describe('beside the real bridge', () => {
  test('knows services, customers and bindings, page by page', async () => {
    const mirror = mirrorOf(2);
    expect(mirror.state()).toEqual({ version: null, freshAtMs: null, stale: true });
    expect(await mirror.refresh(NEVER)).toBe(true);
    expect(asked).toEqual(['first 200', 'next 200']);
    expect(ids(mirror)).toEqual(ALL);
    expect(mirror.ofCustomer('bolt').map(({ id }) => id)).toEqual(['bolt-line', 'bolt-spare']);
    expect(mirror.boundTo('sw1/ge-0', NOVEMBER).map(({ id }) => id)).toEqual(['acme-port']);
    expect(mirror.boundTo('sw1', NOVEMBER).map(({ id }) => id)).toEqual(['acme-port', 'bolt-line']);
    expect(mirror.boundTo('sw1/ge-0', NOVEMBER - 40 * 86_400_000)).toEqual([]);
    expect(mirror.service('bolt-line')?.running).toMatchObject({ amount: '5.00', currency: 'EUR' });
    expect(mirror.state()).toMatchObject({ freshAtMs: NOVEMBER, stale: false });
  });

  test('what did not change is not sent again, and keeps it fresh', async () => {
    const mirror = mirrorOf(2);
    // Before the first use of the period nothing runs.
    await ledger.clock.advance(MINUTE);
    await mirror.refresh(NEVER);
    await ledger.clock.advance(MINUTE);
    asked = [];
    expect(await mirror.refresh(NEVER)).toBe(true);
    expect(asked).toEqual(['first 304', 'next 304']);
    expect(mirror.state()).toMatchObject({ freshAtMs: NOVEMBER + 2 * MINUTE, stale: false });
  });

  test('money that moves and contracts that change arrive', async () => {
    const mirror = mirrorOf();
    await mirror.refresh(NEVER);
    const before = mirror.state().version ?? '';
    ledger.usage.add(ledger.usage.port('sw1', 'ge-0').in, NOVEMBER, 800_000_000n);
    await ledger.clock.advance(MINUTE);
    await mirror.refresh(NEVER);
    expect(mirror.service('acme-port')?.running).toMatchObject({ amount: '10.00' });
    expect(mirror.state().version).toBe(before);
    await ledger.apply({ ...CONTRACTS, services: CONTRACTS.services.slice(0, 2) });
    await ledger.clock.advance(MINUTE);
    await mirror.refresh(NEVER);
    expect(ids(mirror)).toEqual(ALL.slice(0, 2));
    expect(BigInt(mirror.state().version ?? '')).toBeGreaterThan(BigInt(before));
  });

  test('what ended is no longer there, and is known to the history', async () => {
    const mirror = mirrorOf();
    const ending = structuredClone(CONTRACTS);
    Object.assign(ending.services[1] ?? {}, {
      bindings: [
        { device: 'sw1', interface: 'ge-1', from: '2026-11-01', to: '2026-11-02' },
        { device: 'sw2', interface: 'ge-9', from: '2026-11-02' },
      ],
    });
    await ledger.apply(ending);
    await mirror.refresh(NEVER);
    const ports = (found: typeof mirror | typeof mirror.history): string[] | undefined =>
      found.service('bolt-line')?.bindings.map(({ device, interfaceKey }) => `${device}/${interfaceKey}`);
    expect(ports(mirror)).toEqual(['sw1/ge-1', 'sw2/ge-9']);
    await ledger.clock.advance(86_400_000);
    await mirror.refresh(NEVER);
    expect(ports(mirror)).toEqual(['sw2/ge-9']);
    expect(ports(mirror.history)).toEqual(['sw1/ge-1', 'sw2/ge-9']);
    const second = mirrorOf();
    instead = () => Promise.reject(new Error('refused'));
    await second.refresh(NEVER);
    expect([ports(second), ports(second.history)]).toEqual([ports(mirror), ports(mirror.history)]);
  });

  test('a start knows the last copy before the bridge answers, and that it has grown old', async () => {
    const first = mirrorOf();
    await first.refresh(NEVER);
    await ledger.clock.advance(6 * MINUTE);
    expect(first.state().stale).toBe(true);
    instead = () => Promise.reject(new Error('connection refused'));
    const second = mirrorOf();
    expect(await second.refresh(NEVER)).toBe(false);
    expect(second.services()).toEqual(first.services());
    expect(second.state()).toEqual({ version: first.state().version, freshAtMs: NOVEMBER, stale: true });
  });

  test('runs by itself, backs off, and is fresh soon after the bridge is back', async () => {
    const mirror = mirrorOf();
    let refusals = 0;
    instead = () => {
      refusals += 1;
      return Promise.reject(new Error('connection refused'));
    };
    await mirror.start();
    for (let minute = 0; minute < 10; minute++) {
      await ledger.clock.advance(MINUTE);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(refusals).toBeGreaterThan(3);
    expect(refusals).toBeLessThan(40);
    expect(mirror.state().version).toBe(null);
    instead = null;
    await until(async () => {
      await ledger.clock.advance(MINUTE);
      return ids(mirror).length === 3;
    });
    await mirror.stop();
  });

  test('the token of a viewer opens no feed', async () => {
    const mirror = mirrorOf(1000, 'viewer');
    expect(await mirror.refresh(NEVER)).toBe(false);
    expect(mirror.state().version).toBe(null);
  });
});

const page = (version: string, items: readonly object[], next: string | null = null): Response =>
  Response.json({ version, items, next });
const item = (service: string, more: object = {}): object => ({
  service,
  name: service,
  customer: { id: 'x', name: 'X' },
  from: '2026-11-01T00:00:00Z',
  to: null,
  bindings: [],
  running: null,
  ...more,
});

describe('a bridge that misbehaves leaves the copy as it is', () => {
  const strange: readonly (readonly [string, (url: string) => Response | Promise<Response>, string])[] = [
    ['is away', () => Promise.reject(new Error('refused')), 'feed_unavailable'],
    ['fails', () => new Response('no', { status: 500 }), 'feed_unavailable'],
    [
      'says that nothing changed though nothing is known',
      () => new Response(null, { status: 304 }),
      'feed_unavailable',
    ],
    ['answers with a page of the web', () => new Response('<html>'), 'feed_unreadable'],
    ['answers with another object', () => Response.json({ items: [] }), 'feed_unreadable'],
    ['gives an older version, empty', () => page('0', []), 'feed_older'],
    ['gives a time that is none', () => page('999', [item('a', { from: 'yesterday' })]), 'feed_unreadable'],
    ['gives an amount that is none', () => page('999', [item('a', { running: { amount: 'NaN' } })]), 'feed_unreadable'],
    ['gives a service twice', () => page('999', [item('a'), item('a')]), 'feed_unreadable'],
    [
      'gives more services than the bound',
      () => page('999', [item('a'), item('b'), item('c'), item('d')]),
      'feed_unreadable',
    ],
    ['never ends', (url) => page('999', [item(url.includes('cursor') ? 'b' : 'a')], 'again'), 'feed_unreadable'],
    [
      'changes between two pages',
      (url) => (url.includes('cursor') ? page('1000', [item('b')]) : page('999', [item('a')], 'more')),
      'feed_unreadable',
    ],
    ['sends without an end', () => new Response('x'.repeat(5000)), 'feed_unreadable'],
  ];

  test.each(strange)('%s', async (_name, answer, code) => {
    await mirrorOf().refresh(NEVER);
    const { reporter } = silentReporter();
    const most = { maxServices: 3, maxPageBytes: 4000 };
    const mirror = new ServiceMirror(reporter, {
      clock: ledger.clock,
      random: () => 0.5,
      store: new MirrorStore(server.database),
      source: new HttpFeedSource(
        { ...HTTP_FEED, ...most, url: 'http://bridge' },
        { token: 'bridge', fetch: throughInject },
      ),
    });
    instead = answer;
    expect(await mirror.refresh(NEVER)).toBe(false);
    expect(ids(mirror)).toEqual(ALL);
    expect(reporter.healthStates()['services']?.message).toContain(`[${code}]`);
    expect(await reporter.metricsText()).toContain(`weir_services_pulls_total{result="${code}"} 1`);
    instead = null;
    expect(await mirror.refresh(NEVER)).toBe(true);
    expect(mirror.state().stale).toBe(false);
    expect(ids(mirror)).toEqual(ALL);
  });

  test('a copy that the database did not take is written by the next round', async () => {
    const inner = new MirrorStore(server.database);
    let refusing = true;
    const mirror = new ServiceMirror(silentReporter().reporter, {
      clock: ledger.clock,
      random: () => 0.5,
      store: {
        load: () => inner.load(),
        confirm: (version, atMs) => inner.confirm(version, atMs),
        replace: (copy) => (refusing ? Promise.reject(new Error('disk full')) : inner.replace(copy)),
      },
      source: new HttpFeedSource({ ...HTTP_FEED, url: 'http://bridge' }, { token: 'bridge', fetch: throughInject }),
    });
    expect(await mirror.refresh(NEVER)).toBe(false);
    expect(ids(mirror)).toEqual([]);
    refusing = false;
    expect(await mirror.refresh(NEVER)).toBe(true);
    expect(ids(mirror)).toEqual(ALL);
    expect((await inner.load())?.services.map(({ id }) => id)).toEqual(ALL);
  });

  test('a collector that is behind another takes up what that kept', async () => {
    const behind = mirrorOf();
    await behind.refresh(NEVER);
    const version = (BigInt(behind.state().version ?? '0') + 5n).toString();
    await new MirrorStore(server.database).replace({ version, freshAtMs: NOVEMBER, services: [] });
    ledger.usage.add(ledger.usage.port('sw1', 'ge-0').in, NOVEMBER, 800_000_000n);
    await ledger.clock.advance(MINUTE);
    expect(await behind.refresh(NEVER)).toBe(false);
    expect(behind.state().version).toBe(version);
  });
});

async function until(condition: () => Promise<boolean>): Promise<void> {
  for (let round = 0; round < 200; round++) {
    if (await condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error('not in time');
}
