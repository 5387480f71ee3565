// Batches over HTTP into a real collector: what is kept, what is refused with which code, and that nothing acknowledged is ever lost.
import { request as httpRequest } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { AlarmAnswer } from '../../../collector/api/alarm-answers.ts';
import type { AgentAnswer } from '../../../collector/api/answers.ts';
import type { Receipt } from '../../../common/model/batch.ts';
import { encodeBatch } from '../../../common/wire/batch-codec.ts';
import type { ReadingsAnswer } from '../../../common/wire/reading-page.ts';
import {
  AGENT,
  BRIDGE,
  type CollectorFixture,
  eventually,
  startCollectorFixture,
} from '../../support/collector-fixture.ts';
import { interfacePoll } from '../../support/poll-builder.ts';

interface Page<T> {
  readonly items: readonly T[];
  readonly next: string | null;
}

interface Quarantined {
  readonly id: number;
  readonly code: string;
  readonly agent: string;
  readonly incarnation: string;
  readonly sequence: number;
  readonly bytes: number;
}

let fixture: CollectorFixture;
let remove: () => Promise<void>;

beforeAll(async () => {
  ({ fixture, remove } = await startCollectorFixture({
    devices: [{ name: 'core1' }, { name: 'access1' }, { name: 'other1', agent: 'agent-2' }],
    collector: {
      store: { memory_limit_mb: 64, threads: 1, commit_interval_ms: 0 },
      journal: { reserve_bytes: 0 },
      bridge_url: 'http://127.0.0.1:9',
      ingest: { max_batch_bytes: 100_000, max_in_flight: 2 },
    },
  }));
});
afterAll(() => remove());

function poll(device = 'core1', octets = 1n) {
  return interfacePoll({
    device,
    atMs: Date.now(),
    interfaces: [{ key: 'xe-0', inOctets: octets, outOctets: octets }],
  });
}

async function quarantine(incarnation: string): Promise<Quarantined[]> {
  const { items } = await fixture.get<Page<Quarantined>>('/api/v1/quarantine?limit=1000');
  return items.filter((batch) => batch.incarnation === incarnation);
}

/** A new incarnation supersedes the one before: each test has an agent of its own. */
async function agent(name: string): Promise<string> {
  return fixture.token(name, 'agent');
}

test('a batch is kept once, answered with a receipt, and applied', async () => {
  expect(await fixture.receipt({ sequence: 1, polls: [poll()] })).toEqual({ received: 1, applied: 0 });
  const again = await fixture.receipt({ sequence: 2, polls: [poll()] });
  expect(again.received).toBe(2);
  await fixture.applied(2);
  expect(await fixture.get<Receipt>('/api/v1/batches/receipt?incarnation=incarnation-1', AGENT)).toEqual({
    received: 2,
    applied: 2,
  });
});

test('the same batch again is answered and kept no second time', async () => {
  const body = encodeBatch({
    agent: 'agent-1',
    incarnation: 'incarnation-1',
    sequence: 3,
    createdAtMs: Date.now(),
    thinned: false,
    polls: [poll()],
    events: [],
    watermarks: [],
    gaps: [],
  });
  const answers = await Promise.all(Array.from({ length: 2 }, () => fixture.receipt({ sequence: 3, body })));
  answers.push(await fixture.receipt({ sequence: 3, body }));
  expect(answers.map((receipt) => [receipt.received, receipt.quarantined])).toEqual(Array(3).fill([3, undefined]));
  expect(await fixture.metric('weir_ingest_batches_total{outcome="repeated"}')).toBe(2);
  await fixture.applied(3);
  expect(await fixture.metric('weir_readings_pages_total')).toBe(3);
});

test('batches out of order are kept; the receipt says up to where nothing is missing', async () => {
  const token = await agent('agent-2');
  const send = (sequence: number) =>
    fixture.receipt({ sequence, agent: 'agent-2', incarnation: 'out-of-order', token, polls: [poll('other1')] });
  expect((await send(3)).received).toBe(0);
  expect((await send(1)).received).toBe(1);
  expect((await send(2)).received).toBe(3);
});

describe('access', () => {
  test('without a token, with an unknown one, with one of a person', async () => {
    const codes = [];
    for (const token of ['', 'weir_nobody', await fixture.token('vera', 'viewer')]) {
      const answer = token === '' ? await anonymous() : await fixture.send({ sequence: 9, token, polls: [poll()] });
      codes.push([answer.status, (answer.body as { error: { code: string } }).error.code]);
    }
    expect(codes).toEqual([
      [401, 'token_missing'],
      [401, 'token_unknown'],
      [403, 'forbidden'],
    ]);
  });

  function anonymous() {
    return fixture.ask('/api/v1/batches', {
      method: 'POST',
      token: null,
      body: new Uint8Array([1]),
      headers: { 'content-type': 'application/vnd.weir.batch' },
    });
  }

  test('an agent under the name of another', async () => {
    const token = await agent('agent-3');
    expect(await fixture.send({ sequence: 1, token, polls: [poll()] })).toMatchObject({
      status: 403,
      body: { error: { code: 'agent_mismatch' } },
    });
    expect(
      await fixture.ask('/api/v1/batches/receipt?incarnation=incarnation-1&agent=agent-1', { token }),
    ).toMatchObject({
      status: 403,
      body: { error: { code: 'agent_mismatch' } },
    });
  });

  test('an agent that writes a device not its own: nothing of the batch is kept', async () => {
    const token = await agent('agent-4');
    const words = { agent: 'agent-4', incarnation: 'foreign-device', token };
    for (const device of ['core1', 'never-heard-of']) {
      expect(await fixture.send({ ...words, sequence: 1, polls: [poll(device)] })).toMatchObject({
        status: 403,
        body: { error: { code: 'device_not_assigned', detail: { devices: [device] } } },
      });
    }
    const receipt = await fixture.get<Receipt>('/api/v1/batches/receipt?incarnation=foreign-device', token);
    expect(receipt).toEqual({ received: 0, applied: 0 });
  });

  test('two agents under one name: the newer spool goes on, the older is told', async () => {
    const token = await agent('agent-5');
    const send = (incarnation: string, sequence: number) =>
      fixture.send({ agent: 'agent-5', incarnation, token, sequence, body: bodyOf(incarnation, sequence) });
    const bodyOf = (incarnation: string, sequence: number) =>
      encodeBatch({
        agent: 'agent-5',
        incarnation,
        sequence,
        createdAtMs: Date.now() + 1000,
        thinned: false,
        polls: [],
        events: [],
        watermarks: [],
        gaps: [],
      });
    expect((await send('spool-old', 1)).status).toBe(200);
    expect((await send('spool-new', 1)).status).toBe(200);
    expect(await send('spool-old', 2)).toMatchObject({ status: 409, body: { error: { code: 'agent_superseded' } } });
    expect((await send('spool-new', 2)).status).toBe(200);
  });
});

describe('what cannot be used is kept whole and said', () => {
  test.for([
    ['garbage', Buffer.from('this is no batch at all, whatever its header says')],
    ['cut short', Buffer.from(encodeBatch(empty('agent-6', 'unreadable-2', 1)).subarray(0, 12))],
  ] as const)('%s', async ([, body], { task }) => {
    const token = await agent(`agent-6-${task.id}`);
    const name = `agent-6-${task.id}`;
    const receipt = await fixture.receipt({ agent: name, incarnation: 'unreadable', token, sequence: 1, body });
    expect(receipt).toMatchObject({ received: 1, quarantined: { code: 'batch_unreadable' } });
    await eventually(
      async () => (await fixture.get<Receipt>('/api/v1/batches/receipt?incarnation=unreadable', token)).applied === 1,
      'it counts as applied once its bytes are kept',
    );
    const kept = (await quarantine('unreadable')).find((batch) => batch.agent === name);
    expect(kept).toMatchObject({ code: 'batch_unreadable', sequence: 1, bytes: body.length });
    const answer = await fetch(`${fixture.url}/api/v1/quarantine/${kept?.id}/body`, {
      headers: { authorization: `Bearer ${await fixture.token('olga', 'operator')}` },
    });
    expect(answer.headers.get('content-disposition')).toBe(`attachment; filename="batch-${kept?.id}.weir"`);
    expect(Buffer.from(await answer.arrayBuffer())).toEqual(body);
    // The bridge stops a bill run at it.
    const { quarantined } = await fixture.get<ReadingsAnswer>('/api/v1/readings?limit=1', BRIDGE);
    expect(quarantined).toBeGreaterThan(0);
  });

  test('a batch that is another inside than its headers say', async () => {
    const token = await agent('agent-7');
    const body = encodeBatch(empty('agent-7', 'mislabelled', 5));
    const receipt = await fixture.receipt({ agent: 'agent-7', incarnation: 'mislabelled', token, sequence: 1, body });
    expect(receipt).toMatchObject({ received: 1, quarantined: { code: 'batch_mislabelled' } });
  });

  test('a thinned copy of a sequence that is held whole is answered, and changes nothing', async () => {
    const token = await agent('agent-9');
    const words = { agent: 'agent-9', incarnation: 'thinned-later', token, sequence: 1 };
    const whole = empty('agent-9', 'thinned-later', 1);
    const before = await fixture.metric('weir_ingest_octets_total');
    expect(await fixture.receipt({ ...words, body: encodeBatch(whole) })).toEqual({ received: 1, applied: 0 });
    const octets = await fixture.metric('weir_ingest_octets_total');
    expect(octets).toBeGreaterThan(before ?? 0);
    const thinned = encodeBatch({ ...whole, thinned: true, createdAtMs: whole.createdAtMs - 1 });
    const answer = await fixture.receipt({ ...words, body: thinned });
    expect([answer.received, answer.quarantined]).toEqual([1, undefined]);
    expect(await fixture.metric('weir_ingest_octets_total')).toBe(octets);
    expect(await quarantine('thinned-later')).toEqual([]);
  });

  test('another content under a sequence that is held: the first stays, the second is kept beside it, once', async () => {
    const token = await agent('agent-8');
    const words = { agent: 'agent-8', incarnation: 'two-contents', token, sequence: 1 };
    const body = (createdAtMs: number) => encodeBatch({ ...empty('agent-8', 'two-contents', 1), createdAtMs });
    expect(await fixture.receipt({ ...words, body: body(1) })).toEqual({ received: 1, applied: 0 });
    for (let count = 0; count < 3; count += 1)
      expect(await fixture.receipt({ ...words, body: body(2) })).toMatchObject({
        quarantined: { code: 'batch_conflict' },
      });
    await eventually(async () => (await quarantine('two-contents')).length > 0, 'the conflict visible');
    expect(await quarantine('two-contents')).toHaveLength(1);
  });

  function empty(name: string, incarnation: string, sequence: number) {
    return {
      agent: name,
      incarnation,
      sequence,
      createdAtMs: 1,
      thinned: false,
      polls: [],
      events: [],
      watermarks: [],
      gaps: [],
    };
  }
});

describe('refused before anything is kept', () => {
  test('damaged on its way: another SHA-256 than its header says', async () => {
    const headers = { 'weir-sha256': '0'.repeat(64) };
    expect(await fixture.send({ sequence: 50, polls: [poll()], headers })).toMatchObject({
      status: 400,
      body: { error: { code: 'batch_damaged' } },
    });
  });

  test.for([
    { 'weir-sequence': '0' },
    { 'weir-sequence': '1e9' },
    { 'weir-sequence': '-1' },
    { 'weir-agent': 'a name with spaces' },
    { 'weir-agent': "';--" },
    { 'weir-incarnation': 'short' },
    { 'weir-sha256': 'no hash' },
    { 'weir-sent-at': 'now' },
    { 'weir-oldest': '51' },
    { 'content-type': 'application/json' },
    { 'content-type': 'text/plain' },
  ])('headers that say nothing usable: %j', async (headers) => {
    expect(await fixture.send({ sequence: 50, polls: [poll()], headers })).toMatchObject({
      status: 400,
      body: { error: { code: 'invalid_request' } },
    });
  });

  test('an empty body', async () => {
    expect(await fixture.send({ sequence: 50, body: new Uint8Array() })).toMatchObject({
      status: 400,
      body: { error: { code: 'invalid_request' } },
    });
  });

  test('a body larger than the bound, announced or not', async () => {
    const body = new Uint8Array(100_001).fill(7);
    expect(await fixture.send({ sequence: 50, body })).toMatchObject({
      status: 413,
      body: { error: { code: 'body_too_large' } },
    });
    expect(await chunked(200_000)).toBe(413);
  });

  function chunked(bytes: number): Promise<number | undefined> {
    return new Promise((resolve, reject) => {
      const question = httpRequest(
        `${fixture.url}/api/v1/batches`,
        {
          method: 'POST',
          headers: {
            authorization: `Bearer ${AGENT}`,
            'content-type': 'application/vnd.weir.batch',
            'transfer-encoding': 'chunked',
          },
        },
        (answer) => {
          answer.resume();
          resolve(answer.statusCode);
        },
      );
      question.once('error', reject);
      question.end(Buffer.alloc(bytes));
    });
  }

  test('the stream is as it was', async () => {
    expect((await fixture.get<Receipt>('/api/v1/batches/receipt?incarnation=incarnation-1', AGENT)).received).toBe(3);
  });
});

test('more bodies in hand than the bound: asked to come again, and taken then', async () => {
  // Bodies that begin and do not end.
  const open = Array.from({ length: 2 }, () => {
    const question = httpRequest(`${fixture.url}/api/v1/batches`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${AGENT}`,
        'content-type': 'application/vnd.weir.batch',
        'content-length': '50000',
      },
    });
    question.on('error', () => undefined);
    question.write('x');
    return question;
  });
  await eventually(async () => (await fixture.metric('weir_ingest_in_flight_bytes')) === 100_000, 'two in hand');
  const refused = await fixture.send({ sequence: 4, polls: [poll()] });
  expect(refused).toMatchObject({
    status: 429,
    body: { error: { code: 'overloaded', detail: { bound: 'in_flight' } } },
  });
  expect(refused.headers.get('retry-after')).toBe('1');
  for (const question of open) question.destroy();
  await eventually(async () => (await fixture.metric('weir_ingest_in_flight_bytes')) === 0, 'none in hand');
  expect((await fixture.receipt({ sequence: 4, polls: [poll()] })).received).toBe(4);
  expect(await fixture.metric('weir_ingest_overloaded_total{bound="in_flight"}')).toBe(1);
});

test('a clock that is off by minutes: an alarm, marked readings, times as the collector has them', async () => {
  const token = await agent('agent-2');
  const OFF_MS = 5 * 60_000;
  const words = { agent: 'agent-2', incarnation: 'clock-is-off', token, clockOffsetMs: OFF_MS };
  const polls = () => [
    interfacePoll({
      device: 'other1',
      atMs: Date.now() + OFF_MS,
      interfaces: [{ key: 'clocked', inOctets: 5n, outOctets: 5n }],
    }),
  ];
  for (const sequence of [1, 2, 3]) await fixture.receipt({ ...words, sequence, polls: polls() });
  await eventually(async () => {
    const { items } = await fixture.get<Page<AlarmAnswer>>('/api/v1/alarms?state=active&resource=agent:agent-2');
    return items.some((alarm) => alarm.alarmType === 'agent-clock-offset');
  }, 'the clock alarm');
  const seen = await fixture.get<AgentAnswer>('/api/v1/agents/agent-2');
  expect(seen.clockSound).toBe(false);
  expect(Math.abs((seen.clockOffsetMs ?? 0) - OFF_MS)).toBeLessThan(5000);
  const pages: ReadingsAnswer['items'][number][] = [];
  let after = '';
  // The alarm may stand before the last batch is applied.
  await eventually(async () => {
    const answer = await fixture.get<ReadingsAnswer>(`/api/v1/readings?after=${after}`, BRIDGE);
    pages.push(...answer.items.filter((page) => page.incarnation === 'clock-is-off'));
    after = answer.next;
    return pages.length >= 3;
  }, 'the readings of three batches');
  expect(pages.map((page) => page.clockSound)).toEqual([false, false, false]);
  for (const page of pages) expect(Math.abs((page.segments[0]?.[1] ?? 0) - Date.now())).toBeLessThan(60_000);
});

test('a device taken out of the configuration: what its agent still has of it is taken, another agent may not', async () => {
  await fixture.receipt({ sequence: 5, polls: [poll('access1')] });
  await fixture.applied(5);
  const after = await fixture.without('access1');
  await after.start();
  try {
    expect((await after.receipt({ sequence: 6, polls: [poll('access1')] })).received).toBe(6);
    const token = await agent('agent-2');
    expect(
      await after.send({ agent: 'agent-2', incarnation: 'clock-is-off', token, sequence: 4, polls: [poll('access1')] }),
    ).toMatchObject({ status: 403, body: { error: { code: 'device_not_assigned' } } });
  } finally {
    await after.stop();
  }
});
