// The nouns of putting it right: a runbook finds out what is wrong, a recipe is what may be done about it. Data of config/runbooks.
import type { DurationMs } from '../../common/model/time.ts';
import type { SetType } from '../agents/work-item.ts';
import type { Selector } from './selector.ts';
import type { IndexRule } from './template.ts';

export const STEP_KINDS = [
  'poll',
  'ping',
  'traceroute',
  'neighbour',
  'changes',
  'read',
  'agents',
  'projections',
] as const;
export type StepKind = (typeof STEP_KINDS)[number];

/** A value to be read, and what its numbers mean. */
export interface NamedValue {
  readonly name: string;
  /** With places; `.*` behind it: the rows of a column. */
  readonly oid: string;
  readonly words: Readonly<Record<string, string>>;
}

export interface Step {
  readonly kind: StepKind;
  /** Of devices of these profiles alone; empty: of all. */
  readonly profiles: readonly string[];
  readonly timeoutMs: DurationMs;
  /** Of `read`. */
  readonly values: readonly NamedValue[];
  /** Of `changes`: how far back. */
  readonly sinceMs: DurationMs;
}

export interface Runbook {
  readonly name: string;
  readonly title: string;
  readonly selector: Selector;
  /** An alarm must have stood so long. */
  readonly holdMs: DurationMs;
  readonly steps: readonly Step[];
  /** Names of recipes that may help. */
  readonly actions: readonly string[];
}

/** A value to be set, with places. */
export interface RecipeValue {
  readonly oid: string;
  readonly type: SetType;
  readonly value: string;
}

/** interface_up, alarm_cleared: what the next polls must say; values: what the device must have in the end. */
export const EXPECTATIONS = ['values', 'interface_up', 'alarm_cleared'] as const;
export type Expectation = (typeof EXPECTATIONS)[number];

export interface Recipe {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly selector: Selector;
  /** What it is done to: an interface, an outlet, the device, or (webhooks) the alarm itself. */
  readonly target: 'interface' | 'outlet' | 'device' | 'alarm';
  /** port: what is behind the port is cut off for a while, so the paths are checked. */
  readonly cuts: 'port' | 'nothing';
  readonly index: IndexRule | null;
  readonly steps: readonly { readonly values: readonly RecipeValue[]; readonly pauseMs: DurationMs }[];
  /** Of a webhook its name in the configuration; null: values are set. */
  readonly webhook: string | null;
  readonly verify: {
    readonly expect: readonly Expectation[];
    readonly withinMs: DurationMs;
    /** What the values must be in the end; empty: what was set last. */
    readonly values: readonly { readonly oid: string; readonly value: string }[];
  };
  /** before: where it is not verified and the values are others than before, those are set again. */
  readonly restore: 'before' | 'never';
}
