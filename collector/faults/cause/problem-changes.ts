// Which problems opened, changed or closed between two passes, for the readers of live events: pure but for the picture it keeps.
import type { AlarmOfPass } from './cause-store.ts';
import type { Decision } from './decisions.ts';

export interface ProblemChange extends Readonly<Record<string, unknown>> {
  /** Of the alarm that is the root. */
  readonly id: string;
  readonly resource: string;
  readonly change: 'opened' | 'changed' | 'closed';
  readonly symptoms: number;
}

interface Seen {
  readonly resource: string;
  readonly symptoms: number;
}

export class ProblemChanges {
  /** Null before the first pass: what was open before is no news. */
  #before: ReadonlyMap<string, Seen> | null = null;

  /** The changes since the pass before. */
  next(alarms: readonly AlarmOfPass[], decisions: readonly Decision[]): ProblemChange[] {
    const now = problemsOf(alarms, decisions);
    const before = this.#before;
    this.#before = now;
    if (before === null) return [];
    const changes: ProblemChange[] = [];
    for (const [id, seen] of now) {
      const was = before.get(id);
      if (was === undefined) changes.push({ id, change: 'opened', ...seen });
      else if (was.symptoms !== seen.symptoms) changes.push({ id, change: 'changed', ...seen });
    }
    for (const [id, { resource }] of before)
      if (!now.has(id)) changes.push({ id, resource, change: 'closed', symptoms: 0 });
    return changes;
  }
}

/** Held alarms are no problems yet. */
function problemsOf(alarms: readonly AlarmOfPass[], decisions: readonly Decision[]): Map<string, Seen> {
  const counts = new Map<string, number>();
  const free = new Set<string>();
  for (const { alarm, root, heldUntilMs } of decisions)
    if (root === null && heldUntilMs === null) free.add(alarm);
    else if (root !== null && heldUntilMs === null) counts.set(root, (counts.get(root) ?? 0) + 1);
  return new Map(
    alarms
      .filter(({ id }) => free.has(id))
      .map(({ id, resource }) => [id, { resource, symptoms: counts.get(id) ?? 0 }] as const),
  );
}
