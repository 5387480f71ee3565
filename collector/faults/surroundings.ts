// What the rules know beside polls: which neighbours are devices of ours, and which interfaces people or services want up.

export interface Surroundings {
  /** Whether a device of ours is called so by its neighbours. */
  isManaged(remoteDevice: string): boolean;
}

/** Nothing is known. */
export const NO_SURROUNDINGS: Surroundings = { isManaged: () => false };
