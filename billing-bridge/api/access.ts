// Who may see what of the bridge: closed by default, and money only to those whose work it is (docs/api-billing.md).
import type { Role } from '../../common/runtime/access.ts';

/** Quantities of the network: meters, usage, what is held back. */
export const USAGE_READERS: readonly Role[] = ['viewer', 'operator', 'billing'];
/** Who is connected where: an operator has to know whom an alarm hits. */
export const CUSTOMER_READERS: readonly Role[] = ['operator', 'billing'];
/** Prices, charges, bills and what is made of them. */
export const MONEY_READERS: readonly Role[] = ['billing'];
export const MONEY_WRITERS: readonly Role[] = ['billing'];
/** The collector mirrors the feed with the bridge's token. */
export const FEED_READERS: readonly Role[] = ['bridge', 'billing'];
export const WORK_STARTERS: readonly Role[] = ['operator', 'billing'];
