// Gathers what a bill says on paper: its lines, the usage behind them as graphs, and the head of the ledger.
import { Exact } from '../common/model/exact.ts';
import type { DurationMs } from '../common/model/time.ts';
import { metersBehind } from './bill/evidence.ts';
import type { Bill } from './bill/bill-store.ts';
import type { BillDocuments } from './api/documents.ts';
import { billCsv } from './export/bill-csv.ts';
import { type BillDocument, type CreditNoteDocument, type PrintedLine, titleOf } from './export/bill-document.ts';
import { fileName } from './export/bill-message.ts';
import { billPdf, creditNotePdf } from './export/bill-pdf.ts';
import { billFonts } from './export/fonts.ts';
import { type GraphMeter, type UsageGraph, usageGraph } from './export/usage-graph.ts';
import type { Ledger } from './ledger.ts';

/** Prints what the API and the commands ask for. */
export function billDocuments(ledger: Ledger, bucketMs: DurationMs): BillDocuments {
  return {
    bill: async (bill, format) => {
      if (format === 'csv') {
        const content = Buffer.from(billCsv(bill, await ledger.lines(bill.id)), 'utf8');
        return { type: 'text/csv; charset=utf-8', name: fileName(titleOf(bill), 'csv'), content };
      }
      const content = billPdf(await billDocument(ledger, bucketMs, bill), billFonts());
      return { type: 'application/pdf', name: fileName(titleOf(bill)), content };
    },
    creditNote: async (bill, number) => {
      const found = await creditNoteDocument(ledger, bill, number);
      if (found === null) return null;
      const content = creditNotePdf(found, billFonts());
      return { type: 'application/pdf', name: fileName(`Credit note ${number}`), content };
    },
  };
}

/** Services whose usage is drawn, ports of each, and charges of a line that are looked through for them. */
const MAX_GRAPHS = 12;
const MAX_METERS = 400;
const MAX_CHARGES = 1_000;

export async function billDocument(ledger: Ledger, bucketMs: DurationMs, bill: Bill): Promise<BillDocument> {
  const lines = await ledger.lines(bill.id);
  const graphs: UsageGraph[] = [];
  const current = lines.filter((line) => line.period.startMs === bill.period.startMs);
  for (const service of new Set(current.map((line) => line.service))) {
    if (graphs.length === MAX_GRAPHS) break;
    const own = current.filter((line) => line.service === service);
    const graph = await graphOf(ledger, bucketMs, bill, service, own);
    if (graph !== null) graphs.push(graph);
  }
  return {
    bill,
    lines,
    graphs,
    ledgerHead:
      bill.category === 'normal' && bill.ledgerHead !== null
        ? `${bill.ledgerHead.position} ${bill.ledgerHead.hash}`
        : null,
  };
}

/** Null where there is no such note of the bill. */
export async function creditNoteDocument(
  ledger: Ledger,
  bill: Bill,
  number: string,
): Promise<CreditNoteDocument | null> {
  const note = (await ledger.creditNotesOf(bill.id)).find((one) => one.number === number);
  return note === undefined ? null : { note, bill, lines: await ledger.lines(bill.id) };
}

async function graphOf(
  ledger: Ledger,
  bucketMs: DurationMs,
  bill: Bill,
  service: string,
  lines: readonly PrintedLine[],
): Promise<UsageGraph | null> {
  const meters = new Map<string, GraphMeter>();
  for (const line of lines)
    for (const charge of await ledger.chargesBehind(bill.id, line.line, null, MAX_CHARGES))
      for (const { meter, direction, fromMs, toMs } of metersBehind(charge)) {
        if (direction !== 'in' && direction !== 'out') continue;
        const key = `${meter}`;
        const before = meters.get(key);
        meters.set(key, {
          meter,
          direction,
          fromMs: Math.min(before?.fromMs ?? fromMs, fromMs),
          toMs: Math.max(before?.toMs ?? toMs, toMs),
        });
      }
  const drawn = [...meters.values()].slice(0, MAX_METERS);
  if (drawn.length === 0) return null;
  const { startMs: fromMs, endMs: toMs, zone } = bill.period;
  const records = await ledger.usage.latest(
    drawn.map((one) => one.meter),
    fromMs,
    toMs,
  );
  return usageGraph(
    { title: `Usage of ${service}`, fromMs, toMs, zone, level: levelOf(lines) },
    drawn,
    records,
    bucketMs,
  );
}

/** The percentile that a line bills, in bit/s. */
function levelOf(lines: readonly PrintedLine[]): UsageGraph['level'] {
  const line = lines.find(({ unit }) => /^\d+ bit\/s$/.test(unit));
  if (line === undefined) return null;
  const units = Exact.fromText(line.quantity) ?? Exact.zero;
  const bps = units.multiply(Exact.integer(BigInt(line.unit.split(' ')[0] ?? '1'))).toFixed(0, 'half_up');
  return { label: line.itemName, bps: Number(bps) };
}
