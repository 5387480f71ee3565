// Who may do what: roles, the principal behind a request, and the port that turns a token into one.

/** agent writes batches; bridge reads readings; the others are people. administrator may do everything. */
export type Role = 'agent' | 'bridge' | 'viewer' | 'operator' | 'billing' | 'administrator';

export const ROLES: readonly Role[] = ['agent', 'bridge', 'viewer', 'operator', 'billing', 'administrator'];

export interface Principal {
  /** For an agent the agent's name. */
  readonly name: string;
  readonly role: Role;
}

export interface Authenticator {
  /** Null where the token is not known. Compares hashes, never the token itself. */
  authenticate(token: string): Promise<Principal | null>;
}

/** Which roles a route lets in; 'open' needs no token (health only). */
export type RouteAccess = 'open' | readonly Role[];

export const READERS: readonly Role[] = ['viewer', 'operator', 'billing', 'bridge'];

export function mayEnter(principal: Principal, access: readonly Role[]): boolean {
  return principal.role === 'administrator' || access.includes(principal.role);
}
