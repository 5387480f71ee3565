// The hub of TMF678 on a real ledger and a real listener: each bill and state once, in order, over refusals and crashes, to allowed addresses only.
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { billHub, messageSender } from '../../../billing-bridge/outward.ts';
import { wantedEvents } from '../../../billing-bridge/hub/bill-hub.ts';
import { FailingDatabase } from '../../support/failing-database.ts';
import type { LedgerFixture } from '../../support/ledger-fixture.ts';
import { silentReporter } from '../../support/silent-reporter.ts';
import { startTestDatabase, type TestDatabase } from '../../support/test-database.ts';
import { twoCustomers } from '../../support/two-customers.ts';

const HUB = '/tmf-api/customerBillManagement/v4/hub';
const HOUR = 3_600_000;

interface Event {
  readonly eventId: string;
  readonly eventType: string;
  readonly event: { readonly customerBill: { readonly id: string; readonly state: string } };
}

let server: TestDatabase;
let fixture: LedgerFixture;
let api: FastifyInstance;
let listener: Server;
let callback: string;
let status = 204;
const told: Event[] = [];
beforeAll(async () => {
  server = await startTestDatabase();
  ({ ledger: fixture, api } = await twoCustomers(server.database));
  listener = createServer((request, response) => {
    let text = '';
    request.on('data', (piece: Buffer) => (text += piece.toString()));
    request.on('end', () => {
      if (status < 300) told.push(JSON.parse(text) as Event);
      response.writeHead(status).end();
    });
  });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  callback = `http://127.0.0.1:${(listener.address() as AddressInfo).port}/bills`;
  fixture.listeners.push(callback);
}, 60_000);
afterAll(async () => {
  listener.close();
  await api.close();
  await server.stop();
});

async function ask(method: 'POST' | 'DELETE', url: string, payload?: object) {
  const headers = { authorization: 'Bearer billing' };
  const answer = await api.inject({ method, url, headers, ...(payload === undefined ? {} : { payload }) });
  return { status: answer.statusCode, body: answer.body === '' ? {} : answer.json<Record<string, unknown>>() };
}

const fence = (): Promise<void> => Promise.resolve();

async function tell(): Promise<void> {
  const { ledger, clock } = fixture;
  await fixture.hub.run(fence);
  const deps = { database: server.database, clock, random: () => 0.5, environment: {}, ledger };
  const sender = messageSender(silentReporter().reporter, { mail: null, webhooks: [], bucketMs: 300_000 }, deps);
  await sender.run(fence, new AbortController().signal);
}

const state = (bill: string, to: 'sent' | 'settled' | 'onHold' | 'validated') =>
  fixture.ledger.changeBillState({ bill, state: to, by: 'test' });

const heard = (): string[] =>
  told.map(({ eventType, event: { customerBill: of } }) => `${eventType} ${of.id} ${of.state}`);

test('only what is allowed is registered, once for the same words, and asked for events that there are', async () => {
  expect(await ask('POST', HUB, { callback: 'http://127.0.0.1:1/' })).toMatchObject({
    status: 403,
    body: { code: 'listener_not_allowed' },
  });
  expect((await ask('POST', HUB, { callback, query: 'eventType=Nothing' })).status).toBe(400);
  expect((await ask('POST', HUB, { callback, query: 'state=sent' })).status).toBe(400);
  const first = await ask('POST', HUB, { callback });
  expect(first).toMatchObject({ status: 201, body: { callback, query: '' } });
  expect((await ask('POST', HUB, { callback })).body).toEqual(first.body);
  expect(wantedEvents('eventType=customerbillcreateevent')).toEqual(['CustomerBillCreateEvent']);
});

test('what happens afterwards is told once each, in its order, as the specification has a bill', async () => {
  await tell();
  expect(told).toEqual([]);
  await state('acme-2026-11', 'onHold');
  await state('acme-2026-11', 'validated');
  await state('acme-2026-11', 'sent');
  await api.inject({
    method: 'POST',
    url: '/billing/v1/bill-runs',
    headers: { authorization: 'Bearer billing' },
    payload: { period: '2026-12', account: 'acme', interim: true },
  });
  await tell();
  await tell();
  expect(heard().slice(0, 3)).toEqual(
    ['onHold', 'validated', 'sent'].map((one) => `CustomerBillStateChangeEvent acme-2026-11 ${one}`),
  );
  expect(new Set(told.map(({ eventId }) => eventId)).size).toBe(told.length);
  // The form itself is held against the specification where it is answered (tmf.test.ts).
  const headers = { authorization: 'Bearer billing' };
  const answer = await api.inject({ url: HUB.replace('hub', 'customerBill/acme-2026-11'), headers });
  expect(told[2]?.event.customerBill).toEqual(answer.json());
});

test('a listener that refuses hears all of it later, in order; a crash at any query tells nothing twice', async () => {
  told.length = 0;
  status = 503;
  await state('acme-2026-11', 'settled');
  await tell();
  status = 204;
  await fixture.ledger.payments.record({
    bill: 'bolt-2026-11',
    request: 'rest',
    kind: 'payment',
    amount: '1000',
    paidOn: '2026-12-05',
    reference: '',
    by: 'test',
  });
  for (const after of [false, true])
    for (let at = 0; at < 10; at += 1) {
      const { clock, ledger } = fixture;
      const database = new FailingDatabase(server.database, at, after);
      await billHub([callback], { database, clock, ledger })
        .run(fence)
        .catch(() => undefined);
    }
  await tell();
  expect(heard()).toEqual([]);
  await fixture.clock.advance(HOUR);
  await tell();
  expect(heard()).toEqual([
    'CustomerBillStateChangeEvent acme-2026-11 settled',
    'CustomerBillStateChangeEvent bolt-2026-11 settled',
  ]);
});

test('one that is taken away hears nothing more', async () => {
  const { body } = await ask('POST', HUB, { callback });
  const place = `${HUB}/${String(body['id'])}`;
  expect((await ask('DELETE', place)).status).toBe(204);
  expect((await ask('DELETE', place)).status).toBe(404);
  told.length = 0;
  await fixture.ledger.credit({ bill: 'acme-2026-11', request: 'more', reason: 'x', lines: null, by: 'test' });
  await tell();
  expect(told).toEqual([]);
});
