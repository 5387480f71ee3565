// The collector's door over TLS, asked by the agent's own client and by browsers: certificates, who needs one, renewal, and the plain door beside it.
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { connect } from 'node:tls';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type HttpAnswer, NodeHttpClient } from '../../../agent/ship/http-client.ts';
import { TlsFiles } from '../../../common/runtime/tls-files.ts';
import { SystemClock } from '../../../common/runtime/clock.ts';
import { CertificateAuthority, type CertificateFiles } from '../../support/certificates.ts';
import {
  ADMINISTRATOR,
  AGENT,
  CollectorFixture,
  type StartedFixture,
  startCollectorFixture,
} from '../../support/collector-fixture.ts';
import { freePortBlock } from '../../support/free-port.ts';
import { describeWith } from '../../support/requirements.ts';
import { silentReporter } from '../../support/silent-reporter.ts';

let folder: string;
let port: number;
let started: StartedFixture;
let agents: CertificateAuthority;
let servers: CertificateAuthority;
let own: CertificateFiles;
const clients: NodeHttpClient[] = [];

const place = (name: string): string => path.join(folder, name);

function use(files: CertificateFiles): void {
  copyFileSync(files.certificate, place('collector.pem'));
  copyFileSync(files.key, place('collector.key'));
}

function tls(more: Record<string, unknown> = {}): Record<string, unknown> {
  const files = { certificate_file: place('collector.pem'), key_file: place('collector.key') };
  return { host: '127.0.0.1', port, ...files, client_ca_file: agents.files.certificate, ...more };
}

interface Asked {
  readonly at?: number;
  /** Posted as JSON. */
  readonly body?: object;
}

async function ask(
  where: string,
  token: string,
  files: CertificateFiles | null,
  { at = port, body }: Asked = {},
): Promise<HttpAnswer> {
  const certificates = {
    caFile: servers.files.certificate,
    certificateFile: files?.certificate ?? null,
    keyFile: files?.key ?? null,
    serverName: null,
  };
  const clock = new SystemClock();
  const client = new NodeHttpClient({
    clock,
    tls: new TlsFiles(silentReporter().reporter, certificates, { clock, environment: {} }),
  });
  clients.push(client);
  return client.request({
    method: body === undefined ? 'GET' : 'POST',
    url: `https://127.0.0.1:${at}${where}`,
    headers: {
      authorization: `Bearer ${token}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: Buffer.from(JSON.stringify(body)) }),
    timeoutMs: 5000,
    signal: new AbortController().signal,
    mostAnswerBytes: 100_000,
  });
}

describeWith('openssl', 'the door over TLS', () => {
  beforeAll(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'weir-tls-'));
    port = await freePortBlock(1);
    servers = new CertificateAuthority(folder, 'servers');
    agents = new CertificateAuthority(folder, 'agents');
    use(servers.sign('collector'));
    own = agents.sign('agent-1');
    started = await startCollectorFixture({ collector: { tls: tls() } });
  });
  afterAll(async () => {
    await Promise.all(clients.map((client) => client.stop()));
    await started.remove();
    rmSync(folder, { recursive: true });
  });

  const WORK = '/api/v1/agents/agent-1/work?wait=0';

  test('an agent enters with a certificate of the client authority, with none or another it is told what is missing', async () => {
    expect((await ask(WORK, AGENT, own)).status).toBe(200);
    for (const files of [null, servers.sign('agent-of-others')]) {
      const answer = await ask(WORK, AGENT, files);
      expect([answer.status, answer.body.toString()]).toEqual([
        403,
        expect.stringContaining('client_certificate_required'),
      ]);
    }
  });

  test('people enter without one, are told to stay with TLS, and sign in with a cookie for TLS alone', async () => {
    const { status, headers } = await ask('/api/v1/whoami', ADMINISTRATOR, null);
    expect([status, headers['strict-transport-security']]).toEqual([200, 'max-age=31536000']);
    expect((await ask('/nowhere', ADMINISTRATOR, null)).headers['strict-transport-security']).toBe('max-age=31536000');
    const signIn = await ask('/api/v1/session', '', null, { body: { token: ADMINISTRATOR } });
    expect(signIn.status).toBe(200);
    expect(String(signIn.headers['set-cookie'])).toContain('; Secure');
  });

  test('the plain door beside it asks for no certificate and does not speak of TLS', async () => {
    const answer = await started.fixture.ask(WORK, { token: AGENT });
    expect([answer.status, answer.headers.get('strict-transport-security')]).toEqual([200, null]);
  });

  test('no TLS below 1.2, and what is no TLS does no harm', async () => {
    const outcome = await new Promise<string>((resolve) => {
      const socket = connect({
        port,
        host: '127.0.0.1',
        rejectUnauthorized: false,
        minVersion: 'TLSv1',
        maxVersion: 'TLSv1.1',
        ciphers: 'DEFAULT@SECLEVEL=0',
      });
      socket.once('secureConnect', () => resolve('connected'));
      socket.once('error', () => resolve('refused'));
    });
    expect(outcome).toBe('refused');
    await expect(fetch(`http://127.0.0.1:${port}/healthz`)).rejects.toThrow();
    expect((await ask(WORK, AGENT, own)).status).toBe(200);
  });

  test('where everybody needs one, nobody enters without', async () => {
    const [folderOfOther, other] = [mkdtempSync(path.join(tmpdir(), 'weir-tls-other-')), await freePortBlock(1)];
    const fixture = new CollectorFixture(started.fixture.database, folderOfOther, {
      collector: { tls: tls({ port: other, client_certificates: 'everybody' }) },
    });
    await fixture.start();
    try {
      expect((await ask('/api/v1/whoami', ADMINISTRATOR, own, { at: other })).status).toBe(200);
      await expect(ask('/api/v1/whoami', ADMINISTRATOR, null, { at: other })).rejects.toMatchObject({
        code: expect.stringMatching(/agent_certificate_refused|collector_tls_failed|collector_unreachable/) as string,
      });
    } finally {
      await fixture.stop();
      rmSync(folderOfOther, { recursive: true });
    }
  });

  test('files that cannot be used stop the start with their code, and leave no door open', async () => {
    const folderOfOther = mkdtempSync(path.join(tmpdir(), 'weir-tls-other-'));
    writeFileSync(place('no.key'), 'no key');
    const fixture = new CollectorFixture(started.fixture.database, folderOfOther, {
      collector: { tls: tls({ port: await freePortBlock(1), key_file: place('no.key') }) },
    });
    try {
      await expect(fixture.start()).rejects.toMatchObject({ code: 'tls_files_unusable' });
    } finally {
      await fixture.stop();
      rmSync(folderOfOther, { recursive: true });
    }
  });
});

test('both files belong to the door', () => {
  const make = (words: Record<string, unknown>) => (): unknown =>
    new CollectorFixture({ url: '' } as CollectorFixture['database'], '', { collector: { tls: words } });
  expect(make({ certificate_file: 'a' })).toThrow(/key_file/);
});
