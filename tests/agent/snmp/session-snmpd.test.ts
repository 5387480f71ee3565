// Every version, level, authentication and privacy that Debian's snmpd has (all of ours), in one snmpd with a user for each; IPv6; SET.
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { SnmpAccess } from '../../../agent/snmp/access.ts';
import { parseAddress } from '../../../agent/snmp/address.ts';
import { oidOf } from '../../../agent/snmp/oid.ts';
import { ERROR_STATUS } from '../../../agent/snmp/pdu.ts';
import type { DeviceSession, SnmpResponse } from '../../../agent/snmp/session.ts';
import type { AuthProtocol, PrivProtocol } from '../../../agent/snmp/usm.ts';
import type { CredentialConfiguration } from '../../../common/runtime/device-configuration.ts';
import { describeWith } from '../../support/requirements.ts';
import { testAccess } from '../../support/snmp-access.ts';
import { type Snmpd, SNMPD_USER, type SnmpdOptions, startSnmpd } from '../../support/snmpd.ts';

const NAME = [oidOf('1.3.6.1.2.1.1.5.0')];
const CONTACT = oidOf('1.3.6.1.2.1.1.4.0');
const AUTH_PASSPHRASE = 'authentication passphrase';
const PRIV_PASSPHRASE = 'privacy passphrase';

/** As snmpd spells them. */
const AUTHENTICATIONS: readonly (readonly [AuthProtocol, string])[] = [
  ['MD5', 'MD5'],
  ['SHA', 'SHA'],
  ['SHA224', 'SHA-224'],
  ['SHA256', 'SHA-256'],
  ['SHA384', 'SHA-384'],
  ['SHA512', 'SHA-512'],
];
const PRIVACIES: readonly (readonly [PrivProtocol, string])[] = [
  ['DES', 'DES'],
  ['AES', 'AES'],
  ['AES192B', 'AES-192'],
  ['AES192R', 'AES-192-C'],
  ['AES256B', 'AES-256'],
  ['AES256R', 'AES-256-C'],
];
const COMBINATIONS = AUTHENTICATIONS.flatMap(([auth, snmpdAuth]) =>
  PRIVACIES.map(([priv, snmpdPriv]) => ({ auth, priv, snmpdAuth, snmpdPriv })),
);

const nameIn = ({ varbinds }: SnmpResponse): string =>
  Buffer.from(varbinds.bytes.slice(varbinds.valueStart(0), varbinds.valueEnd(0))).toString();

describeWith('snmpd', 'a real snmpd that is set up anew', () => {
  const credential = {
    version: '3',
    user: SNMPD_USER.user,
    level: 'authPriv',
    auth_protocol: 'SHA',
    auth_passphrase: SNMPD_USER.auth,
    priv_protocol: 'AES',
    priv_passphrase: SNMPD_USER.priv,
    context: '',
  } as const;

  test('under its old engine id with boots from the beginning, then under another: one session goes on, both are told', async () => {
    const made = testAccess({ timeoutMs: 1000, retries: 1 });
    await made.access.start();
    const id = '80001f8804aabbccdd01';
    let snmpd = await startSnmpd('first', { engine: { id, boots: 40 } });
    const { port } = snmpd;
    const again = async (sysName: string, options: SnmpdOptions): Promise<void> => {
      await snmpd.stop();
      snmpd = await startSnmpd(sysName, { ...options, port });
    };
    try {
      const session = made.access.openSession({ host: '127.0.0.1', port }, credential, { device: 'core1' });
      expect(nameIn(await session.get(NAME))).toBe('first');
      await again('second', { engine: { id, boots: 0 } });
      expect(nameIn(await session.get(NAME))).toBe('second');
      await again('third', { engine: { id: '80001f8804aabbccdd02', boots: 0 } });
      expect(nameIn(await session.get(NAME))).toBe('third');
      expect(made.events.map(({ name }) => name)).toEqual(['engine_restarted', 'engine_replaced']);
      expect(made.events[0]?.details).toContainEqual({ name: 'boots_before', value: '41' });
      expect(made.events[0]?.details).toContainEqual({ name: 'boots_counted', value: 'no' });
      expect(made.access.engines()).toMatchObject([{ engineId: '80001f8804aabbccdd02', boots: 1 }]);
    } finally {
      await snmpd.stop();
      await made.access.stop();
    }
  });
});

describeWith('snmpd', 'a real snmpd', () => {
  let snmpd: Snmpd | null = null;
  let access: SnmpAccess | null = null;

  beforeAll(async () => {
    const users = [
      'createUser plain',
      'rouser plain noauth',
      ...AUTHENTICATIONS.flatMap(([auth, spelt]) => [
        `createUser ${auth}-only ${spelt} "${AUTH_PASSPHRASE}"`,
        `rouser ${auth}-only auth`,
      ]),
      ...COMBINATIONS.flatMap(({ auth, priv, snmpdAuth, snmpdPriv }) => [
        `createUser ${auth}-${priv} ${snmpdAuth} "${AUTH_PASSPHRASE}" ${snmpdPriv} "${PRIV_PASSPHRASE}"`,
        `rouser ${auth}-${priv} authpriv`,
      ]),
      'rwcommunity writer 127.0.0.1',
    ];
    snmpd = await startSnmpd('every-way', { configuration: users, also: 'udp6:[::1]' });
    ({ access } = testAccess({ timeoutMs: 2000, retries: 1 }));
    await access.start();
  }, 60_000);
  afterAll(async () => {
    await access?.stop();
    await snmpd?.stop();
  });

  function session(credential: CredentialConfiguration, host = '127.0.0.1'): DeviceSession {
    if (access === null || snmpd === null) throw new Error('not started');
    return access.openSession({ host, port: snmpd.port }, credential);
  }

  test.for(['1', '2c'] as const)('version %s', async (version) => {
    expect(nameIn(await session({ version, community: 'public' }).get(NAME))).toBe('every-way');
  });

  test('version 3, noAuthNoPriv', async () => {
    const credential = { version: '3', user: 'plain', level: 'noAuthNoPriv', context: '' } as const;
    expect(nameIn(await session(credential).get(NAME))).toBe('every-way');
  });

  test.for(AUTHENTICATIONS)('version 3, authNoPriv, %s', async ([auth]) => {
    const secrets = { auth_protocol: auth, auth_passphrase: AUTH_PASSPHRASE };
    const credential = { version: '3', user: `${auth}-only`, level: 'authNoPriv', context: '', ...secrets } as const;
    expect(nameIn(await session(credential).get(NAME))).toBe('every-way');
  });

  test.for(COMBINATIONS)('version 3, authPriv, $auth $priv', async ({ auth, priv }) => {
    const secrets = { auth_protocol: auth, auth_passphrase: AUTH_PASSPHRASE, priv_passphrase: PRIV_PASSPHRASE };
    const user = { version: '3', user: `${auth}-${priv}`, level: 'authPriv', context: '' } as const;
    const open = session({ ...user, ...secrets, priv_protocol: priv });
    expect(nameIn(await open.get(NAME))).toBe('every-way');
    // The second message has the clock of the first, and another salt.
    expect(nameIn(await open.get(NAME))).toBe('every-way');
    expect(open.traffic.requests).toBeLessThanOrEqual(4);
  });

  test('over IPv6', async () => {
    expect(nameIn(await session({ version: '2c', community: 'public' }, '::1').get(NAME))).toBe('every-way');
    const written = parseAddress(`[0:0::1]:${snmpd?.port}`);
    expect(nameIn(await session({ version: '2c', community: 'public' }, written.host).get(NAME))).toBe('every-way');
  });

  test('SET writes, and what may not be written is an error status', async () => {
    const open = session({ version: '2c', community: 'writer' });
    const set = await open.set([{ oid: CONTACT, type: 'octets', value: 'noc@example.org' }]);
    expect([set.errorStatus, set.errorIndex]).toEqual([ERROR_STATUS.noError, 0]);
    expect(nameIn(await open.get([CONTACT]))).toBe('noc@example.org');
    const wrong = await open.set([{ oid: CONTACT, type: 'integer', value: '5' }]);
    expect(wrong.errorStatus).toBe(ERROR_STATUS.wrongType);
    const refused = await session({ version: '2c', community: 'public' }).set([
      { oid: CONTACT, type: 'octets', value: 'x' },
    ]);
    expect(refused.errorStatus).toBe(ERROR_STATUS.noAccess);
  });
});
