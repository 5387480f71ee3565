// `weir bill`: shows a bill, writes it as a PDF, CSV or JSON, or has it sent by e-mail.
import { writeFileSync } from 'node:fs';
import { z } from 'zod';
import { billDocuments } from '../../billing-bridge/bill-documents.ts';
import type { Bill } from '../../billing-bridge/bill/bill-store.ts';
import type { PaymentRequest } from '../../billing-bridge/bill/payment-book.ts';
import { settlementOf } from '../../billing-bridge/bill/settlement.ts';
import { Correspondence } from '../../billing-bridge/correspondence.ts';
import { titleOf } from '../../billing-bridge/export/bill-document.ts';
import { quantityText } from '../../billing-bridge/export/bill-pdf.ts';
import type { Ledger } from '../../billing-bridge/ledger.ts';
import { isoTime } from '../../common/model/time.ts';
import { messageOf, WeirError } from '../../common/runtime/errors.ts';
import { LEDGER_HELP, LEDGER_OPTIONS } from '../billing/billing-options.ts';
import { billJson } from '../billing/export-forms.ts';
import { type OpenLedger, withLedger } from '../billing/open-ledger.ts';
import type { Command, CommandContext } from '../command.ts';
import { textOption } from '../options.ts';

const FORMATS = ['pdf', 'csv', 'json'] as const;
type Format = (typeof FORMATS)[number];

export const billCommand: Command = {
  name: 'bill',
  summary: 'show a bill, write it as PDF, CSV or JSON, send it by e-mail, record a payment',
  help: `usage: weir bill show BILL [OPTIONS]
       weir bill export BILL [--format pdf|csv|json] [--out FILE] [OPTIONS]
       weir bill send BILL [--to ADDRESS] [--request TEXT] [OPTIONS]
       weir bill pay BILL --amount AMOUNT --date DATE [--reference TEXT] [--request TEXT] [--refund | --from BILL] [OPTIONS]

  --format         default pdf
  --out FILE       default: named as the bill is, in this folder
  --to ADDRESS     sends it there, may be given again; default: the address that the bill has
  --request TEXT   sent, or paid, once under the same text (default: the time, so that it is done each time)
  --amount AMOUNT  in the currency of the bill, such as 12.50; --date DATE: on which it came, such as 2026-12-04
  --refund         gives back what was overpaid; --from BILL: pays with what was overpaid for another bill
${LEDGER_HELP}

send writes the mail down; the bridge sends it, with PDF and CSV, and tries again where the server does not take it.

BILL is its id, such as acme-2026-11, or its number. The same bill is the same PDF, byte for byte, whenever it is written.`,
  options: {
    ...LEDGER_OPTIONS,
    format: { type: 'string' },
    out: { type: 'string' },
    to: { type: 'string', multiple: true },
    request: { type: 'string' },
    amount: { type: 'string' },
    date: { type: 'string' },
    reference: { type: 'string' },
    refund: { type: 'boolean' },
    from: { type: 'string' },
  },
  run: async (context) => {
    const [verb = '', id, ...rest] = context.positionals;
    if (!['show', 'export', 'send', 'pay'].includes(verb) || id === undefined || rest.length > 0)
      throw new WeirError('misused', 'weir bill takes show BILL, export BILL, send BILL or pay BILL.');
    const format = formatOf(context);
    const money = verb === 'pay' ? moneyOf(context) : null;
    return withLedger<0>(context, 'bill', async (opened) => {
      const { ledger, config } = opened;
      const bill = (await ledger.bill(id, null)) ?? (await ledger.billNumbered(id));
      if (bill === null) throw new WeirError('not_found', `There is no bill ${id}.`, { bill: id });
      if (verb === 'show') await show(context, ledger, bill);
      else if (verb === 'send') await send(context, opened, bill);
      else if (money !== null) await pay(context, opened, bill, money);
      else await write(context, ledger, bill, format, config.bucketMs);
      return 0;
    });
  },
};

function formatOf(context: CommandContext): Format {
  const text = textOption(context, 'format') ?? 'pdf';
  const format = FORMATS.find((one) => one === text);
  if (format === undefined) throw new WeirError('misused', `--format is one of ${FORMATS.join(', ')}, not ${text}.`);
  return format;
}

async function write(
  context: CommandContext,
  ledger: Ledger,
  bill: Bill,
  format: Format,
  bucketMs: number,
): Promise<void> {
  const { name, content } =
    format === 'json'
      ? {
          name: `${bill.id}.json`,
          content: Buffer.from(JSON.stringify(billJson({ bill, lines: await ledger.lines(bill.id) }))),
        }
      : await billDocuments(ledger, bucketMs).bill(bill, format);
  const file = textOption(context, 'out') ?? name;
  try {
    // It holds what a customer pays: for nobody but its owner.
    writeFileSync(file, content, { mode: 0o600 });
  } catch (cause) {
    throw new WeirError('output_unwritable', `Cannot write ${file}: ${messageOf(cause)}.`, { file }, cause);
  }
  context.print(context.json ? JSON.stringify({ file, bytes: content.length }) : `${titleOf(bill)} written to ${file}`);
}

async function send(context: CommandContext, { database, clock, config }: OpenLedger, bill: Bill): Promise<void> {
  const { options, environment } = context;
  const given = [options['to'] ?? []].flat().map((text) => addressOf(String(text)));
  const correspondence = new Correspondence({ database, clock, hasMail: config.mail !== null });
  const message = await correspondence.sendBill(bill, {
    request: textOption(context, 'request') ?? `command ${isoTime(clock.now())}`,
    to: given.length === 0 ? null : given,
    by: { name: `weir bill by ${environment['USER'] ?? 'nobody known'}`, role: 'system' },
  });
  const { key, state, recipients } = message;
  context.print(
    context.json
      ? JSON.stringify({ message: message.id.toString(), key, state, recipients })
      : `${titleOf(bill)} goes to ${recipients.join(', ')}: ${state === 'done' ? 'was sent before' : 'the bridge sends it'}`,
  );
}

type Money = Pick<PaymentRequest, 'amount' | 'paidOn' | 'reference' | 'kind' | 'from'>;

function moneyOf(context: CommandContext): Money {
  const [amount = '', paidOn = ''] = [textOption(context, 'amount'), textOption(context, 'date')];
  if (!/^\d{1,15}(\.\d{1,10})?$/.test(amount) || !z.iso.date().safeParse(paidOn).success)
    throw new WeirError('misused', 'weir bill pay takes --amount, such as 12.50, and --date, such as 2026-12-04.');
  const from = textOption(context, 'from');
  const refund = context.options['refund'] === true;
  if (refund && from !== undefined) throw new WeirError('misused', 'Either --refund or --from, not both.');
  const kind = refund ? 'refund' : from === undefined ? 'payment' : 'transfer';
  return { amount, paidOn, reference: textOption(context, 'reference') ?? '', kind, from };
}

async function pay(context: CommandContext, opened: OpenLedger, { id }: Bill, money: Money): Promise<void> {
  const { ledger, clock } = opened;
  const payment = await ledger.payments.record({
    ...money,
    bill: id,
    request: textOption(context, 'request') ?? `command ${isoTime(clock.now())}`,
    by: `weir bill by ${context.environment['USER'] ?? 'nobody known'}`,
  });
  const bill = await ledger.bill(id, null);
  if (bill === null) throw new Error('BUG: a bill that was paid is gone');
  const settlement = settlementOf(bill);
  context.print(
    context.json
      ? JSON.stringify({ payment: payment.serial.toString(), bill: id, state: bill.state, settlement })
      : `${titleOf(bill)} is ${bill.state}: paid ${settlement.paid}, open ${settlement.open}, overpaid ${settlement.overpaid} ${bill.currency}`,
  );
}

function addressOf(text: string): string {
  const address = z.email().safeParse(text);
  if (!address.success) throw new WeirError('misused', `--to takes an address such as ap@acme.example, not ${text}.`);
  return address.data;
}

async function show(context: CommandContext, ledger: Ledger, bill: Bill): Promise<void> {
  const lines = await ledger.lines(bill.id);
  if (context.json) {
    context.print(JSON.stringify(billJson({ bill, lines })));
    return;
  }
  const { invoice, currency } = bill;
  const mark = bill.watermark === null ? '' : `  ${bill.watermark}`;
  context.print(`${titleOf(bill)}${mark}  ${bill.customerName}  ${bill.period.name}  ${bill.state}`);
  for (const line of lines)
    context.print(
      `  ${String(line.line).padStart(3)}  ${line.itemName.padEnd(32)}${line.service.padEnd(24)}${quantityText(line).padStart(20)}${line.amount.padStart(14)} ${currency}`,
    );
  const total = (name: string, amount: string): void =>
    context.print(`  ${name.padStart(81)}${amount.padStart(14)} ${currency}`);
  for (const group of invoice?.taxes ?? []) total(`tax ${group.percent} % on ${group.taxable}`, group.tax);
  total('total', invoice?.gross ?? bill.total);
  if (invoice !== null) context.print(`  due ${invoice.dueDate}`);
  for (const { paidOn, kind, amount, reference } of await ledger.payments.ofBill(bill.id))
    context.print(`  ${kind} of ${paidOn}: ${amount} ${currency}${reference === '' ? '' : `, ${reference}`}`);
  const { open, overpaid } = settlementOf(bill);
  if (bill.category === 'normal')
    context.print(`  open ${open} ${currency}${/^[0.]*$/.test(overpaid) ? '' : `, overpaid ${overpaid}`}`);
  for (const note of await ledger.creditNotesOf(bill.id))
    context.print(`  credit note ${note.number} of ${note.issueDate}: ${note.gross} ${note.currency}, ${note.reason}`);
}
