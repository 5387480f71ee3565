// The hash chain on a real PostgreSQL: it seals what rating and billing write, and whoever changes a row behind its back is found out.
import { createHmac } from 'node:crypto';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type ChainProof, verifyChain } from '../../../billing-bridge/audit/chain.ts';
import {
  ChainPublisher,
  type ChainSink,
  fileSink,
  headsIn,
  webhookSink,
} from '../../../billing-bridge/audit/chain-sinks.ts';
import { findBill } from '../../../billing-bridge/bill/bill-store.ts';
import { FailingDatabase } from '../../support/failing-database.ts';
import { silentReporter } from '../../support/silent-reporter.ts';
import { startTestDatabase, type TestDatabase } from '../../support/test-database.ts';
import { type TwoCustomers, twoCustomers } from '../../support/two-customers.ts';

let server: TestDatabase;
let billed: TwoCustomers;
let folder: string;
beforeAll(async () => {
  server = await startTestDatabase();
});
afterAll(() => server.stop());
beforeEach(async () => {
  billed = await twoCustomers(server.database);
  folder = mkdtempSync(path.join(tmpdir(), 'weir-audit-'));
});
afterEach(async () => {
  await billed.api.close();
  rmSync(folder, { recursive: true, force: true });
});

const verify = (published: ReadonlyMap<string, string> = new Map()): Promise<ChainProof> =>
  verifyChain(server.database, published);

/** As somebody with the password of the database could. */
async function tamper(table: string, sql: string): Promise<void> {
  await server.database.query(
    `alter table billing.${table} disable trigger all; ${sql}; alter table billing.${table} enable trigger all`,
  );
}

async function positionOf(kind: string, key: string): Promise<string> {
  const { rows } = await server.database.query<{ position: bigint }>(
    'select position from billing.chain where kind = $1 and $2 = any(keys)',
    [kind, key],
  );
  return rows[0]?.position.toString() ?? 'none';
}

describe('untouched', () => {
  test('every charge, bill, state and credit note is sealed, and verifies', async () => {
    await billed.ledger.ledger.changeBillState({ bill: 'acme-2026-11', state: 'sent', by: 'anna' });
    const proof = await verify();
    expect(proof.bad).toBeNull();
    expect(proof.rows).toMatchObject({ bill: 2, bill_state: 4, credit_note: 2, payment: 1 });
    const { rows } = await server.database.query('select from billing.charge');
    expect(proof.rows.charge).toBe(rows.length);
    expect(proof.head.position).toBe(BigInt(proof.entries));
  });

  test('a closed bill carries the head, and says it on request', async () => {
    const bill = await findBill(server.database, 'acme-2026-11', null);
    expect(bill?.ledgerHead?.hash).toMatch(/^[0-9a-f]{64}$/);
    const head = bill?.ledgerHead ?? { position: '', hash: '' };
    expect((await verify(new Map([[head.position, head.hash]]))).bad).toBeNull();
    expect((await verify(new Map([[head.position, 'ab'.repeat(32)]]))).bad).toMatchObject({
      mistake: 'published_differs',
      position: head.position,
    });
  });

  test('what did not commit is not in it: a crash at any query leaves a chain that verifies', {
    timeout: 60_000,
  }, async () => {
    for (let at = 0; at < 8; at += 1) {
      const broken = new FailingDatabase(server.database, at, at % 2 === 0);
      const change = { bill: 'bolt-2026-11', state: 'sent' as const, by: 'anna', atMs: 1 };
      const { changeBillState } = await import('../../../billing-bridge/bill/bill-state.ts');
      const { seal } = await import('../../../billing-bridge/audit/chain.ts');
      await changeBillState(broken, seal, change).catch(() => undefined);
      expect((await verify()).bad).toBeNull();
    }
  });

  test('the chain refuses to be changed', async () => {
    await expect(server.database.query('update billing.chain set at_ms = 1')).rejects.toThrow('never change');
    await expect(server.database.query('truncate billing.chain')).rejects.toThrow('never change');
  });
});

describe('found out', () => {
  test.each([
    [
      'a charge is made cheaper',
      'charge',
      `update billing.charge set amount = '0.01' where id = (select max(id) from billing.charge)`,
    ],
    [
      'a line of a bill',
      'bill_line',
      `update billing.bill_line set amount = '1.00' where bill = 'bolt-2026-11' and line = 1`,
    ],
    ['the number of an invoice', 'invoice', `update billing.invoice set number = 'X' where bill = 'bolt-2026-11'`],
    [
      'the charges behind a line',
      'bill_line_charge',
      `delete from billing.bill_line_charge where bill = 'bolt-2026-11' and line = 2`,
    ],
    [
      'who changed a state',
      'bill_state',
      `update billing.bill_state set by_whom = 'nobody' where bill = 'bolt-2026-11'`,
    ],
    ['a credit note', 'credit_note', `update billing.credit_note set gross = '99' where bill = 'bolt-2026-11'`],
  ])('%s', async (_what, table, sql) => {
    await tamper(table, sql);
    const { bad } = await verify();
    expect(bad?.mistake).toBe('content_changed');
    const key = ['bill_line', 'invoice', 'bill_line_charge'].includes(table)
      ? 'bolt-2026-11'
      : (bad?.keys.at(-1) ?? '');
    const kind = ['bill_line', 'invoice', 'bill_line_charge'].includes(table) ? 'bill' : table;
    expect([bad?.kind, bad?.position]).toEqual([kind, await positionOf(kind, key)]);
  });

  test('an entry, the end of the chain, one in its middle', async () => {
    await tamper('chain', 'update billing.chain set at_ms = at_ms + 1 where position = 2');
    expect((await verify()).bad).toMatchObject({ mistake: 'hash_wrong', position: '2' });
    await tamper('chain', 'delete from billing.chain where position = 2');
    expect((await verify()).bad).toMatchObject({ mistake: 'position_missing', position: '2' });
  });

  test('the end of the chain that is cut off, also with its rows', async () => {
    const { head } = await verify();
    await tamper('chain', `delete from billing.chain where position = ${head.position}`);
    expect((await verify()).bad).toMatchObject({ mistake: 'head_wrong', position: head.position.toString() });
  });

  test('a row beside the chain', async () => {
    await server.database.query(
      `insert into billing.bill_state (bill, state, at_ms, by_whom) values ('acme-2026-11', 'settled', 1, 'mallory')`,
    );
    const { bad } = await verify();
    expect(bad).toMatchObject({ mistake: 'not_sealed', kind: 'bill_state' });
    expect(bad?.keys).toHaveLength(1);
  });

  test('a whole chain made anew, by a head that was told before', async () => {
    const file = path.join(folder, 'heads');
    await publisher([fileSink(file)]).run(() => Promise.resolve());
    await server.database.query(
      `alter table billing.charge disable trigger all; alter table billing.chain disable trigger all`,
    );
    await server.database.query(`update billing.charge set amount = '0.01'`);
    await server.database.query(
      `create temp table old as select * from billing.chain; delete from billing.chain;
       update billing.chain_head set position = 0, hash = sha256('weir ledger'::bytea);
       do $$ declare e record; begin for e in select * from old order by position loop perform billing.seal(e.kind, e.keys, e.at_ms); end loop; end $$;
       drop table old`,
    );
    expect((await verify()).bad).toBeNull();
    expect((await verify(await headsIn(file))).bad).toMatchObject({ mistake: 'published_differs', position: '1' });
  });
});

function publisher(sinks: readonly ChainSink[]): ChainPublisher {
  return new ChainPublisher(silentReporter().reporter, {
    database: server.database,
    clock: billed.ledger.clock,
    sinks,
  });
}
const fence = (): Promise<void> => Promise.resolve();

describe('told outside', () => {
  test('to a file, once, however often it crashed between the file and the record', async () => {
    const file = path.join(folder, 'heads');
    const { entries, head } = await verify();
    expect(await publisher([fileSink(file)]).run(fence)).toEqual({ delivered: entries, alreadyThere: 0, failed: 0 });
    await server.database.query('delete from billing.chain_sink');
    // A crash tore the last line.
    const whole = readFileSync(file, 'utf8');
    writeFileSync(file, whole.slice(0, -10));
    expect(await publisher([fileSink(file)]).run(fence)).toEqual({
      delivered: entries,
      alreadyThere: entries - 1,
      failed: 0,
    });
    const heads = await headsIn(file);
    expect([heads.size, heads.get(head.position.toString())]).toEqual([entries, head.hash]);
    expect(await publisher([fileSink(file)]).run(fence)).toEqual({ delivered: 0, alreadyThere: 0, failed: 0 });
    appendFileSync(file, 'nonsense\n');
    expect((await headsIn(file)).size).toBe(entries);
  });

  test('to a webhook, signed; what it has already counts as delivered, what it refuses is told again', async () => {
    const seen: { key: string | null; sound: boolean }[] = [];
    let status = 503;
    const send: typeof fetch = (_url, init) => {
      const headers = new Headers(init?.headers);
      const signed = `${headers.get('x-weir-timestamp')}.${typeof init?.body === 'string' ? init.body : ''}`;
      const sound =
        headers.get('x-weir-signature') === `sha256=${createHmac('sha256', 'secret').update(signed).digest('hex')}`;
      seen.push({ key: headers.get('idempotency-key'), sound });
      return Promise.resolve(new Response(null, { status }));
    };
    const url = 'https://audit.example/hooks/T0KEN';
    const sink = webhookSink({ url, secret: 'secret', clock: billed.ledger.clock, fetch: send });
    expect(sink.name).not.toContain('T0KEN');
    const file = fileSink(path.join(folder, 'heads'));
    const { entries } = await verify();
    // The one that fails keeps the other from nothing.
    expect(await publisher([sink, file]).run(fence)).toEqual({ delivered: entries, alreadyThere: 0, failed: 1 });
    status = 409;
    expect(await publisher([sink, file]).run(fence)).toEqual({ delivered: entries, alreadyThere: entries, failed: 0 });
    expect(seen).toEqual([
      { key: `ledger-1-${entries}`, sound: true },
      { key: `ledger-1-${entries}`, sound: true },
    ]);
    expect(await publisher([sink]).run(fence)).toEqual({ delivered: 0, alreadyThere: 0, failed: 0 });
  });
});
