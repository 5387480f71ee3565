// One stretch of memory for the packed parts of all pages of a transaction, which goes to the server as it is.

const FIRST_BYTES = 256 * 1024;

export class PageArena {
  #bytes = Buffer.alloc(FIRST_BYTES);
  #length = 0;

  /** As it is now: it moves when room is taken. */
  get bytes(): Buffer {
    return this.#bytes;
  }

  /** Takes so many octets, all 0; returns where they begin. */
  take(count: number): number {
    const at = this.#length;
    this.#length += count;
    if (this.#length > this.#bytes.length) {
      const larger = Buffer.alloc(Math.max(this.#bytes.length * 2, this.#length));
      this.#bytes.copy(larger, 0, 0, at);
      this.#bytes = larger;
    }
    return at;
  }
}
