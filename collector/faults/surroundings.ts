// What the rules know beside polls: which neighbours are devices of ours, and which interfaces people or services want up.
import type { EpochMs } from '../../common/model/time.ts';

export interface Surroundings {
  /** Whether a device of ours is called so by its neighbours. */
  isManaged(remoteDevice: string): boolean;
  /** Whether a service is bound to `device/interfaceKey`, or to anything of `device`. */
  isBound(resource: string, atMs: EpochMs): boolean;
  /** Wanted up or not as somebody has said by hand; null where nobody has. */
  byHand(device: string, interfaceKey: string): boolean | null;
}

/** Nothing is known. */
export const NO_SURROUNDINGS: Surroundings = { isManaged: () => false, isBound: () => false, byHand: () => null };
