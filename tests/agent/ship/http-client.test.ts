// The agent's HTTP: what it believes of a server, how long it waits, and what each certificate that is wrong is called.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import http, { type RequestListener } from 'node:http';
import https from 'node:https';
import type { AddressInfo, Server as NetServer, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { TLSSocket } from 'node:tls';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { agentConfig, agentOnlySchema } from '../../../agent/config.ts';
import { type HttpRequest, NodeHttpClient } from '../../../agent/ship/http-client.ts';
import { type TlsConfig, TlsFiles } from '../../../common/runtime/tls-files.ts';
import { SystemClock } from '../../../common/runtime/clock.ts';
import { CertificateAuthority, type CertificateFiles, loaded } from '../../support/certificates.ts';
import { freePortBlock } from '../../support/free-port.ts';
import { describeWith } from '../../support/requirements.ts';
import { silentReporter } from '../../support/silent-reporter.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

const cleanups: (() => Promise<void>)[] = [];
let sockets: Set<Socket>;

beforeEach(() => {
  sockets = new Set();
});

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

async function listen(server: http.Server | https.Server, scheme: 'http' | 'https'): Promise<string> {
  const bare: NetServer = server;
  bare.on('connection', (socket: Socket) => sockets.add(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.push(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const { port } = server.address() as AddressInfo;
  return `${scheme}://127.0.0.1:${port}`;
}

const served = (listener: RequestListener): Promise<string> => listen(http.createServer(listener), 'http');

function client(tls: TlsFiles | null = null): NodeHttpClient {
  const made = new NodeHttpClient({ clock: new SystemClock(), tls });
  cleanups.push(() => made.stop());
  return made;
}

const asking = (url: string, more: Partial<HttpRequest> = {}): HttpRequest => ({
  method: 'GET',
  url,
  headers: {},
  timeoutMs: 5000,
  signal: new AbortController().signal,
  mostAnswerBytes: 10_000,
  ...more,
});

const codeOfAnswer = (answer: Promise<unknown>): Promise<string> =>
  answer.then(
    () => 'answered',
    (error: { code: string }) => error.code,
  );

describe('plain HTTP', () => {
  test('the body goes with its length, the answer comes back whole, over one connection', async () => {
    const url = await served((request, response) => {
      request.on('data', (piece: Buffer) => response.write(piece));
      request.on('end', () =>
        response.end(` ${request.headers['content-length']} ${String(request.headers['x-mine'])}`),
      );
      response.setHeader('retry-after', '7');
      response.statusCode = 429;
    });
    const http1 = client();
    for (let turn = 0; turn < 3; turn += 1) {
      const body = Buffer.from('octets');
      const answer = await http1.request(asking(url, { method: 'POST', body, headers: { 'x-mine': 'yes' } }));
      expect([answer.status, answer.headers['retry-after'], answer.body.toString()]).toEqual([
        429,
        '7',
        'octets 6 yes',
      ]);
    }
    expect(sockets.size).toBe(1);
  });

  test('a redirect is an answer, not followed', async () => {
    let asked = 0;
    const url = await served((_request, response) => {
      asked += 1;
      response.writeHead(302, { location: '/elsewhere' }).end();
    });
    expect((await client().request(asking(url))).status).toBe(302);
    expect(asked).toBe(1);
  });

  test('a server that is silent, or stops in the middle, is given up after the time', async () => {
    const url = await served((request, response) => {
      if (request.url === '/half') response.write('half');
    });
    for (const place of ['/silent', '/half'])
      await expect(client().request(asking(url + place, { timeoutMs: 100 }))).rejects.toMatchObject({
        code: 'collector_unreachable',
        message: `${url}: no answer within 100 ms`,
      });
  });

  test('a stop lets go at once, also before the request', async () => {
    const url = await served(() => undefined);
    const stop = new AbortController();
    const waiting = codeOfAnswer(client().request(asking(url, { signal: stop.signal })));
    stop.abort();
    expect(await waiting).toBe('collector_unreachable');
    expect(await codeOfAnswer(client().request(asking(url, { signal: stop.signal })))).toBe('collector_unreachable');
  });

  test('a longer answer than it may be is refused, and not read on', async () => {
    const url = await served((_request, response) => {
      const pour = (): void => {
        while (!response.destroyed && response.write('x'.repeat(10_000)));
      };
      response.on('drain', pour);
      pour();
    });
    expect(await codeOfAnswer(client().request(asking(url)))).toBe('collector_answer_too_large');
    await expect.poll(() => [...sockets].every((socket) => socket.destroyed)).toBe(true);
  });

  test('nobody at the address, a name that does not exist and a cut line are one code', async () => {
    const url = await served((request) => request.socket.destroy());
    expect(await codeOfAnswer(client().request(asking(url)))).toBe('collector_unreachable');
    expect(await codeOfAnswer(client().request(asking('http://127.0.0.1:1')))).toBe('collector_unreachable');
    expect(await codeOfAnswer(client().request(asking('http://no-such-host.invalid')))).toBe('collector_unreachable');
  });

  test('a kept connection that the server just ended is no failure', async () => {
    let asked = 0;
    const url = await served((request, response) => {
      asked += 1;
      if (asked === 2) request.socket.destroy();
      else response.end('here');
    });
    const kept = client();
    for (let turn = 0; turn < 2; turn += 1) expect((await kept.request(asking(url))).body.toString()).toBe('here');
    expect([asked, sockets.size]).toEqual([3, 2]);
  });
});

describeWith('openssl', 'TLS', () => {
  let folder: string;
  let authority: CertificateAuthority;
  let stranger: CertificateAuthority;
  let good: CertificateFiles;

  beforeAll(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'weir-tls-'));
    authority = new CertificateAuthority(folder, 'authority');
    stranger = new CertificateAuthority(folder, 'stranger');
    good = authority.sign('collector');
  });

  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  const files = (config: Partial<TlsConfig> = {}): TlsFiles => {
    const { certificate } = authority.files;
    const whole = { caFile: certificate, certificateFile: null, keyFile: null, serverName: null, ...config };
    return new TlsFiles(silentReporter().reporter, whole, { clock: new SystemClock(), environment: {} });
  };

  const secure = (certificate: CertificateFiles, options: https.ServerOptions = {}): Promise<string> => {
    const server = https.createServer({ ...loaded(certificate), ...options }, (request, response) => {
      const socket = request.socket as TLSSocket;
      response.end(
        `${String(socket.getPeerCertificate().subject?.CN)} asked ${'servername' in socket ? String(socket.servername) : ''}`,
      );
    });
    return listen(server, 'https');
  };

  test('a private authority is trusted, and only that one', async () => {
    const url = await secure(good);
    expect((await client(files()).request(asking(url))).status).toBe(200);
    const others = files({ caFile: stranger.files.certificate });
    expect(await codeOfAnswer(client(others).request(asking(url)))).toBe('collector_certificate_untrusted');
    expect(await codeOfAnswer(client().request(asking(url)))).toBe('collector_certificate_untrusted');
  });

  test('a certificate that is over, not yet valid, or for another name has its own code', async () => {
    const asked = async (certificate: CertificateFiles): Promise<string> =>
      codeOfAnswer(client(files()).request(asking(await secure(certificate))));
    expect(await asked(authority.sign('over', { until: '20210101000000Z' }))).toBe('collector_certificate_expired');
    expect(await asked(authority.sign('early', { from: '21100101000000Z' }))).toBe('collector_certificate_expired');
    expect(await asked(authority.sign('other', { names: 'DNS:other.example' }))).toBe('collector_certificate_name');
    expect(await asked(stranger.sign('self'))).toBe('collector_certificate_untrusted');
  });

  test('a server name is asked for and checked in place of the address', async () => {
    const url = await secure(authority.sign('named', { names: 'DNS:weir.example' }));
    const { body } = await client(files({ serverName: 'weir.example' })).request(asking(url));
    expect(body.toString()).toBe('undefined asked weir.example');
    const wrong = client(files({ serverName: 'weir.test' })).request(asking(url));
    expect(await codeOfAnswer(wrong)).toBe('collector_certificate_name');
  });

  /** A server of openssl, which tells its client why it does not want it. */
  async function choosy(version: 'tls1_2' | 'tls1_3'): Promise<string> {
    const port = await freePortBlock(1);
    const { certificate, key } = good;
    const files = ['-cert', certificate, '-key', key, '-CAfile', authority.files.certificate];
    const options = ['s_server', '-accept', `127.0.0.1:${port}`, '-www', '-Verify', '1', '-verify_return_error'];
    const server = spawn('openssl', [...options, `-${version}`, ...files], { stdio: ['ignore', 'pipe', 'ignore'] });
    cleanups.push(async () => {
      server.kill();
      await once(server, 'exit');
    });
    await once(server.stdout, 'data');
    return `https://127.0.0.1:${port}`;
  }

  test.for([
    ['tls1_2', 'collector_tls_failed'],
    ['tls1_3', 'agent_certificate_refused'],
  ] as const)(
    'the certificate of the agent is shown, a wrong one and its lack told, with %s',
    async ([version, lack]) => {
      const url = await choosy(version);
      const asked = (config: Partial<TlsConfig>): Promise<string> =>
        codeOfAnswer(client(files(config)).request(asking(url)));
      const mine = authority.sign(`agent-${version}`);
      expect(await asked({ certificateFile: mine.certificate, keyFile: `file:${mine.key}` })).toBe('answered');
      const foreign = stranger.sign(`agent-${version}`);
      expect(await asked({ certificateFile: foreign.certificate, keyFile: foreign.key })).toBe(
        'agent_certificate_refused',
      );
      expect(await asked({})).toBe(lack);
    },
  );

  test('a port that speaks no TLS is told', async () => {
    const url = await served((_request, response) => response.end());
    const asked = client(files()).request(asking(url.replace('http:', 'https:')));
    expect(await codeOfAnswer(asked)).toBe('collector_tls_failed');
  });

  test('files that do not exist, are no certificates, or do not belong together are told, and no key is', async () => {
    const url = await secure(good);
    const junk = path.join(folder, 'junk');
    writeFileSync(junk, 'no certificate');
    const other = authority.sign('another');
    const wrong: Partial<TlsConfig>[] = [
      { caFile: path.join(folder, 'nowhere') },
      { certificateFile: junk, keyFile: other.key },
      { certificateFile: good.certificate, keyFile: other.key },
      { certificateFile: good.certificate, keyFile: path.join(folder, 'nowhere') },
    ];
    for (const config of wrong)
      expect(await codeOfAnswer(client(files(config)).request(asking(url)))).toBe('tls_files_unusable');
  });

  test('renewed files are taken up; half of them is told once, and the old ones serve on', async () => {
    const clock = new VirtualClock(0);
    const { reporter, lines } = silentReporter();
    const place = { certificate: path.join(folder, 'live.crt'), key: path.join(folder, 'live.key') };
    let installed = 0;
    const install = (from: CertificateFiles, half = false): void => {
      copyFileSync(from.certificate, place.certificate);
      if (!half) copyFileSync(from.key, place.key);
      installed += 1;
      utimesSync(place.certificate, installed, installed);
    };
    install(authority.sign('first'));
    const { certificate } = authority.files;
    const config = { caFile: certificate, certificateFile: place.certificate, keyFile: place.key, serverName: null };
    const live = client(new TlsFiles(reporter, config, { clock, environment: {} }));
    const ca = loaded(authority.files).cert;
    const url = await secure(good, { requestCert: true, rejectUnauthorized: true, ca });
    const shown = async (): Promise<string> => String((await live.request(asking(url))).body).split(' ')[0] ?? '';
    expect(await shown()).toBe('first');
    const second = authority.sign('second');
    install(second, true);
    for (let turn = 0; turn < 3; turn += 1) {
      await clock.advance(10_000);
      expect(await shown()).toBe('first');
    }
    expect(lines.filter((line) => line.includes('the old ones are'))).toHaveLength(1);
    install(second);
    expect(await shown()).toBe('first');
    await clock.advance(10_000);
    expect(await shown()).toBe('second');
    expect(lines.join('\n')).not.toContain('PRIVATE');
  });
});

describe('agent.tls', () => {
  const configured = (tls: unknown): TlsConfig | null =>
    agentConfig(agentOnlySchema.parse({ agent: { tls }, devices: [], credentials: {} }), {}).tls;

  test('is what the files are read by; nothing is there unless it is set', () => {
    expect(configured(undefined)).toBeNull();
    const tls = { ca_file: 'a', certificate_file: 'b', key_file: `\${KEY}`, server_name: 'weir.example' };
    expect(configured(tls)).toEqual({
      caFile: 'a',
      certificateFile: 'b',
      keyFile: `\${KEY}`,
      serverName: 'weir.example',
    });
  });

  test('a certificate without its key, or an unknown word, is refused', () => {
    expect(() => configured({ certificate_file: 'b' })).toThrow('certificate_file and key_file belong together');
    expect(() => configured({ ca: 'a' })).toThrow('Unrecognized key');
  });
});
