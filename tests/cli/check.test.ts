// `weir check`: each mistake with file, line, path and what was expected; what need not be here is a note.
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { checkCommand } from '../../cli/commands/check.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import { ROOT, runWeir } from '../support/weir-process.ts';

let folder: string;
let file: string;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'weir-check-'));
  file = path.join(folder, 'weir.yaml');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

interface Checked {
  readonly code: number;
  readonly lines: readonly string[];
}

async function check(text: string, environment: Record<string, string> = {}, json = false): Promise<Checked> {
  writeFileSync(file, text);
  const lines: string[] = [];
  const code = await checkCommand.run({
    options: {},
    positionals: [file],
    environment,
    json,
    signal: new AbortController().signal,
    print: (line) => void lines.push(line),
    progress: () => undefined,
  });
  return { code, lines };
}

const GOOD = `credentials:
  c: { version: 2c, community: public }
devices:
  - { name: core1, address: 192.0.2.1, credential: c }
  - { name: access1, address: "[2001:db8::1]:1161", credential: c, parents: [core1] }
`;

describe('a sound configuration', () => {
  test('has no mistakes, exit 0', async () => {
    expect(await check(GOOD)).toEqual({ code: 0, lines: [`${file}: no mistakes`] });
  });

  test('a rule of notifications by a name that nothing knows is a note, by an OID or a name that comes with Weir it is none', async () => {
    const rule = `name: door, raised_by: [linkDawn, linkDown, 1.3.6.1.4.1.99.0.1], raises_when: { ifIndexx: [1] }, text: stands open`;
    const { code, lines } = await check(
      `${GOOD}collector:\n  faults: { notifications: { conditions: [{ ${rule} }] } }\n`,
    );
    expect(code).toBe(0);
    const of = 'note: collector.faults.notifications.conditions: door: no file of names has';
    expect(lines).toEqual([`${of} linkDawn`, `${of} ifIndexx`, `${file}: no mistakes`]);
  });

  test('an empty file is one: everything has a default', async () => {
    expect(await check('')).toMatchObject({ code: 0 });
  });

  test('the configurations that come with Weir are', async () => {
    const lines: string[] = [];
    const print = (line: string): void => void lines.push(line);
    const context = {
      options: {},
      environment: {},
      json: false,
      signal: new AbortController().signal,
      print,
      progress: print,
    };
    expect(await checkCommand.run({ ...context, positionals: [path.join(ROOT, 'config/demo.yaml')] })).toBe(0);
  });

  test('a passphrase shorter than RFC 3414 wants is a note where its value is known, and the note does not repeat it', async () => {
    const users = `credentials:
  plain: { version: "3", user: u, level: authNoPriv, auth_protocol: SHA, auth_passphrase: short7! }
  given: { version: "3", user: u, level: authPriv, auth_protocol: SHA, auth_passphrase: "\${LONG}", priv_protocol: AES192R, priv_passphrase: "\${SHORT}" }
`;
    const { code, lines } = await check(users, { LONG: 'long enough', SHORT: 'seven77' });
    expect(code).toBe(0);
    expect(lines).toEqual([
      expect.stringMatching(/^note: credentials\.plain\.auth_passphrase: shorter than 8 characters/),
      expect.stringMatching(/^note: credentials\.given\.priv_passphrase: shorter than 8 characters/),
      `${file}: no mistakes`,
    ]);
    expect(lines.join('\n')).not.toMatch(/short7|seven77/);
  });

  test('a secret that does not resolve here is a note: it needs to exist only where the agent runs', async () => {
    const text = GOOD.replace('community: public', 'community: "${COMMUNITY}"');
    const { code, lines } = await check(text);
    expect(code).toBe(0);
    expect(lines[0]).toMatch(/^note: credentials\.c\.community: .*COMMUNITY/);
    expect((await check(text, { COMMUNITY: 'x' })).lines).toEqual([`${file}: no mistakes`]);
  });

  test('so are tokens, addresses of servers, and the files of TLS, each by its own', async () => {
    const text = `${GOOD}agent:
  token: "file:${folder}/no-token"
  tls: { ca_file: "${folder}/no-authority.pem" }
collector:
  tls: { certificate_file: "${folder}/no-certificate.pem", key_file: "${folder}/no.key" }
billing_bridge: { collector_token: "\${BRIDGE}" }
database: { url: "\${DATABASE}" }
queue: { url: "\${QUEUE}" }
`;
    const { code, lines } = await check(text);
    expect(code).toBe(0);
    expect(lines.map((line) => line.replace(/^note: ([a-z_.]+): .*$/, '$1'))).toEqual([
      'agent.token',
      'billing_bridge.collector_token',
      'database.url',
      'queue.url',
      'agent.tls',
      'collector.tls',
      `${file}: no mistakes`,
    ]);
    expect(lines.at(-3)).toContain('no-authority.pem');
    expect(lines.at(-2)).toContain('no-certificate.pem');
    writeFileSync(path.join(folder, 'no-token'), 'now there is one\n');
    const environment = { BRIDGE: 'b', DATABASE: 'postgres://127.0.0.1/weir', QUEUE: 'redis://127.0.0.1' };
    const again = await check(text.replaceAll(/^collector:$|^ +tls:.*$/gm, ''), environment);
    expect(again.lines).toEqual([`${file}: no mistakes`]);
  });
});

describe('a mistake is told with file, line, path and what was expected', () => {
  test.each([
    [
      'a key that does not exist',
      GOOD.replace('name: access1', 'name: access1, adress: 1'),
      5,
      'devices[1].adress',
      /not a key/,
    ],
    ['a key at the top that does not exist', `${GOOD}colector: {}\n`, 6, 'colector', /not a key/],
    ['a value of the wrong type', `${GOOD}agent:\n  poll_interval_ms: soon\n`, 7, 'agent.poll_interval_ms', /number/],
    ['a value out of its bounds', `${GOOD}agent:\n  concurrency: 0\n`, 7, 'agent.concurrency', /1/],
    [
      'two devices of one name',
      GOOD.replace('name: access1', 'name: core1').replace(', parents: [core1]', ''),
      5,
      'devices[1].name',
      /another device called core1/,
    ],
    ['an address that is none', GOOD.replace('192.0.2.1', '"192.0.2.1:99999"'), 4, 'devices[0].address', /HOST/],
    [
      'a credential set that does not exist',
      GOOD.replace('credential: c }', 'credential: d }'),
      4,
      'devices[0].credential',
      /no credential set called d/,
    ],
    [
      'a device that does not say which of several agents polls it',
      GOOD.replace('parents: [core1]', 'agent: north'),
      4,
      'devices[0]',
      /core1 must name its agent, since there are several/,
    ],
    [
      'what may be set without a set that writes',
      GOOD.replace('parents: [core1]', 'allow_set: true'),
      5,
      'devices[1].allow_set',
      /write_credential/,
    ],
    [
      'a parent that does not exist',
      GOOD.replace('[core1]', '[core9]'),
      5,
      'devices[1].parents[0]',
      /no device called core9/,
    ],
    [
      'a device reached through itself',
      GOOD.replace('192.0.2.1, credential: c', '192.0.2.1, credential: c, parents: [access1]'),
      4,
      'devices[0].parents',
      /through itself/,
    ],
    [
      'a level that lacks its keys',
      GOOD.replace('{ version: 2c, community: public }', '{ version: "3", user: u, level: authPriv }'),
      2,
      'credentials.c',
      /auth/,
    ],
  ])('%s', async (_, text, line, at, message) => {
    const { code, lines } = await check(text);
    expect(code).toBe(1);
    const places = lines.slice(0, -1).map((one) => /^(.*?):(\d+): (?:([^ ]+): )?(.*)$/.exec(one)?.slice(1) ?? []);
    const hit = places.find(([, atLine, , said]) => Number(atLine) === line && message.test(said ?? ''));
    expect([text, lines, hit?.[0]]).toEqual([text, lines, file]);
    expect(hit?.[2]?.startsWith(at)).toBe(true);
    expect(lines.at(-1)).toMatch(/mistakes?$/);
  });

  test('what is not YAML', async () => {
    const { code, lines } = await check('devices:\n  - { name: core1\n    address: x }\n');
    expect(code).toBe(1);
    expect(lines[0]).toMatch(new RegExp(`^${file}:[234]: `));
  });

  test('a price plan whose tiers overlap', async () => {
    const plan = `customers:
  - { id: acme, name: Acme, currency: EUR }
price_plans:
  - id: tiers
    currency: EUR
    items:
      - id: traffic
        kind: graduated
        unit: GB
        direction: sum
        tiers:
          - { up_to: "100", price: "0.05" }
          - { up_to: "50", price: "0.04" }
          - { price: "0.03" }
`;
    const { code, lines } = await check(`${GOOD}${plan}`);
    expect(code).toBe(1);
    const told = lines.find((line) => /price_plans\[0\]\.items\[0\]\.tiers/.test(line)) ?? lines.join('\n');
    expect(told).toMatch(new RegExp(`^${file}:1[6-9]: price_plans\\[0\\]\\.items\\[0\\]\\.tiers`));
  });

  test('all of them at once, and as JSON', async () => {
    const text = GOOD.replace('192.0.2.1', '"a b"').replace('[core1]', '[core9]');
    const { code, lines } = await check(`${text}agent: { retries: 99 }\n`, {}, true);
    expect(code).toBe(1);
    const told = JSON.parse(lines[0] ?? '') as {
      issues: { file: string; line: number; path: string }[];
      notes: string[];
    };
    expect(told.issues.map((issue) => `${issue.line} ${issue.path}`)).toContain('6 agent.retries');
    expect(told.issues.some((issue) => issue.path === 'devices[0].address')).toBe(true);
    expect(told.notes).toEqual([]);
  });

  test('no message repeats a secret', async () => {
    const text = GOOD.replace('community: public', 'community: s3cr3t-community, comunity: s3cr3t-community');
    const { lines } = await check(text);
    expect(lines.join('\n')).toContain('comunity');
    expect(lines.join('\n')).not.toContain('s3cr3t');
  });
});

describe('names of notifications', () => {
  test('a mistake in a file of agent.traps.names is told where it stands', async () => {
    const names = path.join(folder, 'names');
    mkdirSync(names);
    writeFileSync(path.join(names, 'mine.yaml'), 'notifications:\n  1.3.6.1.4.1.9.0.7: 7up\n');
    const { code, lines } = await check(`${GOOD}agent: { traps: { names: ${names} } }\n`);
    expect(code).toBe(1);
    expect(lines[0]).toMatch(/mine\.yaml:2: .*notifications.*/);
  });

  test('a folder that is not there, and a credential set that does not exist, are mistakes of their keys', async () => {
    const missing = await check(`${GOOD}agent:\n  traps:\n    names: ${path.join(folder, 'none')}\n`);
    expect(missing.lines[0]).toMatch(/agent\.traps\.names: Cannot read the folder of names/);
    const unknown = await check(`${GOOD}agent:\n  traps:\n    credentials: [nobody]\n`);
    expect(unknown.lines[0]).toMatch(/agent\.traps\.credentials\[0\]: there is no credential set called nobody/);
  });
});

describe('profiles', () => {
  test('a mistake in one is told in its own file', async () => {
    const profiles = path.join(folder, 'profiles');
    cpSync('config/profiles', profiles, { recursive: true });
    writeFileSync(path.join(profiles, 'mine.yaml'), 'name: mine\nmatches: [nonsense]\n');
    const { code, lines } = await check(`${GOOD}agent: { profiles: ${profiles} }\n`);
    expect(code).toBe(1);
    expect(lines[0]).toMatch(new RegExp(`^${path.join(profiles, 'mine.yaml')}:2: matches\\[0\\]: `));
  });

  test('a folder that cannot be read is a mistake of the key', async () => {
    const { code, lines } = await check(`${GOOD}agent:\n  profiles: /no/such/folder\n`);
    expect(code).toBe(1);
    expect(lines[0]).toMatch(new RegExp(`^${file}:7: agent\\.profiles: .*/no/such/folder`));
  });
});

describe('as a command', () => {
  test('exit codes: 0 sound, 1 mistaken or missing, 2 misused', async () => {
    writeFileSync(file, GOOD);
    expect((await runWeir(['check', file])).code).toBe(0);
    writeFileSync(file, 'nonsense: 1\n');
    expect((await runWeir(['check', file])).code).toBe(1);
    const missing = await runWeir(['check', path.join(folder, 'none.yaml')]);
    expect([missing.code, missing.output.includes('[configuration_missing]')]).toEqual([1, true]);
    expect((await runWeir(['check'])).code).toBe(2);
    expect((await runWeir(['check', file, file])).code).toBe(2);
  }, 90_000);

  test('a missing file throws its code', async () => {
    const context = {
      options: {},
      environment: {},
      json: false,
      signal: new AbortController().signal,
      print: () => undefined,
      progress: () => undefined,
    };
    const missing = checkCommand.run({ ...context, positionals: [path.join(folder, 'none.yaml')] });
    await expect(missing).rejects.toBeInstanceOf(WeirError);
  });
});
