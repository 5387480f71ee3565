// Bills and their lines as TMF678 has them. Pure.
import { startOfDate } from '../../../common/model/period.ts';
import { isoTime } from '../../../common/model/time.ts';
import type { Bill } from '../../bill/bill-store.ts';
import type { CreditNote } from '../../bill/credit-note.ts';
import type { Payment } from '../../bill/payment-book.ts';
import type { PrintedLine } from '../../export/bill-document.ts';
import type { Resource } from './tmf-query.ts';

export const BILLS_URL = '/tmf-api/customerBillManagement/v4';

export const BILL_ATTRIBUTES = [
  'id',
  'href',
  'billDate',
  'billNo',
  'category',
  'lastUpdate',
  'nextBillDate',
  'paymentDueDate',
  'runType',
  'amountDue',
  'appliedPayment',
  'billDocument',
  'billingAccount',
  'billingPeriod',
  'financialAccount',
  'paymentMethod',
  'relatedParty',
  'remainingAmount',
  'state',
  'taxExcludedAmount',
  'taxIncludedAmount',
  'taxItem',
  '@baseType',
  '@schemaLocation',
  '@type',
];

export const RATE_ATTRIBUTES = [
  'id',
  'href',
  'date',
  'description',
  'isBilled',
  'name',
  'type',
  'appliedTax',
  'bill',
  'billingAccount',
  'characteristic',
  'periodCoverage',
  'product',
  'taxExcludedAmount',
  'taxIncludedAmount',
  '@baseType',
  '@schemaLocation',
  '@type',
];

/** The form has a JSON number: its digits are the exact amount's as long as there are not more than fifteen. */
export function moneyOf(value: string, unit: string): Resource {
  return { unit, value: Number(value) };
}

export function customerBillForm(bill: Bill, notes: readonly CreditNote[], payments: readonly Payment[]): Resource {
  const { invoice, period, currency } = bill;
  const net = invoice?.net ?? bill.total;
  const gross = invoice?.gross ?? bill.total;
  // What was given back is no longer due.
  const { due: amountDue, open } = bill.settlement;
  const due = invoice === null ? null : startOfDate(invoice.dueDate, period.zone);
  return {
    id: bill.id,
    href: `${BILLS_URL}/customerBill/${encodeURIComponent(bill.id)}`,
    ...(invoice === null ? {} : { billNo: invoice.number }),
    billDate: isoTime(bill.issuedAtMs),
    lastUpdate: isoTime(Math.max(bill.stateAtMs, ...[...notes, ...payments].map((one) => one.atMs))),
    category: bill.category,
    runType: bill.category === 'interim' ? 'offCycle' : 'onCycle',
    state: bill.state,
    ...(due === null ? {} : { paymentDueDate: isoTime(due) }),
    amountDue: moneyOf(amountDue, currency),
    remainingAmount: moneyOf(bill.category === 'interim' ? amountDue : open, currency),
    appliedPayment: payments.map((payment) => ({
      appliedAmount: moneyOf(payment.amount, currency),
      payment: {
        id: payment.serial.toString(),
        name: payment.reference,
        '@type': 'PaymentRef',
        '@referredType': 'Payment',
      },
      '@type': 'AppliedPayment',
    })),
    taxExcludedAmount: moneyOf(net, currency),
    taxIncludedAmount: moneyOf(gross, currency),
    taxItem: (invoice?.taxes ?? []).map((group) => ({
      taxCategory: group.category,
      taxRate: Number(group.percent),
      taxAmount: moneyOf(group.tax, currency),
      '@type': 'TaxItem',
    })),
    billingPeriod: { startDateTime: isoTime(period.startMs), endDateTime: isoTime(period.endMs) },
    billingAccount: accountOf(bill),
    relatedParty: [
      {
        id: bill.customer,
        name: bill.customerName,
        role: 'customer',
        '@type': 'RelatedPartyRef',
        '@referredType': 'Organization',
      },
    ],
    billDocument: [
      {
        id: `${bill.id}.pdf`,
        name: invoice?.number ?? bill.id,
        attachmentType: 'bill',
        mimeType: 'application/pdf',
        url: `/billing/v1/bills/${encodeURIComponent(bill.id)}/document`,
        '@type': 'Attachment',
        '@referredType': 'Attachment',
      },
    ],
    '@type': 'CustomerBill',
  };
}

export function rateForm(bill: Bill, line: PrintedLine): Resource {
  const tax = bill.invoice?.taxes.find((group) => group.lines.includes(line.line));
  const id = `${bill.id}.${line.line}`;
  return {
    id,
    href: `${BILLS_URL}/appliedCustomerBillingRate/${encodeURIComponent(id)}`,
    name: line.itemName,
    description: `${line.kind} of ${line.service} for ${line.period.name}`,
    date: isoTime(bill.issuedAtMs),
    type: line.amount.startsWith('-') ? 'appliedBillingCredit' : 'appliedBillingCharge',
    isBilled: bill.category === 'normal',
    bill: {
      id: bill.id,
      href: `${BILLS_URL}/customerBill/${encodeURIComponent(bill.id)}`,
      '@type': 'BillRef',
      '@referredType': 'CustomerBill',
    },
    billingAccount: accountOf(bill),
    product: { id: line.service, '@type': 'ProductRef', '@referredType': 'Product' },
    periodCoverage: { startDateTime: isoTime(line.period.startMs), endDateTime: isoTime(line.period.endMs) },
    characteristic: [
      { name: 'quantity', valueType: 'string', value: line.quantity },
      { name: 'unit', valueType: 'string', value: line.unit },
      { name: 'exactAmount', valueType: 'string', value: line.exactAmount },
      { name: 'pricePlan', valueType: 'string', value: `${line.plan} ${line.planVersion}` },
    ],
    taxExcludedAmount: moneyOf(line.amount, bill.currency),
    appliedTax:
      tax === undefined
        ? []
        : [{ taxCategory: tax.category, taxRate: Number(tax.percent), '@type': 'AppliedBillingTaxRate' }],
    '@type': 'AppliedCustomerBillingRate',
  };
}

export function accountOf({ customer, customerName }: Pick<Bill, 'customer' | 'customerName'>): Resource {
  return { id: customer, name: customerName, '@type': 'BillingAccountRef', '@referredType': 'BillingAccount' };
}
