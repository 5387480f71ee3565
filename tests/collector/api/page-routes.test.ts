// The files of the page: packed where the browser takes that, asked for again only where they may have changed.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import fastify, { type FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { addPageRoutes } from '../../../collector/api/page-routes.ts';

const SCRIPT = 'console.log("page")'.repeat(20);
let folder: string;
let server: FastifyInstance;

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'weir-page-'));
  mkdirSync(path.join(folder, 'assets'));
  writeFileSync(path.join(folder, 'index.html'), '<!doctype html>');
  writeFileSync(path.join(folder, 'favicon.svg'), '<svg/>');
  writeFileSync(path.join(folder, 'assets/a-1.js'), SCRIPT);
  writeFileSync(path.join(folder, 'assets/a-1.js.gz'), gzipSync(SCRIPT));
  writeFileSync(path.join(folder, 'secret.txt'), 'not of the page');
  server = fastify();
  addPageRoutes(server, folder);
});
afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});

const ask = (url: string, headers: Record<string, string> = {}, method: 'GET' | 'HEAD' = 'GET') =>
  server.inject({ method, url, headers });

describe('the files of the page', () => {
  test('with their types, and how long a browser may keep them', async () => {
    expect((await ask('/')).headers).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'public, max-age=0',
    });
    expect((await ask('/favicon.svg')).headers).toMatchObject({ 'content-type': 'image/svg+xml' });
    const script = await ask('/assets/a-1.js');
    expect(script.body).toBe(SCRIPT);
    expect(script.headers['cache-control']).toBe('public, max-age=31536000, immutable');
    expect(script.headers['content-encoding']).toBeUndefined();
    const head = await ask('/assets/a-1.js', {}, 'HEAD');
    expect([head.statusCode, head.body, head.headers['content-length']]).toEqual([200, '', String(SCRIPT.length)]);
  });

  test.each([
    ['gzip, br', true],
    ['br;q=1.0, GZIP;q=0.5', true],
    ['gzip;q=0', false],
    ['gzip;q=0.000, br', false],
    ['x-gzip-not', false],
    ['', false],
  ])('packed for whom takes it: %s', async (accepted, packed) => {
    const { headers, rawPayload } = await ask('/assets/a-1.js', { 'accept-encoding': accepted });
    expect(headers['content-encoding']).toBe(packed ? 'gzip' : undefined);
    expect((packed ? gunzipSync(rawPayload) : rawPayload).toString()).toBe(SCRIPT);
    expect(headers.vary).toBe('accept-encoding');
  });

  test('what a browser holds is not sent again, until it is another', async () => {
    const { etag = '' } = (await ask('/')).headers;
    const again = await ask('/', { 'if-none-match': `"other", W/${String(etag)}` });
    expect([again.statusCode, again.body]).toEqual([304, '']);
    writeFileSync(path.join(folder, 'index.html'), '<!doctype html><title>new</title>');
    expect((await ask('/', { 'if-none-match': String(etag) })).body).toContain('new');
  });

  test.each(['/assets/none.js', '/assets/..%2Fsecret.txt', '/assets/.hidden', '/assets/a-1.js%00', '/secret.txt'])(
    'there is nothing else: %s',
    async (url) => {
      expect((await ask(url)).body).not.toContain('not of the page');
      expect((await ask(url)).statusCode).not.toBe(200);
    },
  );
});
