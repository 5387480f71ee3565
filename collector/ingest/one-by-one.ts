// Work that takes memory, one piece after the other: what waits has taken none yet, so that many who come at once need not be sent away.

export class OneByOne {
  #last: Promise<unknown> = Promise.resolve();

  /** Begins once all that came before has ended, however it ended. */
  run<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work);
    this.#last = result.catch(() => undefined);
    return result;
  }
}
