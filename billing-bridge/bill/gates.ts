// The gates of a bill run: what a bill rests on, each named, with what is not in order; hard ones hold the bill back unless accepted.

export const GATE_NAMES = [
  /** Usage does not add up to the counters. */
  'conservation',
  /** Batches that could not be read are kept aside. */
  'quarantine',
  /** Readings were taken by a clock that was off. */
  'clock',
  /** Usage of the period is not final, or not rated yet. */
  'finality',
  /** A period before this one has charges and no bill. */
  'earlier_period',
  /** Octets of gaps: exact, with an unknown shape inside. */
  'gaps',
  /** Octets that could not be trusted and are not rated. */
  'suspense',
  /** Ports with traffic that belong to nobody. */
  'unassigned',
  /** Ports that are bound and not read any more. */
  'vanished',
] as const;

export type GateName = (typeof GATE_NAMES)[number];

/** One thing that is not in order, for people. */
export type Finding = Readonly<Record<string, unknown>>;

/** One gate as a run found it; open is in order. */
export interface Gate {
  readonly name: GateName;
  readonly open: boolean;
  /** A closed hard gate holds the bill back. */
  readonly hard: boolean;
  readonly accepted: boolean;
  /** How many things are not in order; the first of them are in `findings`. */
  readonly count: number;
  readonly findings: readonly Finding[];
}

export interface GateFindings {
  readonly name: GateName;
  readonly count: number;
  readonly findings: readonly Finding[];
}

export interface GateRule {
  readonly hard: ReadonlySet<GateName>;
  readonly accepted: ReadonlySet<GateName>;
}

const MAX_FINDINGS = 100;

export function judge(found: readonly GateFindings[], rule: GateRule): Gate[] {
  return found.map(({ name, count, findings }) => ({
    name,
    open: count === 0,
    hard: rule.hard.has(name),
    accepted: count > 0 && rule.accepted.has(name),
    count,
    findings: findings.slice(0, MAX_FINDINGS),
  }));
}

/** Gates that hold the bill back. */
export function holding(gates: readonly Gate[]): Gate[] {
  return gates.filter((gate) => !gate.open && gate.hard && !gate.accepted);
}
