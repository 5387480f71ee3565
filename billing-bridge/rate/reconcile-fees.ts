// Fees against contracts: what costs by time alone, in every period that rating has marked, and has no charge. Nothing that is measured tells of it.
import type { Queryable } from '../../common/database/database.ts';
import { type Period, periodAt } from '../../common/model/period.ts';
import type { DurationMs, EpochMs } from '../../common/model/time.ts';
import type { ContractBook } from '../account/contract-book.ts';
import { needsNoUsage } from './price-item.ts';
import { chargeFor, workOf } from './price-window.ts';
import { MeterIndex } from './rating-input.ts';
import { dueByTime, type DueWindow } from './windows.ts';

/** Up to where rating has marked the periods of each service. */
export type MarkedPeriods = ReadonlyMap<string, EpochMs>;

export interface MissingFee {
  readonly window: DueWindow;
  /** Exact. */
  readonly amount: string;
}

export async function markedPeriods(connection: Queryable): Promise<MarkedPeriods> {
  const { rows } = await connection.query<{ service: string; due_until_ms: bigint }>(
    'select service, due_until_ms from billing.service_progress',
  );
  return new Map(rows.map((row) => [row.service, Number(row.due_until_ms)]));
}

/** Of windows that begin in the span. What rests on outages is asked of the collector first, and is none of these. */
export function feesWithoutCharge(
  book: ContractBook,
  marked: MarkedPeriods,
  bucketMs: DurationMs,
  span: {
    readonly fromMs: EpochMs;
    readonly toMs: EpochMs;
    readonly covered: (window: DueWindow) => boolean;
  },
): MissingFee[] {
  const { fromMs, toMs, covered } = span;
  const nothing = new MeterIndex([]);
  const found = new Map<string, MissingFee>();
  for (const service of book.services.values()) {
    const last: Period = periodAt(toMs, book.customerOf(service).cycle, book.customerOf(service).zone);
    const untilMs = Math.min(marked.get(service.id) ?? 0, last.endMs);
    for (const window of dueByTime(book, service, Math.max(service.recurringFromMs, fromMs - 1), untilMs, Infinity)) {
      if (window.startMs < fromMs || window.startMs >= toMs || covered(window)) continue;
      const work = workOf(window, book, nothing);
      if (work === null || !needsNoUsage(work.item.price) || work.item.price.kind === 'service_credit') continue;
      const { amount, quantity } = chargeFor(work, book, new Map(), bucketMs).charge;
      if (amount !== '0' || quantity !== '0')
        found.set(`${window.service} ${window.item} ${window.startMs}`, { window, amount });
    }
  }
  return [...found.values()];
}
