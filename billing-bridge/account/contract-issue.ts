// A mistake in contracts with its place and code, and how decimals are compared while they are text. Pure.

export type ContractMistake =
  | 'duplicate'
  | 'customer_unknown'
  | 'plan_unknown'
  | 'device_unknown'
  | 'currency_mismatch'
  | 'currency_unknown'
  | 'exponent_missing'
  | 'dates_crossed'
  | 'date_invalid'
  | 'tiers_overlap'
  | 'limits_crossed'
  | 'bands_crossed'
  | 'percentile_impossible'
  | 'discount_impossible'
  | 'interval_off_grid'
  | 'credit_of_unknown'
  | 'credit_impossible'
  | 'meter_bound_twice'
  | 'port_in_its_parent'
  | 'infrastructure_bound'
  | 'unit_of_another_meter'
  | 'meter_is_no_gauge'
  | 'rack_unknown'
  | 'cycle_missing';

export interface ContractIssue {
  readonly path: readonly (string | number)[];
  readonly code: ContractMistake;
  readonly message: string;
}

export function issue(path: readonly (string | number)[], code: ContractMistake, message: string): ContractIssue {
  return { path, code, message };
}

/** Compares two plain decimals that are not negative, digit by digit. */
export function decimalAbove(left: string, right: string): boolean {
  const [leftWhole, leftPart] = digits(left);
  const [rightWhole, rightPart] = digits(right);
  return leftWhole === rightWhole ? leftPart > rightPart : leftWhole > rightWhole;
}

function digits(text: string): [bigint, bigint] {
  const [whole, fraction] = text.replace('+', '').split('.');
  return [BigInt(whole ?? '0'), BigInt((fraction ?? '').padEnd(40, '0'))];
}
