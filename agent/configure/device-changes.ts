// What differs between the devices of now and those of a new configuration; pure, so that it can be tried out before anything is touched.
import { isDeepStrictEqual } from 'node:util';
import type { AgentDevice } from '../config.ts';

export interface DeviceChanges {
  /** The devices from now on; one that is as before is the same object as before. */
  readonly devices: readonly AgentDevice[];
  readonly added: readonly string[];
  readonly changed: readonly string[];
  readonly removed: readonly string[];
}

/** Credential sets are compared as objects: the credential book keeps one as long as it and its secrets are the same. */
export function deviceChanges(before: readonly AgentDevice[], after: readonly AgentDevice[]): DeviceChanges {
  const known = new Map(before.map((device) => [device.name, device]));
  const wanted = new Set(after.map(({ name }) => name));
  const added: string[] = [];
  const changed: string[] = [];
  const devices = after.map((device) => {
    const held = known.get(device.name);
    if (held !== undefined && isSame(held, device)) return held;
    (held === undefined ? added : changed).push(device.name);
    return device;
  });
  return { devices, added, changed, removed: [...known.keys()].filter((name) => !wanted.has(name)) };
}

function isSame(a: AgentDevice, b: AgentDevice): boolean {
  if (a.credential !== b.credential || a.writeCredential !== b.writeCredential) return false;
  return isDeepStrictEqual(
    { ...a, credential: null, writeCredential: null },
    { ...b, credential: null, writeCredential: null },
  );
}
