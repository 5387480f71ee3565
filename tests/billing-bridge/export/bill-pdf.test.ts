// A bill on paper: every figure is there, over as many pages as it takes, in any script, and the same bytes each time.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { billMessage, fileName } from '../../../billing-bridge/export/bill-message.ts';
import { billPdf, creditNotePdf, quantityText } from '../../../billing-bridge/export/bill-pdf.ts';
import { billFonts } from '../../../billing-bridge/export/fonts.ts';
import { axisTop, rateText, usageGraph } from '../../../billing-bridge/export/usage-graph.ts';
import { visualText } from '../../../billing-bridge/export/visual-text.ts';
import { printedBill } from '../../support/printed-bill.ts';
import { readPdf } from '../../support/read-pdf.ts';

const fonts = billFonts();

describe('a bill', () => {
  test('says everything that an invoice has to', () => {
    const { pages, texts } = readPdf(billPdf(printedBill(4), fonts));
    expect(pages).toBe(1);
    for (const text of [
      'Invoice 2026-000123',
      'Weir Networks GmbH',
      'Wehrstraße 1 · 10115 Berlin · Germany',
      'Acme S.à r.l.',
      'L-1611 Luxembourg',
      'LU12345678',
      'PO-77',
      '2026-12-01',
      '2026-12-15',
      'Transit 10G, 95th percentile (commit 500 Mbit/s)',
      '624.333 Mbit/s',
      'port-2 · correction, 12.00 billed before',
      '-2.50',
      '3701.18',
      'Tax 19 % DE on 2466.62',
      '468.66',
      'Tax 7 % DE on 1234.56',
      '86.42',
      '4256.26',
      'Please pay to DE02 1203 0000 0000 2020 51',
      'Usage of transit-berlin',
      `Ledger head: ${'ab'.repeat(32)}`,
      'Invoice 2026-000123 · 1/1',
    ])
      expect(texts).toContain(text);
  });

  test('is the same bytes each time', () => {
    expect(billPdf(printedBill(7), fonts).equals(billPdf(printedBill(7), fonts))).toBe(true);
    expect(billPdf(printedBill(7), fonts).equals(billPdf(printedBill(8), fonts))).toBe(false);
  });

  test('takes the pages it needs: no line is lost, each page has its heading and number', () => {
    const { pages, texts } = readPdf(billPdf(printedBill(90), fonts));
    expect(pages).toBeGreaterThan(3);
    expect(texts.filter((text) => /^\d+$/.test(text))).toEqual(Array.from({ length: 90 }, (_, at) => `${at + 1}`));
    for (let page = 1; page <= pages; page += 1) expect(texts).toContain(`Invoice 2026-000123 · ${page}/${pages}`);
    expect(texts.filter((text) => text === 'Description').length).toBeGreaterThanOrEqual(pages - 1);
  });

  test('draws usage as curves that stop where nothing was measured, and the percentile across them', () => {
    const { drawn } = readPdf(billPdf(printedBill(1), fonts));
    expect(drawn.match(/ h f$/gm)?.length).toBe(2 + 3);
    expect(drawn).toContain('[4 2] 0 d');
  });

  test('carries its watermark', () => {
    expect(readPdf(billPdf(printedBill(1, 'Acme', 'DEMO'), fonts)).texts).toContain('DEMO');
  });

  test('property: any name, in any script, makes a whole file', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 60 }), (name) => {
        const { pages } = readPdf(billPdf(printedBill(1, name), fonts));
        expect(pages).toBe(1);
      }),
      { numRuns: 30 },
    );
  });
});

test('a credit note names its bill, and what it gives back', () => {
  const { bill, lines } = printedBill(3);
  const taxes = bill.invoice?.taxes.slice(0, 1) ?? [];
  const note = {
    serial: 1n,
    number: 'CN-2026-000007',
    bill: bill.id,
    billNumber: '2026-000123',
    customer: 'acme',
    issueDate: '2026-12-20',
    currency: 'EUR',
    reason: 'outage of three hours',
    by: 'anna',
    atMs: Date.parse('2026-12-20T10:00:00Z'),
    lines: [{ line: 1, amount: '10.00' }],
    net: '10.00',
    tax: '1.90',
    gross: '11.90',
    taxes,
  };
  const { texts } = readPdf(creditNotePdf({ note, bill, lines }, fonts));
  for (const text of [
    'Credit note CN-2026-000007',
    '2026-000123 of 2026-12-01',
    'outage of three hours',
    '10.00',
    '11.90',
  ])
    expect(texts).toContain(text);
  expect(texts).not.toContain('1234.56');
});

describe('text as it is drawn', () => {
  test.each([
    ['Latin stays', 'Acme & Co (Berlin) 12', 'Acme & Co (Berlin) 12'],
    ['Hebrew is turned, numbers in it are not', 'שלום 12', '12 םולש'],
    ['brackets are mirrored', 'אב (גד)', '(דג) בא'],
    ['letters of Arabic join', 'سلم', '\ufee2\ufee0\ufeb3'],
    ['lam and alef are one', 'لا', '\ufefb'],
    ['a word inside Latin is turned alone', 'Port אב 1', 'Port בא 1'],
  ])('%s', (_what, said, drawn) => {
    expect(visualText(said)).toBe(drawn);
  });

  test('what is drawn still says the same, for who searches', () => {
    const { texts } = readPdf(billPdf(printedBill(1, 'سلم'), fonts));
    expect(texts).toContain('ملس');
  });
});

describe('a graph', () => {
  const record = (meter: number, at: number, good: bigint) => ({
    serial: 1n,
    meter,
    bucketStartMs: at,
    bucketMs: 60_000,
    version: 1,
    octets: { good, wrapped: 0n, gap: 0n, suspended: 0n },
    coveredMs: 60_000,
    gapMs: 0,
    lostMs: 0,
    evidence: { epoch: 1n, firstReadingAtMs: at, lastReadingAtMs: at },
  });
  const about = { title: 't', fromMs: 0, toMs: 3_600_000, zone: 'UTC', level: null };

  test('sums buckets and ports into intervals of five minutes, while they were held', () => {
    const meters = [
      { meter: 1, direction: 'in' as const, fromMs: 0, toMs: 300_000 },
      { meter: 2, direction: 'in' as const, fromMs: 0, toMs: 3_600_000 },
    ];
    const records = [
      record(1, 0, 300_000n),
      record(1, 60_000, 300_000n),
      record(2, 0, 150_000n),
      record(1, 300_000, 9n),
      record(2, 600_000, 0n),
    ];
    const { in: inward, out } = usageGraph(about, meters, records, 60_000);
    // 750,000 octets in five minutes.
    expect(inward.slice(0, 4)).toEqual([20_000, null, 0, null]);
    expect(out.every((value) => value === null)).toBe(true);
  });

  test.each([
    [[], 1],
    [[900], 1000],
    [[1000], 1000],
    [[1_000_001], 1_500_000],
    [[7_000_000_000], 8_000_000_000],
  ])('the axis over %j ends at %d', (values, top) => {
    expect(axisTop({ in: values, out: [], level: null })).toBe(top);
  });

  test.each([
    [0, '0 bit/s'],
    [999, '999 bit/s'],
    [1_500_000, '1.5 Mbit/s'],
    [10 ** 13, '10 Tbit/s'],
  ])('%d is %s', (bps, text) => {
    expect(rateText(bps)).toBe(text);
  });
});

test.each([
  ['1873/3', '1000000 bit/s', '624.333 Mbit/s'],
  ['12', 'GB', '12 GB'],
  ['0.5000', 'TB', '0.5 TB'],
  ['100', 'period', '100 period'],
])('%s %s is printed %s', (quantity, unit, text) => {
  expect(quantityText({ quantity, unit })).toBe(text);
});

describe('the message of a bill', () => {
  test('goes to the buyer, says what is to be paid until when, and brings PDF and CSV', () => {
    const message = billMessage(printedBill(4), fonts);
    expect(message).toMatchObject({
      to: 'ap@acme.example',
      replyTo: 'billing@weir.example',
      subject: 'Invoice 2026-000123 of Weir Networks GmbH',
      attachments: [
        { name: 'Invoice-2026-000123.pdf', type: 'application/pdf' },
        { name: 'Invoice-2026-000123.csv', type: 'text/csv; charset=utf-8' },
      ],
    });
    expect(message?.text).toContain('Total:  4256.26 EUR (3701.18 and 555.08 tax)');
    expect(message?.text).toContain('Due:    2026-12-15');
    expect(message?.attachments[0]?.content.subarray(0, 5).toString()).toBe('%PDF-');
  });

  test('of a demonstration says so; one without a number is none', () => {
    expect(billMessage(printedBill(1, 'Acme', 'DE\r\nBcc: x'), fonts)?.subject).toMatch(/^\[DE Bcc: x\] Invoice/);
    const document = printedBill(1);
    expect(billMessage({ ...document, bill: { ...document.bill, invoice: null } }, fonts)).toBeNull();
  });

  test('a file name is nothing else', () => {
    expect(fileName('Invoice ../../"2026/1"\r\n')).toBe('Invoice-..-..-2026-1-.pdf');
  });
});
