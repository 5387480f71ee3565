// A small network for tests of the page: eight devices with traffic, a gap, faults and hostile names, and a bridge that answers what the page asks.
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { text } from 'node:stream/consumers';
import type { Column, Poll } from '../../common/model/poll.ts';
import { ADMINISTRATOR } from './collector-fixture.ts';
import { interfacePoll, tableAt } from './poll-builder.ts';

export const HOSTILE = '<img src=x onerror="document.title=\'owned\'"><script>document.title="owned"</script>';
export const INTERVAL_MS = 15_000;
export const POLLS = 60;
/** Missing polls: a gap in the graph. */
export const GAP = [30, 34] as const;

export const DEVICES = [
  ['core1', 'Juniper', 'mx204'],
  ['core2', 'Juniper', 'mx204'],
  ['dist1', 'Arista', 'DCS-7050SX3'],
  ['dist2', 'Arista', 'DCS-7050SX3'],
  ['access1', 'Cisco', 'C9300-24T'],
  ['access2', 'Cisco', 'C9300-24T'],
  ['access6', 'MikroTik', 'CRS326-24G'],
  ['fw1', 'Fortinet', 'FortiGate 100F'],
] as const;

function texts(name: string, values: readonly string[]): Column {
  return { kind: 'text', name, values };
}

export function polls(at: number, beganMs: number): Poll[] {
  const atMs = beganMs + at * INTERVAL_MS;
  return DEVICES.map(([device, vendor, model], place) => {
    const words = { atMs, uptimeTicks: 5_000_000 + (at * INTERVAL_MS) / 10 };
    if (device === 'access6' && at >= POLLS - 4)
      return interfacePoll({ device, atMs, intervalMs: INTERVAL_MS, failure: 'snmp_timeout' });
    const keys = [`xe-0/0/${place}`, `xe-0/1/${place}`, `ge-1/0/${place}`];
    const wave = (phase: number) =>
      BigInt(Math.round((1.2 + Math.sin(at / 9 + phase + place)) * 4_000_000 * (place + 1)));
    let [inOctets, outOctets] = [0n, 0n];
    for (let before = 0; before <= at; before += 1) {
      inOctets += BigInt(Math.round((1.3 + Math.sin(before / 9 + place)) * 40_000_000 * (place + 1)));
      outOctets += BigInt(Math.round((1.2 + Math.cos(before / 7 + place)) * 15_000_000 * (place + 1)));
    }
    const flaps = device === 'dist1' && at % 20 > 10 && at % 20 < 17;
    return interfacePoll({
      ...words,
      device,
      intervalMs: INTERVAL_MS,
      interfaces: [
        { key: keys[0] ?? '', inOctets, outOctets, speedBps: 10_000_000_000 },
        {
          key: keys[1] ?? '',
          inOctets: outOctets,
          outOctets: inOctets / 3n,
          speedBps: 1_000_000_000,
          oper: flaps || (device === 'core2' && at > 20) ? 2 : 1,
        },
        { key: keys[2] ?? '', inOctets: wave(1), outOctets: 0n, admin: 2, oper: 2, speedBps: 1_000_000_000 },
      ],
      tables: [
        tableAt(
          words,
          'system',
          ['0'],
          [
            texts('sysName', [device === 'core1' ? HOSTILE : device]),
            texts('sysDescr', [HOSTILE]),
            texts('vendor', [vendor]),
            texts('model', [device === 'core1' ? HOSTILE : model]),
          ],
        ),
        tableAt(
          words,
          'interface-inventory',
          ['1', '2', '3'],
          [
            texts('interfaceKey', keys),
            texts('ifName', keys),
            texts('ifDescr', keys),
            texts('ifAlias', [HOSTILE, 'to dist1', 'spare']),
          ],
        ),
      ],
    });
  });
}

export const BILLING = {
  usageRecords: '18432',
  charges: '1290',
  watermark: 'DEMO',
  customers: [
    { id: 'acme', name: 'Acme Engineering Ltd', currency: 'EUR', running: '131.42' },
    { id: 'hooli', name: `Hooli ${HOSTILE}`, currency: 'USD', running: '2048.00' },
    { id: 'cafe', name: 'Café Zürich', currency: 'CHF', running: '64.50' },
  ],
  running: [
    { currency: 'CHF', total: '64.50', customers: 1 },
    { currency: 'EUR', total: '131.42', customers: 1 },
    { currency: 'USD', total: '2048.00', customers: 1 },
  ],
  unassigned: [{ device: 'access1', interface: 'xe-0/0/4', octets: '1838294981' }],
  latest: {
    charge: {
      id: '1290',
      service: 'acme-office',
      item: 'volume',
      windowStart: '2026-11-24T08:00:00.000Z',
      windowEnd: '2026-11-24T08:01:00.000Z',
      quantity: '0.183829498',
      unit: 'GB',
      amount: '0.00827232741',
      currency: 'EUR',
    },
    usage: [
      {
        meter: 7,
        device: 'access1',
        interfaceKey: 'xe-0/0/4',
        direction: 'in',
        bucketStart: '2026-11-24T08:00:00.000Z',
        version: 1,
        octets: '91914749',
        quality: 'good',
      },
      {
        meter: 8,
        device: 'access1',
        interfaceKey: 'xe-0/0/4',
        direction: 'out',
        bucketStart: '2026-11-24T08:00:30.000Z',
        version: 1,
        octets: '91914749',
        quality: 'good',
      },
    ],
    readings: [
      {
        meter: 7,
        observedAt: '2026-11-24T08:00:00.010Z',
        value: '9223372036854775808',
        uptimeTicks: 1,
        agent: 'agent-1',
        sequence: 512,
      },
      {
        meter: 7,
        observedAt: '2026-11-24T08:00:30.012Z',
        value: '9223372036946690557',
        uptimeTicks: 2,
        agent: 'agent-1',
        sequence: 513,
      },
    ],
  },
};

export interface BridgeDouble {
  readonly url: string;
  /** What was changed: `POST /billing/v1/…` with the body. */
  readonly changes: readonly (readonly [what: string, body: unknown])[];
  readonly close: () => void;
}

/** Answers the administrator by path, everybody else 403; `answers` without an entry: the overview. */
export async function startBridgeDouble(answers: Readonly<Record<string, unknown>> = {}): Promise<BridgeDouble> {
  const changes: [string, unknown][] = [];
  const server: Server = createServer((request, response) => {
    if (request.method !== 'GET') void keepChange(request, changes);
    const known = request.headers.authorization === `Bearer ${ADMINISTRATOR}`;
    const place = new URL(request.url ?? '/', 'http://127.0.0.1').pathname;
    const body = Object.hasOwn(answers, place) ? answers[place] : BILLING;
    const open = known || place === '/billing/v1/feed';
    response.writeHead(open ? 200 : 403, { 'content-type': 'application/json' });
    response.end(JSON.stringify(open ? body : { error: { code: 'forbidden', message: 'No.', detail: {} } }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}`,
    changes,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

async function keepChange(request: IncomingMessage, changes: [string, unknown][]): Promise<void> {
  const content = await text(request);
  changes.push([`${request.method} ${request.url}`, content === '' ? null : JSON.parse(content)]);
}
