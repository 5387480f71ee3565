// Bills, credit notes and thresholds on their way out: a real ledger, a real SMTP server, a real receiver of webhooks; crashes, refusals, doubts.
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { customerSchema } from '../../../billing-bridge/contract-schema.ts';
import { quotaLetters } from '../../../billing-bridge/letters.ts';
import { messageSender, quotaWatch } from '../../../billing-bridge/outward.ts';
import { type Quota, QuotaWatch } from '../../../billing-bridge/quota/quota-watch.ts';
import { quotaMessage } from '../../../billing-bridge/quota/quota-message.ts';
import { putMessage } from '../../../billing-bridge/send/message-outbox.ts';
import type { MessageSender } from '../../../billing-bridge/send/message-sender.ts';
import type { Database } from '../../../common/database/database.ts';
import { FailingDatabase } from '../../support/failing-database.ts';
import { BUYER, legalEntity } from '../../support/invoice-parties.ts';
import { LedgerFixture } from '../../support/ledger-fixture.ts';
import { headerOf, MailServer } from '../../support/mail-server.ts';
import { silentReporter } from '../../support/silent-reporter.ts';
import { startTestDatabase, type TestDatabase } from '../../support/test-database.ts';
import { HOOK_SECRET, WebhookServer } from '../../support/webhook-server.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const NOVEMBER = Date.parse('2026-11-01T00:00:00Z');
const CUSTOMERS = ['acme', 'bolt', 'crash', 'hold', 'plain'];
const DECEMBER = Date.parse('2026-12-01T00:00:00Z');

let server: TestDatabase;
let fixture: LedgerFixture;
let api: FastifyInstance;
let port = 0;
let meter = 0;
let hooks: string;
const mailServer = new MailServer();
const hookServer = new WebhookServer();

/** acme wants its bills by e-mail; all of November is billed, nothing is sent yet. */
beforeAll(async () => {
  server = await startTestDatabase();
  port = await mailServer.start();
  hooks = await hookServer.start();
  fixture = await LedgerFixture.make(server.database, NOVEMBER, {
    legalEntities: new Map([['weir-net', legalEntity()]]),
  });
  hookServer.now = () => fixture.clock.now();
  const more: Readonly<Record<string, object>> = { acme: { ...BUYER, send_bills: 'email' }, plain: {} };
  await fixture.apply({
    customers: CUSTOMERS.map((id) => ({ id, name: id, currency: 'EUR', ...(more[id] ?? BUYER) })),
    price_plans: [{ id: 'p', currency: 'EUR', items: [{ id: 'port', kind: 'flat', amount: '10' }] }],
    services: CUSTOMERS.map((id) => ({
      id: `${id}-port`,
      customer: id,
      plan: 'p',
      from: '2026-11-01',
      bindings: [{ device: 'r1', interface: id }],
    })),
  });
  const [acme] = CUSTOMERS.map((name) => fixture.usage.port('r1', name));
  meter = acme?.in ?? 0;
  fixture.usage.finish(DECEMBER);
  api = fixture.api();
  await fixture.clock.advance(DECEMBER + HOUR - fixture.clock.now());
  await fixture.rate();
  const { body } = await ask('POST', '/billing/v1/bill-runs', { period: '2026-11' });
  expect(body['accounts']).toMatchObject(CUSTOMERS.map(() => ({ outcome: 'made' })));
}, 60_000);
afterAll(async () => {
  hookServer.stop();
  await mailServer.stop();
  await server.stop();
});
beforeEach(() => {
  mailServer.mails.length = 0;
  mailServer.answering = 'well';
});

const fence = (): Promise<void> => Promise.resolve();

function sender(database: Database = server.database, mailPort = port): MessageSender {
  const { ledger, clock } = fixture;
  const mail = {
    host: '127.0.0.1',
    port: mailPort,
    security: 'none',
    user: null,
    password: null,
    from: 'Weir <bills@weir.example>',
    timeoutMs: 2000,
    maxAttempts: 3,
  } as const;
  const webhook = { name: 'shop', url: `${hooks}/quota`, secret: '${HOOK}', timeoutMs: 2000, maxAttempts: 3 };
  return messageSender(
    silentReporter().reporter,
    { mail, webhooks: [webhook], bucketMs: 300_000 },
    { database, clock, random: () => 0.5, environment: { HOOK: HOOK_SECRET }, ledger },
  );
}

const send = (one: MessageSender = sender()) => one.run(fence, new AbortController().signal);

/** Asks for a mail of a bill. */
function demand(customer: string, request: string, to?: readonly string[]) {
  return ask('POST', `/billing/v1/bills/${customer}-2026-11/mail`, { request, ...(to === undefined ? {} : { to }) });
}

async function ask(method: 'GET' | 'POST', url: string, payload?: object, token = 'billing') {
  const answer = await api.inject({
    method,
    url,
    headers: { authorization: `Bearer ${token}` },
    ...(payload === undefined ? {} : { payload }),
  });
  return { status: answer.statusCode, body: answer.json<Record<string, unknown>>() };
}

async function messages(query = '', token = 'billing'): Promise<Record<string, unknown>[]> {
  const { body } = await ask('GET', `/billing/v1/messages${query}`, undefined, token);
  return (body['items'] ?? []) as Record<string, unknown>[];
}

const stateOf = async (bill: string): Promise<string | undefined> => (await fixture.ledger.bill(bill, null))?.state;

describe('a bill', () => {
  test('goes out once it is closed where its customer wants that, with PDF and CSV, and is sent then', async () => {
    expect(await send()).toEqual({ sent: 1, failed: 0, givenUp: 0 });
    const [mail] = mailServer.mails;
    expect(mail?.to).toEqual(['ap@acme.example']);
    expect(headerOf(mail, 'Message-ID')).toBe('<bill-acme-2026-11@weir.example>');
    expect(headerOf(mail, 'Subject')).toBe('Invoice 2026-000001 of Weir Networks GmbH');
    expect(headerOf(mail, 'Reply-To')).toBe('billing@weir.example');
    expect(mail?.text).toContain('filename=Invoice-2026-000001.pdf');
    expect(mail?.text).toContain('filename=Invoice-2026-000001.csv');
    expect([await stateOf('acme-2026-11'), await stateOf('bolt-2026-11')]).toEqual(['sent', 'validated']);
    expect((await fixture.ledger.audit(new Map())).bad).toBeNull();
    expect(await send()).toEqual({ sent: 0, failed: 0, givenUp: 0 });
  });

  test('is sent on demand, once a request; one without a number or an address is refused', async () => {
    const [first, again] = [await demand('bolt', 'a'), await demand('bolt', 'a')];
    expect(first.status).toBe(200);
    expect(again.body).toEqual(first.body);
    await demand('bolt', 'b', ['cfo@bolt.example', 'ap@bolt.example']);
    expect(await send()).toMatchObject({ sent: 2 });
    expect(mailServer.mails.map((mail) => mail.to)).toEqual([
      ['ap@acme.example'],
      ['cfo@bolt.example', 'ap@bolt.example'],
    ]);
    expect(new Set(mailServer.mails.map((mail) => headerOf(mail, 'Message-ID'))).size).toBe(2);
    expect(await stateOf('bolt-2026-11')).toBe('sent');
    expect(await demand('plain', 'a')).toMatchObject({
      status: 409,
      body: { error: { code: 'mail_refused' } },
    });
    const { rows } = await server.database.query<{ action: string }>(`select action from access.audit order by id`);
    expect(rows.map((row) => row.action)).toEqual(['bill.mail', 'bill.mail']);
    expect(await messages('?customer=bolt&kind=bill&state=done')).toHaveLength(2);
    const seen = await messages('', 'care@customers=bolt');
    expect(seen.map((one) => one['customer'])).toEqual(['bolt', 'bolt']);
  });

  test('that is on hold waits, and goes out when it is not', async () => {
    await fixture.ledger.changeBillState({ bill: 'hold-2026-11', state: 'onHold', by: 'test' });
    await demand('hold', 'a');
    expect(await send()).toMatchObject({ sent: 0 });
    await fixture.ledger.changeBillState({ bill: 'hold-2026-11', state: 'validated', by: 'test' });
    expect(await send()).toMatchObject({ sent: 1 });
  });

  test('a server that refuses is tried again later, then the mail is given up until somebody asks', async () => {
    mailServer.answering = 'refusing';
    const { body } = await demand('bolt', 'refused');
    expect(await send()).toEqual({ sent: 0, failed: 1, givenUp: 0 });
    expect(await send()).toEqual({ sent: 0, failed: 0, givenUp: 0 });
    await fixture.clock.advance(DAY);
    expect(await send()).toMatchObject({ failed: 1 });
    await fixture.clock.advance(DAY);
    expect(await send()).toMatchObject({ givenUp: 1 });
    const [dead] = await messages('?state=dead');
    expect(dead).toMatchObject({ attempts: 3, nextTryAt: null });
    expect(dead?.['failure']).toContain('channel_refused');
    const since = dead?.['createdAt'];
    expect(await ask('GET', '/billing/v1/failing-channels')).toMatchObject({
      status: 200,
      body: { items: [{ channel: 'mail', state: 'given_up', since, failure: dead?.['failure'] }] },
    });
    mailServer.answering = 'well';
    await fixture.clock.advance(DAY);
    expect(await send()).toMatchObject({ sent: 0 });
    const retry = `/billing/v1/messages/${String(dead?.['id'])}/retry`;
    expect(await ask('POST', retry, {})).toMatchObject({ status: 200, body: { state: 'intended' } });
    expect((await ask('POST', retry, {})).status).toBe(404);
    expect(await send()).toMatchObject({ sent: 1 });
    expect(headerOf(mailServer.mails[0], 'Message-ID')).toBe(`<${String(body['key'])}@weir.example>`);
  });

  test('an answer that is lost is a doubt: it is sent again as the same mail', async () => {
    mailServer.answering = 'breaking';
    await demand('bolt', 'doubt');
    expect(await send()).toMatchObject({ failed: 1 });
    mailServer.answering = 'well';
    await fixture.clock.advance(DAY);
    expect(await send()).toMatchObject({ sent: 1 });
    const ids = mailServer.mails.map((mail) => [headerOf(mail, 'Message-ID'), headerOf(mail, 'Date')]);
    expect(ids).toHaveLength(2);
    expect(ids[1]).toEqual(ids[0]);
  });

  test('a crash at any query sends it at least once, under one Message-ID, and says so once', async () => {
    const { body } = await demand('crash', 'a');
    let crashes = 0;
    for (const after of [false, true])
      for (let at = 0; at < 12; at += 1) {
        const database = new FailingDatabase(server.database, at, after);
        await send(sender(database)).catch(() => undefined);
        if (database.failed) crashes += 1;
        await fixture.clock.advance(HOUR);
      }
    expect(crashes).toBeGreaterThan(5);
    await send();
    expect(mailServer.mails.length).toBeGreaterThan(0);
    const ids = new Set(mailServer.mails.map((mail) => headerOf(mail, 'Message-ID')));
    expect([...ids]).toEqual([`<${String(body['key'])}@weir.example>`]);
    const { rows } = await server.database.query(
      `select from billing.bill_state where state = 'sent' and bill = 'crash-2026-11'`,
    );
    expect(rows).toHaveLength(1);
    expect((await fixture.ledger.audit(new Map())).bad).toBeNull();
  });

  test('a credit note follows the same wish', async () => {
    for (const bill of ['acme-2026-11', 'bolt-2026-11'])
      await fixture.ledger.credit({ bill, request: 'r', reason: 'outage', lines: null, by: 'test' });
    expect(await send()).toMatchObject({ sent: 1 });
    const note = mailServer.mails.find((mail) => headerOf(mail, 'Subject')?.startsWith('Credit note'));
    expect(headerOf(note, 'Message-ID')).toBe('<credit-note-1@weir.example>');
    expect(note?.text).toContain('outage');
    expect(note?.text).toContain('filename=Credit-note-CN-2026-000001.pdf');
  });
});

describe('a threshold', () => {
  const quota: Quota = {
    id: 'cap',
    service: 'acme-port',
    octets: 1_000n,
    direction: 'sum',
    shares: [50, 80, 100],
    mail: ['noc@weir.example'],
    webhooks: ['shop'],
  };

  test('is told by mail, signed webhook and queue, each once a share and period, also after a crash', async () => {
    fixture.usage.add(meter, DECEMBER, 810n);
    await fixture.clock.advance(DAY);
    const watch = (database: Database): QuotaWatch =>
      new QuotaWatch(silentReporter().reporter, [quota], {
        database,
        clock: fixture.clock,
        usage: fixture.usage,
        book: () => fixture.ledger.book(),
        publish: async (connection, jobs, told) => {
          for (const letter of jobs.flatMap((job) => quotaLetters(told, job)))
            await putMessage(connection, letter, fixture.clock.now());
        },
      });
    for (let at = 0; at < 12; at += 1)
      await watch(new FailingDatabase(server.database, at, at % 2 === 0))
        .run(fence)
        .catch((error: unknown) => expect(String(error)).toContain('died here'));
    expect(await send()).toMatchObject({ sent: 4 });
    // Usage that is corrected downwards, and up again, tells nothing new.
    fixture.usage.add(meter, DECEMBER, 700n);
    await watch(server.database).run(fence);
    fixture.usage.add(meter, DECEMBER, 850n);
    const config = { quotas: [quota], publishCharges: true };
    const { ledger, clock } = fixture;
    const outward = { database: server.database, clock, ledger, onPut: () => undefined };
    await quotaWatch(silentReporter().reporter, config, outward).run(fence);
    await send();
    expect(mailServer.mails.map((mail) => headerOf(mail, 'Subject'))).toEqual([
      'acme-port has used 50 % of cap in 2026-12',
      'acme-port has used 80 % of cap in 2026-12',
    ]);
    expect(hookServer.forged).toEqual([]);
    const told = hookServer.hooks.map(({ key, text }) => [key, (JSON.parse(text) as { event: Quota }).event]);
    expect(told).toMatchObject([
      [expect.stringMatching(/^quota-threshold-\d+-shop$/), { share: 50, usedOctets: '810', service: 'acme-port' }],
      [expect.stringMatching(/^quota-threshold-\d+-shop$/), { share: 80, usedOctets: '810' }],
    ]);
  });

  test('says amounts that people read', () => {
    const { text } = quotaMessage({
      schema: 'weir.quota-threshold',
      version: 1,
      quota: 'q',
      service: 's',
      account: 'a',
      period: '2026-11',
      share: 80,
      limitOctets: '999',
      usedOctets: '1600000412345',
      reachedAt: '2026-11-21T10:05:00.000Z',
    });
    expect(text).toContain('1.60 TB (1600000412345 octets)');
    expect(text).toContain('Quota:    999 octets');
  });
});

test('who wants bills by e-mail needs an address', () => {
  expect(customerSchema.safeParse({ id: 'a', name: 'a', currency: 'EUR', send_bills: 'letter' }).success).toBe(false);
});
