// A row of the benchmark: Weir's figure beside a peer's of the same run, their ratio, the goal, and whether it is met. Pure.

/** What is asked of a row: of the ratio to the peer, or of Weir's own figure. `most` where less is better. */
export type Goal =
  | { readonly of: 'ratio' | 'weir'; readonly least: number }
  | { readonly of: 'ratio' | 'weir'; readonly most: number };

export interface Row {
  /** The figure and its unit. */
  readonly what: string;
  /** Null where Weir could not be measured; `note` says why. */
  readonly weir: number | null;
  readonly peer: string | null;
  readonly peer_figure: number | null;
  /** weir / peer_figure, whichever of the two is better. */
  readonly ratio: number | null;
  readonly goal: string | null;
  /** A row without a goal has nothing to miss. */
  readonly goal_met: boolean;
  /** What must be known to read the row: scale, a peer that is missing and how it is brought. */
  readonly note?: string;
}

export interface Measured {
  readonly what: string;
  readonly weir: number | null;
  readonly peer?: { readonly name: string; readonly figure: number | null };
  readonly goal?: Goal;
  readonly note?: string;
}

export interface Report {
  readonly rows: readonly Row[];
  readonly goal_met: boolean;
}

export function rowOf({ what, weir, peer, goal, note }: Measured): Row {
  const peerFigure = peer?.figure ?? null;
  const ratio = weir === null || peerFigure === null || peerFigure === 0 ? null : weir / peerFigure;
  return {
    what,
    weir: rounded(weir),
    peer: peer?.name ?? null,
    peer_figure: rounded(peerFigure),
    ratio: rounded(ratio),
    goal: goal === undefined ? null : goalText(goal),
    goal_met: goal === undefined || isMet(goal, goal.of === 'ratio' ? ratio : weir),
    ...(note === undefined ? {} : { note }),
  };
}

export function reportOf(rows: readonly Row[]): Report {
  return { rows, goal_met: rows.every((row) => row.goal_met) };
}

/** What was not measured meets no goal. Judged before rounding: 9.96 is not 10. */
function isMet(goal: Goal, figure: number | null): boolean {
  if (figure === null) return false;
  return 'least' in goal ? figure >= goal.least : figure <= goal.most;
}

function goalText(goal: Goal): string {
  const bound = 'least' in goal ? `at least ${figureText(goal.least)}` : `at most ${figureText(goal.most)}`;
  return goal.of === 'ratio' ? `${bound} × peer` : bound;
}

/** Three significant digits, whole from 100 up: what a noisy machine can tell. */
export function rounded(figure: number | null): number | null {
  if (figure === null || !Number.isFinite(figure)) return null;
  return Math.abs(figure) >= 100 ? Math.round(figure) : Number(figure.toPrecision(3));
}

export function figureText(figure: number | null): string {
  const value = rounded(figure);
  return value === null ? '–' : value.toLocaleString('en-US', { maximumFractionDigits: 6 });
}
