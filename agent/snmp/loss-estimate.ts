// Tells a network that loses packets from a device that is silent on large requests: a retry that was answered was a loss, never a size.

/** Old evidence counts half each time this many attempts are full. */
const MOST_ATTEMPTS = 400;
/** Answered at once, as if: one loss in the first exchange is no proof of a bad network. */
const PRIOR_ATTEMPTS = 4;
/** Silence less likely than this to be loss is taken for the device's own. */
const LEAST_CHANCE = 0.001;
/** Sent in vain with one size; after them it is called too large whatever the network. */
const MOST_ATTEMPTS_OF_ONE_SIZE = 12;
/** From here on the network is called lossy. */
const LOSSY = 0.05;

/** Of one device. */
export class LossEstimate {
  #attempts = 0;
  #lost = 0;

  /** A request that was answered after so many retries. */
  answered(retries: number): void {
    this.#attempts += retries + 1;
    this.#lost += retries;
    if (this.#attempts < MOST_ATTEMPTS) return;
    this.#attempts /= 2;
    this.#lost /= 2;
  }

  /** Of all attempts, 0 up to 1. */
  get rate(): number {
    return this.#lost / (this.#attempts + PRIOR_ATTEMPTS);
  }

  get lossy(): boolean {
    return this.rate > LOSSY;
  }

  /** Whether that many attempts of one size may all have been lost on the way: then it is worth asking the same again. */
  mayBeLoss(attempts: number): boolean {
    return attempts < MOST_ATTEMPTS_OF_ONE_SIZE && this.rate ** attempts > LEAST_CHANCE;
  }
}
