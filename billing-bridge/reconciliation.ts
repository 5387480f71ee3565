// Everything against what it was made from: usage against counters, charges against usage, bills against charges. Writes nothing.
import type { Database } from '../common/database/database.ts';
import type { DurationMs, EpochMs } from '../common/model/time.ts';
import type { ContractBook } from './account/contract-book.ts';
import { type BillReconciliation, reconcileBills } from './bill/reconcile.ts';
import type { UsageBook, UsageProof, UsageReconciliation } from './mediate/mediation.ts';
import type { ReadPairs } from './rate/poll-pairs.ts';
import { type ChargeReconciliation, reconcileCharges } from './rate/reconcile-charges.ts';

export interface Reconciliation {
  readonly fromMs: EpochMs;
  readonly toMs: EpochMs;
  readonly usage: UsageReconciliation;
  readonly charges: ChargeReconciliation;
  readonly bills: BillReconciliation;
  /** Of all three; zero is the only good answer. */
  readonly differences: number;
}

export interface ReconciliationDeps {
  readonly database: Database;
  readonly usage: UsageBook;
  readonly proof: UsageProof;
  readonly bucketMs: DurationMs;
  readonly windowMs: DurationMs;
  readonly pairs?: ReadPairs | undefined;
}

export async function reconcileBooks(
  { database, usage: reader, proof, bucketMs, windowMs, pairs }: ReconciliationDeps,
  book: ContractBook,
  fromMs: EpochMs,
  toMs: EpochMs,
): Promise<Reconciliation> {
  const usage = await proof.reconcile(fromMs, toMs);
  const { lastBucketStartMs } = await reader.counts();
  const usageEndMs = lastBucketStartMs === null ? fromMs : lastBucketStartMs + bucketMs;
  const deps = { database, usage: reader, bucketMs, windowMs, usageEndMs, pairs };
  const charges = await reconcileCharges(deps, book, fromMs, toMs);
  const bills = await reconcileBills(database, book, fromMs, toMs);
  const differences = usage.differences.length + charges.differences.length + bills.differences.length;
  return { fromMs, toMs, usage, charges, bills, differences };
}
