// Service levels of a real collector: services as a bridge tells them, outages as polls tell them, maintenance, late clears, scopes, CSV and the command.
import { createServer, type Server } from 'node:http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { CommandContext } from '../../../cli/command.ts';
import { serviceLevelsCommand } from '../../../cli/commands/service-levels.ts';
import {
  ADMINISTRATOR,
  type CollectorFixture,
  eventually,
  type StartedFixture,
  startCollectorFixture,
} from '../../support/collector-fixture.ts';
import { interfacePoll } from '../../support/poll-builder.ts';

const MINUTE = 60_000;
const POLLS = 60;

interface Level {
  readonly service: string;
  readonly measuredMs: number;
  readonly outageMs: number;
  readonly excludedMs: number;
  readonly degradedMs: number;
  readonly availability: string | null;
  readonly complete: boolean;
  readonly outages: readonly {
    readonly ms: number;
    readonly counted: boolean;
    readonly alarms: readonly { readonly alarmType: string }[];
  }[];
}
interface Levels {
  readonly items: readonly Level[];
  readonly customer: { readonly services: number; readonly outageMs: number; readonly measuredMs: number } | null;
}

let started: StartedFixture;
let fixture: CollectorFixture;
let bridge: Server;
let [fromMs, toMs, sequence] = [0, 0, 0];

/** core1 does not answer polls 10 to 14; ge-0 of it is down in 20 to 29, ge-0 of core2 in 25 to 39; what is open at the end goes on. */
function pollsAt(at: number) {
  const words = { atMs: fromMs + at * MINUTE, intervalMs: MINUTE };
  const port = (isDown: boolean) => [
    { key: 'ge-0', oper: isDown ? 2 : 1, admin: 1, speedBps: 1e9, inOctets: BigInt(at) },
  ];
  return [
    interfacePoll({
      ...words,
      device: 'core1',
      interfaces: port(at >= 20 && at < 30),
      ...(at >= 10 && at < 15 ? { failure: 'timed_out' } : {}),
      // Only its SNMP is silent: what it carries goes on.
      ...(at >= 2 && at < 7 ? { failure: 'snmp_silent_but_reachable' } : {}),
    }),
    interfacePoll({ ...words, device: 'core2', interfaces: port((at >= 25 && at < 40) || at >= 50) }),
  ];
}

async function send(from: number, to: number): Promise<void> {
  for (let at = from; at < to; at += 1) {
    sequence += 1;
    await fixture.receipt({ sequence, polls: pollsAt(at) });
  }
  await fixture.applied(sequence);
}

beforeAll(async () => {
  toMs = Math.floor(Date.now() / MINUTE) * MINUTE - MINUTE;
  fromMs = toMs - POLLS * MINUTE;
  const from = new Date(fromMs - 1000 * MINUTE).toISOString();
  const bound = (device: string) => ({ device, interfaceKey: 'ge-0', from, to: null });
  const item = (service: string, customer: string, devices: readonly string[], more: object = {}) => ({
    service,
    name: service,
    customer: { id: customer, name: customer.toUpperCase() },
    from,
    to: null,
    bindings: devices.map(bound),
    serviceLevel: 'gold',
    running: null,
    ...more,
  });
  const terms = { downWhen: 'any_port', maintenance: 'excluded', noticeMs: 0, hours: null, zone: 'UTC' };
  const items = [
    item('a-single', 'acme', ['core1']),
    item('a-spare', 'acme', ['core1', 'core2']),
    item('b-any', 'bolt', ['core1', 'core2'], { availability: terms }),
  ];
  bridge = createServer((_, response) => {
    response
      .writeHead(200, { 'content-type': 'application/json' })
      .end(JSON.stringify({ version: '1', items, next: null }));
  });
  await new Promise<void>((resolve) => bridge.listen(0, '127.0.0.1', resolve));
  const address = bridge.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const devices = ['core1', 'core2'].map((name) => ({ name, site: name, interval_ms: MINUTE }));
  started = await startCollectorFixture({
    devices,
    collector: { bridge_url: `http://127.0.0.1:${port}`, faults: { interface_down: { raise_after_polls: 2 } } },
  });
  ({ fixture } = started);
  await eventually(
    async () => (await fixture.get<{ items: unknown[] }>('/api/v1/services')).items.length === 3,
    'services are mirrored',
  );
  await send(0, 55);
});
afterAll(async () => {
  await started.remove();
  bridge.close();
});

const span = (): string => `from=${new Date(fromMs).toISOString()}&to=${new Date(toMs).toISOString()}`;
/** Agents' clocks are known to milliseconds only. */
const minutes = (ms: number | undefined): number => Math.round((ms ?? 0) / 1000) / 60;
const levels = (query: string): Promise<Levels> => fixture.get(`/api/v1/service-levels?${query}&${span()}`);

test('an outage begins when it was first seen, though it was raised later, and ports together make the service', async () => {
  const { items, customer } = await levels('customer=acme');
  expect(items.map(({ service, outageMs, degradedMs }) => [service, minutes(outageMs), minutes(degradedMs)])).toEqual([
    ['a-single', 15, 0],
    // Both from 25 to 29; one in 10 to 14, 20 to 24, 30 to 39 and from 50 on.
    ['a-spare', 5, 30],
  ]);
  expect(
    items[0]?.outages.map(({ ms, alarms }) => [minutes(ms), alarms.map(({ alarmType }) => alarmType).join()]),
  ).toEqual([
    [5, 'device-unreachable'],
    [10, 'interface-down'],
  ]);
  expect(Number(items[0]?.availability)).toBeCloseTo(75, 2);
  expect(items[0]?.complete).toBe(false);
  expect(customer).toMatchObject({ services: 2, measuredMs: 120 * MINUTE });
  expect(minutes(customer?.outageMs)).toBe(20);
});

test('any port counts where the contract says so; what comes late corrects the figure', async () => {
  const before = (await levels('service=b-any')).items[0];
  expect([minutes(before?.outageMs), before?.complete]).toEqual([35, false]);
  // The port that was down at the end is up again in polls that come only now.
  const words = { intervalMs: MINUTE };
  sequence += 1;
  const up = [{ key: 'ge-0', oper: 1, admin: 1, speedBps: 1e9, inOctets: 1n }];
  await fixture.receipt({
    sequence,
    polls: [56, 60].flatMap((at) =>
      ['core1', 'core2'].map((device) =>
        interfacePoll({ ...words, device, atMs: fromMs + at * MINUTE, interfaces: up }),
      ),
    ),
  });
  await fixture.applied(sequence);
  const after = (await levels('service=b-any')).items[0];
  expect([minutes(after?.outageMs), after?.complete]).toEqual([31, true]);
  expect(minutes(after?.outages.at(-1)?.ms)).toBe(6);
});

test('maintenance counts from when it was entered, and what lies before stays an outage', async () => {
  const answer = await fixture.post('/api/v1/maintenance-windows', {
    devices: ['core1'],
    from: new Date(fromMs).toISOString(),
    to: new Date(toMs + 60 * MINUTE).toISOString(),
    reason: 'entered afterwards',
    excludedFromKpis: true,
  });
  expect(answer.status).toBe(200);
  const [level] = (await levels('service=a-single')).items;
  expect([minutes(level?.outageMs), level?.excludedMs]).toEqual([15, 0]);
  const record = await fixture.get<{ downs: { to: string | null }[]; knownUntil: string; maintenance: object[] }>(
    `/api/v1/outage-records?resource=core1/ge-0&service=a-single&from=${new Date(fromMs).toISOString()}&to=${new Date(toMs + 30 * MINUTE).toISOString()}`,
  );
  expect(record.downs).toHaveLength(2);
  expect(minutes(Date.parse(record.knownUntil) - fromMs)).toBe(POLLS);
  expect(record.maintenance).toHaveLength(1);
});

test('a history that keeps few entries and a purge take nothing away', async () => {
  await fixture.database.database.query('delete from faults.status_change');
  await fixture.database.database.query('delete from faults.alarm where is_cleared');
  expect(minutes((await levels('service=a-single')).items[0]?.outageMs)).toBe(15);
});

test('care of one customer sees that customer, and nobody else asks', async () => {
  const made = await fixture.post('/api/v1/tokens', {
    name: 'care-of-bolt',
    role: 'care',
    scope: { sites: [], customers: ['bolt'] },
  });
  const { token } = made.body as { token: string };
  const seen = await fixture.get<Levels>(`/api/v1/service-levels?${span()}`, token);
  expect(seen.items.map(({ service }) => service)).toEqual(['b-any']);
  expect((await fixture.ask(`/api/v1/service-levels?customer=acme&${span()}`, { token })).status).toBe(404);
  expect((await fixture.ask(`/api/v1/service-levels?service=a-single&${span()}`, { token })).status).toBe(404);
});

test.each([
  ['period=2026-11&from=2026-11-01T00:00:00Z', 'period'],
  ['from=2026-11-02T00:00:00Z&to=2026-11-01T00:00:00Z', 'from'],
  ['from=2020-11-02T00:00:00Z&to=2026-11-01T00:00:00Z', 'to'],
  ['period=2026-13', 'period'],
  ['', 'period'],
])('%s is refused', async (query, path) => {
  const { status, body } = await fixture.ask(`/api/v1/service-levels?${query}`);
  expect([status, body]).toMatchObject([400, { error: { code: 'invalid_request', detail: { issues: [{ path }] } } }]);
});

test('as a file and at a terminal', async () => {
  const file = await fixture.ask(`/api/v1/service-levels?format=csv&limit=1&${span()}`);
  const lines = String(file.body).trimEnd().split('\r\n');
  expect(lines).toHaveLength(4);
  expect(lines[1]).toContain('acme,a-single,a-single,gold,');
  expect(lines[1]).toMatch(/,7[45]\.\d{4},3600000,(900|899)\d{3},0,0,2,/);
  const printed: string[] = [];
  const context: Pick<CommandContext, 'positionals' | 'options' | 'environment' | 'json' | 'print'> = {
    positionals: [],
    options: {
      collector: fixture.url,
      service: 'a-single',
      from: new Date(fromMs).toISOString(),
      to: new Date(toMs).toISOString(),
    },
    environment: { WEIR_ADMIN_TOKEN: ADMINISTRATOR },
    json: false,
    print: (line) => void printed.push(line),
  };
  expect(await serviceLevelsCommand.run(context as CommandContext)).toBe(0);
  expect(printed.join('\n')).toMatch(/7[45]\.\d{4} %.*15 min/);
  expect(printed.join('\n')).toContain('device-unreachable core1 (');
});
