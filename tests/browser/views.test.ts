// Every view of the page in a real browser: what a person does there, in both languages and themes, and what axe (WCAG 2.2 AA) finds wrong.
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import type { ConsoleMessage, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import type { Column } from '../../common/model/poll.ts';
import { type StartedBrowser, startBrowser } from '../support/browser.ts';
import { buildPage } from '../support/built-page.ts';
import {
  ADMINISTRATOR,
  AGENT,
  type CollectorFixture,
  eventually,
  startCollectorFixture,
} from '../support/collector-fixture.ts';
import {
  BILLING,
  DEVICES,
  GAP,
  HOSTILE,
  INTERVAL_MS,
  POLLS,
  polls,
  type BridgeDouble,
  startBridgeDouble,
} from '../support/page-network.ts';
import { interfacePoll, tableAt } from '../support/poll-builder.ts';
import { describeWith } from '../support/requirements.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 180_000 });

const ARTIFACTS = path.resolve(import.meta.dirname, '../../test-artifacts');
const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
const PERIOD = {
  name: '2026-11',
  cycle: 'month',
  zone: 'Europe/Berlin',
  from: '2026-10-31T23:00:00.000Z',
  to: '2026-11-30T23:00:00.000Z',
};
const BILL = {
  id: 'acme-2026-11',
  customer: 'acme',
  customerName: `Acme ${HOSTILE}`,
  period: PERIOD,
  category: 'normal',
  state: 'validated',
  currency: 'EUR',
  total: '131.42',
  watermark: null,
  gates: [],
  issuedAt: '2026-12-01T00:00:00.000Z',
};
const PAYMENT = {
  id: '5',
  bill: BILL.id,
  customer: 'acme',
  request: 'r1',
  kind: 'payment',
  amount: '100.00',
  currency: 'EUR',
  date: '2026-12-04',
  reference: HOSTILE,
  other: null,
  by: 'kim',
  at: '2026-12-04T09:00:00.000Z',
};
const SETTLEMENT = { due: '131.42', paid: '100.00', open: '31.42', overpaid: '0.00' };
const MESSAGE = {
  id: '9',
  key: 'bill:acme-2026-11',
  channel: 'mail',
  kind: 'bill',
  subject: BILL.id,
  customer: 'acme',
  recipients: ['ap@acme.example'],
  by: 'weir',
  state: 'dead',
  attempts: 50,
  createdAt: '2026-12-01T00:00:00.000Z',
  nextTryAt: null,
  triedAt: '2026-12-03T00:00:00.000Z',
  doneAt: null,
  failure: `550 no such user ${HOSTILE}`,
};
const LINK = {
  id: 'abc',
  customer: 'acme',
  note: 'for Jane',
  createdBy: 'kim',
  createdAt: '2026-11-01T00:00:00.000Z',
  expiresAt: '2099-01-01T00:00:00.000Z',
  revokedAt: null,
  lastUsedAt: null,
};
const LINE = {
  line: 1,
  kind: 'charge',
  service: 'acme-office',
  item: 'volume',
  itemName: 'Traffic',
  plan: 'office',
  planVersion: 1,
  quantity: '2920.4',
  unit: 'GB',
  exactAmount: '131.418',
  amount: '131.42',
  period: PERIOD,
  billedBefore: '0',
  working: { steps: [{ what: 'per unit', quantity: '2920.4', price: '0.045', amount: '131.418' }] },
};
const USAGE = {
  serial: '1',
  meter: 7,
  bucketStart: '2026-11-24T08:00:00.000Z',
  bucketMs: 300_000,
  version: 1,
  octets: { good: '91914749', wrapped: '0', gap: '0', suspended: '0' },
  coveredMs: 300_000,
  gapMs: 0,
  lostMs: 0,
};
const EVIDENCE = {
  charge: '1290',
  evidence: {},
  usage: [
    {
      meter: 7,
      device: 'core1',
      interfaceKey: 'xe-0/0/0',
      direction: 'in',
      from: USAGE.bucketStart,
      to: '2026-11-24T08:05:00.000Z',
      records: [USAGE],
      recordsInAll: 1,
      readings: [{ ...BILLING.latest.readings[0] }],
    },
  ],
};
const CHARGE = {
  ...BILLING.latest.charge,
  customer: 'acme',
  itemName: `Traffic ${HOSTILE}`,
  version: 1,
  status: 'rated',
  plan: 'office',
  planVersion: 1,
  ratedAt: '2026-11-24T08:02:00.000Z',
};
const QUOTE = { plan: 'office', version: 0, period: PERIOD, currency: 'EUR', total: '146.02', lines: [LINE] };
const RECONCILIATION = {
  differences: 1,
  usage: {
    readings: 17_280,
    records: 8928,
    octets: { good: '91914749', wrapped: '0', gap: '0', suspended: '0' },
    differences: [],
  },
  charges: {
    charges: 30,
    differences: [
      {
        kind: 'amount',
        expected: '131.418',
        found: '131.41',
        service: 'acme-office',
        item: 'volume',
        windowStart: PERIOD.from,
        charge: '1290',
      },
    ],
  },
  bills: { bills: 1, lines: 1, differences: [] },
};
const page1 = (...items: unknown[]) => ({ items, next: null });
const ANSWERS: Readonly<Record<string, unknown>> = {
  '/billing/v1/overview': BILLING,
  '/billing/v1/feed': {
    version: '1',
    items: [
      {
        service: 'acme-office',
        name: 'acme-office',
        customer: { id: 'acme', name: 'Acme Engineering Ltd' },
        from: '2026-01-01T00:00:00.000Z',
        to: null,
        bindings: [{ device: 'core1', interfaceKey: 'xe-0/0/0', from: '2026-01-01T00:00:00.000Z', to: null }],
        running: {
          amount: '131.42',
          currency: 'EUR',
          periodStart: '2026-10-31T23:00:00.000Z',
          until: '2026-11-25T00:00:00.000Z',
        },
      },
    ],
    next: null,
  },
  '/billing/v1/bills': page1(BILL),
  '/billing/v1/bills/acme-2026-11': { ...BILL, lines: [LINE], payments: [PAYMENT], settlement: SETTLEMENT },
  '/billing/v1/bills/acme-2026-11/payments': PAYMENT,
  '/billing/v1/payments/5/reversal': PAYMENT,
  '/billing/v1/messages': page1(MESSAGE),
  '/billing/v1/messages/9/retry': MESSAGE,
  '/billing/v1/customers/acme/usage-links': { ...page1(LINK), ...LINK, link: '/billing/link/s3cret' },
  '/billing/v1/usage-links/abc': LINK,
  '/billing/v1/bills/acme-2026-11/lines/1/evidence': page1(EVIDENCE),
  '/billing/v1/bills/preview': {
    customer: 'acme',
    period: PERIOD,
    until: '2026-11-25T00:00:00.000Z',
    currency: 'EUR',
    total: '131.42',
    watermark: 'DEMO',
    lines: [LINE],
  },
  '/billing/v1/price-plans': page1({
    id: 'office',
    versions: [
      {
        version: 1,
        validFrom: '2026-01-01T00:00:00.000Z',
        cancelled: false,
        terms: { name: 'Office', currency: 'EUR', items: [{ id: 'volume', kind: 'per_unit', price: '0.045' }] },
      },
    ],
  }),
  '/billing/v1/meters': page1({
    id: 7,
    device: 'core1',
    interfaceKey: 'xe-0/0/0',
    direction: 'in',
    state: 'billed',
    service: 'acme-office',
    customer: 'acme',
    reason: null,
  }),
  '/billing/v1/usage': page1(USAGE, {
    ...USAGE,
    bucketStart: '2026-11-24T08:05:00.000Z',
    octets: { ...USAGE.octets, suspended: '5000' },
    lostMs: 60_000,
  }),
  '/billing/v1/suspense': page1({
    meter: 7,
    device: 'core1',
    interfaceKey: 'xe-0/0/0',
    direction: 'in',
    reason: 'implausible',
    end: null,
    from: '2026-11-24T08:00:00.000Z',
    to: '2026-11-24T08:05:00.000Z',
    octets: '9223372036854775808',
    estimatedValue: { amount: '415051741.66', currency: 'EUR' },
    service: 'acme-office',
  }),
  '/billing/v1/suspense/released': page1(),
  '/billing/v1/suspense/release': {},
  '/billing/v1/schedules': page1({
    name: 'mediate',
    everyMs: 5000,
    running: false,
    runs: 7,
    lastStartedAt: null,
    lastFinishedAt: '2026-11-24T08:00:00.000Z',
    lastError: null,
    lastSummary: { readings: 512 },
    fallbackWakes: 0,
  }),
  '/billing/v1/schedules/mediate/run': {},
  '/billing/v1/dead-letters': {
    ...page1({ id: 'c-1290', name: 'charge', attempts: 5, reason: `refused ${HOSTILE}`, failedAt: null }),
    all: 1,
  },
  '/billing/v1/dead-letters/c-1290/retry': {},
  '/billing/v1/charges': page1(CHARGE),
  '/billing/v1/charges/1290': { ...CHARGE, working: LINE.working, bills: [{ bill: BILL.id, line: 1 }] },
  '/billing/v1/charges/1290/evidence': EVIDENCE,
  '/billing/v1/services': page1(
    ...['acme-office', 'acme-backup'].map((id) => ({
      id,
      name: id,
      customer: 'acme',
      to: null,
      plans: [{ plan: 'office', from: '2026-01-01T00:00:00.000Z' }],
    })),
  ),
  '/billing/v1/quotes': { ...QUOTE, before: { ...QUOTE, version: 1, total: '131.42' } },
  '/billing/v1/reconciliation': RECONCILIATION,
};

function partsPoll(atMs: number) {
  const texts = (name: string, ...values: string[]): Column => ({ kind: 'text', name, values });
  const numbers = (name: string, ...values: number[]): Column => ({
    kind: 'number',
    name,
    values: Float64Array.from(values),
  });
  return interfacePoll({
    device: 'core1',
    atMs,
    intervalMs: INTERVAL_MS,
    tables: [
      tableAt(
        { atMs },
        'sensor',
        ['t1', 'rx', 'other'],
        [
          texts('class', 'temperature', 'dbm', 'dbm'),
          texts('description', `Inlet ${HOSTILE}`, `xe-0/0/0 receive power ${HOSTILE}`, 'xe-0/0/01 receive power'),
          texts('unit', '°C', 'dBm', 'dBm'),
          texts('state', 'ok', 'warning', 'ok'),
          numbers('value', 41, -13.2, -3),
          numbers('lowLimit', 0, -14, -14),
          numbers('highLimit', 70, 1, 1),
        ],
      ),
      tableAt(
        { atMs },
        'entity',
        ['1'],
        [texts('class', 'chassis'), texts('name', 'chassis'), texts('serial', 'SN-4711')],
      ),
      tableAt(
        { atMs },
        'neighbour',
        ['1', '2'],
        [
          texts('localInterface', 'xe-0/1/0', 'xe-0/0/0'),
          texts('remoteDevice', 'core2', HOSTILE),
          texts('remotePort', 'xe-0/1/1', '1'),
          texts('protocol', 'lldp', 'lldp'),
        ],
      ),
    ],
  });
}

describeWith('chromium', 'the views', () => {
  let fixture: CollectorFixture;
  let bridge: BridgeDouble;
  let removers: (() => unknown)[] = [];
  let browser: StartedBrowser;
  let page: Page;
  let complaints: string[];

  beforeAll(async () => {
    mkdirSync(ARTIFACTS, { recursive: true });
    const built = await buildPage();
    bridge = await startBridgeDouble(ANSWERS);
    const started = await startCollectorFixture({
      dashboardFolder: built.folder,
      devices: DEVICES.map(([name], place) => ({
        name,
        site: place < 4 ? 'hall-1' : 'hall-2',
        interval_ms: INTERVAL_MS,
        address: `192.0.2.${place + 1}:161`,
      })),
      collector: { bridge_url: bridge.url },
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
    sequence += 1;
    await fixture.receipt({ sequence, polls: [partsPoll(Date.now())] });
    await fixture.applied(sequence);
    await eventually(
      async () => (await fixture.metric('weir_projection_lag_entries{projection="store"}')) === 0,
      'stored',
    );
    const hour = 3_600_000;
    const span = { from: new Date(Date.now() + hour).toISOString(), to: new Date(Date.now() + 2 * hour).toISOString() };
    await fixture.post('/api/v1/maintenance-windows', { devices: ['dist1'], ...span, reason: 'software upgrade' });
    await eventually(
      async () => (await fixture.get<{ items: unknown[] }>('/api/v1/services')).items.length === 1,
      'the feed is mirrored',
    );
  });
  afterAll(async () => {
    for (const remove of removers) await remove();
  });

  async function openBrowser(options: Parameters<typeof startBrowser>[0] = {}): Promise<void> {
    browser = await startBrowser({ viewport: { width: 1280, height: 720 }, locale: 'en-GB', ...options });
    page = browser.context.pages()[0] ?? (await browser.context.newPage());
    complaints = [];
    page.on('console', (message: ConsoleMessage) => {
      if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('dialog', (dialog) => {
      complaints.push(`dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
  }
  beforeEach(() => openBrowser());
  afterEach(() => browser.close());

  async function signIn(token = ADMINISTRATOR): Promise<void> {
    await page.goto(`${fixture.url}/#token=${token}`);
    await page.getByRole('navigation').waitFor();
  }
  async function open(place: string): Promise<void> {
    await page.goto(`${fixture.url}/#/${place}`);
    await page.locator('main').waitFor();
  }
  const card = (name: string) => page.getByRole('region', { name, exact: true }).first();
  const table = (name: string) => page.getByRole('table', { name, exact: true });

  /** What axe finds against WCAG 2.2 A and AA, with where. */
  async function findings(): Promise<string[]> {
    await page.evaluate(readFileSync(AXE, 'utf8'));
    return page.evaluate<string[]>(`axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] }).then(
      ({ violations }) => violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => id + ': ' + html.slice(0, 160))))`);
  }

  /** Every view, what must be seen before it is looked at. */
  const VIEWS: readonly (readonly [place: string, seen: string])[] = [
    ['', 'access6'],
    ['alarms?state=all', 'access6 has not answered'],
    ['sites', 'hall-2'],
    ['maintenance', 'software upgrade'],
    ['devices', 'access6'],
    ['interfaces', 'spare'],
    ['interfaces?state=down&site=hall-1', 'xe-0/1/1'],
    ['devices/core1', 'SN-4711'],
    ['devices/core1?tab=health', 'Inlet'],
    ['devices/core1?tab=neighbours', 'core2'],
    ['devices/core1?tab=changes', 'interface'],
    ['interfaces/core1/xe-0%2F0%2F0?range=1h', 'acme-office'],
    ['map', 'core1 xe-0/1/0'],
    ['map?from=core1&to=core2', 'core2'],
    ['usage', 'acme-2026-11'],
    ['usage/acme', '131.42 EUR'],
    ['bills/acme-2026-11', 'Traffic'],
    ['plans', 'Office'],
    ['plans?plan=office&of=acme-office', 'office'],
    ['usage?tab=charges', '1290'],
    ['usage?tab=reconcile', ''],
    ['charges/1290', '131.418'],
    ['kpis?kpi=reachability', 'access6'],
    ['service-levels?customer=acme&service=acme-office', 'acme-office'],
    ['agents', 'agent-1'],
    ['health', 'readings'],
    ['settings', 'administrator'],
  ];

  test.each([
    ['light', 'en'],
    ['dark', 'ar'],
  ] as const)(
    'every view, %s and in %s: nothing for axe to find, nothing run that a device said',
    async (theme, language) => {
      await signIn();
      await page.evaluate(
        `localStorage.setItem('weir.theme', '${theme}'); localStorage.setItem('weir.language', '${language}')`,
      );
      await page.reload();
      const found: string[] = [];
      for (const [place, seen] of VIEWS) {
        await open(place);
        // What only a tab of a device shows is not in its other tabs.
        const text = place === 'devices/core1' ? 'Juniper' : place.endsWith('changes') ? '' : seen;
        if (text !== '') await page.locator('main').getByText(text).filter({ visible: true }).first().waitFor();
        await page.waitForTimeout(400);
        found.push(...(await findings()).map((finding) => `${place}: ${finding}`));
        const name = place.replaceAll(/[^a-z0-9]+/gi, '-') || 'wall';
        await page.screenshot({ path: path.join(ARTIFACTS, `view-${name}-${language}.png`), fullPage: true });
      }
      expect(found).toEqual([]);
      expect(await page.evaluate('document.documentElement.dir')).toBe(language === 'ar' ? 'rtl' : 'ltr');
      expect(complaints).toEqual([]);
      expect(await page.title()).not.toContain('owned');
    },
  );

  test('from an outage to its device and interface, acknowledged by keyboard', async () => {
    await signIn();
    await page.getByRole('navigation').getByRole('link', { name: 'Alarms' }).click();
    await table('Alarms').getByText('access6 has not answered').waitFor();
    // An agent that has nothing more to send is told as silent meanwhile.
    await page.getByLabel('Filter: Alarms').fill('access6');
    await page.locator('h2').first().click();
    await page.keyboard.press('j');
    await page.keyboard.press('x');
    await page.getByText('1 marked').waitFor();
    await page.keyboard.press('a');
    await table('Alarms').getByText('seen by administrator').waitFor();
    // Marked ones are given to somebody by name in one go; then one is taken by a key.
    const rows = table('Alarms').locator('tbody tr');
    await page.getByLabel('Filter: Alarms').fill('');
    for (const box of await rows.getByRole('checkbox').all()) if (!(await box.isChecked())) await box.check();
    await page.getByLabel('Assign to').selectOption({ label: 'to somebody else…' });
    await page.getByLabel('Name of who sees to it').fill('ann');
    await page.getByRole('button', { name: 'Assign' }).click();
    const owners = async (): Promise<string[]> => {
      const all = await fixture.get<{ items: { assignedTo: string | null }[] }>('/api/v1/alarms?state=root');
      const named = new Set(all.items.map(({ assignedTo }) => assignedTo ?? ''));
      return [...named].toSorted((one, other) => one.localeCompare(other));
    };
    await expect.poll(async () => (await owners()).includes('ann')).toBe(true);
    await page.getByLabel('Filter: Alarms').fill('access6');
    await page.locator('h2').first().click();
    await page.keyboard.press('m');
    await rows.getByText('administrator', { exact: true }).waitFor();
    expect(await owners()).toEqual(['administrator', 'ann']);
    const { items } = await fixture.get<{ items: { operatorState: string; device: string }[] }>(
      '/api/v1/alarms?state=active',
    );
    expect(items.filter(({ operatorState }) => operatorState === 'ack')).toMatchObject([{ device: 'access6' }]);
    await table('Alarms').getByRole('link', { name: 'access6', exact: true }).click();
    await card('Polling').getByText('snmp_timeout', { exact: true }).waitFor();
    expect(page.url()).toContain('#/devices/access6');
    await page.goBack();
    await table('Alarms').getByText('access6 has not answered').click();
    await card('History').getByText('acknowledged').waitFor();
    expect(complaints).toEqual([]);
  });

  test('what is chosen stands in the address and survives a reload: filter, severity, sort', async () => {
    await signIn();
    await open('alarms?state=all');
    await page.getByLabel('Severity').selectOption('critical');
    await page.getByLabel('Filter: Alarms').fill('access6');
    await table('Alarms').getByRole('button', { name: 'Resource' }).click();
    const address = page.url();
    for (const part of ['severity=critical', 'q=access6', 'sort=resource']) expect(address).toContain(part);
    await page.reload();
    await table('Alarms').getByText('access6 has not answered').waitFor();
    expect(await page.getByLabel('Severity').inputValue()).toBe('critical');
    expect(await page.getByLabel('Filter: Alarms').inputValue()).toBe('access6');
    expect(await table('Alarms').locator('th[aria-sort=ascending]').innerText()).toContain('Resource');
  });

  test('interfaces across devices: what is asked for stands in the address, an interface shows its light and where its usage is lost', async () => {
    await signIn();
    await page.getByRole('navigation').getByRole('link', { name: 'Interfaces' }).click();
    await table('Interfaces').getByRole('link', { name: 'acme-office' }).waitFor();
    await page.getByLabel('State').selectOption('shut');
    await page.getByLabel('Site').selectOption('hall-2');
    const shown = table('Interfaces').locator('tbody tr');
    await expect.poll(() => shown.count()).toBe(4);
    await page.getByLabel('Filter: Interfaces').fill('access1');
    await table('Interfaces').getByRole('button', { name: 'Utilisation' }).click();
    for (const part of ['state=shut', 'site=hall-2', 'q=access1', 'sort=full']) expect(page.url()).toContain(part);
    await page.reload();
    await expect.poll(() => shown.count()).toBe(1);
    await page.getByLabel('Usage and billing').selectOption('billed');
    await page.getByText('No interface is like that.').waitFor();
    await open('interfaces?assignment=billed');
    await table('Interfaces').getByRole('link', { name: 'xe-0/0/0', exact: true }).click();
    const optics = card('Optics and sensors of the port');
    await optics.getByText('-13.2 dBm').waitFor();
    expect(await optics.innerText()).toContain('≥ -14 dBm ≤ 1 dBm');
    expect(await optics.getByRole('table', { name: 'Sensors of this interface' }).locator('tbody tr').count()).toBe(1);
    await card('Traffic').getByText('Lost').waitFor();
    await card('Traffic').getByText('Held back').waitFor();
    expect(complaints).toEqual([]);
  });

  test('a storm of alarms is told with its causes, on the wall and above the list, and goes by itself', async () => {
    await signIn();
    let raging = true;
    await page.route('**/api/v1/overview', async (route) => {
      const answer = await route.fetch();
      const root = { id: '1', resource: 'core1', text: `core1 is away ${HOSTILE}`, severity: 'critical' };
      const storm = {
        since: new Date().toISOString(),
        raised: 412,
        raisedLately: 87,
        counted: true,
        folded: 398,
        roots: [{ ...root, isCleared: false, symptoms: 312 }],
      };
      const overview = (await answer.json()) as object;
      await route.fulfill({ response: answer, json: { ...overview, storm: raging ? storm : null } });
    });
    const banner = page.getByRole('alert', { name: 'Alarm storm' });
    await banner.getByText('412 alarms, 87 of them').waitFor();
    await banner.getByRole('link', { name: 'core1 is away' }).waitFor();
    expect(await findings()).toEqual([]);
    await page.screenshot({ path: path.join(ARTIFACTS, 'view-storm-en.png'), fullPage: true });
    await open('alarms');
    await banner.getByText('398 are folded under causes, 14 stand by themselves.').waitFor();
    raging = false;
    // Whatever happens has the page ask again.
    const { items } = await fixture.get<{ items: { id: string }[] }>('/api/v1/alarms?limit=1');
    await fixture.post(`/api/v1/alarms/${items[0]?.id}/comment`, { text: 'it is over' });
    await banner.waitFor({ state: 'detached' });
    await page.unroute('**/api/v1/overview');
    expect(complaints).toEqual([]);
  });

  test('a table is exported as it is seen, and no cell is a formula', async () => {
    await signIn();
    await open('devices?q=core');
    await table('Devices').getByText('core2').waitFor();
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      card('Devices').getByRole('button', { name: 'CSV' }).click(),
    ]);
    const text = readFileSync(await download.path(), 'utf8');
    expect(text.split('\r\n')).toHaveLength(4);
    expect(text).toContain('core1');
    expect(text).not.toContain('access1');
  });

  test.each([
    ['core2', '#/devices/core2'],
    ['192.0.2.3', '#/devices/dist1'],
    ['xe-0/1/2', '#/interfaces/dist1/xe-0%2F1%2F2'],
    ['acme eng', '#/usage/acme'],
    ['onerror', '#/devices/access1'],
  ])('the search for %s leads there', async (words, place) => {
    await signIn();
    const box = page.getByRole('combobox', { name: 'Search', exact: false });
    await box.waitFor();
    await page.keyboard.press('/');
    expect(await page.evaluate<string>('document.activeElement.getAttribute("role")')).toBe('combobox');
    await page.keyboard.type(words);
    await page.getByRole('option').first().waitFor();
    await page.keyboard.press('Enter');
    await expect.poll(() => page.url()).toContain(place);
    expect(complaints).toEqual([]);
  });

  test('a search that was not answered is asked again, and is not "nothing found"', async () => {
    await signIn();
    let failures = 0;
    await page.route('**/api/v1/search?*', async (route) => {
      failures += 1;
      await (failures === 1 ? route.abort() : route.continue());
    });
    await page.keyboard.press('/');
    await page.keyboard.type('core2');
    await page.getByRole('option', { name: 'core2' }).first().waitFor();
    expect(failures).toBe(2);
    await page.unroute('**/api/v1/search?*');
    await page.keyboard.press('Escape');
    // The browser itself complains of what was cut off.
    expect(complaints.splice(0)).toEqual([expect.stringContaining('ERR_FAILED')]);
  });

  test('a span is drawn on the graph, and left again', async () => {
    await signIn();
    await open('interfaces/core1/xe-0%2F0%2F0?range=1h');
    await card('Traffic').getByText('Gbit/s').or(card('Traffic').getByText('Mbit/s')).first().waitFor();
    // The graph is laid out anew while its data come: the drag is done again until it is felt.
    // The browser's own word: what the driver knows of the address comes a moment later.
    const address = (): Promise<string> => page.evaluate<string>('location.href');
    const drag = async (): Promise<string> => {
      const over = page.locator('.u-over').first();
      await over.scrollIntoViewIfNeeded();
      const box = await over.boundingBox();
      if (box === null) return address();
      await page.mouse.move(box.x + box.width * 0.7, box.y + 40);
      await page.mouse.down();
      await page.mouse.move(box.x + box.width * 0.95, box.y + 60, { steps: 5 });
      await page.mouse.up();
      return address();
    };
    await expect.poll(drag, { interval: 500, timeout: 20_000 }).toMatch(/from=.*to=/);
    const spanOf = async (): Promise<number[]> => {
      const query = new URLSearchParams((await address()).split('?')[1]);
      return ['from', 'to'].map((end) => Date.parse(query.get(end) ?? ''));
    };
    const [from = 0, to = 0] = await spanOf();
    const off = async (wanted: number[]): Promise<number> =>
      Math.max(...(await spanOf()).map((at, end) => Math.abs(at - (wanted[end] ?? 0))));
    const near = (wanted: number[]) => expect.poll(() => off(wanted)).toBeLessThan(2000);
    // By keys: a quarter back, and closer; then taken along with the mouse, back to where it was.
    await page.locator('.movable').first().focus();
    await page.keyboard.press('ArrowLeft');
    await near([from - (to - from) / 4, to - (to - from) / 4]);
    const over = await page.locator('.u-over').first().boundingBox();
    if (over === null) throw new Error('no graph');
    await page.keyboard.down('Shift');
    await page.mouse.move(over.x + over.width * 0.75, over.y + 40);
    await page.mouse.down();
    await page.mouse.move(over.x + over.width * 0.5, over.y + 40, { steps: 4 });
    await page.mouse.up();
    await page.keyboard.up('Shift');
    await near([from, to]);
    await page.getByRole('button', { name: 'Longer' }).click();
    // Never beyond now.
    const end = Math.min(to + (to - from) / 2, Date.now());
    await near([end - 2 * (to - from), end]);
    await page.getByRole('button', { name: '1h' }).click();
    await expect.poll(() => page.url()).not.toContain('from=');
    await expect.poll(() => table('Figures of this span').innerText(), { timeout: 15_000 }).toMatch(/in\s+.*bit\/s/s);
  });

  test('a bill leads down to a raw reading in three clicks', async () => {
    await signIn();
    await open('bills/acme-2026-11');
    await page.getByRole('button', { name: 'acme-office' }).click();
    await page.getByText('charge 1290').click();
    await page.getByText('core1/xe-0/0/0 in').click();
    await page.getByText('batch 512 of agent-1').waitFor();
    expect((await card('Bill').innerText()).replaceAll(/[\u202f\u00a0]/g, ' ')).toContain('9 223 372 036 854 775 808');
    expect(complaints).toEqual([]);
  });

  test('the map shows the way from a symptom to its cause, in words too, and lets go of it', async () => {
    await signIn();
    await open('map?from=core1&to=core2');
    await page.getByText('From the symptom to its cause:').waitFor();
    expect(await page.locator('.wire.marked').count()).toBe(1);
    expect(await page.locator('.node.marked').count()).toBe(2);
    expect((await page.locator('.way').innerText()).replaceAll(/\s+/g, ' ')).toContain('core1 › core2 (cause)');
    await page.getByRole('button', { name: 'hide' }).click();
    await expect.poll(() => page.locator('.marked').count()).toBe(0);
    expect(page.url()).not.toContain('from=');
  });

  test('the map: a node is dragged and stays there, a click opens it', async () => {
    await signIn();
    await open('map');
    const node = page.locator('g.node', { hasText: 'core1' });
    await node.waitFor();
    await node.scrollIntoViewIfNeeded();
    const box = await node.locator('circle').boundingBox();
    if (box === null) throw new Error('no node');
    await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
    await page.mouse.down();
    await page.mouse.move(box.x + 120, box.y + 60, { steps: 5 });
    await page.mouse.up();
    const place = await node.getAttribute('transform');
    type Layout = { items: { device: string; by: string }[] };
    const kept = () => fixture.get<Layout>('/api/v1/map-layout');
    await expect.poll(async () => (await kept()).items.map(({ device }) => device)).toEqual(['core1']);
    // Another browser has it from the collector.
    await page.evaluate('localStorage.clear()');
    await page.reload();
    await node.waitFor();
    const rounded = (text: string | null) =>
      text?.replaceAll(/\d+(\.\d+)?/g, (digits) => String(Math.round(Number(digits))));
    await expect.poll(async () => rounded(await node.getAttribute('transform'))).toBe(rounded(place));
    expect(page.url()).toContain('#/map');
    const now = await node.locator('circle').boundingBox();
    await page.mouse.click((now?.x ?? 0) + 5, (now?.y ?? 0) + 5);
    await expect.poll(() => page.url()).toContain('#/devices/core1');
  });

  test('a role is shown no door that does not open', async () => {
    const opened = async (role: 'viewer' | 'care'): Promise<() => Promise<string[]>> => {
      await signIn(await fixture.token(`some-${role}`, role));
      return () => page.getByRole('navigation').getByRole('link').allInnerTexts();
    };
    const network = 'Wall Alarms Sites Devices Interfaces Maintenance KPIs Map Agents Health'.split(' ');
    await expect.poll(await opened('viewer')).toEqual(network);
    await open('settings');
    await page.getByText('Your role does not see this.').waitFor();
    await expect.poll(await opened('care')).toEqual(['Wall', 'Alarms', 'Service levels', 'Usage and bills']);
  });

  test('a token is made, shown once, and revoked', async () => {
    await signIn();
    await open('settings');
    await page.getByLabel('Name of the new token').fill('grafana');
    await page.getByRole('button', { name: 'Make a token' }).click();
    const shown = await page.locator('.made code').innerText();
    expect((await fixture.ask('/api/v1/whoami', { token: shown })).status).toBe(200);
    const row = table('Tokens').locator('tr', { hasText: 'grafana' });
    await row.getByRole('button').click();
    await row.getByRole('button', { name: 'Really revoke?' }).click();
    await row.getByText('revoked').waitFor();
    await table('Audit log').getByText('token').first().waitFor();
  });

  test('maintenance windows are planned, once and by a rule, and ended', async () => {
    await signIn();
    await open('maintenance');
    const names = page.getByLabel('Names, separated by spaces');
    await names.fill('core2');
    await page.getByLabel('Reason', { exact: true }).fill('new optics');
    await page.getByRole('button', { name: 'Plan it' }).click();
    const row = table('Maintenance').locator('tr', { hasText: 'new optics' });
    await row.getByText('in force').waitFor();
    await row.getByRole('button', { name: 'End it' }).click();
    await expect.poll(() => row.getByText('in force').count()).toBe(0);
    await names.fill('dist2');
    await page.getByLabel('Reason', { exact: true }).fill('backups');
    await page.getByRole('combobox', { name: 'When' }).selectOption('again');
    await page.getByLabel('Days of the month').fill('40');
    await page.getByText('This rule never comes.').waitFor();
    await page.getByLabel('Days of the month').fill('');
    await page.getByLabel('Wed').check();
    await page.getByLabel('Time zone').fill('Asia/Kathmandu');
    await page.getByText(/^Next: (.* · ){3}/).waitFor();
    expect(await findings()).toEqual([]);
    await page.screenshot({ path: path.join(ARTIFACTS, 'view-maintenance-rule-en.png'), fullPage: true });
    await page.getByRole('button', { name: 'Plan it' }).click();
    await table('Maintenance').getByText('Wed, Sun 02:00 (Asia/Kathmandu), 2 h 0 min').waitFor();
    expect(complaints).toEqual([]);
  });

  /** Does what is asked of the agent, as an agent would: `details` are what it says of it. */
  async function agentAnswers(details: Readonly<Record<string, string>>): Promise<void> {
    // Runbooks ask of it too; they are left alone.
    let work: { id: string } | undefined;
    for (let tries = 0; work === undefined && tries < 10; tries += 1) {
      const { items } = await fixture.get<{ items: { id: string; kind: string }[] }>(
        '/api/v1/agents/agent-1/work?wait=10',
        AGENT,
      );
      work = items.find(({ kind }) => kind === 'probe');
    }
    if (work === undefined) throw new Error('the agent was asked nothing');
    const told = Object.entries(details).map(([name, value]) => ({ name, value }));
    const held = await fixture.get<{ received: number }>('/api/v1/batches/receipt?incarnation=incarnation-1', AGENT);
    const event = { device: null, source: null, observedAtMs: Date.now(), uptimeTicks: null, interfaceKey: null };
    await fixture.receipt({
      sequence: held.received + 1,
      events: [
        {
          ...event,
          id: `result of ${work.id}`,
          origin: 'work',
          name: details['code'] === undefined ? 'work_done' : 'work_failed',
          details: [{ name: 'work', value: work.id }, ...told],
        },
      ],
    });
  }

  test('a device is tried before it is added: what is wrong is told with what to do, what it is when it answers', async () => {
    await signIn();
    await open('devices');
    await card('Devices').getByRole('button', { name: 'Add a device' }).click();
    const form = card('Add a device');
    await form.getByLabel('Address').fill('192.0.2.200');
    await form.getByLabel('Credential set').fill('nobody');
    await expect.poll(() => form.getByLabel('Agent').inputValue()).toBe('agent-1');
    await form.getByRole('button', { name: 'Test poll' }).click();
    await agentAnswers({ code: 'credential_unknown', message: 'No such set.', 'detail.known.0': 'reader' });
    await form.getByText('The agent has: reader.').waitFor();
    await form.getByLabel('Credential set').fill('reader');
    await form.getByRole('button', { name: 'Test poll' }).click();
    await agentAnswers({ outcome: 'failed', failure: 'snmp_timeout', ping: 'answers' });
    await form.getByText('It answers ping, and not SNMP').waitFor();
    await form.getByRole('button', { name: 'Test poll' }).click();
    await agentAnswers({ outcome: 'complete', sysName: 'edge 7', vendor: HOSTILE, model: 'mx204', interfaces: '48' });
    await form.getByText('It answers: 48 interfaces').waitFor();
    expect(await findings()).toEqual([]);
    await page.screenshot({ path: path.join(ARTIFACTS, 'view-add-device-en.png'), fullPage: true });
    expect(await form.getByLabel('Name').inputValue()).toBe('edge-7');
    await form.getByLabel('Tags').fill('edge new');
    await form.getByRole('button', { name: 'Add it' }).click();
    await card('Identity').getByText('edge, new').waitFor();
    expect(page.url()).toContain('#/devices/edge-7');
    const made = await fixture.get<{ managed: string; agent: string }>('/api/v1/devices/edge-7');
    expect([made.managed, made.agent]).toEqual(['api', 'agent-1']);
    expect(complaints).toEqual([]);
    await fixture.ask('/api/v1/devices/edge-7?version=1', { method: 'DELETE' });
  });

  test('a plan is calculated: for what is typed in, for a service, and with changed terms for all of them', async () => {
    await signIn();
    await open('plans');
    await page.getByText('Office').first().click();
    await page.getByRole('link', { name: 'Calculate' }).click();
    const form = card('Calculate');
    await form.getByLabel('in', { exact: true }).fill('2920.4');
    await form.getByRole('button', { name: 'Calculate' }).click();
    await form.getByText('per unit: 2920.4 × 0.045 = 131.418 EUR').waitFor();
    expect(bridge.changes.at(-1)).toEqual([
      'POST /billing/v1/quotes',
      {
        plan: { id: 'office', version: 1 },
        usage: {
          in_octets: '2920400000000',
          out_octets: '0',
          percentile_in_bps: '0',
          percentile_out_bps: '0',
          begins: false,
        },
      },
    ]);
    expect(page.url()).toContain('in=2920.4');
    await form.getByLabel('in', { exact: true }).fill('a lot');
    await form.getByRole('button', { name: 'Calculate' }).click();
    await form.getByText('“a lot” is no number.').waitFor();
    await form.getByLabel('Usage of').selectOption('acme-office');
    await form.getByLabel('with changed terms').check();
    const terms = form.getByLabel('Terms', { exact: true });
    await terms.fill((await terms.inputValue()).replace('0.045', '0.05'));
    await form.getByRole('button', { name: 'Calculate' }).click();
    await form.getByText('+14.60 EUR').waitFor();
    await form.getByText('As it is: 131.42 EUR (plan office, version 1).').waitFor();
    expect(JSON.stringify(bridge.changes.at(-1)?.[1])).toContain('"price":"0.05"');
    await form.getByLabel('Usage of').selectOption('all');
    await form.getByRole('button', { name: 'Calculate' }).click();
    await table('What changes, by service').getByText('acme-office').waitFor();
    expect(await findings()).toEqual([]);
    await page.screenshot({ path: path.join(ARTIFACTS, 'view-calculator-en.png'), fullPage: true });
    expect(complaints).toEqual([]);
  });

  test('held usage is released with a reason, the books are reconciled, a dead letter is tried again', async () => {
    await signIn();
    await open('usage');
    await card('Held back').getByRole('button', { name: 'Release' }).click();
    await card('Held back').getByLabel('Reason').fill('the port tells a wrong speed');
    await card('Held back').locator('form').getByRole('button', { name: 'Release' }).click();
    await expect
      .poll(() => bridge.changes.at(-1))
      .toEqual([
        'POST /billing/v1/suspense/release',
        { meter: 7, to: '2026-11-24T08:05:00.000Z', reason: 'the port tells a wrong speed' },
      ]);
    await page.getByRole('tab', { name: 'Reconciliation' }).click();
    await page.getByRole('button', { name: 'Reconcile' }).click();
    await page.getByText('1 differences').waitFor();
    await table('Differences').getByText('131.418').waitFor();
    await open('health');
    await card('Dead letters').getByRole('button', { name: 'Try again' }).click();
    await expect.poll(() => bridge.changes.at(-1)?.[0]).toBe('POST /billing/v1/dead-letters/c-1290/retry');
    await card('Schedules of the billing bridge').getByRole('button', { name: 'Run now: mediate' }).click();
    await expect.poll(() => bridge.changes.at(-1)?.[0]).toBe('POST /billing/v1/schedules/mediate/run');
    expect(complaints).toEqual([]);
  });

  test('payments are recorded and reversed, a message that was given up is tried again, a usage link is made and taken back', async () => {
    await signIn();
    await open('bills/acme-2026-11');
    await card('Payments').getByText('Due 131.42, paid 100.00, open 31.42 EUR.').waitFor();
    await card('Payments').getByRole('button', { name: 'Add a payment' }).click();
    await card('Payments').getByLabel('Date at the bank').fill('2026-12-10');
    await card('Payments').getByLabel('Reference').fill('ACME 77');
    expect(await findings()).toEqual([]);
    await card('Payments').getByRole('button', { name: 'Record' }).click();
    const paid = { amount: '31.42', date: '2026-12-10', reference: 'ACME 77', kind: 'payment' };
    await expect.poll(() => bridge.changes.at(-1)?.[0]).toBe('POST /billing/v1/bills/acme-2026-11/payments');
    expect(bridge.changes.at(-1)?.[1]).toMatchObject(paid);
    await card('Payments').getByRole('button', { name: 'Reverse: 2026-12-04 100.00' }).click();
    await card('Payments').getByLabel('Reason').fill('returned by the bank');
    await card('Payments').locator('form').getByRole('button', { name: 'Reverse' }).click();
    await expect
      .poll(() => bridge.changes.at(-1))
      .toEqual(['POST /billing/v1/payments/5/reversal', { reason: 'returned by the bank' }]);
    await card('Messages').getByRole('button', { name: 'Try again: acme-2026-11' }).click();
    await expect.poll(() => bridge.changes.at(-1)?.[0]).toBe('POST /billing/v1/messages/9/retry');
    await open('usage/acme');
    await card('Usage links').getByLabel('Note of the new link').fill('for Joe');
    await card('Usage links').getByRole('button', { name: 'Make a link' }).click();
    await card('Usage links').getByText(`${fixture.url}/billing/link/s3cret`).waitFor();
    await expect
      .poll(() => bridge.changes.at(-1))
      .toEqual(['POST /billing/v1/customers/acme/usage-links', { days: 90, note: 'for Joe' }]);
    expect(await findings()).toEqual([]);
    await card('Usage links').getByRole('button', { name: 'Take back' }).click();
    await card('Usage links').getByRole('button', { name: 'Really take back?' }).click();
    await expect.poll(() => bridge.changes.at(-1)?.[0]).toBe('DELETE /billing/v1/usage-links/abc');
    await open('health');
    await card('Messages given up').getByText('550 no such user').waitFor();
    expect(complaints).toEqual([]);
  });

  test('KPIs of a site, and one compared: sorted, and exported', async () => {
    await signIn();
    await open('kpis');
    const chosen = (name: string) => page.getByRole('combobox', { name, exact: true });
    await chosen('Of what').selectOption('site');
    await chosen('Name').selectOption('hall-2');
    await chosen('Time').selectOption('today');
    await table('KPIs').getByRole('button', { name: 'Reachability of devices' }).click();
    const compared = page.getByRole('table', { name: 'Reachability of devices' });
    await compared.getByText('access6').waitFor();
    await compared.getByRole('button', { name: 'Value' }).click();
    await expect.poll(() => page.url()).toContain('bysort=value');
    expect(await compared.locator('tbody tr').first().innerText()).toContain('access6');
    const region = page.getByRole('region', { name: 'Reachability of devices' }).first();
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      region.getByRole('button', { name: 'CSV' }).click(),
    ]);
    expect(readFileSync(await download.path(), 'utf8')).toMatch(/access6,.*\r\n/);
    await page.getByRole('button', { name: 'sites' }).click();
    await compared.getByText('hall-1').waitFor();
    expect(complaints).toEqual([]);
  });

  test('service levels of a customer: availability, outages, and the credits that came of them', async () => {
    await signIn();
    await open('service-levels');
    await table('Service levels').getByRole('button', { name: 'acme-office' }).waitFor();
    await page.getByRole('combobox', { name: 'Customer', exact: true }).selectOption('acme');
    await expect.poll(() => page.url()).toContain('customer=acme');
    await table('Service levels').getByRole('button', { name: 'acme-office' }).click();
    await page.getByRole('region', { name: 'Outages of' }).waitFor();
    await page.getByRole('region', { name: 'Credits for outages' }).getByText('None.').waitFor();
    await page.getByText(/Services together: 1/).waitFor();
    expect(complaints).toEqual([]);
  });

  test('an alarm tells whom it hits and who was told', async () => {
    await signIn();
    await open('alarms?q=access6');
    await table('Alarms').getByText('access6 has not answered').click();
    await card('Who was told, and why not').getByText('No channel is configured: nobody is told.').waitFor();
    await card('What it hits').waitFor();
  });

  test('an alarm shows its diagnosis, takes a dry run before anything, and says why it may not be done', async () => {
    await signIn();
    const { items } = await fixture.get<{ items: { id: string; resource: string }[] }>('/api/v1/alarms?device=core2');
    const id = items.find(({ resource }) => resource.includes('xe-0/1/'))?.id ?? '';
    // As an agent and its devices may have said it.
    const entries = JSON.stringify([{ about: 'core2', name: HOSTILE, value: HOSTILE }]);
    await fixture.database.database.query(
      `with run as (insert into repair.run (alarm, raised_at_ms, device, runbook, title, trigger, asked_by, state, plan, created_at_ms, finished_at_ms)
                    values ($1, 1, 'core2', 'x', 'Why it is down', 'operator', 'ann', 'done', '[]', 1, 1) returning id)
       insert into repair.step select id, 0, 'traceroute', 'done', '[]', 1, 1, 1, $2, $3::jsonb, 0 from run`,
      [id, HOSTILE, entries],
    );
    await open(`alarms/${id}`);
    await card('Diagnosis').getByText('Why it is down').waitFor();
    await card('Diagnosis').getByText('Way').first().waitFor();
    await card('Putting it right').getByRole('button', { name: 'Bounce a port' }).click();
    const form = page.getByRole('form', { name: 'Dry run' });
    await form.getByText('It may not be done.').waitFor();
    await form.getByText('is no physical port').waitFor();
    expect(await form.getByRole('button', { name: 'Do it' }).count()).toBe(0);
    expect(await findings()).toEqual([]);
    await page.screenshot({ path: path.join(ARTIFACTS, 'view-alarm-cure.png'), fullPage: true });
    await form.getByRole('button', { name: 'Leave it' }).click();
    await expect.poll(() => form.count()).toBe(0);
    expect(complaints).toEqual([]);
    expect(await page.title()).not.toContain('owned');
  });

  test('on a phone nothing is wider than the screen', async () => {
    await page.setViewportSize({ width: 390, height: 844 });
    await signIn();
    const wide: string[] = [];
    for (const [place] of VIEWS) {
      await open(place);
      await page.waitForTimeout(300);
      if ((await page.evaluate<number>('document.documentElement.scrollWidth')) > 390) wide.push(place);
    }
    expect(wide).toEqual([]);
    await open('alarms?state=all');
    await table('Alarms').getByText('access6 has not answered').waitFor();
    const cut = "[...document.querySelectorAll('.scroll')].filter((one) => one.scrollWidth > one.clientWidth).length";
    expect(await page.evaluate<number>(cut)).toBe(0);
    await page.screenshot({ path: path.join(ARTIFACTS, 'view-alarms-phone.png'), fullPage: true });
  });
});
