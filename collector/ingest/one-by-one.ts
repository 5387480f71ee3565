// Work that takes memory, one piece after the other: what waits has taken none yet, so that many who come at once need not be sent away.

export class OneByOne {
  #last: Promise<void> = Promise.resolve();

  /** Begins once all that came before has ended, however it ended. */
  run<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work);
    // Without its result: a large one would be held until the next piece comes.
    this.#last = result.then(nothing, nothing);
    return result;
  }
}

function nothing(): void {}
