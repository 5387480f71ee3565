// A bill for tests of what is printed: two rates of tax, many lines, names in several scripts, a month of usage.
import { draftInvoice } from '../../billing-bridge/bill/invoice.ts';
import type { Bill } from '../../billing-bridge/bill/bill-store.ts';
import type { BillLine } from '../../billing-bridge/bill/lines.ts';
import type { BillDocument } from '../../billing-bridge/export/bill-document.ts';
import { usageGraph } from '../../billing-bridge/export/usage-graph.ts';
import { buyerOf } from '../../billing-bridge/invoice-schema.ts';
import type { UsageRecord } from '../../billing-bridge/mediate/usage.ts';
import { customerSchema } from '../../billing-bridge/contract-schema.ts';
import { periodNamed } from '../../common/model/period.ts';
import { BUYER, legalEntity } from './invoice-parties.ts';

const BUCKET_MS = 300_000;

export function printedBill(lineCount: number, name = 'Acme S.à r.l.', watermark: string | null = null): BillDocument {
  const period = periodNamed('2026-11', 'Europe/Berlin');
  const customer = customerSchema.parse({
    id: 'acme',
    name,
    currency: 'EUR',
    ...BUYER,
    legal_name: name,
    reference: 'PO-77',
  });
  const buyer = buyerOf(customer);
  if (period === null || buyer === null) throw new Error('no period or buyer');
  const lines = Array.from(
    { length: lineCount },
    (_, at): BillLine => ({
      line: at + 1,
      kind: at === 2 ? 'adjustment' : 'charge',
      service: at < 2 ? 'transit-berlin' : `port-${at}`,
      item: 'transit',
      itemName: at === 0 ? 'Transit 10G, 95th percentile (commit 500 Mbit/s)' : `Порт ${at} · Θύρα · منفذ`,
      plan: 'p',
      planVersion: 1,
      period,
      quantity: at === 0 ? '1873/3' : '1',
      unit: at === 0 ? '1000000 bit/s' : 'period',
      exactAmount: '100.005',
      billedBefore: at === 2 ? '12.00' : '0',
      amount: at === 2 ? '-2.50' : '1234.56',
      charges: [],
      working: {},
    }),
  );
  const issuedAtMs = Date.parse('2026-12-01T08:00:00Z');
  const draft = draftInvoice({
    customer: { id: 'acme', name, currency: 'EUR', zone: 'Europe/Berlin', cycle: 'month' },
    buyer,
    seller: legalEntity({ tax_rates: [{ country: 'DE', category: 'reduced', percent: '7' }] }),
    lines,
    categoryOf: (line) => (line.line === 2 ? 'reduced' : 'standard'),
    issuedAtMs,
  });
  const bill: Bill = {
    serial: 1n,
    id: 'acme-2026-11',
    customer: 'acme',
    customerName: name,
    period,
    category: 'normal',
    state: 'validated',
    stateAtMs: issuedAtMs,
    currency: 'EUR',
    total: draft.net,
    watermark,
    gates: [],
    issuedAtMs,
    ledgerHead: null,
    paid: '0',
    credited: '0',
    settlement: { due: draft.gross, paid: '0.00', open: draft.gross, overpaid: '0.00' },
    invoice: { ...draft, number: '2026-000123' },
  };
  const level = { label: 'Transit 10G, 95th percentile', bps: 624_000_000 };
  const { startMs: fromMs, endMs: toMs, zone } = period;
  const about = { title: 'Usage of transit-berlin', fromMs, toMs, zone, level };
  const meters = [
    { meter: 1, direction: 'in' as const, fromMs, toMs },
    { meter: 2, direction: 'out' as const, fromMs, toMs },
  ];
  return {
    bill,
    lines,
    graphs: [usageGraph(about, meters, monthOf(fromMs, toMs), BUCKET_MS)],
    ledgerHead: 'ab'.repeat(32),
  };
}

/** Days and nights, a peak, and two days without a reading. */
function monthOf(fromMs: number, toMs: number): UsageRecord[] {
  const records: UsageRecord[] = [];
  for (let at = fromMs; at < toMs; at += BUCKET_MS) {
    const day = (at - fromMs) / 86_400_000;
    if (day > 14 && day < 16) continue;
    const wave = Math.round((1.3 - Math.cos(day * 2 * Math.PI)) * 10_000_000_000);
    for (const meter of [1, 2])
      records.push({
        serial: 1n,
        meter,
        bucketStartMs: at,
        bucketMs: BUCKET_MS,
        version: 1,
        octets: { good: BigInt(meter === 1 ? wave : Math.round(wave / 3)), wrapped: 0n, gap: 0n, suspended: 0n },
        coveredMs: BUCKET_MS,
        gapMs: 0,
        lostMs: 0,
        evidence: { epoch: 1n, firstReadingAtMs: at, lastReadingAtMs: at },
      });
  }
  return records;
}
