// Tokens that the environment gives to the collector: those of the first administrator, of the agent of the configuration, and of the bridge.
import type { Principal } from '../common/runtime/access.ts';
import { WeirError } from '../common/runtime/errors.ts';

export interface GivenToken {
  readonly token: string;
  readonly principal: Principal;
}

/** `agent`: the name that its token is for. Throws misused where two are the same: one of them would lose its role. */
export function givenTokens(agent: string, environment: Readonly<Record<string, string | undefined>>): GivenToken[] {
  const wanted: readonly (Omit<Principal, 'scope'> & { readonly variable: string })[] = [
    { variable: 'WEIR_ADMIN_TOKEN', name: 'administrator', role: 'administrator' },
    { variable: 'WEIR_AGENT_TOKEN', name: agent, role: 'agent' },
    { variable: 'WEIR_BRIDGE_TOKEN', name: 'billing-bridge', role: 'bridge' },
  ];
  const given = wanted.flatMap(({ variable, name, role }) => {
    const token = environment[variable] ?? '';
    return token === '' ? [] : [{ token, principal: { name, role, scope: null } }];
  });
  if (new Set(given.map(({ token }) => token)).size < given.length)
    throw new WeirError('misused', 'WEIR_ADMIN_TOKEN, WEIR_AGENT_TOKEN and WEIR_BRIDGE_TOKEN must differ.');
  return given;
}
