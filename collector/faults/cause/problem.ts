// A problem as the API tells it (TMF656): an alarm that is a cause, the alarms that are its symptoms, and whom they hit together.
import type { Viewpoint } from '../../../common/model/viewpoint.ts';
import type { Alarm, Severity } from '../alarm.ts';
import type { Impact } from './impact.ts';

/** How much it matters that a resource works, as people have said. */
export const PROBLEM_CRITICALITIES = ['low', 'normal', 'high', 'critical'] as const;
export type ProblemCriticality = (typeof PROBLEM_CRITICALITIES)[number];

export interface Symptom {
  readonly id: string;
  readonly resource: string;
  readonly alarmType: string;
  readonly severity: Severity;
  readonly raisedAt: string;
}

export interface Problem {
  /** That of the root alarm. */
  readonly id: string;
  readonly root: Alarm;
  /** False while it may turn out to be a symptom. */
  readonly settled: boolean;
  /** Why it is held or is a root; null before anything was decided, and of alarms that nothing else could explain. */
  readonly reason: string | null;
  readonly criticality: ProblemCriticality;
  /** By resource. */
  readonly symptoms: readonly Symptom[];
  readonly impact: Impact;
}

export interface Problems {
  /** Those that are open as the viewpoint sees them, the gravest first; `complete`: whether these are all. */
  open(viewpoint: Viewpoint): Promise<{ readonly problems: readonly Problem[]; readonly complete: boolean }>;
}
