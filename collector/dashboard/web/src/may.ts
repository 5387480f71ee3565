// What each role is shown: the same as the API gives it, so that no door stands there that does not open.
import type { Who } from './types.ts';

const NETWORK = ['viewer', 'operator', 'billing', 'bridge', 'administrator'];
const CUSTOMERS = ['operator', 'care', 'billing', 'administrator'];

export interface May {
  readonly network: boolean;
  readonly customers: boolean;
  readonly bills: boolean;
  readonly sums: boolean;
  readonly operate: boolean;
  readonly administrate: boolean;
}

export function mayOf({ role, scope }: Who): May {
  return {
    network: NETWORK.includes(role),
    customers: CUSTOMERS.includes(role),
    bills: ['care', 'billing', 'administrator'].includes(role),
    sums: ['billing', 'administrator'].includes(role) && scope === null,
    operate: ['operator', 'administrator'].includes(role),
    administrate: role === 'administrator',
  };
}
