// Who may do what: roles, the part of the network and of the customers a principal may see, and the port that turns a token into one.
import type { EpochMs } from '../model/time.ts';

/**
 * agent writes batches; bridge reads readings; the others are people. care answers customers: their services, open faults and bills, no
 * device's secrets. administrator may do everything within its scope.
 */
export type Role = 'agent' | 'bridge' | 'viewer' | 'operator' | 'care' | 'billing' | 'administrator';

export const ROLES: readonly Role[] = ['agent', 'bridge', 'viewer', 'operator', 'care', 'billing', 'administrator'];

/**
 * What of the network and of the customers a principal sees: devices of these sites, and the interfaces, services and bills of these
 * customers. Both together are a union. Law of the design: it is enforced where rows are read (collector/access/viewpoint.ts).
 */
export interface Scope {
  readonly sites: readonly string[];
  readonly customers: readonly string[];
}

export interface Principal {
  /** For an agent the agent's name. */
  readonly name: string;
  readonly role: Role;
  /** Null: everything. */
  readonly scope: Scope | null;
  /** When its token ends; absent: never. */
  readonly expiresAtMs?: EpochMs;
}

/** Who asks at a route that is not open: the server has let nobody else in. */
export function principalOf(principal: Principal | null): Principal {
  if (principal === null) throw new Error('BUG: a route that is not open without a principal');
  return principal;
}

export interface Authenticator {
  /** Null where the token is not known. Compares hashes, never the token itself. */
  authenticate(token: string): Promise<Principal | null>;
}

/** Which roles a route lets in; 'open' needs no token (health only). */
export type RouteAccess = 'open' | readonly Role[];

/** Who reads what the network is. */
export const READERS: readonly Role[] = ['viewer', 'operator', 'billing', 'bridge'];
/** Who reads how it is: faults, series and figures without what devices say of themselves. */
export const STATE_READERS: readonly Role[] = [...READERS, 'care'];

/** Whether the second sees nothing beyond the first. */
export function holdsScope(held: Scope | null, wanted: Scope | null): boolean {
  if (held === null) return true;
  if (wanted === null) return false;
  const within = (mine: readonly string[], theirs: readonly string[]): boolean =>
    theirs.every((one) => mine.includes(one));
  return within(held.sites, wanted.sites) && within(held.customers, wanted.customers);
}

export function mayEnter(principal: Principal, access: readonly Role[]): boolean {
  return principal.role === 'administrator' || access.includes(principal.role);
}
