// `weir import`: tables, LibreNMS and NetBox as a configuration or merged into one; no secret comes out, and what is there stays.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { checkCommand } from '../../cli/commands/check.ts';
import { importCommand } from '../../cli/commands/import.ts';
import { wholeSchema, type WholeConfiguration } from '../../cli/configuration.ts';
import { replaceFile } from '../../cli/import/replaced-file.ts';
import { readTable } from '../../cli/import/table-text.ts';
import { parseConfiguration } from '../../common/runtime/configuration.ts';
import { codeOf, messageOf, WeirError } from '../../common/runtime/errors.ts';
import { ROOT } from '../support/weir-process.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'weir-import-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function written(name: string, text: string | Buffer): string {
  const file = path.join(folder, name);
  writeFileSync(file, text);
  return file;
}

interface Ran {
  readonly code: number;
  readonly text: string;
}

type Options = Readonly<Record<string, string | boolean>>;

async function run(
  file: string,
  options: Options,
  environment: Record<string, string> = {},
  json = false,
): Promise<Ran> {
  const lines: string[] = [];
  const code = await importCommand.run({
    options,
    positionals: [file],
    environment,
    json,
    signal: new AbortController().signal,
    print: (line) => void lines.push(line),
    progress: () => undefined,
  });
  return { code, text: lines.join('\n') };
}

/** The error of an import that is refused. */
async function refusal(file: string, options: Options): Promise<WeirError> {
  try {
    await importCommand.run({
      options,
      positionals: [file],
      environment: {},
      json: false,
      signal: new AbortController().signal,
      print: () => undefined,
      progress: () => undefined,
    });
  } catch (error) {
    if (error instanceof WeirError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

async function isSound(file: string): Promise<boolean> {
  const code = await checkCommand.run({
    options: {},
    positionals: [file],
    environment: {},
    json: true,
    signal: new AbortController().signal,
    print: () => undefined,
    progress: () => undefined,
  });
  return code === 0;
}

const configurationOf = (text: string): WholeConfiguration => parseConfiguration(text, 'printed', wholeSchema);
const devicesOf = (text: string): unknown[] =>
  configurationOf(text).devices.map(({ reply_address: _reply, allow_set: _set, ...rest }) => rest);

describe('a table of text', () => {
  const rows = (text: string): string[][] => readTable(text, 'f').rows.map((row) => [...row.cells]);

  test.each([
    ['commas', 'a,b\n1,2\n', [['1', '2']]],
    ['semicolons', 'a;b\n1,5;2\n', [['1,5', '2']]],
    ['tabs', 'a\tb\n1\t2', [['1', '2']]],
    ['a byte order mark and Windows ends of line', '\uFEFFa,b\r\n1,2\r\n', [['1', '2']]],
    ['old Macintosh ends of line', 'a,b\r1,2\r', [['1', '2']]],
    ['quotes around a separator', 'a,b\n"1,5",2\n', [['1,5', '2']]],
    ['a separator in the quoted header', '"a;b;c",d\n1,2\n', [['1', '2']]],
    ['quotes in quotes', 'a,b\n"say ""hi""",2\n', [['say "hi"', '2']]],
    ['a line in quotes', 'a,b\n"1\n2",3\n', [['1\n2', '3']]],
    ['blanks around', ' a , b \n 1 , "2" \n', [['1', '2']]],
    ['empty lines', 'a,b\n\n1,2\n\n,\n', [['1', '2']]],
    ['cells that are missing', 'a,b\n1\n', [['1']]],
    ['empty cells beyond the header', 'a,b\n1,2,,\n', [['1', '2', '', '']]],
  ])('with %s', (_, text, expected) => expect(rows(text)).toEqual(expected));

  test('lines are counted as an editor does, also behind a quoted end of line', () => {
    const { rows: found } = readTable('a,b\n"x\ny",1\n\nz,2\n', 'f');
    expect(found.map((row) => row.line)).toEqual([2, 5]);
  });

  test.each([
    ['a quote that never ends', 'a,b\n1,"2\n3,4\n', /^f:2: a quote that never ends/],
    ['text behind a quote', 'a,b\n1,"2"x\n', /^f:2: text behind a quote/],
    ['too many cells', 'a,b\n1,2\n1,2,3\n1,2,3\n', /^f:3: 3 cells, but the header has 2 \(and 1 more\)/],
    ['a column twice', 'a,b,a\n', /^f:1: two columns are called a/],
    ['nothing', '\n', /^f:1: there is no header/],
  ])('%s is refused by line', (_, text, message) => {
    expect(() => readTable(text, 'f')).toThrow(expect.objectContaining({ code: 'import_unreadable' }));
    expect(() => readTable(text, 'f')).toThrow(message);
  });

  test('whatever cells hold, written with quotes they are read back', () => {
    const cell = fc
      .string({ unit: fc.constantFrom('a', '"', ',', ';', '\t', '\n', 'ä', "'") })
      .map((text) => text.trim());
    fc.assert(
      fc.property(
        fc.array(fc.tuple(cell, cell, cell), { maxLength: 5 }),
        fc.constantFrom(',', ';', '\t'),
        fc.constantFrom('\n', '\r\n'),
        (table, separator, end) => {
          const quoted = (text: string): string => `"${text.replaceAll('"', '""')}"`;
          const lines = [['x', 'y', 'z'], ...table].map((row) => row.map(quoted).join(separator));
          const full = table.filter((row) => row.some((text) => text !== ''));
          // The header is plain, as the separator is looked for in it.
          lines[0] = ['x', 'y', 'z'].join(separator);
          expect(rows(lines.join(end))).toEqual(full.map((row) => [...row]));
        },
      ),
    );
  });
});

describe('weir import --from csv', () => {
  test('every key of a device', async () => {
    const file = written(
      'devices.csv',
      'name;address;credential;site;interval_ms;agent;parents;rack\ncore1;192.0.2.1;office;"Hall 1; row 2";30000;north;;R1\nacc-1;[2001:db8::1]:1161;office;;;north;core1;R2\n',
    );
    const { code, text } = await run(file, { from: 'csv' });
    expect(code).toBe(0);
    expect(devicesOf(text)).toEqual([
      {
        name: 'core1',
        address: '192.0.2.1',
        credential: 'office',
        site: 'Hall 1; row 2',
        interval_ms: 30_000,
        agent: 'north',
      },
      { name: 'acc-1', address: '[2001:db8::1]:1161', credential: 'office', agent: 'north', parents: ['core1'] },
    ]);
    expect(text).toContain('# Note: columns that are not used: rack.');
    expect(text).toContain('# The export does not say how office reaches devices: correct this.');
    expect(await isSound(written('weir.yaml', text))).toBe(true);
  });

  test('--credential and --agent hold for all', async () => {
    const file = written('devices.csv', 'name,address,credential\na,192.0.2.1,x\nb,192.0.2.2,\n');
    const { text } = await run(file, { from: 'csv', credential: 'office', agent: 'north' });
    expect(devicesOf(text)).toEqual([
      { name: 'a', address: '192.0.2.1', credential: 'office', agent: 'north' },
      { name: 'b', address: '192.0.2.2', credential: 'office', agent: 'north' },
    ]);
  });

  test('communities in the table become references, one a community', async () => {
    const file = written(
      'd.csv',
      'name,address,version,community\na,192.0.2.1,2c,s3cret\nb,192.0.2.2,1,s3cret\nc,192.0.2.3,,s3cret\n',
    );
    const { text } = await run(file, { from: 'csv' });
    expect(configurationOf(text).credentials).toEqual({
      'csv-2c-1': { version: '2c', community: '${CSV_2C_1_COMMUNITY}' },
      'csv-1-1': { version: '1', community: '${CSV_1_1_COMMUNITY}' },
    });
    expect(configurationOf(text).devices.map((one) => one.credential)).toEqual(['csv-2c-1', 'csv-1-1', 'csv-2c-1']);
    expect(text).not.toContain('s3cret');
    expect(text).toContain('CSV_2C_1_COMMUNITY, as a and 1 more need it');
  });

  test.each([
    ['Latin-1', Buffer.from('name,address,credential,site\na,192.0.2.1,c,Z\u00fcrich\n', 'latin1')],
    ['UTF-8 with a mark', Buffer.from('\uFEFFname,address,credential,site\na,192.0.2.1,c,Zürich\n', 'utf8')],
    [
      'UTF-16',
      Buffer.concat([
        Buffer.of(0xff, 0xfe),
        Buffer.from('name\taddress\tcredential\tsite\na\t192.0.2.1\tc\tZürich\n', 'utf16le'),
      ]),
    ],
  ])('saved as %s', async (_, bytes) => {
    const { text } = await run(written('d.csv', bytes), { from: 'csv' });
    expect(devicesOf(text)).toEqual([{ name: 'a', address: '192.0.2.1', credential: 'c', site: 'Zürich' }]);
  });

  test('every mistake is told with its line', async () => {
    const file = written(
      'd.csv',
      'name,address,credential,interval_ms\nok,192.0.2.1,c,\nno spaces,192.0.2.2,c,\nb,,c,\nd,192.0.2.4:99999,c,\ne,192.0.2.5,c,soon\nf,192.0.2.6,,\n',
    );
    const error = await refusal(file, { from: 'csv' });
    expect(error.code).toBe('import_unreadable');
    expect(error.message).toMatch(/:3: name: expected a name .*\(and 4 more\)\.$/);
    const { issues } = error.detail as { issues: { line: number; message: string }[] };
    expect(issues.map((one) => one.line)).toEqual([3, 4, 5, 6, 7]);
    expect(issues[4]?.message).toContain('--credential');
  });

  test.each([
    ['no header of ours', 'host,ip\na,b\n', /the header has no column name and no column address/],
    ['a secret never stands in the message', 'name,address,community\na b,192.0.2.1,s3cret\n', /name: expected/],
  ])('%s', async (_, text, message) => {
    const error = await refusal(written('d.csv', text), { from: 'csv' });
    expect(error.message).toMatch(message);
    expect(JSON.stringify(error.toBody())).not.toContain('s3cret');
  });
});

const LIBRENMS = {
  status: 'ok',
  count: 9,
  devices: [
    {
      device_id: 1,
      hostname: 'core1.example.net',
      sysName: 'core1',
      ip: '192.0.2.1',
      overwrite_ip: '',
      community: 's3cret-A',
      snmpver: 'v2c',
      port: 161,
      transport: 'udp',
      disabled: 0,
      ignore: 0,
      snmp_disable: 0,
      location: 'Hall 1',
      location_id: 3,
    },
    {
      device_id: '2',
      hostname: '192.0.2.2',
      sysName: 'acc 2',
      community: 's3cret-A',
      snmpver: 'v2c',
      port: '1161',
      transport: 'udp',
      disabled: '0',
      ignore: '1',
      location: null,
    },
    {
      device_id: 3,
      hostname: 'old',
      sysName: 'old',
      community: 's3cret-B',
      snmpver: 'v1',
      port: 161,
      transport: 'udp6',
      disabled: 0,
      overwrite_ip: '2001:db8::3',
    },
    {
      device_id: 4,
      hostname: 'v3.example.net',
      snmpver: 'v3',
      authlevel: 'authPriv',
      authname: 'weir',
      authpass: 's3cret-C',
      authalgo: 'SHA-256',
      cryptopass: 's3cret-D',
      cryptoalgo: 'AES-256-C',
      port: 161,
      transport: 'udp',
      disabled: 0,
    },
    { device_id: 5, hostname: 'gone', community: 's3cret-A', snmpver: 'v2c', disabled: 1 },
    { device_id: 6, hostname: 'ping', community: null, snmpver: 'v2c', snmp_disable: 1, disabled: false },
    { device_id: 7, hostname: 'tcp', community: 's3cret-A', snmpver: 'v2c', transport: 'tcp', disabled: 0 },
    { device_id: 8, hostname: 'masked', snmpver: 'v2c', disabled: 0 },
    {
      device_id: 9,
      hostname: 'odd',
      snmpver: 'v3',
      authlevel: 'authPriv',
      authname: 'x',
      authpass: 's3cret-E',
      authalgo: 'ROT13',
      cryptopass: 's3cret-F',
      cryptoalgo: 'AES',
      disabled: 0,
    },
    { device_id: 10, hostname: 'trap', community: 'file:/etc/passwd', snmpver: 'v2c', disabled: 0 },
  ],
};

describe('weir import --from librenms', () => {
  test('devices with their credentials as references; what is left out, with its reason', async () => {
    const file = written('librenms.json', JSON.stringify(LIBRENMS));
    const { text } = await run(file, { from: 'librenms' });
    expect(devicesOf(text)).toEqual([
      { name: 'core1.example.net', address: 'core1.example.net', credential: 'librenms-2c-1', site: 'Hall 1' },
      { name: 'acc-2', address: '192.0.2.2:1161', credential: 'librenms-2c-1' },
      { name: 'old', address: '2001:db8::3', credential: 'librenms-1-1' },
      { name: 'v3.example.net', address: 'v3.example.net', credential: 'librenms-weir' },
      { name: 'ping', address: 'ping', credential: '', snmp: false },
      { name: 'trap', address: 'trap', credential: 'librenms-2c-2' },
    ]);
    expect(configurationOf(text).credentials).toEqual({
      'librenms-2c-1': { version: '2c', community: '${LIBRENMS_2C_1_COMMUNITY}' },
      'librenms-1-1': { version: '1', community: '${LIBRENMS_1_1_COMMUNITY}' },
      'librenms-weir': {
        version: '3',
        user: 'weir',
        level: 'authPriv',
        auth_protocol: 'SHA256',
        auth_passphrase: '${LIBRENMS_WEIR_AUTH}',
        priv_protocol: 'AES256R',
        priv_passphrase: '${LIBRENMS_WEIR_PRIV}',
        context: '',
      },
      'librenms-2c-2': { version: '2c', community: '${LIBRENMS_2C_2_COMMUNITY}' },
    });
    for (const [name, reason] of [
      ['gone', 'it is disabled in LibreNMS'],
      ['tcp', 'over tcp'],
      ['masked', 'name a set with --credential'],
      ['odd', 'its credentials cannot be used: auth_protocol'],
    ])
      expect(text).toMatch(new RegExp(`# Left out: device \\d+, ${name}: .*${reason}`));
    expect(text).not.toMatch(/s3cret|etc\/passwd/);
    expect(await isSound(written('weir.yaml', text))).toBe(true);
  });

  test('--credential: the secrets of the export are of no account', async () => {
    const file = written('librenms.json', JSON.stringify(LIBRENMS));
    const { text } = await run(file, { from: 'librenms', credential: 'office' });
    expect(new Set(configurationOf(text).devices.map((one) => one.credential))).toEqual(new Set(['office', '']));
    expect(configurationOf(text).devices.map((one) => one.name)).toContain('masked');
  });

  test('as a table of its columns', async () => {
    const file = written(
      'librenms.csv',
      'hostname,sysName,snmpver,community,disabled,Location\nsw1,sw1,v2c,s3cret,0,Hall 2\nsw2,sw2,v2c,s3cret,1,Hall 2\n',
    );
    const { text } = await run(file, { from: 'librenms' });
    expect(devicesOf(text)).toEqual([{ name: 'sw1', address: 'sw1', credential: 'librenms-2c-1', site: 'Hall 2' }]);
    expect(text).toContain('# Left out: line 3, sw2: it is disabled in LibreNMS.');
  });

  test.each([
    ['no JSON', '{"devices": [{"community": "s3cret",}]}', /:1: this is not JSON/],
    ['another object', '{"status": "error", "message": "s3cret"}', /expected a list, or one under devices/],
  ])('%s is refused without a word of it', async (_, text, message) => {
    const error = await refusal(written('l.json', text), { from: 'librenms' });
    expect(error.code).toBe('import_unreadable');
    expect(error.message).toMatch(message);
    expect(JSON.stringify(error.toBody())).not.toContain('s3cret');
  });

  test('two hosts whose names become the same are kept apart, and one host twice is one', async () => {
    const one = (hostname: string): object => ({ hostname, community: 'c', snmpver: 'v2c' });
    const file = written('l.json', JSON.stringify([one('sw_1'), one('sw_1.'), one('sw_1')]));
    const { text } = await run(file, { from: 'librenms' });
    expect(devicesOf(text)).toMatchObject([
      { name: 'sw_1', address: 'sw_1' },
      { name: 'sw_1-sw_1', address: 'sw_1.' },
    ]);
    expect(text).toContain('# Left out: device 3, sw_1-sw_1-2: device 1 has the same name or address.');
  });
});

const NETBOX = {
  count: 5,
  next: null,
  previous: null,
  results: [
    {
      id: 1,
      name: 'core 1',
      status: { value: 'active', label: 'Active' },
      site: { id: 1, name: 'Hall 1', slug: 'hall-1' },
      role: { id: 2, name: 'Core', slug: 'core' },
      primary_ip: { id: 9, family: { value: 4, label: 'IPv4' }, address: '192.0.2.1/24' },
      primary_ip4: { id: 9, address: '192.0.2.1/24' },
      primary_ip6: { id: 8, address: '2001:db8::1/64' },
      tags: [{ name: 'x' }],
    },
    { id: 2, name: 'six', status: { value: 'active' }, primary_ip: null, primary_ip6: { address: '2001:db8::2/64' } },
    { id: 3, name: 'planned', status: { value: 'planned' }, primary_ip: { address: '192.0.2.3/24' } },
    { id: 4, name: 'bare', status: { value: 'active' }, primary_ip: null },
    { id: 5, name: null, status: { value: 'active' }, primary_ip: { address: '192.0.2.5/32' } },
  ],
};

describe('weir import --from netbox', () => {
  test('active devices with a primary IP', async () => {
    const { text } = await run(written('n.json', JSON.stringify(NETBOX)), { from: 'netbox', credential: 'office' });
    expect(devicesOf(text)).toEqual([
      { name: 'core-1', address: '192.0.2.1', credential: 'office', site: 'Hall 1' },
      { name: 'six', address: '2001:db8::2', credential: 'office' },
      { name: 'device-192.0.2.5', address: '192.0.2.5', credential: 'office' },
    ]);
    expect(text).toContain('# Left out: device 3, planned: its status is planned.');
    expect(text).toContain('# Left out: device 4, bare: it has no primary IP.');
    expect(await isSound(written('weir.yaml', text))).toBe(true);
  });

  test('a page of several says that there are more', async () => {
    const file = written('n.json', JSON.stringify({ ...NETBOX, next: 'https://netbox/api/dcim/devices/?offset=50' }));
    expect((await run(file, { from: 'netbox', credential: 'c' })).text).toContain(
      '# Note: the export has further pages',
    );
  });

  test('its CSV export', async () => {
    const file = written(
      'n.csv',
      'Name,Status,Tenant,Site,Rack,Role,IP Address\nsw1,Active,,Hall 1,,Access,192.0.2.7/24\nsw2,Offline,,Hall 1,,Access,192.0.2.8/24\n',
    );
    const { text } = await run(file, { from: 'netbox', credential: 'office' });
    expect(devicesOf(text)).toEqual([{ name: 'sw1', address: '192.0.2.7', credential: 'office', site: 'Hall 1' }]);
    expect(text).toContain('sw2: its status is offline');
  });

  test('without --credential it is refused', async () => {
    expect((await refusal(written('n.json', JSON.stringify(NETBOX)), { from: 'netbox' })).code).toBe('misused');
  });
});

const CONFIGURATION = `# The network of the office.
credentials:
  office: { version: 2c, community: "\${OFFICE}" } # asked from the north only

devices:
  # in Hall 1
  - { name: core1, address: 192.0.2.1, credential: office, site: Hall 1 } # the oldest
  - { name: core2, address: "core2.example.net", credential: office }

customers:
  - { id: acme, name: Acme Ltd, currency: EUR } # pays late
`;

describe('weir import --into', () => {
  const table =
    'name,address,credential,site\ncore1,192.0.2.1,office,Hall 1\ncore2,192.0.2.2,office,\nnew1,192.0.2.9,office,Hall 2\nrenamed,192.0.2.1:161,office,\n';

  test('adds what is new, tells what differs, keeps comments and everything else', async () => {
    const into = written('weir.yaml', CONFIGURATION);
    const { code, text } = await run(written('d.csv', table), { from: 'csv', into });
    expect(code).toBe(0);
    expect(readFileSync(into, 'utf8')).toBe(
      CONFIGURATION.replace(
        'credential: office }\n\ncustomers',
        'credential: office }\n  - { name: new1, address: 192.0.2.9, credential: office, site: Hall 2 }\n\ncustomers',
      ),
    );
    expect(text.split('\n')).toEqual([
      'added        new1  192.0.2.9  office',
      'unchanged    core1',
      'conflicting  core2: address is core2.example.net, line 3 of the export has 192.0.2.2',
      'skipped      renamed (line 5): line 2 has the same name or address',
      `1 added, 1 unchanged, 1 conflicting, 1 skipped; ${into} was written`,
    ]);
    expect(await isSound(into)).toBe(true);
  });

  test.each([
    [
      'four blanks',
      'agent:\n    name: north # here\ncredentials:\n    office: {version: 2c, community: "${OFFICE}"}\ndevices:\n    # first\n    - {name: a, address: 192.0.2.1, credential: office}\n',
    ],
    [
      'lists that are not set in',
      'credentials:\n  office:\n    version: \'2c\'\n    community: "${OFFICE}"\n\ndevices:\n# first\n- name: a\n  address: 192.0.2.1\n  credential: office # by name\n',
    ],
    ['no devices yet', 'credentials:\n  office: { version: 2c, community: "${OFFICE}" }\n# the end\n'],
  ])('a file written with %s only gains lines', async (_, text) => {
    const into = written('weir.yaml', text);
    await run(written('d.csv', 'name,address,credential\nnew,192.0.2.9,office\n'), { from: 'csv', into });
    const after = readFileSync(into, 'utf8');
    expect(configurationOf(after).devices.at(-1)).toMatchObject({ name: 'new', address: '192.0.2.9' });
    const lines = after.split('\n');
    expect(text.split('\n').filter((line) => !lines.includes(line))).toEqual([]);
  });

  test('twice changes nothing the second time', async () => {
    const into = written('weir.yaml', CONFIGURATION);
    const file = written('d.csv', table);
    await run(file, { from: 'csv', into });
    const once = readFileSync(into, 'utf8');
    const { text } = await run(file, { from: 'csv', into });
    expect(readFileSync(into, 'utf8')).toBe(once);
    expect(text).toContain('0 added, 2 unchanged, 1 conflicting, 1 skipped; nothing to write');
  });

  test('--dry-run writes nothing and tells the same', async () => {
    const into = written('weir.yaml', CONFIGURATION);
    const file = written('d.csv', table);
    const dry = await run(file, { from: 'csv', into, 'dry-run': true });
    expect(readFileSync(into, 'utf8')).toBe(CONFIGURATION);
    const wet = await run(file, { from: 'csv', into });
    expect(dry.text.split('\n').slice(0, -1)).toEqual(wet.text.split('\n').slice(0, -1));
    expect(dry.text).toContain('nothing was written (--dry-run)');
  });

  test('LibreNMS twice: its secrets are new sets the first time and known the second, with or without the environment', async () => {
    const into = written('weir.yaml', CONFIGURATION);
    const file = written('l.json', JSON.stringify(LIBRENMS));
    const environment = { OFFICE: 's3cret-B', LIBRENMS_2C_1_COMMUNITY: 's3cret-A' };
    const first = await run(file, { from: 'librenms', into }, environment);
    expect(first.text).toMatch(
      /^to set {7}LIBRENMS_2C_1_COMMUNITY: of the credential set librenms-2c-1, for 2 devices such as core1/m,
    );
    expect(readFileSync(into, 'utf8')).not.toContain('s3cret');
    expect(first.text).not.toContain('s3cret');
    for (const known of [environment, {}]) {
      const again = await run(file, { from: 'librenms', into }, known);
      expect(again.text).toContain('0 added, 6 unchanged, 0 conflicting, 4 skipped; nothing to write');
    }
    expect(await isSound(into)).toBe(true);
  });

  test('a set of the export that is configured under another name is that set', async () => {
    const into = written('weir.yaml', CONFIGURATION);
    const file = written('l.json', JSON.stringify([{ hostname: 'x', community: 's3cret', snmpver: 'v2c' }]));
    await run(file, { from: 'librenms', into }, { OFFICE: 's3cret' });
    expect(configurationOf(readFileSync(into, 'utf8')).devices.at(-1)).toMatchObject({
      name: 'x',
      credential: 'office',
    });
  });

  test.each([
    ['an empty file', ''],
    ['a file of remarks', '# nothing yet\n'],
    ['keys without values', '# mine\ncredentials:\ndevices:\nagent: { name: north }\n'],
    ['devices in brackets', 'devices: []\ncredentials: {}\n'],
  ])('into %s', async (_, text) => {
    const into = written('weir.yaml', text);
    const file = written('l.json', JSON.stringify([{ hostname: 'x', community: 'c', snmpver: 'v2c' }]));
    const read = await run(file, { from: 'librenms', into }).catch((error: unknown) => messageOf(error));
    if (typeof read === 'string') return expect(read).toMatch(/expected/);
    const after = readFileSync(into, 'utf8');
    expect(configurationOf(after).devices).toMatchObject([{ name: 'x', credential: 'librenms-2c-1' }]);
    for (const remark of text.match(/#.*/g) ?? []) expect(after).toContain(remark);
  });

  test('a set that the configuration does not have is refused, and nothing is written', async () => {
    const into = written('weir.yaml', CONFIGURATION);
    const error = await refusal(written('d.csv', 'name,address,credential\nn,192.0.2.9,nowhere\n'), {
      from: 'csv',
      into,
    });
    expect(error.code).toBe('credential_unknown');
    expect(readFileSync(into, 'utf8')).toBe(CONFIGURATION);
  });

  test('a configuration that would not be sound is never written', async () => {
    const into = written('weir.yaml', CONFIGURATION);
    const error = await refusal(written('d.csv', 'name,address,credential,parents\nn,192.0.2.9,office,nobody\n'), {
      from: 'csv',
      into,
    });
    expect([error.code, error.message]).toEqual([
      'configuration_invalid',
      expect.stringContaining('there is no device called nobody'),
    ]);
    expect(readFileSync(into, 'utf8')).toBe(CONFIGURATION);
    expect(readdirSync(folder).toSorted()).toEqual(['d.csv', 'weir.yaml']);
  });

  test.each([
    ['devices that are an alias', 'a: &d []\ndevices: *d\n', 'configuration_invalid'],
    ['a file with a mistake', 'devices: 5\n', 'configuration_invalid'],
    ['no file', null, 'configuration_missing'],
  ])('into %s is refused', async (_, text, code) => {
    const into = path.join(folder, 'weir.yaml');
    if (text !== null) written('weir.yaml', text);
    const error = await refusal(written('d.csv', 'name,address,credential\nn,192.0.2.9,c\n'), { from: 'csv', into });
    expect(error.code).toBe(code);
  });

  test('--json is one object, without a secret', async () => {
    const into = written('weir.yaml', CONFIGURATION);
    const file = written('l.json', JSON.stringify(LIBRENMS));
    const { text } = await run(file, { from: 'librenms', into, 'dry-run': true }, {}, true);
    expect(JSON.parse(text)).toMatchObject({
      written: false,
      added: [{ place: 'device 1', name: 'core1.example.net' }, {}, {}, {}, { name: 'ping', snmp: false }, {}],
      credentials: [{ name: 'librenms-2c-1', placeholder: false }, {}, {}, {}],
      secrets: [{ variable: 'LIBRENMS_2C_1_COMMUNITY', devices: 2, example: 'core1.example.net' }, {}, {}, {}, {}],
    });
    expect(text).not.toContain('s3cret');
    const alone = JSON.parse((await run(file, { from: 'librenms' }, {}, true)).text) as { yaml: string };
    expect(configurationOf(alone.yaml).devices).toHaveLength(6);
  });
});

describe('the file that is replaced', () => {
  test('keeps its mode and stays behind its link', () => {
    const file = written('weir.yaml', 'a: 1\n');
    const link = path.join(folder, 'link.yaml');
    symlinkSync(file, link);
    const { mode } = statSync(file);
    replaceFile(link, 'a: 1\n', 'a: 2\n');
    expect([readFileSync(file, 'utf8'), readFileSync(link, 'utf8')]).toEqual(['a: 2\n', 'a: 2\n']);
    expect(statSync(file).mode).toBe(mode);
    expect(readdirSync(folder).toSorted()).toEqual(['link.yaml', 'weir.yaml']);
  });

  test('is left alone where somebody changed it meanwhile', () => {
    const file = written('weir.yaml', 'a: 3\n');
    expect(() => replaceFile(file, 'a: 1\n', 'a: 2\n')).toThrow(expect.objectContaining({ code: 'import_refused' }));
    expect(readFileSync(file, 'utf8')).toBe('a: 3\n');
    expect(readdirSync(folder)).toEqual(['weir.yaml']);
  });
});

describe('weir import as a command', () => {
  test.each<[string, string[], Options]>([
    ['no file', [], { from: 'csv' }],
    ['two files', ['a', 'b'], { from: 'csv' }],
    ['no source', ['a'], {}],
    ['another source', ['a'], { from: 'excel' }],
    ['a set that is no name', ['a'], { from: 'csv', credential: 'my set' }],
  ])('misuse, %s', async (_, positionals, options) => {
    const context = {
      options,
      positionals,
      environment: {},
      json: false,
      signal: new AbortController().signal,
      print: () => undefined,
      progress: () => undefined,
    };
    const code = await Promise.resolve()
      .then(() => importCommand.run(context))
      .then(() => 'nothing thrown', codeOf);
    expect(code).toBe('misused');
  });

  test('a file that is not there', async () => {
    expect((await refusal(path.join(folder, 'none.csv'), { from: 'csv' })).code).toBe('import_unreadable');
  });

  test('from standard input, as a process; its help names every option', () => {
    const weir = path.join(ROOT, 'dist/cli/weir.js');
    const input = 'name,address,credential\na,192.0.2.1,office\n';
    const ran = spawnSync(process.execPath, [weir, 'import', '-', '--from', 'csv'], { input, encoding: 'utf8' });
    expect([ran.status, devicesOf(ran.stdout)]).toEqual([
      0,
      [{ name: 'a', address: '192.0.2.1', credential: 'office' }],
    ]);
    const help = spawnSync(process.execPath, [weir, 'import', '--help'], { encoding: 'utf8' });
    for (const option of Object.keys(importCommand.options)) expect(help.stdout).toContain(`--${option}`);
  });
});
