// Who may see what of the bridge: closed by default, and money only to those whose work it is (docs/api-billing.md).
import { type Principal, principalOf, type Role } from '../../common/runtime/access.ts';
import { WeirError } from '../../common/runtime/errors.ts';

/** Quantities of the network: meters and usage. */
export const USAGE_READERS: readonly Role[] = ['viewer', 'operator', 'care', 'billing'];
export const SUSPENSE_READERS: readonly Role[] = ['viewer', 'operator', 'billing'];
/** Who is connected where: an operator has to know whom an alarm hits, care whom it talks to. */
export const CUSTOMER_READERS: readonly Role[] = ['operator', 'care', 'billing'];
/** What a customer is to pay and why: care answers for it, and changes nothing of it. */
export const BILL_READERS: readonly Role[] = ['care', 'billing'];
/** Prices of everybody, what all customers come to, raw readings behind charges, and how bills are made. */
export const MONEY_READERS: readonly Role[] = ['billing'];
export const MONEY_WRITERS: readonly Role[] = ['billing'];
/** The collector mirrors the feed with the bridge's token. */
export const FEED_READERS: readonly Role[] = ['bridge', 'billing'];
export const WORK_STARTERS: readonly Role[] = ['operator', 'billing'];

/** What the gates of a bill found names ports of others and batches of agents: for those who see the whole network. */
export function seesFindings({ role, scope }: Principal): boolean {
  return role !== 'care' && scope === null;
}

/**
 * The customers whose rows a principal is told of; null: everybody's. The bridge knows no sites: of a scope it obeys the customers, and
 * one without any is refused rather than answered with nothing, which would look like a customer without bills.
 */
export function customersSeen(principal: Principal | null): readonly string[] | null {
  const { scope } = principalOf(principal);
  if (scope === null) return null;
  if (scope.customers.length > 0) return scope.customers;
  throw new WeirError(
    'scope_too_narrow',
    'The bridge knows customers and no sites: the scope of this token names no customer.',
  );
}

export function seesCustomer(seen: readonly string[] | null, customer: string): boolean {
  return seen === null || seen.includes(customer);
}
