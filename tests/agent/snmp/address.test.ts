// Addresses as people write them, and names that move, fail and come back.
import { networkInterfaces } from 'node:os';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { AddressBook, parseAddress } from '../../../agent/snmp/address.ts';
import { TAG } from '../../../agent/snmp/ber.ts';
import { oidOf } from '../../../agent/snmp/oid.ts';
import { ScriptedDevice } from '../../support/scripted-device.ts';
import { silentReporter } from '../../support/silent-reporter.ts';
import { PUBLIC, testAccess, type TestAccess } from '../../support/snmp-access.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

describe('what is written', () => {
  test.for([
    ['192.0.2.1', '192.0.2.1', 161],
    ['192.0.2.1:1161', '192.0.2.1', 1161],
    ['router.example.org', 'router.example.org', 161],
    ['router.example.org:162', 'router.example.org', 162],
    ['2001:db8::1', '2001:db8::1', 161],
    ['[2001:db8::1]', '2001:db8::1', 161],
    ['[2001:db8::1]:1161', '2001:db8::1', 1161],
    ['fe80::1%eth0', 'fe80::1%eth0', 161],
    ['[fe80::1%eth0]:1161', 'fe80::1%eth0', 1161],
  ] as const)('%s', ([text, host, port]) => {
    expect(parseAddress(text)).toEqual({ host, port });
  });

  test.for(['', ':161', 'host:0', 'host:65536', '[192.0.2.1]:161', '[fe80::1', 'a b', 'host:port'])(
    '%s is refused',
    (text) => {
      expect(() => parseAddress(text)).toThrow(expect.objectContaining({ code: 'address_invalid' }));
    },
  );
});

describe('names', () => {
  const HOUR = 3_600_000;
  let clock: VirtualClock;
  let book: AddressBook;
  let lines: string[];
  let answer: () => Promise<{ address: string; family: number }>;
  let lookups: number;

  const at = async (): Promise<string> => (await book.resolve({ host: 'router.example.org', port: 161 })).address;
  const is = (address: string) => (): Promise<{ address: string; family: number }> =>
    Promise.resolve({ address, family: address.includes(':') ? 6 : 4 });
  const fails = (): Promise<never> => Promise.reject(new Error('getaddrinfo EAI_AGAIN'));

  beforeEach(() => {
    clock = new VirtualClock(0);
    lookups = 0;
    const made = silentReporter();
    lines = made.lines;
    book = new AddressBook(made.reporter, {
      clock,
      lookup: () => {
        lookups += 1;
        return answer();
      },
    });
    answer = is('192.0.2.1');
  });

  test('one look-up serves all requests of its time', async () => {
    for (let request = 0; request < 100; request += 1) expect(await at()).toBe('192.0.2.1');
    await clock.advance(299_000);
    expect([await at(), lookups]).toEqual(['192.0.2.1', 1]);
  });

  test('after its time a name that moved is asked for at its new place, and no request waits for the resolver', async () => {
    await at();
    answer = is('2001:db8:0::7');
    await clock.advance(301_000);
    const resolved = book.resolve({ host: 'router.example.org', port: 161 });
    expect(resolved).not.toBeInstanceOf(Promise);
    await clock.advance(1);
    expect(book.resolve({ host: 'router.example.org', port: 161 })).toEqual({
      address: '2001:db8::7',
      port: 161,
      family: 6,
    });
    expect(lookups).toBe(2);
  });

  test('while the resolver fails the last address serves, for hours, and it is told once', async () => {
    await at();
    answer = fails;
    for (let passed = 0; passed < 6 * HOUR; passed += 60_000) {
      await clock.advance(60_000);
      expect(await at()).toBe('192.0.2.1');
    }
    expect(lines.filter((line) => line.includes('a name does not resolve'))).toHaveLength(1);
    answer = is('192.0.2.9');
    await clock.advance(11_000);
    await at();
    await clock.advance(1);
    expect(await at()).toBe('192.0.2.9');
    expect(lines.at(-1)).toContain('a name resolves again');
  });

  test('a resolver that hangs holds up nobody whose name resolved before', async () => {
    await at();
    answer = () => new Promise(() => undefined);
    await clock.advance(301_000);
    expect(await at()).toBe('192.0.2.1');
    await clock.advance(HOUR);
    expect(await at()).toBe('192.0.2.1');
  });

  test('a name that never resolved is a coded error, and is tried again after ten seconds', async () => {
    answer = fails;
    await expect(at()).rejects.toMatchObject({ code: 'address_unresolved' });
    await expect(at()).rejects.toMatchObject({ code: 'address_unresolved' });
    expect(lookups).toBe(1);
    answer = is('192.0.2.1');
    await clock.advance(10_001);
    expect(await at()).toBe('192.0.2.1');
    expect(lookups).toBe(2);
  });

  test('an IPv4 address dressed as IPv6 is asked over IPv4', () => {
    expect(book.resolve({ host: '::ffff:192.0.2.1', port: 161 })).toEqual({
      address: '192.0.2.1',
      port: 161,
      family: 4,
    });
  });

  test('addresses never reach the resolver', () => {
    for (const host of ['192.0.2.1', '::1', 'fe80::1%lo'])
      expect(book.resolve({ host, port: 161 })).not.toBeInstanceOf(Promise);
    expect(lookups).toBe(0);
  });
});

describe('IPv6 on the wire', () => {
  const NAME = oidOf('1.3.6.1.2.1.1.5.0');
  const MIB = [{ oid: '1.3.6.1.2.1.1.5.0', tag: TAG.octets, value: 'six' }];
  let made: TestAccess;
  let device: ScriptedDevice;

  beforeEach(async () => {
    made = testAccess({ timeoutMs: 1000, retries: 1 });
    await made.access.start();
    device = new ScriptedDevice(MIB);
  });
  afterEach(async () => {
    await made.access.stop();
    await device.stop();
  });

  /** Link-local addresses of this host and the numbers of their zones; none on a host without an IPv6 interface. */
  const linkLocal = Object.entries(networkInterfaces()).flatMap(([zone, addresses]) =>
    (addresses ?? []).flatMap((one) =>
      one.family === 'IPv6' && one.address.startsWith('fe80:')
        ? [[`${one.address}%${zone}`, `${one.address}%${one.scopeid}`] as const]
        : [],
    ),
  );

  test.for([['::1', '0:0:0:0:0:0:0:1'] as const, ...linkLocal.slice(0, 1)])(
    '%s answers, also as %s',
    async ([address, other]) => {
      const port = await device.start(address);
      for (const host of [address, other]) {
        const text = `[${host}]:${port}`;
        const response = await made.access.openSession(parseAddress(text), PUBLIC).get([NAME]);
        expect([response.errorStatus, response.varbinds.count]).toEqual([0, 1]);
      }
    },
  );
});
