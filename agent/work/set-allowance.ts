// Whether values of a device may be set: only where its configuration says so, and only below the identifiers that it names.
import { WeirError } from '../../common/runtime/errors.ts';
import type { SetVarbind } from './work-item.ts';

/** False: nothing. True: everything that the write credential may. A list: what lies at or below one of these object identifiers. */
export type SetAllowance = boolean | readonly string[];

/** Throws set_not_allowed, which names the first identifier that may not be set. */
export function refuseSet(device: string, allowance: SetAllowance, varbinds: readonly SetVarbind[]): void {
  if (allowance === true) return;
  const prefixes = allowance === false ? [] : allowance.map(arcsOf);
  const foreign = varbinds.find(({ oid }) => !prefixes.some((prefix) => isBelow(arcsOf(oid), prefix)));
  if (foreign === undefined && varbinds.length > 0) return;
  const which = allowance === false ? 'Nothing of it may be set' : `${foreign?.oid ?? 'Nothing'} may not be set`;
  throw new WeirError('set_not_allowed', `${which}: see allow_set of the device ${device} at its agent.`, {
    device,
    oid: foreign?.oid ?? null,
  });
}

function arcsOf(oid: string): readonly string[] {
  return oid.split('.').filter((arc) => arc !== '');
}

/** By whole arcs: 1.3.6.10 is not below 1.3.6.1. */
function isBelow(arcs: readonly string[], prefix: readonly string[]): boolean {
  return prefix.length > 0 && prefix.every((arc, at) => arcs[at] === arc);
}
