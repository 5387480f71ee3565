// The page in a real browser, served by a real collector that holds data: what a person sees, and what the browser is not made to do.
import { mkdirSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import path from 'node:path';
import type { ConsoleMessage, Page, Request } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import type { Column, Poll } from '../../common/model/poll.ts';
import { type StartedBrowser, startBrowser } from '../support/browser.ts';
import { buildPage } from '../support/built-page.ts';
import {
  ADMINISTRATOR,
  AGENT,
  type CollectorFixture,
  eventually,
  startCollectorFixture,
} from '../support/collector-fixture.ts';
import { interfacePoll, tableAt } from '../support/poll-builder.ts';
import { describeWith } from '../support/requirements.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 180_000 });

const ARTIFACTS = path.resolve(import.meta.dirname, '../../test-artifacts');
const HOSTILE = '<img src=x onerror="document.title=\'owned\'"><script>document.title="owned"</script>';
const INTERVAL_MS = 15_000;
const POLLS = 60;
/** Missing polls: a gap in the graph. */
const GAP = [30, 34] as const;

const DEVICES = [
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

function polls(at: number, beganMs: number): Poll[] {
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

const BILLING = {
  usageRecords: '18432',
  charges: '1290',
  watermark: 'DEMO',
  customers: [
    { id: 'acme', name: 'Acme Engineering Ltd', currency: 'EUR', running: '131.42' },
    { id: 'hooli', name: `Hooli ${HOSTILE}`, currency: 'USD', running: '2048.00' },
    { id: 'cafe', name: 'Café Zürich', currency: 'CHF', running: '64.50' },
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

interface Bridge {
  readonly url: string;
  readonly server: Server;
}

async function startBridge(): Promise<Bridge> {
  const server = createServer((request, response) => {
    const known = request.headers.authorization === `Bearer ${ADMINISTRATOR}`;
    response.writeHead(known ? 200 : 403, { 'content-type': 'application/json' });
    response.end(JSON.stringify(known ? BILLING : { error: { code: 'forbidden', message: 'No.', detail: {} } }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return { server, url: `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}` };
}

describeWith('chromium', 'the page', () => {
  let fixture: CollectorFixture;
  let removers: (() => unknown)[] = [];
  let browser: StartedBrowser;
  let page: Page;
  let complaints: string[];
  let asked: Request[];

  beforeAll(async () => {
    mkdirSync(ARTIFACTS, { recursive: true });
    const built = await buildPage();
    const bridge = await startBridge();
    const started = await startCollectorFixture({
      dashboardFolder: built.folder,
      devices: [...DEVICES.map(([name]) => ({ name, site: 'hall-1', interval_ms: INTERVAL_MS })), { name: 'pdu1' }],
      collector: {
        store: { memory_limit_mb: 64, threads: 1, commit_interval_ms: 0 },
        journal: { reserve_bytes: 0 },
        bridge_url: bridge.url,
        demo: true,
      },
    });
    fixture = started.fixture;
    removers = [started.remove, built.remove, () => bridge.server.close(), () => bridge.server.closeAllConnections()];
    const beganMs = Date.now() - (POLLS - 1) * INTERVAL_MS;
    let sequence = 0;
    for (let at = 0; at < POLLS; at += 1) {
      if (at >= GAP[0] && at < GAP[1]) continue;
      sequence += 1;
      await fixture.receipt({ sequence, polls: polls(at, beganMs) });
    }
    await fixture.applied(sequence);
    await eventually(
      async () => (await fixture.metric('weir_projection_lag_entries{projection="store"}')) === 0,
      'stored',
    );
  });
  afterAll(async () => {
    for (const remove of removers) await remove();
  });

  beforeEach(async () => {
    browser = await startBrowser({ viewport: { width: 1280, height: 720 }, colorScheme: 'light', locale: 'en-GB' });
    page = browser.context.pages()[0] ?? (await browser.context.newPage());
    complaints = [];
    asked = [];
    page.on('console', (message: ConsoleMessage) => {
      // The last is about this test, which looks at the pixels of the graph.
      if (!['error', 'warning'].includes(message.type()) || message.text().startsWith('Canvas2D:')) return;
      complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('dialog', (dialog) => {
      complaints.push(`dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
    page.on('request', (request) => asked.push(request));
  });
  afterEach(() => browser.close());

  function card(name: string) {
    return page.getByRole('region', { name, exact: true });
  }

  async function signIn(): Promise<void> {
    await page.goto(`${fixture.url}/#token=${ADMINISTRATOR}`);
    await card('Devices').getByRole('button', { name: 'core1' }).waitFor();
  }

  /** Pixels of the graph that are not the ground. */
  function inked(): Promise<number> {
    return page.evaluate<number>(`(() => {
      const canvas = document.querySelector('canvas');
      if (canvas === null) return 0;
      const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
      return data.filter((value, at) => at % 4 === 3 && value > 0).length;
    })()`);
  }

  test('opened by its link: devices, a graph with its gap, alarms, charges down to the counter; and it asks nobody else', async () => {
    await signIn();
    // The token is not left where it can be seen.
    expect(page.url()).toBe(`${fixture.url}/`);
    expect(await page.evaluate('document.cookie')).toBe('');
    const rows = await card('Devices').locator('tbody tr').allInnerTexts();
    expect(rows.map((row) => row.split(/\s/)[0])).toEqual([...DEVICES.map(([name]) => name), 'pdu1'].toSorted());
    expect(rows.find((row) => row.startsWith('access6'))).toContain('silent');
    expect(rows.find((row) => row.startsWith('pdu1'))).toContain('not seen yet');
    await card('Alarms').getByText('critical').first().waitFor();
    const alarms = await card('Alarms').innerText();
    expect(alarms).toContain('access6');
    expect(alarms).toContain('core2/xe-0/1/1');
    expect(alarms).toMatch(/cleared\s+dist1/);
    await expect.poll(inked).toBeGreaterThan(3000);
    const money = card('Usage and charges');
    await money.getByText('131.42 EUR').waitFor();
    for (const meter of await money.locator('details:not([open]) summary').all()) await meter.click();
    const chain = await money.innerText();
    for (const text of ['0.183829498 GB = 0.00827232741 EUR', '91 914 749 octets, good', 'batch 512 of agent-1'])
      expect(chain.replaceAll(/[\u2009\u00a0]/g, ' ')).toContain(text);
    await page.getByText('It is polled every 5 s').waitFor();
    await page.getByText('live', { exact: true }).waitFor();
    expect(await page.getByText('DEMO').count()).toBeGreaterThan(1);
    expect([...new Set(asked.map((request) => new URL(request.url()).origin))]).toEqual([fixture.url]);
    expect(complaints).toEqual([]);
    await page.screenshot({ path: path.join(ARTIFACTS, 'page-light.png') });
    await page.screenshot({ path: path.join(ARTIFACTS, 'page-light-whole.png'), fullPage: true });
  });

  test('what devices say of themselves is text', async () => {
    await signIn();
    await card('Devices').getByRole('button', { name: 'core1' }).click();
    await card('Devices').getByRole('button', { name: 'xe-0/0/0' }).waitFor();
    expect(await card('Devices').innerText()).toContain('<img src=x onerror=');
    expect(await page.title()).toBe('Weir');
    expect(await page.locator('img').count()).toBe(1);
    expect(await page.locator('body script').count()).toBe(0);
    expect(complaints).toEqual([]);
  });

  test('an interface opens its graph', async () => {
    await signIn();
    await card('Devices').getByRole('button', { name: 'dist2' }).click();
    await card('Devices').getByRole('button', { name: 'xe-0/0/3' }).click();
    await card('Traffic').getByRole('heading', { name: 'dist2/xe-0/0/3' }).waitFor();
    await expect.poll(inked).toBeGreaterThan(3000);
    const rowsOfInterfaces = await page.getByRole('table', { name: 'Interfaces of dist2' }).innerText();
    expect(rowsOfInterfaces).toMatch(/xe-0\/0\/3.*up.*bit\/s/s);
    expect(rowsOfInterfaces).toContain('shut');
    await page.screenshot({ path: path.join(ARTIFACTS, 'page-interface.png'), fullPage: true });
  });

  test('new data come by themselves', async () => {
    await signIn();
    const tile = page.locator('.tile', { hasText: 'Polls kept as evidence' }).locator('.value');
    await expect.poll(() => tile.innerText()).not.toBe('…');
    const before = await tile.innerText();
    const next = await fixture.get<{ received: number }>('/api/v1/batches/receipt?incarnation=incarnation-1', AGENT);
    await fixture.receipt({ sequence: next.received + 1, polls: polls(POLLS, Date.now() - POLLS * INTERVAL_MS) });
    await expect.poll(() => tile.innerText(), { timeout: 15_000 }).not.toBe(before);
  });

  test('dark, and on a phone: nothing is wider than the screen', async () => {
    await page.emulateMedia({ colorScheme: 'dark' });
    await signIn();
    await expect.poll(inked).toBeGreaterThan(3000);
    await card('Usage and charges').getByText('131.42 EUR').waitFor();
    await page.screenshot({ path: path.join(ARTIFACTS, 'page-dark.png') });
    await page.setViewportSize({ width: 390, height: 844 });
    await page.waitForTimeout(300);
    const width = await page.evaluate<number>('document.documentElement.scrollWidth');
    expect(width).toBeLessThanOrEqual(390);
    const cut = "[...document.querySelectorAll('.scroll')].filter((one) => one.scrollWidth > one.clientWidth).length";
    expect(await page.evaluate<number>(cut)).toBe(0);
    await page.screenshot({ path: path.join(ARTIFACTS, 'page-phone-dark.png'), fullPage: true });
    await page.emulateMedia({ colorScheme: 'light' });
    await expect.poll(inked).toBeGreaterThan(1000);
    await page.screenshot({ path: path.join(ARTIFACTS, 'page-phone.png'), fullPage: true });
    expect(complaints).toEqual([]);
  });

  test('without a token it asks for one; a wrong one is told, a right one opens, signing out closes', async () => {
    await page.goto(fixture.url);
    await page.getByLabel('Token').fill('weir_nobody');
    await page.screenshot({ path: path.join(ARTIFACTS, 'page-sign-in.png') });
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('alert').getByText('The token is not known.').waitFor();
    await page.getByLabel('Token').fill(ADMINISTRATOR);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await card('Devices').waitFor();
    // Again without the link: the cookie.
    await page.reload();
    await card('Devices').waitFor();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByLabel('Token').waitFor();
    await page.reload();
    await page.getByLabel('Token').waitFor();
  });

  test('a role that sees no sums of money is told so, and sees the network', async () => {
    await page.goto(`${fixture.url}/#token=${await fixture.token('vera', 'viewer')}`);
    await card('Usage and charges').getByText('Your role sees no sums of all customers.').waitFor();
    await card('Devices').getByRole('button', { name: 'core1' }).waitFor();
    expect(await page.locator('.tile', { hasText: 'Charges' }).innerText()).toContain('not shown to your role');
  });

  test('headers of the page: nothing inline, nothing from elsewhere, assets kept and the page itself not', async () => {
    const index = await fixture.ask('/', { token: null });
    const policy = index.headers.get('content-security-policy') ?? '';
    expect(policy).toContain("script-src 'self'");
    expect(policy).not.toMatch(/unsafe|\*|data:/);
    expect(index.headers.get('cache-control')).toContain('max-age=0');
    const asset = /src="(\/assets\/[^"]+)"/.exec(String(index.body))?.[1] ?? '';
    const script = await fixture.ask(asset, { token: null });
    expect(script.headers.get('cache-control')).toContain('immutable');
    expect(script.headers.get('content-type')).toContain('javascript');
    for (const place of ['/assets/nothing.js', '/assets/..%2findex.html', '/assets/%2e%2e/index.html', '/assets/'])
      expect((await fixture.ask(place, { token: null })).status).toBe(404);
  });

  test('when the collector goes away, the page says so and keeps what it knew', async () => {
    await signIn();
    await page.getByText('live', { exact: true }).waitFor();
    await expect.poll(inked).toBeGreaterThan(3000);
    await fixture.stop();
    await page.getByText('connection lost; what you see may be old').waitFor();
    await page.getByText('The collector does not answer.').first().waitFor();
    expect(await card('Devices').getByRole('button', { name: 'core1' }).count()).toBe(1);
    expect(await inked()).toBeGreaterThan(3000);
    await page.screenshot({ path: path.join(ARTIFACTS, 'page-away.png') });
  });
});
