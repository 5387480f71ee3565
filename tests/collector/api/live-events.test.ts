// Live events of a real collector over HTTP, and the API's description of itself.
import { type IncomingMessage, request as httpRequest } from 'node:http';
import { connect, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { visibleEvents } from '../../../collector/access/visible-events.ts';
import { EVERYTHING } from '../../../common/model/viewpoint.ts';
import { EventHub } from '../../../collector/api/event-hub.ts';
import { addEventRoutes } from '../../../collector/api/event-routes.ts';
import { DescribedRoutes } from '../../../common/http/described-routes.ts';
import { createServer } from '../../../common/http/server.ts';
import type { Principal } from '../../../common/runtime/access.ts';
import { SystemClock } from '../../../common/runtime/clock.ts';
import {
  ADMINISTRATOR,
  type CollectorFixture,
  eventually,
  startCollectorFixture,
} from '../../support/collector-fixture.ts';
import { interfacePoll } from '../../support/poll-builder.ts';
import { silentReporter } from '../../support/silent-reporter.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

const STREAMS = 3;
let fixture: CollectorFixture;
let remove: () => Promise<void>;
let sequence = 0;
const open: { destroy(): unknown }[] = [];

beforeAll(async () => {
  ({ fixture, remove } = await startCollectorFixture({
    devices: [
      { name: 'core1', site: 'north' },
      { name: 'access1', site: 'south' },
    ],
    collector: {
      store: { memory_limit_mb: 64, threads: 1, commit_interval_ms: 0 },
      journal: { reserve_bytes: 0 },
      events: { max_streams: STREAMS, max_buffer_bytes: 2000 },
    },
  }));
});
afterEach(async () => {
  for (const one of open.splice(0)) one.destroy();
  await eventually(async () => ((await fixture.metric('weir_event_streams')) ?? 0) === 0, 'no stream left');
});
afterAll(() => remove());

interface Event {
  readonly kind: string;
  readonly data: Record<string, unknown>;
}

/** Listens; the events so far are in `events`. */
async function listen(
  lastEventId?: string,
  token = ADMINISTRATOR,
): Promise<{ answer: IncomingMessage; events: Event[]; lastId: () => string }> {
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    const question = httpRequest(
      `${fixture.url}/api/v1/events`,
      {
        headers: {
          authorization: `Bearer ${token}`,
          ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId }),
        },
      },
      resolve,
    );
    question.once('error', reject).end();
    open.push(question);
  });
  const events: Event[] = [];
  let text = '';
  let lastId = '';
  answer.on('error', () => undefined);
  answer.on('data', (piece: Buffer) => {
    text += piece.toString('utf8');
    const whole = text.split('\n\n');
    text = whole.pop() ?? '';
    for (const one of whole) {
      lastId = /^id: (.*)$/m.exec(one)?.[1] ?? lastId;
      const match = /^id: .*\nevent: (\w+)\ndata: (.*)$/.exec(one);
      if (match !== null)
        events.push({ kind: match[1] ?? '', data: JSON.parse(match[2] ?? '{}') as Record<string, unknown> });
    }
  });
  return { answer, events, lastId: () => lastId };
}

async function send(oper: number): Promise<void> {
  sequence += 1;
  const poll = interfacePoll({
    device: 'core1',
    atMs: Date.now(),
    interfaces: [{ key: 'xe-0\n\nevent: alarm\ndata: {}', inOctets: 1n, outOctets: 1n, oper }],
  });
  await fixture.receipt({ sequence, polls: [poll] });
}

test('alarms, polls and what is applied are told as they are committed', async () => {
  const { answer, events } = await listen();
  expect(answer.headers).toMatchObject({
    'content-type': 'text/event-stream',
    'cache-control': 'no-store, no-transform',
    'x-accel-buffering': 'no',
    'x-content-type-options': 'nosniff',
  });
  await send(1);
  await send(2);
  await eventually(async () => new Set(events.map((event) => event.kind)).size >= 4, 'four kinds of events');
  expect(new Set(events.map((event) => event.kind))).toEqual(new Set(['poll', 'device', 'applied', 'alarm']));
  const alarm = events.find((event) => event.kind === 'alarm')?.data;
  expect(alarm).toMatchObject({ change: 'raised', alarmType: 'interface-down', severity: 'major', isCleared: false });
  expect(events.find((event) => event.kind === 'applied')?.data).toMatchObject({
    agent: 'agent-1',
    incarnation: 'incarnation-1',
  });
  // An alarm that an operator touches is told too.
  const id = String(alarm?.['id']);
  await fixture.post(`/api/v1/alarms/${id}/ack`, {});
  await eventually(async () => events.some((event) => event.data['change'] === 'operator'), 'the acknowledgement');
});

test('a reader whose connection breaks comes back to what it missed; after a restart it is told to ask again', async () => {
  const first = await listen();
  await send(1);
  await eventually(async () => first.events.some((event) => event.kind === 'applied'), 'the first batch');
  const id = first.lastId();
  first.answer.destroy();
  await eventually(async () => (await fixture.metric('weir_event_streams')) === 0, 'it has gone');
  await send(1);
  await fixture.applied(sequence);
  const second = await listen(id);
  await eventually(async () => second.events.some((event) => event.kind === 'applied'), 'what was missed');
  expect(second.events.some((event) => event.kind === 'resync')).toBe(false);
  expect(second.events.map((event) => event.data['applied']).filter((one) => one !== undefined)).toEqual([sequence]);
  await fixture.restart();
  const third = await listen(second.lastId());
  await eventually(async () => third.events.length > 0, 'an answer to the old id');
  expect(third.events[0]).toEqual({ kind: 'resync', data: { reason: 'restarted' } });
});

test('a token with a scope gets events of its site alone, also of what it missed', async () => {
  const made = await fixture.post('/api/v1/tokens', { name: 'south', role: 'viewer', scope: { sites: ['south'] } });
  const token = (made.body as { token: string }).token;
  const whole = await listen();
  const south = await listen(undefined, token);
  const devices = ['core1', 'access1', 'core1'];
  for (const device of devices) {
    sequence += 1;
    const interfaces = [{ key: `xe-${sequence}`, inOctets: 1n, outOctets: 1n, oper: 2 }];
    await fixture.receipt({ sequence, polls: [interfacePoll({ device, atMs: Date.now(), interfaces })] });
    await fixture.applied(sequence);
  }
  await eventually(
    async () => whole.events.filter((event) => event.kind === 'poll').length === devices.length,
    'three polls',
  );
  const devicesOf = (events: readonly Event[]): unknown[] => events.map((event) => event.data['device']);
  await eventually(async () => south.events.some((event) => event.kind === 'poll'), 'a poll of the site');
  expect(new Set(devicesOf(south.events))).toEqual(new Set(['access1']));
  expect(devicesOf(whole.events)).toContain('core1');
  const begin = `${whole.lastId().replace(/[.]\d+$/, '')}.0`;
  south.answer.destroy();
  const again = await listen(begin, token);
  await eventually(async () => again.events.some((event) => event.kind === 'poll'), 'what was missed');
  expect(new Set(devicesOf(again.events))).toEqual(new Set(['access1']));
});

test('more streams than the bound are refused with a code, and a place that is left is free', async () => {
  const answers = [];
  for (let count = 0; count < STREAMS; count += 1) answers.push(await listen());
  const refused = await fixture.ask('/api/v1/events');
  expect(refused).toMatchObject({ status: 429, body: { error: { code: 'overloaded', detail: { most: STREAMS } } } });
  expect(refused.headers.get('retry-after')).toBe('10');
  answers[0]?.answer.destroy();
  await eventually(async () => (await fixture.metric('weir_event_streams')) === STREAMS - 1, 'one has gone');
  await listen();
});

test('a browser that reads nothing costs no more than the bound, and is told to ask again when it reads', async () => {
  const { reporter } = silentReporter();
  const hub = new EventHub(
    reporter,
    { maxStreams: 1, maxBufferBytes: 2000, replayBytes: 1000 },
    { clock: new SystemClock(), origin: { collector: 'north', start: 'a1' } },
  );
  const server = createServer(reporter, {
    maxBodyBytes: 1000,
    authenticator: { authenticate: () => Promise.resolve({ name: 'anna', role: 'viewer', scope: null }) },
  });
  addEventRoutes(new DescribedRoutes(server), {
    hub,
    viewpoints: { of: () => Promise.resolve(EVERYTHING) },
    authenticator: { authenticate: () => Promise.resolve({ name: 'anna', role: 'viewer', scope: null }) },
    visibleEvents,
  });
  await server.listen({ port: 0, host: '127.0.0.1' });
  const address = server.server.address();
  const socket: Socket = connect(typeof address === 'object' && address !== null ? address.port : 0, '127.0.0.1');
  try {
    let text = '';
    socket.on('data', (piece: Buffer) => {
      text += piece.toString('utf8');
    });
    socket.write('GET /api/v1/events HTTP/1.1\r\nhost: x\r\nauthorization: Bearer x\r\n\r\n');
    await eventually(async () => text.includes('retry:'), 'the stream open');
    socket.pause();
    const dropped = async () => Number(/weir_events_dropped_total (\d+)/.exec(await reporter.metricsText())?.[1]);
    // Until the buffers of the system are full, then our own.
    for (let count = 0; (await dropped()) === 0 && count < 200; count += 1) {
      for (let event = 0; event < 100; event += 1) hub.publish('poll', { device: 'x'.repeat(1000) });
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await dropped()).toBeGreaterThan(0);
    expect(text).not.toContain('resync');
    socket.resume();
    await eventually(async () => {
      hub.publish('alarm', { id: '1' });
      return text.includes('event: resync') && text.includes('event: alarm');
    }, 'resync');
  } finally {
    socket.destroy();
    await hub.stop();
    await server.close();
  }
});

test('the stream of a token that is revoked ends; while the database does not answer nothing is told', async () => {
  const { reporter } = silentReporter();
  const clock = new VirtualClock(0);
  const origin = { collector: 'north', start: 'a1' };
  const hub = new EventHub(reporter, { maxStreams: 1, maxBufferBytes: 2000, replayBytes: 1000 }, { clock, origin });
  const state: { answer: () => Promise<Principal | null> } = {
    answer: () => Promise.resolve({ name: 'anna', role: 'viewer', scope: null }),
  };
  const good = state.answer;
  const authenticator = { authenticate: () => state.answer() };
  const server = createServer(reporter, { maxBodyBytes: 1000, authenticator });
  const deps = { hub, authenticator, visibleEvents, viewpoints: { of: () => Promise.resolve(EVERYTHING) } };
  addEventRoutes(new DescribedRoutes(server), deps);
  await server.listen({ port: 0, host: '127.0.0.1' });
  await hub.start();
  try {
    const address = server.server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const answer = await fetch(`http://127.0.0.1:${port}/api/v1/events`, { headers: { authorization: 'Bearer x' } });
    let text = '';
    const decoder = new TextDecoder();
    const read = async (): Promise<void> => {
      const body: AsyncIterable<Uint8Array> | null = answer.body;
      for await (const piece of body ?? []) text += decoder.decode(piece, { stream: true });
    };
    // Its end may be a broken connection: what had not left is not waited for.
    const ended = read().catch(() => undefined);
    const beat = async (answerNext: () => Promise<Principal | null>): Promise<void> => {
      state.answer = answerNext;
      await clock.advance(15_000);
      await new Promise((resolve) => setImmediate(resolve));
    };
    const told = (device: string): Promise<unknown> => eventually(() => Promise.resolve(text.includes(device)), device);
    hub.publish('poll', { device: 'first' });
    await told('first');
    await beat(() => Promise.reject(new Error('no database')));
    hub.publish('poll', { device: 'second' });
    await beat(good);
    hub.publish('poll', { device: 'third' });
    await told('third');
    await beat(() => Promise.resolve(null));
    await ended;
    expect([...text.matchAll(/"device":"(\w+)"/g)].map((match) => match[1])).toEqual(['first', 'third']);
    expect(hub.open).toBe(false);
  } finally {
    await hub.stop();
    await server.close();
  }
});

describe('the API says what it is', () => {
  interface Document {
    readonly openapi: string;
    readonly paths: Readonly<
      Record<
        string,
        Readonly<Record<string, { summary: string; parameters: { name: string; in: string; required: boolean }[] }>>
      >
    >;
  }

  test('an OpenAPI document of every route, with what each parameter is', async () => {
    const document = await fixture.get<Document>('/api/v1/openapi.json');
    expect(document.openapi).toBe('3.1.0');
    for (const place of [
      '/api/v1/devices/{name}/interfaces',
      '/api/v1/series',
      '/api/v1/alarms/{id}/shelve',
      '/api/v1/batches',
      '/api/v1/events',
      '/api/v1/readings',
      '/api/v1/session',
    ])
      expect(Object.keys(document.paths)).toContain(place);
    const names = document.paths['/api/v1/series']?.['get']?.parameters.map((one) => one.name);
    expect(names).toEqual(['metric', 'resource', 'from', 'to', 'step', 'step_ms', 'function', 'group', 'previous']);
    for (const [place, operations] of Object.entries(document.paths))
      for (const [method, operation] of Object.entries(operations)) {
        expect([place, method, operation.summary.length > 5]).toEqual([place, method, true]);
        const inPath = operation.parameters.filter((one) => one.in === 'path').map((one) => one.name);
        expect(inPath).toEqual([...place.matchAll(/\{(\w+)\}/g)].map((match) => match[1]));
      }
  });

  test('a page that a person can read, without a script', async () => {
    const { status, headers, body } = await fixture.ask('/docs');
    expect([status, headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
    expect(String(body)).toContain('<h2>GET /api/v1/series</h2>');
    expect(String(body)).not.toMatch(/<script|style=|onclick/);
    expect((await fixture.ask('/docs/style.css')).headers.get('content-type')).toContain('text/css');
  });

  test('without a built page the address says so', async () => {
    expect(await fixture.ask('/', { token: null })).toMatchObject({
      status: 404,
      body: { error: { code: 'not_found' } },
    });
  });
});
