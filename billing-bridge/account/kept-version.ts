// One version of a contract as it is kept, and what tells whether it changed. Pure.
import { createHash } from 'node:crypto';
import type { EpochMs } from '../../common/model/time.ts';

export type ContractKind = 'customer' | 'price_plan' | 'service';

/** One version of one contract as it is kept; `document` null ends it. */
export interface KeptVersion {
  readonly kind: ContractKind;
  readonly id: string;
  /** Grows with each version of the contract. */
  readonly version: number;
  /** What was written in the configuration, to tell whether it changed. */
  readonly stated: string;
  readonly validFromMs: EpochMs;
  readonly document: unknown;
}

/** The same for the same content, whatever the order of keys. */
export function statedDigest(content: unknown): string {
  return createHash('sha256').update(canonical(content)).digest('hex');
}

function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const entries = Object.entries(value)
    .filter(([, one]) => one !== undefined)
    .toSorted(([left], [right]) => (left < right ? -1 : 1));
  return `{${entries.map(([name, one]) => `${JSON.stringify(name)}:${canonical(one)}`).join(',')}}`;
}

export function nextVersion(
  before: KeptVersion | undefined,
  kind: ContractKind,
  id: string,
  stated: string,
  validFromMs: EpochMs,
  document: unknown,
): KeptVersion {
  return { kind, id, version: (before?.version ?? 0) + 1, stated, validFromMs, document };
}
