// What an export holds, read in pages so that no export is larger in memory than one page.
import type { Bill } from '../../billing-bridge/bill/bill-store.ts';
import type { Ledger } from '../../billing-bridge/ledger.ts';
import { periodNamed } from '../../common/model/period.ts';
import type { EpochMs } from '../../common/model/time.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import { BILL_COLUMNS } from '../../billing-bridge/export/bill-csv.ts';
import { csvHeader, csvRow } from '../../billing-bridge/export/csv.ts';
import {
  billJson,
  CHARGE_COLUMNS,
  chargeJson,
  type ChargeRow,
  USAGE_COLUMNS,
  usageJson,
  type UsageRow,
} from './export-forms.ts';

export const EXPORT_KINDS = ['bills', 'charges', 'usage'] as const;
export type ExportKind = (typeof EXPORT_KINDS)[number];

export interface ExportQuery {
  readonly period: string | null;
  readonly fromMs: EpochMs | null;
  readonly toMs: EpochMs | null;
  readonly account: string | null;
}

/** One thing exported in both forms: a bill has several rows. */
export interface ExportItem {
  readonly json: () => object;
  readonly csv: () => readonly string[];
}

export interface Exported {
  readonly kind: ExportKind;
  readonly watermark: string | null;
  readonly header: string;
  readonly items: AsyncIterable<ExportItem>;
}

const PAGE = 1_000;
const USAGE_PAGE = 10_000;
const END_MS = 8_640_000_000_000_000;

/** Throws period_unknown or not_found before anything is written. */
export async function exported(ledger: Ledger, kind: ExportKind, query: ExportQuery): Promise<Exported> {
  if (query.period !== null && periodNamed(query.period, 'UTC') === null)
    throw new WeirError('period_unknown', `${query.period} is no period.`, { period: query.period });
  const book = await ledger.book();
  if (query.account !== null && !book.customers.has(query.account))
    throw new WeirError('not_found', `There is no account ${query.account}.`, { account: query.account });
  const { watermark } = ledger;
  if (kind === 'bills') return { kind, watermark, header: csvHeader(BILL_COLUMNS), items: bills(ledger, query) };
  if (kind === 'charges') return { kind, watermark, header: csvHeader(CHARGE_COLUMNS), items: charges(ledger, query) };
  return { kind, watermark, header: csvHeader(USAGE_COLUMNS), items: usage(ledger, query) };
}

/** Newest first, each with all its lines. */
async function* bills(ledger: Ledger, query: ExportQuery): AsyncGenerator<ExportItem> {
  let beforeSerial: bigint | undefined;
  for (;;) {
    const page: Bill[] = await ledger.bills({
      customers: null,
      customer: query.account ?? undefined,
      period: query.period ?? undefined,
      beforeSerial,
      limit: PAGE,
    });
    for (const bill of page) {
      const { startMs } = bill.period;
      if (startMs < (query.fromMs ?? 0) || startMs >= (query.toMs ?? END_MS)) continue;
      const lines = await ledger.lines(bill.id);
      yield {
        json: () => billJson({ bill, lines }),
        csv: () => lines.map((line) => csvRow(BILL_COLUMNS, { bill, line })),
      };
    }
    beforeSerial = page.at(-1)?.serial;
    if (page.length < PAGE) return;
  }
}

/** The newest version of each, customer by customer where a period is asked for: its zone decides when that is. */
async function* charges(ledger: Ledger, query: ExportQuery): AsyncGenerator<ExportItem> {
  for (const span of await chargeSpans(ledger, query)) {
    let beforeId: bigint | undefined;
    for (;;) {
      const page = await ledger.charges({ customers: null, ...span, beforeId, limit: PAGE });
      for (const charge of page) {
        const row: ChargeRow = { charge, watermark: ledger.watermark };
        yield { json: () => chargeJson(row), csv: () => [csvRow(CHARGE_COLUMNS, row)] };
      }
      beforeId = page.at(-1)?.id;
      if (page.length < PAGE) break;
    }
  }
}

interface ChargeSpan {
  readonly customer?: string | undefined;
  readonly fromMs?: EpochMs | undefined;
  readonly toMs?: EpochMs | undefined;
}

async function chargeSpans(ledger: Ledger, query: ExportQuery): Promise<ChargeSpan[]> {
  const { period: name, account } = query;
  if (name === null)
    return [{ customer: account ?? undefined, fromMs: query.fromMs ?? undefined, toMs: query.toMs ?? undefined }];
  const customers = [...(await ledger.book()).customers.values()].filter(
    ({ id }) => account === null || id === account,
  );
  return customers.flatMap(({ id, zone, cycle }) => {
    const period = periodNamed(name, zone, cycle);
    return period === null ? [] : [{ customer: id, fromMs: period.startMs, toMs: period.endMs }];
  });
}

/** The newest version of each. */
async function* usage(ledger: Ledger, query: ExportQuery): AsyncGenerator<ExportItem> {
  const period = query.period === null ? null : periodNamed(query.period, 'UTC');
  const fromMs = period?.startMs ?? query.fromMs ?? 0;
  const toMs = period?.endMs ?? query.toMs ?? END_MS;
  const meters = new Map((await ledger.usage.allMeters()).map((meter) => [meter.id, meter]));
  const all = { held: null, meter: null, device: null, interfaceKey: null, fromMs, toMs, versions: 'latest' as const };
  let cursor: string | null = null;
  do {
    const page = await ledger.usage.page({ ...all, cursor, limit: USAGE_PAGE });
    for (const record of page.items) {
      const row: UsageRow = { record, meter: meters.get(record.meter), watermark: ledger.watermark };
      yield { json: () => usageJson(row), csv: () => [csvRow(USAGE_COLUMNS, row)] };
    }
    cursor = page.next;
  } while (cursor !== null);
}
