// Every channel against a real receiver on loopback: SMTP, HTTP, UDP and TCP; what is sent, what a refusal means, and that texts of devices stay texts.
import { createSocket } from 'node:dgram';
import { createServer as createHttpServer, type Server } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import { afterEach, describe, expect, test } from 'vitest';
import { Alertmanager } from '../../../collector/tell/channels/alertmanager.ts';
import { Chat, filled } from '../../../collector/tell/channels/chat.ts';
import { Email, type EmailConfig } from '../../../collector/tell/channels/email.ts';
import { postJson } from '../../../common/send/post-json.ts';
import { Syslog } from '../../../collector/tell/channels/syslog.ts';
import { bodyOf, titleOf } from '../../../collector/tell/message-text.ts';
import type { Message, ToldItem } from '../../../collector/tell/told.ts';
import { signatureHolds, signatureOf } from '../../../common/http/webhook-signature.ts';
import { codeOf } from '../../../common/runtime/errors.ts';

const NOW = Date.parse('2026-11-28T00:10:00Z');
const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

function item(words: Partial<ToldItem> = {}): ToldItem {
  return {
    alarm: '17',
    kind: 'raised',
    severity: 'critical',
    resource: 'core1/ge-0',
    device: 'core1',
    site: 'north',
    alarmType: 'interface-down',
    qualifier: '',
    text: 'ge-0 of core1 is down',
    operatorState: 'none',
    operator: null,
    raisedAt: '2026-11-28T00:00:00.000Z',
    clearedAt: null,
    customers: ['Acme'],
    ...words,
  };
}

function message(items: readonly ToldItem[], words: Partial<Message> = {}): Message {
  const counts = items.map(({ kind, severity }) => ({ kind, severity, count: 1 }));
  return {
    id: '5',
    key: 'key-5',
    channel: 'noc',
    createdAtMs: NOW,
    attempts: 1,
    kind: 'alarms',
    items,
    counts,
    folded: 0,
    threads: [],
    ...words,
  };
}

const signal = (): AbortSignal => AbortSignal.timeout(5000);
const failure = async (work: Promise<unknown>): Promise<string> => {
  try {
    await work;
    return 'accepted';
  } catch (error) {
    return codeOf(error);
  }
};

interface Posted {
  readonly url: string;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: unknown;
}

async function httpServer(status = 200): Promise<{ url: string; posted: Posted[]; server: Server }> {
  const posted: Posted[] = [];
  const server = createHttpServer((request, response) => {
    let text = '';
    request.on('data', (piece: Buffer) => (text += piece.toString()));
    request.on('end', () => {
      posted.push({ url: request.url ?? '', headers: request.headers, body: JSON.parse(text) as unknown });
      response.writeHead(status, { location: 'http://127.0.0.1:9/' }).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, posted, server };
}

const deps = { now: () => NOW, environment: { SECRET: 'of the environment' }, fetch };

describe('signature of a webhook', () => {
  const header = signatureOf('secret', '{"a":1}', NOW);
  test.each([
    ['as it was sent', header, 'secret', '{"a":1}', NOW + 1000, true],
    ['another body', header, 'secret', '{"a":2}', NOW, false],
    ['another secret', header, 'public', '{"a":1}', NOW, false],
    ['much later', header, 'secret', '{"a":1}', NOW + 400_000, false],
    ['another time in it', header.replace(/t=\d+/, `t=${NOW / 1000 + 1}`), 'secret', '{"a":1}', NOW, false],
    ['none', '', 'secret', '{"a":1}', NOW, false],
  ])('%s', (_name, given, secret, body, nowMs, holds) => {
    expect(signatureHolds(given, secret, body, { nowMs, mostMs: 300_000 })).toBe(holds);
  });
});

describe('HTTP', () => {
  test.each([
    [200, 'accepted'],
    [204, 'accepted'],
    [302, 'channel_refused'],
    [400, 'channel_refused'],
    [429, 'channel_refused'],
    [503, 'channel_refused'],
    [500, 'channel_unsure'],
    [504, 'channel_unsure'],
  ])('%d is %s', async (status, expected) => {
    const { url, posted } = await httpServer(status);
    expect(await failure(postJson(fetch, { url, body: '{}', headers: {} }, signal()))).toBe(expected);
    expect(posted).toHaveLength(1);
  });

  test('nobody there is a refusal, no answer in time is a doubt, and neither tells the address', async () => {
    const { url, server } = await httpServer();
    server.close();
    const secret = `${url}/services/T0/B0/secret`;
    const gone = await postJson(fetch, { url: secret, body: '{}', headers: {} }, signal()).catch(
      (error: unknown) => error,
    );
    expect([codeOf(gone), String(gone)]).toEqual(['channel_refused', expect.not.stringContaining('secret') as string]);
    const silent = createTcpServer(() => undefined);
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    closing.push(() => silent.close());
    const place = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
    expect(await failure(postJson(fetch, { url: place, body: '{}', headers: {} }, AbortSignal.timeout(200)))).toBe(
      'channel_unsure',
    );
  });
});

describe('chat', () => {
  test('fills a form as data: what an alarm says stays text', async () => {
    const { url, posted } = await httpServer();
    const hostile = item({ text: '"}], "channel": "<!channel> {{key}} \n&', customers: [] });
    const body = {
      text: '{{title}}',
      blocks: [{ n: 1, on: true, text: '{{severity}} {{device}}: {{text}} {{nothing}}' }],
    };
    await new Chat({ url, body, escape: 'html' }, deps).send(message([hostile]), signal());
    expect(posted[0]?.body).toEqual({
      text: '[critical] core1/ge-0: "}], "channel": "&lt;!channel&gt; {{key}}  &amp;',
      blocks: [{ n: 1, on: true, text: 'critical core1: "}], "channel": "&lt;!channel&gt; {{key}} \n&amp; ' }],
    });
  });

  test('its address is a reference; one that there is not is told as such', async () => {
    const { url } = await httpServer();
    const chat = (place: string): Chat =>
      new Chat({ url: place, body: 'x', escape: 'none' }, { ...deps, environment: { HOOK: url } });
    expect(await failure(chat('${HOOK}').send(message([item()]), signal()))).toBe('accepted');
    expect(await failure(chat('${MISSING}').send(message([item()]), signal()))).toBe('secret_unresolved');
    expect(filled(['{{a}}', null, { b: 2 }], { a: '{{b}}' })).toEqual(['{{b}}', null, { b: 2 }]);
  });
});

describe('Alertmanager', () => {
  interface Alert {
    readonly labels: Readonly<Record<string, string>>;
    readonly startsAt: string;
    readonly endsAt: string;
  }

  const alertsOf = (post: Posted | undefined): readonly Alert[] => (post?.body ?? []) as readonly Alert[];

  test('an alert lasts as long as it is told again, and a change ends the one before', async () => {
    const { url, posted } = await httpServer();
    const channel = new Alertmanager({ url, authorization: '${SECRET}', resendMs: 60_000 }, deps);
    await channel.send(message([item()]), signal());
    expect(posted[0]).toMatchObject({
      url: '/api/v2/alerts',
      headers: { authorization: 'of the environment' },
      body: [
        {
          labels: {
            alertname: 'interface-down',
            severity: 'critical',
            resource: 'core1/ge-0',
            site: 'north',
            weir_alarm: '17',
          },
          annotations: { summary: 'ge-0 of core1 is down', customers: 'Acme' },
          startsAt: '2026-11-28T00:00:00.000Z',
          endsAt: '2026-11-28T00:15:00.000Z',
        },
      ],
    });
    await channel.send(message([item({ kind: 'changed', severity: 'minor' })]), signal());
    const ends = alertsOf(posted[1]).map(({ labels, endsAt }) => `${labels['severity']} ${Date.parse(endsAt) > NOW}`);
    expect(ends).toEqual(['critical false', 'major false', 'minor true', 'warning false', 'indeterminate false']);
    await channel.send(message([item({ kind: 'cleared', severity: 'minor' })]), signal());
    expect(alertsOf(posted[2]).filter(({ endsAt }) => Date.parse(endsAt) > NOW)).toEqual([]);
    await channel.refresh.send([item({ kind: 'reminder' })], signal());
    expect(posted[3]?.body).toEqual(posted[0]?.body);
  });
});

describe('e-mail', () => {
  interface Mail {
    readonly to: readonly string[];
    readonly text: string;
  }

  async function smtp(options: SMTPServerOptions = {}): Promise<{ port: number; mails: Mail[] }> {
    const mails: Mail[] = [];
    const server = new SMTPServer({
      authOptional: true,
      disabledCommands: ['STARTTLS'],
      onData: (stream, session, done) => {
        let text = '';
        stream.on('data', (piece: Buffer) => (text += piece.toString()));
        stream.on('end', () => {
          mails.push({ to: session.envelope.rcptTo.map(({ address }) => address), text });
          done();
        });
      },
      ...options,
    });
    server.on('error', () => undefined);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    closing.push(() => server.close());
    return { port: (server.server.address() as AddressInfo).port, mails };
  }

  const config = (port: number, words: Partial<EmailConfig> = {}): EmailConfig => ({
    host: '127.0.0.1',
    port,
    security: 'none',
    user: null,
    password: null,
    from: 'Weir <weir@example.net>',
    to: ['noc@example.net', 'boss@example.net'],
    timeoutMs: 2000,
    ...words,
  });
  const header = (mail: Mail | undefined, name: string): string | null =>
    new RegExp(`^${name}: (.*)$`, 'im').exec(mail?.text.replaceAll(/\r\n[ \t]+/g, ' ') ?? '')?.[1] ?? null;

  test('one alarm is one thread, and a repeat is the same mail', async () => {
    const { port, mails } = await smtp();
    const channel = new Email(config(port), deps);
    expect(await channel.send(message([item()]))).toBeNull();
    await channel.send(message([item()], { attempts: 2 }));
    const end = item({ kind: 'cleared', clearedAt: '2026-11-28T00:09:00.000Z' });
    await channel.send(message([end], { key: 'key-9', threads: ['key-5'] }));
    const [first, again, last] = mails;
    expect(first?.to).toEqual(['noc@example.net', 'boss@example.net']);
    expect(header(first, 'Message-ID')).toBe('<key-5@example.net>');
    expect(header(first, 'Subject')).toBe('[critical] core1/ge-0: ge-0 of core1 is down');
    expect(header(first, 'In-Reply-To')).toBeNull();
    expect(header(again, 'Message-ID')).toBe('<key-5@example.net>');
    expect(header(again, 'Date')).toBe(header(first, 'Date'));
    expect(header(last, 'Message-ID')).toBe('<key-9@example.net>');
    expect([header(last, 'In-Reply-To'), header(last, 'References')]).toEqual([
      '<key-5@example.net>',
      '<key-5@example.net>',
    ]);
    expect(header(last, 'Auto-Submitted')).toBe('auto-generated');
  });

  test('what a device says of itself begins no header', async () => {
    const { port, mails } = await smtp();
    const hostile = item({ text: 'down\r\nBcc: everybody@example.net\r\n\r\nfalse text' });
    await new Email(config(port), deps).send(message([hostile]));
    expect(header(mails[0], 'Bcc')).toBeNull();
    expect(mails[0]?.to).toEqual(['noc@example.net', 'boss@example.net']);
  });

  test('signs in with what the references name', async () => {
    const seen: unknown[] = [];
    const { port, mails } = await smtp({
      authOptional: false,
      allowInsecureAuth: true,
      onAuth: ({ username, password }, _session, done) => {
        seen.push(username, password);
        if (password === 'of the environment') done(null, { user: username ?? '' });
        else done(new Error('who are you'));
      },
    });
    const words = { user: 'weir', password: '${SECRET}' };
    expect(await failure(new Email(config(port, words), deps).send(message([item()])))).toBe('accepted');
    expect(seen).toEqual(['weir', 'of the environment']);
    expect(await failure(new Email(config(port, { ...words, password: 'wrong' }), deps).send(message([item()])))).toBe(
      'channel_refused',
    );
    expect(mails).toHaveLength(1);
  });

  test.each<[string, SMTPServerOptions, Partial<EmailConfig>, string]>([
    [
      'no recipient taken',
      { onRcptTo: (_address, _session, done) => done(new Error('no such user')) },
      {},
      'channel_refused',
    ],
    [
      'the text refused',
      { onData: (stream, _session, done) => stream.resume().on('end', () => done(new Error('full'))) },
      {},
      'channel_refused',
    ],
    ['no TLS where it is asked for', {}, { security: 'starttls' }, 'channel_refused'],
    ['no answer to the text', { onData: (stream) => void stream.resume() }, {}, 'channel_unsure'],
  ])('%s', async (_name, options, words, expected) => {
    const { port } = await smtp(options);
    expect(await failure(new Email(config(port, words), deps).send(message([item()])))).toBe(expected);
  });

  test('a recipient that is refused beside one that is not is told, and the mail is not sent twice', async () => {
    const { port, mails } = await smtp({
      onRcptTo: ({ address }, _session, done) => done(address.startsWith('boss') ? new Error('no such user') : null),
    });
    expect(await new Email(config(port), deps).send(message([item()]))).toBe('1 of 2 recipients were refused');
    expect(mails).toHaveLength(1);
  });

  test('nobody there is a refusal', async () => {
    expect(await failure(new Email(config(9), deps).send(message([item()])))).toBe('channel_refused');
  });
});

describe('syslog', () => {
  const config = (port: number, transport: 'udp' | 'tcp') => ({
    host: '127.0.0.1',
    port,
    transport,
    facility: 16,
    hostname: 'noc-1',
  });
  const both = message([
    item({ text: 'it says ] "quoted" \\' }),
    item({ alarm: '18', kind: 'cleared', severity: 'minor' }),
  ]);
  const LINES = [
    '<129>1 2026-11-28T00:10:00.000Z noc-1 weir - interface-down [weir@32473 key="key-5" alarm="17" kind="raised" resource="core1/ge-0" severity="critical"] ',
    '<133>1 2026-11-28T00:10:00.000Z noc-1 weir - interface-down [weir@32473 key="key-5" alarm="18" kind="cleared" resource="core1/ge-0" severity="minor"] ',
  ];

  test('RFC 5424 over UDP, one datagram an alarm', async () => {
    const socket = createSocket('udp4');
    const heard: string[] = [];
    socket.on('message', (line) => heard.push(line.toString('utf8')));
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
    closing.push(() => socket.close());
    await new Syslog(config(socket.address().port, 'udp')).send(both, signal());
    await expect.poll(() => heard.length).toBe(2);
    expect(heard.map((line) => line.split('\ufeff')[0])).toEqual(LINES);
    expect(heard[0]).toContain('it says ] "quoted" \\');
  });

  test('over TCP with the octets counted; nobody there is a refusal', async () => {
    let text = Buffer.alloc(0);
    const server = createTcpServer((socket) => socket.on('data', (piece) => (text = Buffer.concat([text, piece]))));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    await new Syslog(config(port, 'tcp')).send(both, signal());
    const lines: string[] = [];
    for (let at = 0; at < text.length; ) {
      const space = text.indexOf(' ', at);
      const length = Number(text.subarray(at, space).toString());
      lines.push(text.subarray(space + 1, space + 1 + length).toString('utf8'));
      at = space + 1 + length;
    }
    expect(lines.map((line) => line.split('\ufeff')[0])).toEqual(LINES);
    await new Promise((resolve) => server.close(resolve));
    expect(await failure(new Syslog(config(port, 'tcp')).send(both, signal()))).toBe('channel_refused');
  });

  test('values are escaped, and a long line is cut between two characters', () => {
    const channel = new Syslog(config(1, 'udp'));
    const line = channel.lineOf(both, item({ resource: 'a"]\\\n', text: 'é'.repeat(3000) })).toString('utf8');
    expect(line).toContain('resource="a\\"\\]\\\\ "');
    expect(Buffer.from(line).length).toBeLessThanOrEqual(2048);
    expect(line).not.toContain('\ufffd');
  });
});

test('titles and bodies in words', () => {
  const digest = message([item()], {
    kind: 'digest',
    folded: 41,
    counts: [
      { kind: 'raised', severity: 'critical', count: 2 },
      { kind: 'cleared', severity: 'major', count: 40 },
    ],
  });
  expect(titleOf(digest)).toBe('42 changes of alarms: 2 critical raised, 40 cleared');
  expect(bodyOf(digest).split('\n')).toEqual([
    '2026-11-28T00:00:00.000Z critical, raised: core1/ge-0: ge-0 of core1 is down Customers: Acme.',
    'and 41 more: 2 critical raised, 40 cleared',
  ]);
  expect(titleOf(message([item({ kind: 'cleared' })]))).toBe('[cleared] core1/ge-0: ge-0 of core1 is down');
  expect(
    bodyOf(message([item({ operatorState: 'ack', operator: 'anna', kind: 'acknowledged', customers: [] })])),
  ).toContain('(acknowledged by anna)');
});
