// Whether an entry that fails is at fault itself, told by what failed and what passed before it. Pure.

/** Set aside one after the other without one that passes in between: then it is not the entries, unless all are of one agent and others' pass. */
const MOST_IN_A_ROW = 3;
/** Of how many agents it is remembered that an entry passed: one beside any other. */
const MOST_PASSED = 2;

export class AsideRow {
  /** The agents of those that were set aside in a row, as often as they were. */
  #agents: readonly string[] = [];
  readonly #passed = new Set<string>();

  passed(agent: string): void {
    this.#agents = [];
    if (this.#passed.size < MOST_PASSED) this.#passed.add(agent);
  }

  setAside(agent: string): void {
    this.#agents = [...this.#agents.slice(1 - MOST_IN_A_ROW), agent];
  }

  /** One agent that sends nothing but what fails must not hold up the others: what passed of them shows that the rest is sound. */
  mayTake(agent: string): boolean {
    if (this.#agents.length < MOST_IN_A_ROW) return true;
    const isOneAgents = this.#agents.every((one) => one === agent);
    return isOneAgents && [...this.#passed].some((one) => one !== agent);
  }
}
