// Whether an interface earns money: billed, infrastructure with a reason, or unassigned, which a bill run lists.
import { type InfrastructureRule as DeviceRule, isMeant } from '../../common/model/infrastructure.ts';
import type { EpochMs } from '../../common/model/time.ts';
import type { ContractBook } from './contract-book.ts';

export interface InfrastructureRule extends DeviceRule {
  readonly device: string;
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
  const rule = rules.find((one) => one.device === device && isMeant(one, interfaceKey));
  return rule === undefined ? { state: 'unassigned' } : { state: 'infrastructure', reason: rule.reason };
}
