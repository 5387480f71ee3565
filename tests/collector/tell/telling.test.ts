// A whole collector that tells people: from a poll to a signed webhook, and the answer to "why was I not told?" over the API and `weir told`.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { toldCommand } from '../../../cli/commands/told.ts';
import {
  ADMINISTRATOR,
  type CollectorFixture,
  eventually,
  type StartedFixture,
  startCollectorFixture,
} from '../../support/collector-fixture.ts';
import { interfacePoll } from '../../support/poll-builder.ts';
import { HOOK_SECRET, WebhookServer } from '../../support/webhook-server.ts';

const MINUTE = 60_000;
const NOW = Date.now();
const hooks = new WebhookServer();

interface Told {
  readonly channel: string;
  readonly state: string;
  readonly why: string;
  readonly text: string;
  readonly believes: { readonly severity: string; readonly operatorState: string } | null;
  readonly messages: readonly {
    readonly id: string;
    readonly state: string;
    readonly said: string;
    readonly failure: string | null;
  }[];
}

let started: StartedFixture;
let fixture: CollectorFixture;
let sequence = 0;

beforeAll(async () => {
  const url = await hooks.start();
  const webhook = (name: string, words: object = {}) => ({
    kind: 'webhook',
    url: `${url}/${name}`,
    secret: HOOK_SECRET,
    ...words,
  });
  const at = { group_by: 'none', group_wait_ms: 0 };
  started = await startCollectorFixture({
    devices: [
      { name: 'core1', site: 'north' },
      { name: 'core2', site: 'north' },
      { name: 'core3', site: 'south' },
    ],
    collector: {
      // The channel that is dead here would be one more alarm.
      faults: { receiver_failing: { enabled: false } },
      telling: {
        channels: {
          noc: webhook('noc'),
          'on-call': webhook('on-call'),
          slow: webhook('slow'),
          dead: { ...webhook('dead', { max_attempts: 1 }), url: 'http://127.0.0.1:9/' },
        },
        routes: [
          {
            name: 'north',
            sites: ['north'],
            channels: ['noc'],
            escalation: [{ after_minutes: 60, channels: ['on-call'] }],
            ...at,
          },
          { name: 'patient', channels: ['slow'], group_wait_ms: 3_600_000 },
          { name: 'nowhere', devices: ['core*'], severity: 'major', channels: ['dead'], ...at },
        ],
      },
    },
  });
  fixture = started.fixture;
}, 60_000);
afterAll(async () => {
  await started.remove();
  hooks.stop();
});

/** Polls a device whose port is as it is said to be. */
async function port(device: string, oper: number, agoMs: number): Promise<void> {
  sequence += 1;
  const interfaces = [{ key: 'ge-0', inOctets: 1n, oper, speedBps: 1e9 }];
  await fixture.receipt({ sequence, polls: [interfacePoll({ device, atMs: NOW - agoMs, interfaces })] });
  await fixture.applied(sequence);
}

async function alarmOf(device: string): Promise<string> {
  let id = '';
  await eventually(async () => {
    const { items } = await fixture.get<{ items: { id: string }[] }>(`/api/v1/alarms?device=${device}`);
    id = items[0]?.id ?? '';
    return id !== '';
  }, `an alarm of ${device}`);
  return id;
}

async function told(id: string): Promise<Record<string, Told>> {
  const { items } = await fixture.get<{ items: Told[] }>(`/api/v1/alarms/${id}/told`);
  return Object.fromEntries(items.map((one) => [one.channel, one]));
}

const toNoc = () =>
  hooks
    .distinct()
    .filter(({ path }) => path === '/noc')
    .flatMap(({ body }) => body.alarms);

async function weirTold(...positionals: string[]): Promise<{ code: number; lines: string[] }> {
  const lines: string[] = [];
  const code = await toldCommand.run({
    positionals,
    options: { collector: fixture.url },
    environment: { WEIR_ADMIN_TOKEN: ADMINISTRATOR },
    json: false,
    print: (line: string) => lines.push(line),
  } as unknown as Parameters<typeof toldCommand.run>[0]);
  return { code, lines };
}

describe('a port goes down', () => {
  test('the channel is told once, and everything says who was told and who was not, and why', async () => {
    await port('core1', 1, 9 * MINUTE);
    await port('core1', 2, 8 * MINUTE);
    const id = await alarmOf('core1');
    await eventually(async () => toNoc().length > 0, 'the webhook');
    expect(toNoc()).toMatchObject([
      { kind: 'raised', alarm: id, severity: 'major', resource: 'core1/ge-0', site: 'north' },
    ]);
    expect(hooks.forged).toEqual([]);
    await eventually(async () => (await told(id))['dead']?.why === 'given_up', 'the dead channel is given up');
    await eventually(async () => (await told(id))['noc']?.state === 'told', 'what was told is known');
    const answers = await told(id);
    expect(answers['noc']).toMatchObject({
      state: 'told',
      believes: { severity: 'major', operatorState: 'none' },
      messages: [{ state: 'done', said: 'raised' }],
    });
    expect(answers['on-call']).toMatchObject({ state: 'not_told', why: 'no_route' });
    expect(answers['on-call']?.text).toMatch(/^route north: escalated at .*, if nobody acknowledges$/);
    expect(answers['slow']).toMatchObject({ state: 'waiting', why: 'group' });
    expect(answers['dead']?.text).toContain('given up after 1 tries: channel_refused');
    const { code, lines } = await weirTold(id);
    expect(code).toBe(0);
    expect(lines.find((line) => line.includes('noc'))).toMatch(/noc\s+told\s+major\s+\d{4}-.*told at/);
    expect(lines.join('\n')).toContain('gathered with others until');
  });

  test('what was given up is listed, and tried again when somebody says so', async () => {
    const id = await alarmOf('core1');
    const list = () =>
      fixture.get<{ items: { id: string; attempts: number }[] }>('/api/v1/messages?state=dead&channel=dead');
    const [dead] = (await list()).items;
    const retried = await fixture.post(`/api/v1/messages/${dead?.id}/retry`, {});
    expect(retried.status).toBe(200);
    await eventually(async () => (await told(id))['dead']?.why === 'given_up', 'given up again');
    const audit = await fixture.get<{ items: { action: string }[] }>(`/api/v1/audit?subject=message/${dead?.id}`);
    expect(audit.items.map(({ action }) => action)).toEqual(['message.retry']);
    expect((await fixture.post('/api/v1/messages/999/retry', {})).status).toBe(404);
  });

  test('an acknowledgement is told, then the end', async () => {
    const id = await alarmOf('core1');
    await fixture.post(`/api/v1/alarms/${id}/ack`, { text: 'on my way' });
    await eventually(async () => toNoc().length === 2, 'the acknowledgement');
    expect((await told(id))['on-call']?.text).toBe('route north: acknowledged by administrator');
    await port('core1', 1, 7 * MINUTE);
    await eventually(async () => toNoc().length === 3, 'the end');
    expect(toNoc().map(({ kind }) => kind)).toEqual(['raised', 'acknowledged', 'cleared']);
    await eventually(async () => (await told(id))['noc']?.text.startsWith('told that it is over') === true, 'known');
    expect((await told(id))['slow']).toMatchObject({ state: 'not_told', why: 'never_told' });
  });
});

describe('a port of another site, in maintenance', () => {
  test('nobody is told while the window lasts; when it ends, what is still broken is told once', async () => {
    const window = await fixture.post('/api/v1/maintenance-windows', {
      devices: ['core2'],
      from: new Date(NOW - MINUTE).toISOString(),
      to: new Date(NOW + 60 * MINUTE).toISOString(),
      reason: 'splice',
    });
    const before = toNoc().length;
    await port('core2', 1, 9 * MINUTE);
    await port('core2', 2, 8 * MINUTE);
    const id = await alarmOf('core2');
    const answers = await told(id);
    for (const channel of ['noc', 'slow', 'dead'])
      expect(answers[channel]).toMatchObject({ state: 'not_told', why: 'maintenance' });
    expect(answers['noc']?.text).toContain(': splice');
    const { id: windowId } = window.body as { id: string };
    const ended = await fixture.ask(`/api/v1/maintenance-windows/${windowId}?version=1`, { method: 'DELETE' });
    expect(ended.status).toBe(200);
    await eventually(async () => toNoc().length > before, 'told after the window');
    expect(toNoc().slice(before)).toMatchObject([{ kind: 'raised', alarm: id }]);
  });

  test('a route says why it does not fit, and a shelf says until when', async () => {
    await port('core3', 1, 9 * MINUTE);
    await port('core3', 2, 8 * MINUTE);
    const id = await alarmOf('core3');
    // It may be a symptom: that is found out first.
    await eventually(async () => (await told(id))['noc']?.why !== 'held', 'its cause is looked for');
    expect((await told(id))['noc']).toMatchObject({
      state: 'not_told',
      why: 'no_route',
      text: 'route north: the site south is none of north',
    });
    await fixture.post(`/api/v1/alarms/${id}/shelve`, { until: '2099-01-01T00:00:00Z' });
    expect((await told(id))['noc']).toMatchObject({ why: 'shelved', text: 'shelved until 2099-01-01T00:00:00.000Z' });
  });
});

test('weir told is misused without an id, and says what it is told of an alarm that there is not', async () => {
  await expect(weirTold()).rejects.toMatchObject({ code: 'misused' });
  await expect(weirTold('core1')).rejects.toMatchObject({ code: 'misused' });
  await expect(weirTold('999999')).rejects.toMatchObject({ code: 'collector_refused' });
});
