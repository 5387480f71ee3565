// Whether an interface earns money: billed, infrastructure with a reason, or unassigned, which a bill run lists.
import type { EpochMs } from '../../common/model/time.ts';
import type { ContractBook } from './contract-book.ts';

export interface InfrastructureRule {
  readonly device: string;
  /** An interface key, or the beginning of one before `*`. */
  readonly interface: string;
  readonly reason: string;
}

export type InterfaceState =
  | { readonly state: 'billed'; readonly service: string; readonly customer: string }
  | { readonly state: 'infrastructure'; readonly reason: string }
  | { readonly state: 'unassigned' };

/** A binding counts before a rule, because it names the port and a rule may only begin its name. */
export function interfaceState(
  book: ContractBook,
  rules: readonly InfrastructureRule[],
  device: string,
  interfaceKey: string,
  at: EpochMs,
): InterfaceState {
  const holder = book.holderAt(device, interfaceKey, at);
  if (holder !== null) return { state: 'billed', service: holder.service.id, customer: holder.service.customer };
  const rule = rules.find((one) => one.device === device && matches(one.interface, interfaceKey));
  return rule === undefined ? { state: 'unassigned' } : { state: 'infrastructure', reason: rule.reason };
}

function matches(pattern: string, interfaceKey: string): boolean {
  return pattern.endsWith('*') ? interfaceKey.startsWith(pattern.slice(0, -1)) : pattern === interfaceKey;
}
