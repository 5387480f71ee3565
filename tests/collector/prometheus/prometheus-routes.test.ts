// The Prometheus API over HTTP, asked as Grafana's stock data source asks it (Save & test, the query builder, a graph, a variable).
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  ADMINISTRATOR,
  type CollectorFixture,
  eventually,
  type StartedFixture,
  startCollectorFixture,
} from '../../support/collector-fixture.ts';
import { interfacePoll } from '../../support/poll-builder.ts';

describe('Prometheus API', () => {
  let started: StartedFixture;
  let fixture: CollectorFixture;
  let token = '';
  const MINUTE = 60_000;
  const T0 = Math.floor(Date.now() / MINUTE) * MINUTE - 10 * MINUTE;

  beforeAll(async () => {
    started = await startCollectorFixture();
    fixture = started.fixture;
    token = await fixture.token('grafana', 'viewer');
    const polls = [0, 1, 2, 3, 4, 5].map((at) =>
      interfacePoll({
        device: 'core1',
        atMs: T0 + at * MINUTE,
        interfaces: [{ key: 'ge-0/0/1', inOctets: BigInt(at) * 6000n, speedBps: 1e9 }],
      }),
    );
    await fixture.send({ sequence: 1, polls });
    await eventually(async () => {
      const { data } = await ask(`query?query=weir_device_reachable&time=${(T0 + 5 * MINUTE) / 1000}`);
      return (data as { result: unknown[] }).result.length > 0;
    }, 'the polls are in the store');
  }, 60_000);
  afterAll(() => started.remove());

  interface Answer {
    readonly status: string;
    readonly data?: unknown;
    readonly errorType?: string;
    readonly error?: string;
    readonly http: number;
  }

  /** With the token as password, which is all that a data source has a field for. */
  async function ask(place: string, form?: Record<string, string>): Promise<Answer> {
    const answer = await fetch(`${fixture.url}/prometheus/api/v1/${place}`, {
      headers: { authorization: `Basic ${btoa(`grafana:${token}`)}` },
      ...(form === undefined ? {} : { method: 'POST', body: new URLSearchParams(form) }),
    });
    return { ...((await answer.json()) as Answer), http: answer.status };
  }

  test('Save & test: a sum, and who answers', async () => {
    expect(await ask('query', { query: '1+1', time: '100' })).toMatchObject({
      http: 200,
      status: 'success',
      data: { resultType: 'scalar', result: [100, '2'] },
    });
    expect(await ask('status/buildinfo')).toMatchObject({ status: 'success', data: { version: '2.24.0' } });
  });

  test('a graph: a rate over a span, posted as a form', async () => {
    const query = 'sum by (device) (rate(weir_interface_in_octets_total{device="core1"}[1m])) * 8';
    const form = { query, start: String((T0 + MINUTE) / 1000), end: String((T0 + 5 * MINUTE) / 1000), step: '60' };
    const { data } = await ask('query_range', form);
    const { resultType, result } = data as {
      resultType: string;
      result: { metric: unknown; values: [number, string][] }[];
    };
    expect([resultType, result.map(({ metric }) => metric)]).toEqual(['matrix', [{ device: 'core1' }]]);
    expect(result[0]?.values.map(([at, value]) => [at, Math.round(Number(value) * 1e6) / 1e6])).toEqual(
      [1, 2, 3, 4, 5].map((at) => [(T0 + at * MINUTE) / 1000, 800]),
    );
  });

  test('the builder: names, labels, their values, series, what metrics are', async () => {
    const names = (await ask('label/__name__/values')).data;
    expect(names).toContain('weir_interface_in_octets_total');
    expect(names).toContain('weir_device_reachable');
    expect((await ask('labels', { 'match[]': 'weir_interface_oper_status' })).data).toEqual([
      '__name__',
      'device',
      'interface',
    ]);
    expect((await ask('label/device/values?match[]=weir_device_reachable')).data).toEqual(['core1']);
    expect((await ask('series?match[]=weir_device_reachable')).data).toEqual([
      { __name__: 'weir_device_reachable', device: 'core1' },
    ]);
    expect((await ask('metadata?metric=weir_interface_in_octets_total')).data).toEqual({
      weir_interface_in_octets_total: [{ type: 'counter', help: 'Octets in of the interface', unit: 'octet' }],
    });
    expect(Object.keys((await ask('metadata?limit=2')).data as object)).toHaveLength(2);
  });

  test('a list is cut at the limit that Grafana gives, and says so', async () => {
    const all = (await ask('label/__name__/values')).data as string[];
    const some = await ask('label/__name__/values?limit=2&start=1&end=2');
    expect(some).toMatchObject({
      status: 'success',
      data: all.slice(0, 2),
      warnings: ['results truncated due to limit'],
    });
    expect(await ask('label/__name__/values?limit=40000')).toEqual({ status: 'success', data: all, http: 200 });
    const series = await ask('series?limit=1&match%5B%5D={device="core1"}');
    expect(series).toMatchObject({ status: 'success', warnings: [expect.any(String)] });
    expect(series.data).toHaveLength(1);
    expect((await ask('labels?limit=1')).data).toEqual(['__name__']);
    expect(await ask('labels?limit=few')).toMatchObject({ http: 400, errorType: 'bad_data' });
    const two = 'match%5B%5D=weir_device_reachable&match%5B%5D={__name__=~"weir_device_.*",device="core1"}';
    const names = (await ask(`label/__name__/values?${two}`)).data as string[];
    expect(names).toContain('weir_device_reachable');
    expect(names.every((name) => name.startsWith('weir_device_'))).toBe(true);
  });

  test.each([
    ['query?query=sum(', 400, 'bad_data', 'not PromQL'],
    ['query?query=deriv(weir_device_reachable[5m])', 400, 'bad_data', 'deriv'],
    ['query_range?query=1', 400, 'bad_data', 'start, end and step'],
    ['query_range?query=1&start=0&end=1000000&step=1', 422, 'bad_data', 'steps'],
    ['query?query=1&time=soon', 400, 'bad_data', 'time'],
    ['series?match[]=sum(x)', 400, 'bad_data', 'selector'],
  ])('%s is refused as Prometheus refuses', async (place, http, errorType, why) => {
    const answer = await ask(place.replaceAll('[', '%5B').replaceAll(']', '%5D'));
    expect(answer).toMatchObject({ http, status: 'error', errorType });
    expect(answer.error).toContain(why);
  });

  test('nobody without a token', async () => {
    const place = '/prometheus/api/v1/query?query=1';
    expect((await fixture.ask(place, { token: null })).status).toBe(401);
    expect((await fixture.ask(place, { token: ADMINISTRATOR })).status).toBe(200);
  });
});
