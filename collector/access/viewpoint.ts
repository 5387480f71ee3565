// The port that says what a principal sees (common/model/viewpoint.ts).
import type { Viewpoint } from '../../common/model/viewpoint.ts';
import type { Principal } from '../../common/runtime/access.ts';

export interface Viewpoints {
  /** Resolved anew at least every few seconds; an unresolvable scope (a stale mirror of customers) sees less, never more. */
  of(principal: Principal): Promise<Viewpoint>;
}
