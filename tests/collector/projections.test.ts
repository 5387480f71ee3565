// Projections under a person's hand, in a whole collector: paused and going on, through the journal again, a batch of the quarantine tried again.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  ADMINISTRATOR,
  type CollectorFixture,
  eventually,
  requestOf,
  type StartedFixture,
  startCollectorFixture,
} from '../support/collector-fixture.ts';
import { interfacePoll } from '../support/poll-builder.ts';
import { replayCommand } from '../../cli/commands/replay.ts';

interface State {
  readonly name: string;
  readonly position: number | null;
  readonly lagEntries: number;
  readonly paused: boolean;
  readonly againThrough: number | null;
}

const MINUTE = 60_000;
const T0 = Math.floor(Date.now() / MINUTE) * MINUTE - 30 * MINUTE;

describe('projections', () => {
  let started: StartedFixture;
  let fixture: CollectorFixture;
  beforeEach(async () => {
    started = await startCollectorFixture();
    fixture = started.fixture;
  }, 60_000);
  afterEach(() => started.remove());

  const poll = (at: number, oper = 1): ReturnType<typeof interfacePoll> =>
    interfacePoll({
      device: 'core1',
      atMs: T0 + at * MINUTE,
      interfaces: [{ key: 'ge-0/0/1', inOctets: BigInt(at) * 6000n, speedBps: 1e9, oper }],
    });

  async function send(from: number, to: number): Promise<void> {
    for (let sequence = from; sequence <= to; sequence += 1)
      await fixture.send({ sequence, polls: [poll(sequence, sequence >= 4 && sequence <= 8 ? 2 : 1)] });
  }

  async function states(): Promise<Record<string, State>> {
    const { items } = await fixture.get<{ items: State[] }>('/api/v1/projections');
    return Object.fromEntries(items.map((one) => [one.name, one]));
  }

  const change = (place: string, body: object = {}): ReturnType<CollectorFixture['ask']> =>
    fixture.ask(`/api/v1/${place}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });

  const caughtUp = (): Promise<void> =>
    eventually(
      async () => Object.values(await states()).every((one) => one.lagEntries === 0 && one.againThrough === null),
      'all projections have caught up',
    );

  /** All that is answered of what was applied. */
  async function everything(): Promise<unknown> {
    const span = `from=${new Date(T0).toISOString()}&to=${new Date(T0 + 20 * MINUTE).toISOString()}&step=1m`;
    const { readings } = await fixture.get<{ readings: { pages: string } }>('/api/v1/overview');
    const alarms = await fixture.get<{ items: { id: string }[] }>('/api/v1/alarms');
    const histories = [];
    for (const { id } of alarms.items) histories.push(await fixture.get(`/api/v1/alarms/${id}`));
    return {
      pages: readings.pages,
      alarms,
      histories,
      series: await fixture.get(`/api/v1/series?metric=in_octets&resource=core1/ge-0/0/1&function=delta&${span}`),
      reachable: await fixture.get(`/api/v1/series?metric=reachable&resource=core1&function=avg&${span}`),
    };
  }

  test('one that is paused stops, the others go on; it stays paused over a restart and goes on where it was', async () => {
    await send(1, 2);
    await caughtUp();
    expect((await change('projections/store/pause')).status).toBe(200);
    await send(3, 5);
    await eventually(async () => (await states())['readings']?.position === 5, 'readings go on');
    expect((await states())['store']).toMatchObject({ paused: true, position: 2, lagEntries: 3 });
    await fixture.restart();
    await eventually(async () => (await states())['store']?.position === 2, 'the store is known again');
    expect((await states())['store']).toMatchObject({ paused: true, lagEntries: 3 });
    await change('projections/store/resume');
    await caughtUp();
    const audit = await fixture.get<{ items: { action: string; subject: string; actor: string }[] }>('/api/v1/audit');
    expect(audit.items.map(({ action }) => action)).toEqual(['projection.resume', 'projection.pause']);
    expect(audit.items[0]).toMatchObject({ subject: 'projection/store', actor: 'administrator' });
  });

  test('a change whose entry in the audit log cannot be written is not made', async () => {
    await send(1, 3);
    await caughtUp();
    const { database } = fixture.database;
    await database.query(
      "alter table access.audit add constraint none check (action not like 'projection.%') not valid",
    );
    expect((await change('projections/store/pause')).status).toBe(500);
    expect((await change('projections/store/replay', { from: 'start' })).status).toBe(500);
    expect((await states())['store']).toMatchObject({ paused: false, againThrough: null, position: 3 });
    await database.query('alter table access.audit drop constraint none');
    expect((await change('projections/store/replay', { from: 'start' })).status).toBe(200);
    const { items } = await fixture.get<{ items: object[] }>('/api/v1/audit');
    expect(items).toMatchObject([{ action: 'projection.replay', after: { from: 1, entries: 3 } }]);
    await caughtUp();
  });

  test.each(['readings', 'faults', 'store'])(
    '%s goes through all again, and nothing is another or twice',
    async (name) => {
      await send(1, 12);
      await caughtUp();
      const before = await everything();
      expect(await change(`projections/${name}/replay`, { from: 'start' })).toMatchObject({
        status: 200,
        body: { from: 1, entries: 12 },
      });
      await eventually(async () => (await states())[name]?.position === 12, 'it is through');
      await caughtUp();
      expect(await everything()).toEqual(before);
      await send(13, 13);
      await caughtUp();
    },
  );

  test('readings that were lost in the database come back from the journal', async () => {
    await send(1, 6);
    await caughtUp();
    const before = await everything();
    await fixture.database.database.query('delete from readings.page');
    await fixture.database.database.query('delete from readings.batch');
    await fixture.database.database.query('update readings.journal set pages = 0');
    const at = new Date(Date.now() - 3_600_000).toISOString();
    expect((await change('projections/readings/replay', { from: at })).body).toEqual({ from: 1, entries: 6 });
    await eventually(async () => (await states())['readings']?.position === 6, 'it is through');
    await caughtUp();
    expect(await everything()).toEqual(before);
  });

  test('what cannot be is refused', async () => {
    await send(1, 1);
    expect(await change('projections/nothing/pause')).toMatchObject({ status: 404 });
    expect(await change('projections/store/replay', { from: 'yesterday' })).toMatchObject({ status: 400 });
    expect(await change('projections/store/replay', { from: 0 })).toMatchObject({ status: 400 });
    const viewer = await fixture.token('vera', 'viewer');
    expect((await fixture.ask('/api/v1/projections/store/pause', { method: 'POST', token: viewer })).status).toBe(403);
  });

  test('a batch that nobody could read is tried again when it can be', async () => {
    await fixture.ask('/api/v1/batches', {
      method: 'POST',
      token: ADMINISTRATOR,
      ...requestOf({ sequence: 1, body: new TextEncoder().encode('no batch') }),
    });
    const quarantined = (): Promise<{ items: { id: number; message: string }[] }> => fixture.get('/api/v1/quarantine');
    await eventually(async () => (await quarantined()).items.length === 1, 'it is set aside');
    const [kept] = (await quarantined()).items;
    expect(await change(`quarantine/${kept?.id}/retry`)).toMatchObject({
      status: 409,
      body: { error: { code: 'retry_failed' } },
    });
    expect((await quarantined()).items).toHaveLength(1);
    // As though a newer version could read what is kept.
    const { body } = requestOf({ sequence: 1, polls: [poll(1)] });
    await fixture.database.database.query('update readings.quarantine set body = $1', [Buffer.from(body)]);
    expect(await change(`quarantine/${kept?.id}/retry`)).toMatchObject({ status: 200, body: { position: 2 } });
    expect((await quarantined()).items).toEqual([]);
    expect(await change(`quarantine/${kept?.id}/retry`)).toMatchObject({ status: 404 });
    const pages = async (): Promise<string> =>
      (await fixture.get<{ readings: { pages: string } }>('/api/v1/overview')).readings.pages;
    await eventually(
      async () => (await pages()) === '1',
      'its readings are there, at a position that those who pull have not passed',
    );
    expect((await fixture.get<{ items: unknown[] }>('/api/v1/quarantine')).items).toEqual([]);
  });

  test('weir replay shows them and goes back', async () => {
    await send(1, 3);
    await caughtUp();
    const folder = mkdtempSync(path.join(tmpdir(), 'weir-replay-'));
    const lines: string[] = [];
    const run = (options: Record<string, string | boolean>): Promise<number> =>
      replayCommand.run({
        options: { collector: fixture.url, data: folder, ...options },
        positionals: [],
        json: false,
        environment: { WEIR_ADMIN_TOKEN: ADMINISTRATOR },
        signal: new AbortController().signal,
        print: (line: string) => lines.push(line),
        progress: () => undefined,
      } as unknown as Parameters<typeof replayCommand.run>[0]);
    expect(await run({})).toBe(0);
    expect(lines.join('\n')).toMatch(/store\s+3\s+0/);
    expect(await run({ projection: 'store', from: '2' })).toBe(0);
    expect(lines.at(-1)).toBe('store goes through 2 entries again, from position 2');
    await expect(run({ projection: 'store', from: '2', pause: true })).rejects.toMatchObject({ code: 'misused' });
    await caughtUp();
    rmSync(folder, { recursive: true });
  });
});
