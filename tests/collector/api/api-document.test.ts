// docs/api.md against a running collector: each of its curl examples works, and its tables have every route that there is, and no other.
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import {
  ADMINISTRATOR,
  type CollectorFixture,
  eventually,
  startCollectorFixture,
} from '../../support/collector-fixture.ts';
import { interfacePoll } from '../../support/poll-builder.ts';
import { describeWith } from '../../support/requirements.ts';

const DOCUMENT = readFileSync(path.resolve(import.meta.dirname, '../../../docs/api.md'), 'utf8');
const ADDRESS = 'http://127.0.0.1:8080';
/** The agent of the demo is called otherwise here. */
const NAMES: readonly (readonly [string, string])[] = [['demo-agent', 'agent-1']];
/** curl ends with this where its time is over: a stream has no end of its own. */
const TIME_IS_OVER = 28;

let fixture: CollectorFixture;
let remove: () => Promise<void>;
let bridge: Server;

beforeAll(async () => {
  bridge = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' }).end('{"openapi": "3.1.0"}');
  });
  await new Promise<void>((resolve) => bridge.listen(0, '127.0.0.1', resolve));
  const address = bridge.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  ({ fixture, remove } = await startCollectorFixture({ collector: { bridge_url: `http://127.0.0.1:${port}` } }));
  const key = 'xe-0/0/0';
  const poll = (oper: number, octets: bigint, agoMs: number) =>
    interfacePoll({
      device: 'core1',
      atMs: Date.now() - agoMs,
      interfaces: [{ key, inOctets: octets, outOctets: octets, oper, speedBps: 1e9 }],
      intervalMs: 5000,
    });
  await fixture.receipt({ sequence: 1, polls: [poll(1, 1000n, 10_000), poll(2, 2000n, 5000)] });
  await fixture.applied(1);
  await eventually(async () => {
    const { items } = await fixture.get<{ items: readonly unknown[] }>('/api/v1/alarms?state=all');
    return items.length > 0;
  }, 'an alarm');
  await eventually(async () => {
    const { items } = await fixture.get<{ items: readonly unknown[] }>('/api/v1/metrics/resources?device=core1');
    return items.length > 0;
  }, 'series');
});
afterAll(async () => {
  await remove();
  bridge.closeAllConnections();
  bridge.close();
});

/** Indented lines that begin with curl, each with the lines that belong to it. */
function examples(): string[] {
  const found: string[] = [];
  let open = false;
  for (const line of DOCUMENT.split('\n')) {
    const begins = /^ {4}curl /.test(line);
    if (begins) found.push(line.trim());
    else if (open && /^ {5,}\S/.test(line)) found.push(`${found.pop() ?? ''}\n${line.trim()}`);
    open = (begins || open) && /^ {4,}\S/.test(line);
  }
  return found;
}

function run(example: string): Promise<{ readonly code: number; readonly output: string }> {
  const named = NAMES.reduce((text, [from, to]) => text.replaceAll(from, to), example.replaceAll(ADDRESS, fixture.url));
  const script = `set -o pipefail; curl() { command curl -sS --fail-with-body "$@"; }; ${named}`;
  return new Promise((resolve) => {
    execFile('bash', ['-c', script], { env: { ...process.env, T: ADMINISTRATOR } }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), output: `${stdout}${stderr}` });
    });
  });
}

test('there are examples for every part of the document', () => {
  const parts = DOCUMENT.split(/^## /m).slice(1);
  const without = parts.filter((part) => !/^ {4}curl /m.test(part)).map((part) => part.split('\n')[0]);
  expect(without).toEqual([]);
});

describeWith('curl', 'examples', () => {
  test.each(examples())('%s', async (example) => {
    const { code, output } = await run(example);
    expect([code, output]).toEqual([example.includes('--max-time') ? TIME_IS_OVER : 0, expect.anything()]);
    expect(output).not.toMatch(/^\{"error"/);
    if (example.includes('/events')) expect(output).toContain('retry: 2000');
  });

  test('an example that is wrong is found', async () => {
    expect((await run(`curl -H "authorization: Bearer $T" ${ADDRESS}/api/v1/device`)).code).toBe(22);
    expect((await run(`curl -H "authorization: Bearer $T" '${ADDRESS}/api/v1/devices?limit=none'`)).code).toBe(22);
  });
});

/** `GET /api/v1/devices/{}` of both ways of writing it. */
const formOf = (route: string): string =>
  route
    .replace(/[?].*$/, '')
    .replaceAll(/\{[^}]*\}/g, '{}')
    .replaceAll(/\/[A-Z]+(?=\/|$)/g, '/{}');

test('the tables have every route of the collector, and none that there is not', async () => {
  const { paths } = await fixture.get<{ paths: Record<string, Record<string, unknown>> }>('/api/v1/openapi.json');
  const there = Object.entries(paths).flatMap(([place, item]) =>
    Object.keys(item).map((method) => formOf(`${method.toUpperCase()} ${place}`)),
  );
  const told = [...DOCUMENT.matchAll(/`((?:GET|POST|PUT|DELETE) \/[^\s`]*)`/g)].map((match) => formOf(match[1] ?? ''));
  expect(told.filter((route) => !there.includes(route) && route !== 'GET /docs')).toEqual([]);
  // docs/promql.md, docs/api-billing.md and docs/api-tmf642.md tell the others.
  const elsewhere = (route: string): boolean => / \/(prometheus|billing|tmf-api)\//.test(route);
  expect(there.filter((route) => !told.includes(route) && !elsewhere(route))).toEqual([]);
});

/** What the document shows as JSON, each with the request whose answer it is: that of the example before it, else the first of its part. */
function answersShown(): { readonly request: string; readonly answer: unknown }[] {
  return DOCUMENT.split(/^## /m).flatMap((part) =>
    [...part.matchAll(/```json\n(.*?)```/gs)].map((match) => {
      const before = part.slice(0, match.index);
      const example = /^ {4}curl .*(?:\n {5,}.*)*/gm;
      const curl = [...before.matchAll(example)].at(-1)?.[0];
      const first = /`((?:GET|POST) \/[^\s`]*)`/.exec(part)?.[1] ?? '';
      const place = /127\.0\.0\.1:8080(\/[^\s'"]*)/.exec(curl ?? '')?.[1];
      const posts = / -d |POST/.test(curl ?? '');
      return {
        request: place === undefined ? first : `${posts ? 'POST' : 'GET'} ${place}`,
        answer: JSON.parse(match[1] ?? '') as unknown,
      };
    }),
  );
}

test('answers that the document shows are as the schemas of their routes say', async () => {
  const { paths } = await fixture.get<OpenApi>('/api/v1/openapi.json');
  const shown = answersShown();
  expect(shown.length).toBeGreaterThan(8);
  for (const { request, answer } of shown) {
    const found = Object.entries(paths).find(([place]) => fits(request.split(' ')[1] ?? '', place));
    const schema =
      found?.[1][(request.split(' ')[0] ?? '').toLowerCase()]?.responses['200']?.content['application/json']?.schema;
    expect([request, schema]).toEqual([request, expect.anything()]);
    if (schema === undefined) continue;
    // One of a list is shown for the list.
    const one = z.fromJSONSchema(schema).safeParse(answer);
    const many = z.fromJSONSchema(schema).safeParse({ items: [answer], next: null });
    expect([request, one.success || many.success ? [] : one.error?.issues]).toEqual([request, []]);
  }
});

interface OpenApi {
  readonly paths: Readonly<
    Record<
      string,
      Readonly<
        Record<
          string,
          {
            readonly responses: Readonly<
              Record<
                string,
                {
                  readonly content: Readonly<
                    Record<string, { readonly schema: Parameters<typeof z.fromJSONSchema>[0] }>
                  >;
                }
              >
            >;
          }
        >
      >
    >
  >;
}

/** Whether an address is one of a path with places such as {name}, or NAME as the document writes it. */
function fits(address: string, place: string): boolean {
  const pattern = place.replaceAll(/[.]/g, String.raw`\.`).replaceAll(/\{[^}]*\}/g, '[^/?]+');
  return new RegExp(`^${pattern}([?].*)?$`).test(address);
}
