// Decides which answers under several addresses are one device: what it is called and what marks it must agree, and nothing may speak against it.
import type { Identity } from './identity.ts';

type Marks = Pick<Identity, 'sysName' | 'sysObjectID' | 'serial' | 'engineId' | 'chassisMacs'>;

/**
 * The same name and kind, and one mark in common: serial number, chassis MAC or SNMP engine id. Two serial numbers or two engine ids that
 * differ are two devices, whatever else they share: engine ids come out of cloned configurations, and bridge addresses out of cloned machines.
 */
export function isSameDevice(left: Marks, right: Marks): boolean {
  if (left.sysName !== right.sysName || left.sysObjectID !== right.sysObjectID) return false;
  if (differ(left.serial, right.serial) || differ(left.engineId, right.engineId)) return false;
  return (
    (left.serial !== null && left.serial === right.serial) ||
    (left.engineId !== null && left.engineId === right.engineId) ||
    left.chassisMacs.some((mac) => right.chassisMacs.includes(mac))
  );
}

function differ(left: string | null, right: string | null): boolean {
  return left !== null && right !== null && left !== right;
}

/** Groups in the order of their first members, which they keep first. Only devices of the same name are compared. */
export function groupSameDevices<Of extends { readonly identity: Marks }>(found: readonly Of[]): Of[][] {
  const byName = new Map<string, Of[][]>();
  const groups: Of[][] = [];
  for (const one of found) {
    const name = `${one.identity.sysObjectID ?? ''} ${one.identity.sysName ?? ''}`;
    const candidates = byName.get(name) ?? [];
    byName.set(name, candidates);
    const same = candidates.find(
      (group) =>
        group.every((member) => !contradicts(member.identity, one.identity)) &&
        group.some((member) => isSameDevice(member.identity, one.identity)),
    );
    if (same !== undefined) same.push(one);
    else {
      const group = [one];
      candidates.push(group);
      groups.push(group);
    }
  }
  return groups;
}

function contradicts(left: Marks, right: Marks): boolean {
  return differ(left.serial, right.serial) || differ(left.engineId, right.engineId);
}
