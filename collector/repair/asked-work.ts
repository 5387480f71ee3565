// Work that Weir itself asks of agents, each piece under an id of its own, so that a collector that dies in between asks for nothing twice.
import { EVERYTHING } from '../../common/model/viewpoint.ts';
import type { Principal } from '../../common/runtime/access.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import type { Work, WorkItem, WorkRequest } from '../agents/work-item.ts';

export const WEIR: Principal = { name: 'weir', role: 'operator', scope: null };

export type WorkPort = Pick<Work, 'ask' | 'get'>;

export type OwnRequest = Pick<WorkRequest, 'kind' | 'device' | 'reason' | 'expiresMs'> &
  Pick<WorkRequest, 'oids' | 'steps'> & { readonly id: string };

/** Throws overloaded where the agent has as much open work as it may. */
export function askWork(work: WorkPort, agent: string, request: OwnRequest, by: Principal = WEIR): Promise<WorkItem> {
  return work.ask(agent, { varbinds: [], ...request }, by);
}

/** Null where there is no such work any more. */
export async function findWork(work: WorkPort, agent: string, id: string): Promise<WorkItem | null> {
  try {
    return await work.get(EVERYTHING, agent, id);
  } catch (error) {
    if (error instanceof WeirError && error.code === 'not_found') return null;
    throw error;
  }
}

export function isOpen(item: WorkItem | null): boolean {
  return item !== null && (item.state === 'queued' || item.state === 'handed_out');
}
