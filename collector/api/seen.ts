// The viewpoint of a request: what its principal sees of the rows it asks for.
import type { Viewpoint } from '../../common/model/viewpoint.ts';
import type { Principal } from '../../common/runtime/access.ts';
import type { Viewpoints } from '../access/viewpoint.ts';

export interface SeenBy {
  readonly viewpoints: Viewpoints;
}

export function seenBy({ viewpoints }: SeenBy, principal: Principal | null): Promise<Viewpoint> {
  if (principal === null) throw new Error('BUG: rows are asked for on an open route');
  return viewpoints.of(principal);
}
