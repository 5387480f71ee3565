// Points of other programs, through a whole collector: durable before they are acknowledged, readable as series, refused as InfluxDB refuses.
import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { InfluxDB, Point } from '@influxdata/influxdb-client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  ADMINISTRATOR,
  AGENT,
  BRIDGE,
  type CollectorFixture,
  eventually,
  type StartedFixture,
  startCollectorFixture,
} from '../../support/collector-fixture.ts';

describe('points of other programs', () => {
  let started: StartedFixture;
  let fixture: CollectorFixture;
  beforeAll(async () => {
    started = await startCollectorFixture();
    fixture = started.fixture;
  }, 60_000);
  afterAll(() => started.remove());

  async function write(
    body: string | Uint8Array<ArrayBuffer>,
    more: { token?: string | null; query?: string; headers?: Record<string, string> } = {},
  ): Promise<{ readonly status: number; readonly headers: Headers; readonly body: Record<string, unknown> }> {
    const token = more.token === undefined ? AGENT : more.token;
    const answer = await fetch(`${fixture.url}/api/v2/write?org=a&bucket=b&precision=ms${more.query ?? ''}`, {
      method: 'POST',
      body,
      headers: {
        'content-type': 'text/plain; charset=utf-8',
        ...(token === null ? {} : { authorization: `Token ${token}` }),
        ...more.headers,
      },
    });
    const text = await answer.text();
    return {
      status: answer.status,
      headers: answer.headers,
      body: (text === '' ? {} : JSON.parse(text)) as Record<string, unknown>,
    };
  }

  async function valuesOf(metric: string, resource: string, fromMs: number, steps: number): Promise<unknown[]> {
    const query = new URLSearchParams({
      metric,
      resource,
      from: new Date(fromMs).toISOString(),
      to: new Date(fromMs + steps * 60_000).toISOString(),
      step: '1m',
      function: 'avg',
    });
    const { body } = await fixture.ask(`/api/v1/series?${query.toString()}`, { token: ADMINISTRATOR });
    return (body as { points?: { value: unknown }[] }).points?.map(({ value }) => value) ?? [];
  }

  const T0 = Math.floor(Date.now() / 60_000) * 60_000 - 10 * 60_000;

  test('lines with tags become series; plain or compressed; the same again changes nothing', async () => {
    const lines = [0, 1, 2].map((at) => `cpu,host=web1 usage_idle=${90 - at},cores=8i ${T0 + at * 60_000}`).join('\n');
    expect((await write(lines)).status).toBe(204);
    expect((await write(gzipSync(lines), { headers: { 'content-encoding': 'gzip' } })).status).toBe(204);
    await eventually(
      async () => (await valuesOf('point.cpu.usage_idle', 'points/host=web1', T0, 3))[2] === 88,
      'the series',
    );
    expect(await valuesOf('point.cpu.usage_idle', 'points/host=web1', T0, 3)).toEqual([90, 89, 88]);
    expect(await valuesOf('point.cpu.cores', 'points/host=web1', T0, 1)).toEqual([8]);
  });

  test('the official client of InfluxDB writes unchanged', async () => {
    const api = new InfluxDB({ url: fixture.url, token: AGENT }).getWriteApi('org', 'bucket', 'ms', { maxRetries: 0 });
    api.writePoint(new Point('room').tag('name', 'a b,c').floatField('temperature', 21.5).timestamp(T0));
    await api.close();
    const resource = String.raw`points/name=a\ b\,c`;
    await eventually(async () => (await valuesOf('point.room.temperature', resource, T0, 1))[0] === 21.5, 'the series');
    expect(await valuesOf('point.room.temperature', resource, T0, 1)).toEqual([21.5]);
  });

  test('a line that is none costs no other, and is told once', async () => {
    const answer = await write(`good a=1 ${T0}\nbad line\ngood a=2 ${T0 + 60_000}`);
    expect([answer.status, answer.body['code']]).toEqual([422, 'unprocessable entity']);
    expect(answer.body['message']).toContain('Line 2');
    await eventually(async () => (await valuesOf('point.good.a', 'points', T0, 2))[1] === 2, 'the series');
    expect(await valuesOf('point.good.a', 'points', T0, 2)).toEqual([1, 2]);
    expect(await write('nothing here')).toMatchObject({ status: 400, body: { code: 'invalid' } });
    expect((await fixture.ask('/metrics', { token: ADMINISTRATOR })).body).toMatch(/ingest_lines_refused_total \d/);
  });

  describe('refusals have the form that writers of InfluxDB read', () => {
    test.each([
      ['without a token', { token: null }, 401, 'unauthorized'],
      ['an unknown token', { token: 'nobody' }, 401, 'unauthorized'],
      ['a token that may not write', { token: BRIDGE }, 403, 'forbidden'],
      ['an encoding that is not read', { headers: { 'content-encoding': 'br' } }, 415, 'invalid'],
      ['broken compression', { headers: { 'content-encoding': 'gzip' } }, 400, 'invalid'],
      ['a precision that is none', { query: '&precision=h' }, 400, 'invalid'],
    ] as const)('%s', async (_, more, status, code) => {
      const answer = await write(`m f=1 ${T0}`, more);
      expect([answer.status, answer.body['code']]).toEqual([status, code]);
      expect(Object.keys(answer.body['error'] as object)).toContain('code');
    });

    test('a body that unpacks to more than the bound, or is larger itself', async () => {
      const bomb = gzipSync(Buffer.alloc(32 * 1024 * 1024, 'a'));
      expect((await write(bomb, { headers: { 'content-encoding': 'gzip' } })).status).toBe(413);
      const large = await write(Buffer.alloc(17 * 1024 * 1024, 'a'));
      expect([large.status, large.body['code']]).toEqual([413, 'request too large']);
    });
  });

  test('what was acknowledged outlives the collector, and no agent stream is made of it', async () => {
    const line = `kept f=7 ${T0}`;
    expect((await write(line)).status).toBe(204);
    await fixture.restart();
    await eventually(async () => (await valuesOf('point.kept.f', 'points', T0, 1))[0] === 7, 'the series');
    expect(await valuesOf('point.kept.f', 'points', T0, 1)).toEqual([7]);
    expect(createHash('sha256').update(line).digest('hex')).toHaveLength(64);
    const { rows } = await fixture.database.database.query<{ count: bigint }>(
      `select count(*) from readings.applied_mark where incarnation = ''`,
    );
    expect(rows[0]?.count).toBe(0n);
  });
});
