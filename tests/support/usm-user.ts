// A v3 user whose keys are derived on the spot, without a worker.
import { createHash } from 'node:crypto';
import { keyDerivation } from '../../agent/snmp/key-derivation.ts';
import { type UserCredential, UsmUser } from '../../agent/snmp/usm.ts';

const derivation = keyDerivation(createHash);

export function instantUser(credential: Omit<UserCredential, 'version' | 'context'>): UsmUser {
  return new UsmUser(
    { ...credential, version: '3', context: '' },
    { resolve: (reference) => reference, keys: { keysFor: (request) => derivation.derive(request) } },
  );
}
