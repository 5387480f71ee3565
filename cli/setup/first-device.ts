// The first page of `weir up` without a configuration: asks for one device, polls it once, and writes the configuration that was tried.
import { randomBytes, timingSafeEqual } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { stringify } from 'yaml';
import { pollOnce } from '../../agent/poll-once.ts';
import type { Poll } from '../../common/model/poll.ts';
import { parseConfiguration } from '../../common/runtime/configuration.ts';
import { codeOf, messageOf, WeirError } from '../../common/runtime/errors.ts';
import type { CommandContext } from '../command.ts';
import { wholeSchema } from '../configuration.ts';
import { type FormValues, formPage, writtenPage } from './page.ts';

export interface FirstDeviceOptions {
  readonly file: string;
  readonly port: number;
  readonly context: CommandContext;
}

const MAX_FORM_BYTES = 16 * 1024;

/** Serves the page until a configuration is written (true) or the signal aborts (false). */
export async function askForFirstDevice(options: FirstDeviceOptions): Promise<boolean> {
  const { context, file, port } = options;
  const key = randomBytes(24).toString('base64url');
  let finish: (written: boolean) => void = () => undefined;
  const done = new Promise<boolean>((resolve) => {
    finish = resolve;
  });
  const server = createServer((request, response) => {
    void answer(request, response, { key, file, port, environment: context.environment })
      .then((written) => {
        if (written) response.once('close', () => finish(true));
        if (written && response.writableEnded) finish(true);
      })
      .catch((error: unknown) => {
        if (error instanceof WeirError) send(response, error.status, `weir: ${error.message} ${error.remedy}`);
        else send(response, 500, `weir: ${messageOf(error)}`);
      });
  });
  await listenOn(server, port);
  context.signal.addEventListener('abort', () => finish(false), { once: true });
  context.print(`weir  there is no configuration at ${file}`);
  context.print(`\n      tell Weir of a first device: http://127.0.0.1:${port}/?key=${key}\n`);
  const written = await done;
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  if (written) context.print(`weir  wrote ${file}`);
  return written;
}

function listenOn(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => {
      reject(
        codeOf(cause) === 'EADDRINUSE'
          ? new WeirError('port_in_use', `Port ${port} on 127.0.0.1 is in use.`, { port }, cause)
          : cause,
      );
    });
    server.listen(port, '127.0.0.1', resolve);
  });
}

interface Setting {
  readonly key: string;
  readonly file: string;
  readonly port: number;
  readonly environment: CommandContext['environment'];
}

/** True once the configuration stands on the disk. */
async function answer(request: IncomingMessage, response: ServerResponse, setting: Setting): Promise<boolean> {
  const { key, file } = setting;
  const url = new URL(request.url ?? '/', 'http://127.0.0.1');
  if (!isOurPage(request, setting.port) || !sameText(url.searchParams.get('key') ?? '', key)) {
    send(response, 403, 'weir: open the address that weir up printed, with its key');
    return false;
  }
  if (request.method !== 'POST') {
    send(response, 200, formPage(key, EMPTY, null));
    return false;
  }
  const values = formValues(await bodyOf(request));
  const tried = await tryDevice(values, setting.environment);
  if (!tried.ok) {
    send(response, 422, formPage(key, values, tried.message));
    return false;
  }
  const problem = write(file, tried.text);
  if (problem !== null) {
    send(response, 422, formPage(key, values, problem));
    return false;
  }
  send(response, 200, writtenPage(file, tried.poll));
  return true;
}

/** Another site can neither show the page under a name of its own nor post to it. */
function isOurPage(request: IncomingMessage, port: number): boolean {
  const hosts = [`127.0.0.1:${port}`, `localhost:${port}`];
  const { host = '', origin } = request.headers;
  return hosts.includes(host) && (origin === undefined || hosts.some((one) => origin === `http://${one}`));
}

/** Never over a file that is there. The problem, or null. */
function write(file: string, text: string): string | null {
  try {
    writeFileSync(file, text, { mode: 0o600, flag: 'wx' });
    return null;
  } catch (error) {
    return codeOf(error) === 'EEXIST'
      ? `${file} has been made meanwhile; it was left as it is.`
      : `The device answers, but ${file} cannot be written: ${messageOf(error)}.`;
  }
}

const EMPTY: FormValues = {
  name: '',
  address: '',
  version: '2c',
  community: 'public',
  user: '',
  authProtocol: 'SHA',
  authPassphrase: '',
  privProtocol: 'AES',
  privPassphrase: '',
};

async function tryDevice(
  values: FormValues,
  environment: CommandContext['environment'],
): Promise<{ ok: true; poll: Poll; text: string } | { ok: false; message: string }> {
  try {
    const text = configurationText(values);
    const whole = parseConfiguration(text, 'the form', wholeSchema);
    const poll = await pollOnce(whole, { environment });
    if (poll.outcome === 'failed')
      return {
        ok: false,
        message: `${values.address} did not answer (${poll.failure ?? 'no reason known'}). Check the address, the community or user, and that the device lets this machine in.`,
      };
    return { ok: true, poll, text };
  } catch (error) {
    if (error instanceof WeirError) return { ok: false, message: `${error.message} ${error.remedy}` };
    throw error;
  }
}

/** The configuration of one device, as a person would write it. */
export function configurationText(values: FormValues): string {
  const credential =
    values.version === '3'
      ? {
          version: '3',
          user: values.user,
          level:
            values.privPassphrase !== '' ? 'authPriv' : values.authPassphrase !== '' ? 'authNoPriv' : 'noAuthNoPriv',
          ...(values.authPassphrase === ''
            ? {}
            : { auth_protocol: values.authProtocol, auth_passphrase: values.authPassphrase }),
          ...(values.privPassphrase === ''
            ? {}
            : { priv_protocol: values.privProtocol, priv_passphrase: values.privPassphrase }),
        }
      : { version: values.version, community: values.community };
  const name =
    values.name === '' ? values.address.replaceAll(/[^A-Za-z0-9.-]+/g, '-').replace(/^[^A-Za-z0-9]+/, '') : values.name;
  return `${HEAD}${plainSecrets(credential) ? PLAIN : ''}\n${stringify({
    credentials: { first: credential },
    devices: [{ name, address: values.address, credential: 'first' }],
  })}`;
}

const HEAD = `# Written by weir up. docs/configuration.md explains every key; weir check FILE says what is wrong with one.
`;
const PLAIN = `# The secrets below stand in plain text, so only you can read this file (mode 0600). Better put references in their place:
# "\${VARIABLE}" is taken from the environment, file:PATH from a file.
`;

function plainSecrets(credential: Readonly<Record<string, string>>): boolean {
  return ['community', 'auth_passphrase', 'priv_passphrase'].some((field) => {
    const secret = credential[field];
    return secret !== undefined && !/^(\$\{\w+\}|file:.*)$/.test(secret);
  });
}

function formValues(body: string): FormValues {
  const form = new URLSearchParams(body);
  const secret = (field: keyof FormValues): string => form.get(field) ?? EMPTY[field];
  const text = (field: keyof FormValues): string => secret(field).trim();
  return {
    name: text('name'),
    address: text('address'),
    version: text('version'),
    community: secret('community'),
    user: text('user'),
    authProtocol: text('authProtocol'),
    authPassphrase: secret('authPassphrase'),
    privProtocol: text('privProtocol'),
    privPassphrase: secret('privPassphrase'),
  };
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    if (!Buffer.isBuffer(chunk)) continue;
    size += chunk.length;
    if (size > MAX_FORM_BYTES) throw new WeirError('body_too_large', 'The form is larger than a form can be.');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function sameText(given: string, expected: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(expected)];
  return a.length === b.length && timingSafeEqual(a, b);
}

function send(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, {
    'content-type': body.startsWith('<') ? 'text/html; charset=utf-8' : 'text/plain; charset=utf-8',
    'content-security-policy':
      "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'",
    'referrer-policy': 'no-referrer',
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    connection: 'close',
  });
  response.end(body);
}
