// Settings of the trap receiver for tests: three devices, a community, a user, the names that come with Weir.
import path from 'node:path';
import type { TrapSettings } from '../../agent/trap/exchange.ts';
import { loadNames } from '../../agent/trap/names.ts';
import type { CredentialConfiguration } from '../../common/runtime/device-configuration.ts';
import { OWN_ENGINE, PRIVATE_USER, USER } from './trap-message.ts';

export const NAMES = loadNames([path.resolve(import.meta.dirname, '../../config/traps')]);
export const SETS: Readonly<Record<string, CredentialConfiguration>> = {
  plain: { version: '2c', community: 'public' },
  other: { version: '2c', community: 'other' },
  open: { version: '3', user: 'open', level: 'noAuthNoPriv', context: '' },
  signed: {
    version: '3',
    user: USER.name,
    level: 'authNoPriv',
    auth_protocol: USER.auth,
    auth_passphrase: USER.authPassphrase,
    context: '',
  },
  private: {
    version: '3',
    user: PRIVATE_USER.name,
    level: 'authPriv',
    auth_protocol: PRIVATE_USER.auth,
    auth_passphrase: PRIVATE_USER.authPassphrase,
    priv_protocol: PRIVATE_USER.priv,
    priv_passphrase: PRIVATE_USER.privPassphrase,
    context: '',
  },
};

export function trapSettings(changes: Partial<TrapSettings> = {}): TrapSettings {
  return {
    port: 162,
    listen: ['127.0.0.1'],
    networks: [],
    acceptUnknown: false,
    perSecond: 1000,
    perSecondPerSource: 50,
    devices: [
      { name: 'core1', credential: 'plain' },
      { name: 'core2', credential: 'other' },
      { name: 'edge1', credential: 'signed' },
    ],
    credentials: Object.entries(SETS).map(([name, set]) => ({ name, set })),
    shared: [],
    users: [],
    engine: { id: OWN_ENGINE, boots: 7, seconds: 500 },
    names: NAMES,
    ...changes,
  };
}

export const ADDRESSES = [
  { device: 'core1', address: '10.0.0.1' },
  { device: 'core2', address: '10.0.0.2' },
  { device: 'edge1', address: '10.0.0.3' },
];
