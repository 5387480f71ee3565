// Keys, digests and privacy against published vectors, messages of two other implementations, and net-snmp's own functions.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { keyDerivation } from '../../../agent/snmp/key-derivation.ts';
import { decodeMessage, decodeScopedPdu, encodeScopedPdu, type SecuredMessage } from '../../../agent/snmp/message.ts';
import { oidOf } from '../../../agent/snmp/oid.ts';
import { PDU } from '../../../agent/snmp/pdu.ts';
import { UserSecurity } from '../../../agent/snmp/user-security.ts';
import {
  type AuthProtocol,
  checkUser,
  decrypt,
  digestHolds,
  encrypt,
  localizedKey,
  messageDigest,
  passphraseDigest,
  privacyKey,
  privacyPossible,
  type PrivProtocol,
} from '../../../agent/snmp/usm.ts';
import { WeirError } from '../../../common/runtime/errors.ts';
import { CORPUS, describeWith } from '../../support/requirements.ts';
import { instantUser } from '../../support/usm-user.ts';

const hex = (text: string): Uint8Array => Buffer.from(text, 'hex');
const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

const PRIVACY: Readonly<Record<string, PrivProtocol>> = {
  DES: 'DES',
  AES128: 'AES',
  'AES192-Blumenthal': 'AES192B',
  'AES192-Reeder': 'AES192R',
  'AES256-Blumenthal': 'AES256B',
  'AES256-Reeder': 'AES256R',
};

interface Vectors {
  readonly kdf: { auth: AuthProtocol; password: string; engine_id: string; ku: string; kul: string }[];
  readonly key_extension: {
    method: 'Reeder' | 'Blumenthal';
    auth: AuthProtocol;
    password: string;
    engine_id: string;
    length: number;
    key: string;
  }[];
  readonly messages: {
    auth: AuthProtocol;
    priv: string;
    auth_password: string;
    priv_password: string | null;
    user: string;
    engine_id: string;
    boots: number;
    time: number;
    hmac_ok: boolean;
    scoped_pdu: string;
    hex: string;
  }[];
}

const BY_LENGTH: Readonly<Record<string, PrivProtocol>> = {
  'Blumenthal 24': 'AES192B',
  'Blumenthal 32': 'AES256B',
  'Reeder 24': 'AES192R',
  'Reeder 32': 'AES256R',
};

/** Node's names. */
const AUTH_HASH: Readonly<Record<AuthProtocol, { readonly hash: string }>> = {
  MD5: { hash: 'md5' },
  SHA: { hash: 'sha1' },
  SHA224: { hash: 'sha224' },
  SHA256: { hash: 'sha256' },
  SHA384: { hash: 'sha384' },
  SHA512: { hash: 'sha512' },
};

function vectors(): Vectors {
  return JSON.parse(readFileSync(path.join(CORPUS, 'usm-vectors.json'), 'utf8')) as Vectors;
}

describeWith('corpus', 'the corpus of USM vectors', () => {
  test('keys', () => {
    for (const { auth, password, engine_id: engine, ku, kul } of vectors().kdf) {
      const digest = passphraseDigest(auth, password);
      expect(hexOf(digest)).toBe(ku);
      expect(hexOf(localizedKey(auth, digest, hex(engine)))).toBe(kul);
    }
  });

  test('key extensions: all of them, to 24 and 32 octets as the protocols want them, and to the 40 of a draft', () => {
    const all = vectors().key_extension;
    expect(all).toHaveLength(27);
    for (const { method, auth, password, engine_id: engine, length, key } of all) {
      const localized = localizedKey(auth, passphraseDigest(auth, password), hex(engine));
      const extension = method === 'Reeder' ? 'reeder' : 'blumenthal';
      const { hash } = AUTH_HASH[auth];
      expect(hexOf(keyDerivation(createHash).extended(hash, extension, localized, hex(engine), length))).toBe(key);
      const protocol = BY_LENGTH[`${method} ${length}`];
      if (protocol !== undefined) expect(hexOf(privacyKey(auth, protocol, localized, hex(engine)))).toBe(key);
    }
  });

  test('whole messages: the digest holds, and the scoped PDU is what it was', () => {
    let opened = 0;
    for (const vector of vectors().messages) {
      const privacy = PRIVACY[vector.priv];
      if (vector.priv !== 'none' && privacy === undefined) throw new Error(`no ${vector.priv}`);
      const message = decodeMessage(hex(vector.hex));
      if (message.version !== 3) throw new Error('not version 3');
      const auth = localizedKey(vector.auth, passphraseDigest(vector.auth, vector.auth_password), message.engineId);
      expect(digestHolds(vector.auth, auth, message.bytes, message.digestAt, message.digest.length)).toBe(
        vector.hmac_ok,
      );
      const plain = privacy === undefined ? message.scoped : opensWith(message, vector, privacy);
      expect(hexOf(plain).startsWith(vector.scoped_pdu)).toBe(true);
      expect(decodeScopedPdu(plain).pdu.type).toBeGreaterThanOrEqual(PDU.get);
      opened += 1;
    }
    expect(opened).toBe(134);
  });
});

function opensWith(message: SecuredMessage, vector: Vectors['messages'][number], privacy: PrivProtocol): Uint8Array {
  const digest = passphraseDigest(vector.auth, vector.priv_password ?? '');
  const localized = localizedKey(vector.auth, digest, message.engineId);
  const key = privacyKey(vector.auth, privacy, localized, message.engineId);
  return decrypt(privacy, key, message, message.salt, message.scoped);
}

interface NetSnmpCrypto {
  readonly AuthProtocols: Record<string, number>;
  readonly PrivProtocols: Record<string, number>;
  readonly Authentication: {
    calculateDigest(message: Buffer, protocol: number, password: string, engineId: Buffer): Buffer;
  };
  readonly Encryption: {
    decryptPdu(
      protocol: number,
      secret: Buffer,
      salt: Buffer,
      password: string,
      auth: number,
      engine: { engineID: Buffer; engineBoots: number; engineTime: number },
    ): Buffer;
  };
}
const netSnmp = createRequire(import.meta.url)('net-snmp') as NetSnmpCrypto;
const ENGINE = Buffer.from('80001f88041122334455667788', 'hex');
const AUTH: readonly AuthProtocol[] = ['MD5', 'SHA', 'SHA224', 'SHA256', 'SHA384', 'SHA512'];

describe('against net-snmp', () => {
  test.each(AUTH)('the digest of %s is the same', (protocol) => {
    const message = Buffer.from('a message of no meaning');
    const key = localizedKey(protocol, passphraseDigest(protocol, 'authpass1'), ENGINE);
    const code = netSnmp.AuthProtocols[protocol.toLowerCase()] ?? 0;
    expect(hexOf(messageDigest(protocol, key, message))).toBe(
      hexOf(netSnmp.Authentication.calculateDigest(message, code, 'authpass1', ENGINE)),
    );
  });

  const combinations = AUTH.flatMap((auth) =>
    (['AES', 'AES256B', 'AES256R'] as const).map((priv) => [auth, priv] as const),
  );
  test.each(combinations)('%s %s: it decrypts what we encrypt', (auth, priv) => {
    const plain = Buffer.from(
      encodeScopedPdu(ENGINE, new Uint8Array(), { type: PDU.get, requestId: 1, oids: [oidOf('1.3.6.1')] }),
    );
    const localized = localizedKey(auth, passphraseDigest(auth, 'privpass1'), ENGINE);
    const key = privacyKey(auth, priv, localized, ENGINE);
    const salt = Buffer.from('0102030405060708', 'hex');
    const secret = encrypt(priv, key, { engineBoots: 3, engineTime: 4711 }, salt, plain);
    const engine = { engineID: ENGINE, engineBoots: 3, engineTime: 4711 };
    const [privCode, authCode] = [
      netSnmp.PrivProtocols[priv.toLowerCase()] ?? 0,
      netSnmp.AuthProtocols[auth.toLowerCase()] ?? 0,
    ];
    expect(
      hexOf(netSnmp.Encryption.decryptPdu(privCode, Buffer.from(secret), salt, 'privpass1', authCode, engine)),
    ).toBe(hexOf(plain));
  });
});

describe('DES without the legacy provider', () => {
  test('Node can do it as triple DES with one key', () => {
    expect(privacyPossible('DES')).toBe(true);
  });

  test('what is encrypted decrypts, padded to eight octets', () => {
    const key = Buffer.alloc(16, 7);
    const salt = Buffer.alloc(8, 9);
    const clock = { engineBoots: 0, engineTime: 0 };
    const secret = encrypt('DES', key, clock, salt, Buffer.from('12345'));
    expect(secret.length).toBe(8);
    expect(Buffer.from(decrypt('DES', key, clock, salt, secret)).toString('latin1')).toBe('12345\0\0\0');
  });

  test('a ciphertext of a wrong length is a coded error', () => {
    expect(() =>
      decrypt('DES', Buffer.alloc(16), { engineBoots: 0, engineTime: 0 }, Buffer.alloc(8), Buffer.alloc(7)),
    ).toThrow(WeirError);
  });
});

describe('credential sets', () => {
  test.for([
    [{ level: 'authNoPriv' }, ['auth_protocol', 'auth_passphrase']],
    [{ level: 'authPriv', auth_protocol: 'SHA', auth_passphrase: 'x' }, ['priv_protocol', 'priv_passphrase']],
    [{ level: 'authPriv', auth_protocol: 'SHA', auth_passphrase: 'x', priv_protocol: 'AES' }, ['priv_passphrase']],
  ] as const)('%j lacks %j', ([set, missing]) => {
    try {
      checkUser({ version: '3', user: 'u', context: '', ...set });
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(WeirError);
      expect(error).toMatchObject({ code: 'credential_incomplete', detail: { missing } });
    }
  });

  test('passphrases below authPriv are not needed', () => {
    expect(() => checkUser({ version: '3', user: 'u', context: '', level: 'noAuthNoPriv' })).not.toThrow();
  });
});

describe('what an answer must be to be believed', () => {
  const user = instantUser({
    user: 'u',
    level: 'authPriv',
    auth_protocol: 'SHA256',
    auth_passphrase: 'authpass1',
    priv_protocol: 'AES',
    priv_passphrase: 'privpass1',
  });
  const deps = { monotonicMs: () => 0, memory: { recall: () => null, confirm: () => undefined } };

  test('the first request asks for the engine without naming the user', () => {
    const security = new UserSecurity(user, '', deps);
    const discovery = security.discovery();
    expect(discovery).not.toBeNull();
    const message = decodeMessage(security.encode({ type: PDU.get, oids: [], requestId: 5 }, true));
    expect(message).toMatchObject({ version: 3, messageId: 5, flags: 4 });
    expect(message.version === 3 ? message.user.length + message.engineId.length : -1).toBe(0);
  });

  test('a community answer is not believed by a v3 session', () => {
    const security = new UserSecurity(user, '', deps);
    const community = decodeMessage(
      hex('302602010104067075626c6963a219020101020100020100300e300c06082b060102010101000500'),
    );
    expect(security.open(community, 1)).toBeNull();
  });
});
