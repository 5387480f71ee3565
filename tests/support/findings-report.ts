// Prints what was found of many recordings, by family, and says whether it is less than has been reached before.
import { columnOf, type Poll } from '../../common/model/poll.ts';
import { tableNamed } from '../../cli/poll/document.ts';
import { type Aspect, ASPECTS, type Finding, type Findings, findingsOf } from './findings.ts';
import type { Recording } from './recording.ts';

/** Percent of what LibreNMS lists that must be found with the same value over all recordings; what has been reached, rounded down. */
const FLOORS: Readonly<Record<Aspect, number>> = {
  identity: 95,
  processors: 99,
  memory: 98,
  sensors: 99,
  storage: 99,
  'bgp-peers': 99,
  links: 98,
  entities: 95,
};

interface Sums {
  expected: number;
  right: number;
  found: number;
}

const LABEL_WIDTH = 34;
const CELL_WIDTH = 16;

export class FindingsReport {
  readonly #families = new Map<string, Map<Aspect, Sums>>();
  #recordings = 0;

  /** What was found of this one. */
  add(recording: Recording, poll: Poll): Findings {
    const findings = findingsOf(recording, poll);
    const os = recording.rows('os', 'devices')[0]?.['os'];
    const family = `${typeof os === 'string' ? os : recording.name} (${profileOf(poll)})`;
    const sums = this.#families.get(family) ?? new Map<Aspect, Sums>();
    for (const aspect of ASPECTS) sums.set(aspect, sum(sums.get(aspect), findings[aspect]));
    this.#families.set(family, sums);
    this.#recordings += 1;
    return findings;
  }

  get recordings(): number {
    return this.#recordings;
  }

  /** Right of expected, and all that we found, by family and over all. */
  lines(): string[] {
    const heads = ASPECTS.map((aspect) => aspect.padStart(CELL_WIDTH));
    const families = [...this.#families].toSorted(([a], [b]) => a.localeCompare(b));
    return [
      `  ${'right/expected (found)'.padEnd(LABEL_WIDTH)}${heads.join('')}`,
      ...families.map(([family, sums]) => `  ${family.padEnd(LABEL_WIDTH)}${cellsOf(sums).join('')}`),
      `  ${'all'.padEnd(LABEL_WIDTH)}${cellsOf(this.#totals()).join('')}`,
      `  ${''.padEnd(LABEL_WIDTH)}${ASPECTS.map((aspect) => `${this.percent(aspect).toFixed(1)} %`.padStart(CELL_WIDTH)).join('')}`,
    ];
  }

  percent(aspect: Aspect): number {
    const { right, expected } = this.#totals().get(aspect) ?? { right: 0, expected: 0 };
    return expected === 0 ? 100 : (right * 100) / expected;
  }

  /** Aspects of which less was found than has been before. */
  belowFloor(): string[] {
    return ASPECTS.filter((aspect) => this.percent(aspect) < FLOORS[aspect]).map(
      (aspect) => `${aspect}: ${this.percent(aspect).toFixed(1)} % of ${FLOORS[aspect]} %`,
    );
  }

  #totals(): Map<Aspect, Sums> {
    const totals = new Map<Aspect, Sums>();
    for (const sums of this.#families.values()) {
      for (const [aspect, finding] of sums) totals.set(aspect, sum(totals.get(aspect), finding));
    }
    return totals;
  }
}

function sum(a: Sums | undefined, b: Finding | Sums): Sums {
  const { expected, right, found } = a ?? { expected: 0, right: 0, found: 0 };
  return { expected: expected + b.expected, right: right + b.right, found: found + b.found };
}

function cellsOf(sums: ReadonlyMap<Aspect, Sums>): string[] {
  return ASPECTS.map((aspect) => {
    const { expected, right, found } = sums.get(aspect) ?? { expected: 0, right: 0, found: 0 };
    return (expected + found === 0 ? '' : `${right}/${expected} (${found})`).padStart(CELL_WIDTH);
  });
}

function profileOf(poll: Poll): string {
  const system = tableNamed(poll, 'system');
  const column = system && columnOf(system, 'profile');
  return column?.kind === 'text' ? (column.values[0] ?? '') : '';
}
