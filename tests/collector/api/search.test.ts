// The search of a running collector: by every word that a thing is known by, as it is written, and only of what the token sees.
import { createServer, type Server } from 'node:http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Column } from '../../../common/model/poll.ts';
import { type CollectorFixture, eventually, startCollectorFixture } from '../../support/collector-fixture.ts';
import { interfacePoll, tableAt } from '../../support/poll-builder.ts';

interface Found {
  readonly kind: string;
  readonly name: string;
  readonly resource: string | null;
  readonly customer: string | null;
}

const FEED = {
  version: '1',
  items: [
    {
      service: 'acme-line',
      name: 'acme-line',
      customer: { id: 'acme', name: 'Acme Engineering' },
      from: '2026-01-01T00:00:00.000Z',
      to: null,
      bindings: [],
      running: null,
    },
  ],
  next: null,
};
const texts = (name: string, ...values: string[]): Column => ({ kind: 'text', name, values });

let fixture: CollectorFixture;
let remove: () => Promise<void>;
let bridge: Server;

beforeAll(async () => {
  bridge = createServer((_, response) =>
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(FEED)),
  );
  await new Promise<void>((resolve) => bridge.listen(0, '127.0.0.1', resolve));
  const address = bridge.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  ({ fixture, remove } = await startCollectorFixture({
    collector: { bridge_url: `http://127.0.0.1:${port}` },
    devices: [
      { name: 'core1', site: 'north', address: '192.0.2.1:161' },
      { name: 'core2', site: 'south', address: '192.0.2.2:161' },
      { name: 'never-seen', site: 'south', address: '198.51.100.9:161' },
    ],
  }));
  const atMs = Date.now() - 60_000;
  const polls = ['core1', 'core2'].map((device, place) =>
    interfacePoll({
      device,
      atMs,
      interfaces: [{ key: 'ge-0/0/1', inOctets: 1n }],
      tables: [
        tableAt({ atMs }, 'system', ['0'], [texts('sysName', `${device}.example`), texts('serial', `SN-${place}`)]),
        tableAt(
          { atMs },
          'interface-inventory',
          ['1'],
          [
            texts('interfaceKey', 'ge-0/0/1'),
            texts('ifName', 'ge-0/0/1'),
            texts('ifAlias', place === 0 ? '100% of_acme' : 'uplink'),
            texts('ifPhysAddress', `00:1b:54:aa:bb:0${place}`),
          ],
        ),
      ],
    }),
  );
  await fixture.receipt({ sequence: 1, polls });
  await fixture.applied(1);
  await eventually(
    async () => (await fixture.get<{ items: unknown[] }>('/api/v1/services')).items.length === 1,
    'the feed is mirrored',
  );
}, 60_000);
afterAll(async () => {
  await remove();
  bridge.close();
  bridge.closeAllConnections();
});

async function found(word: string, token?: string): Promise<string[]> {
  const { items } = await fixture.get<{ items: Found[] }>(`/api/v1/search?q=${encodeURIComponent(word)}`, token);
  return items.map(({ kind, name, resource, customer }) =>
    [kind, resource ?? name, customer].filter(Boolean).join(' '),
  );
}

test.each([
  ['core1', ['device core1', 'interface core1/ge-0/0/1']],
  ['CORE1.EXAMPLE', ['device core1']],
  ['SN-1', ['device core2']],
  ['192.0.2.2', ['device core2']],
  ['198.51.100.9', ['device never-seen']],
  ['core2/ge-0', ['interface core2/ge-0/0/1']],
  ['uplink', ['interface core2/ge-0/0/1']],
  ['00:1B:54:AA:BB:00', ['interface core1/ge-0/0/1']],
  ['001b.54aa.bb01', ['interface core2/ge-0/0/1']],
  ['0% of_', ['interface core1/ge-0/0/1']],
  ['core_', []],
  ['%%', []],
  ['engineering', ['customer acme']],
  ['acme-line', ['service acme-line acme']],
  ['nowhere', []],
])('%s', async (word, expected) => expect(await found(word)).toEqual(expected));

test('care finds customers and no devices, a viewer devices and no customers', async () => {
  const [care, viewer] = [await fixture.token('c', 'care'), await fixture.token('v', 'viewer')];
  expect(await found('acme', care)).toEqual(['customer acme', 'service acme-line acme']);
  expect(await found('core1', care)).toEqual([]);
  expect(await found('acme', viewer)).toEqual(['interface core1/ge-0/0/1']);
});

test('a token of the north finds nothing of the south', async () => {
  const scope = { sites: ['north'], customers: [] };
  const made = await fixture.post('/api/v1/tokens', { name: 'north', role: 'operator', scope });
  const { token } = made.body as { token: string };
  expect(await found('ge-0', token)).toEqual(['interface core1/ge-0/0/1']);
  expect(await found('198.51.100.9', token)).toEqual([]);
  expect(await found('acme', token)).toEqual(['interface core1/ge-0/0/1']);
});

test.each(['', 'x', ' '])('too little to search for is refused: %j', async (word) => {
  expect((await fixture.ask(`/api/v1/search?q=${encodeURIComponent(word)}`)).status).toBe(400);
});
