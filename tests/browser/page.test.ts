// The page in a real browser, served by a real collector that holds data: what a person sees, and what the browser is not made to do.
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import type { ConsoleMessage, Page, Request } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { type StartedBrowser, startBrowser } from '../support/browser.ts';
import { buildPage } from '../support/built-page.ts';
import {
  ADMINISTRATOR,
  AGENT,
  type CollectorFixture,
  eventually,
  startCollectorFixture,
} from '../support/collector-fixture.ts';
import { DEVICES, GAP, INTERVAL_MS, POLLS, polls, startBridgeDouble } from '../support/page-network.ts';
import { describeWith } from '../support/requirements.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 180_000 });

const ARTIFACTS = path.resolve(import.meta.dirname, '../../test-artifacts');
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
    const bridge = await startBridgeDouble();
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
    removers = [started.remove, built.remove, bridge.close];
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
    // What leads out of the network, and not what its devices pass to each other.
    await card('Traffic of the network')
      .getByText(/^\d+(\.\d+)? [MG]bit\/s$/)
      .first()
      .waitFor();
    const sites = page.getByRole('region', { name: 'Availability', exact: true });
    await sites.getByRole('link', { name: 'hall-1' }).waitFor();
    await expect.poll(() => sites.innerText()).toMatch(/hall-1\s+\d+\.\d+ %\s+\d \/ 8/);
    expect(await page.locator('.tile', { hasText: 'Charges so far' }).innerText()).toMatch(/2.048\.00 USD/);
    const money = card('Usage and charges');
    await money.getByText('131.42 EUR').waitFor();
    for (const meter of await money.locator('details:not([open]) summary').all()) await meter.click();
    const chain = await money.innerText();
    for (const text of ['0.183829498 GB = 0.00827232741 EUR', '91 914 749 octets, good', 'batch 512 of agent-1'])
      expect(chain.replaceAll(/[\u202f\u00a0]/g, ' ')).toContain(text);
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
    const tile = () => page.locator('.tile', { hasText: 'Polls kept as evidence' }).locator('.value');
    await expect.poll(() => tile().innerText()).not.toBe('…');
    // Another tab shares the stream, and keeps it when the first is closed.
    const other = await browser.context.newPage();
    await other.goto(fixture.url);
    await other.getByText('live', { exact: true }).waitFor();
    const streams = () => fixture.metric('weir_event_streams');
    expect(await streams()).toBe(1);
    await page.close();
    page = other;
    await expect.poll(() => tile().innerText()).not.toBe('…');
    const before = await tile().innerText();
    const next = await fixture.get<{ received: number }>('/api/v1/batches/receipt?incarnation=incarnation-1', AGENT);
    await fixture.receipt({ sequence: next.received + 1, polls: polls(POLLS, Date.now() - POLLS * INTERVAL_MS) });
    await expect.poll(() => tile().innerText(), { timeout: 15_000 }).not.toBe(before);
    expect(await streams()).toBe(1);
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
    expect(await page.locator('.tile', { hasText: 'Charges so far' }).innerText()).toContain('not shown to your role');
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
