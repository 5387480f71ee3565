// The forms of the bridge's answers, as the OpenAPI document shows them: times ISO 8601 UTC, big integers and money as text.
import { z } from 'zod';
import { METER_CLASSES } from '../../common/model/meter-class.ts';

export const time = z.iso.datetime();
export const integer = z.string().regex(/^\d+$/).describe('an integer of any size, as text');
export const exact = z
  .string()
  .regex(/^-?\d+(\.\d+|\/\d+)?$/)
  .describe('an exact number as text: a decimal, or numerator/denominator where no decimal ends');
export const money = z
  .string()
  .regex(/^-?\d+(\.\d+)?$/)
  .describe('a decimal as text, rounded by the rule of the price plan');
const anything = z.unknown();
const facts = z.record(z.string(), anything);

export const periodForm = z.object({
  name: z.string(),
  cycle: z.string().describe('month, day, hour; month-15 begins on the fifteenth'),
  zone: z.string(),
  from: time,
  to: time,
});

export const customerForm = z.object({
  id: z.string(),
  name: z.string(),
  currency: z.string(),
  zone: z.string(),
  cycle: z.string().describe('month, day, hour; month-15 begins on the fifteenth'),
});

export const serviceForm = z.object({
  id: z.string(),
  name: z.string(),
  customer: z.string(),
  from: time,
  to: time.nullable(),
  recurringFrom: time,
  plans: z.array(z.object({ plan: z.string(), from: time })),
  bindings: z.array(z.object({ device: z.string(), interfaceKey: z.string(), from: time, to: time.nullable() })),
  serviceLevel: z.string().nullable(),
});

export const pricePlanForm = z.object({
  id: z.string(),
  versions: z.array(
    z.object({
      version: z.number().int(),
      validFrom: time,
      cancelled: z.boolean(),
      terms: facts.describe('as the configuration states them'),
    }),
  ),
});

export const meterForm = z.object({
  id: z.number().int(),
  device: z.string(),
  interfaceKey: z.string(),
  class: z.enum(METER_CLASSES).describe('what is counted; usage of another class than octets is in its base unit'),
  direction: z.enum(['in', 'out']).describe('of a gauge: in with the last value held, out by trapezoids'),
  state: z.enum(['billed', 'infrastructure', 'unassigned']),
  service: z.string().nullable(),
  customer: z.string().nullable(),
  reason: z.string().nullable(),
});

export const usageForm = z.object({
  serial: integer,
  meter: z.number().int(),
  bucketStart: time,
  bucketMs: z.number().int(),
  version: z.number().int(),
  octets: z.object({ good: integer, wrapped: integer, gap: integer, suspended: integer }),
  coveredMs: z.number(),
  gapMs: z.number(),
  lostMs: z.number(),
  evidence: z.object({ epoch: integer, firstReadingAt: time, lastReadingAt: time }),
});

export const suspenseForm = z.object({
  meter: z.number().int(),
  device: z.string(),
  interfaceKey: z.string(),
  direction: z.enum(['in', 'out']),
  reason: z.enum(['implausible', 'lost']),
  end: z.string().nullable(),
  from: time,
  to: time,
  octets: integer.nullable(),
  ageMs: z.number().int().describe('since the span ended'),
  estimatedValue: z.object({ amount: z.string(), currency: z.string() }).nullable(),
  service: z.string().nullable(),
  customer: z.string().nullable(),
});

export const releasedForm = z.object({
  meter: z.number().int(),
  device: z.string(),
  interfaceKey: z.string(),
  direction: z.enum(['in', 'out']),
  from: time,
  to: time,
  octets: integer,
  reason: z.string(),
  by: z.string(),
  at: time,
});

export const chargeForm = z.object({
  id: integer,
  run: integer,
  customer: z.string(),
  service: z.string(),
  item: z.string(),
  itemName: z.string(),
  kind: z.string(),
  windowStart: time,
  windowEnd: time,
  version: z.number().int(),
  status: z.enum(['rated', 'rerated']),
  plan: z.string(),
  planVersion: z.number().int(),
  currency: z.string(),
  quantity: exact,
  unit: z.string(),
  amount: exact,
  usageRecords: z.number().int(),
  ratedAt: time,
});

export const chargeDetailForm = chargeForm.extend({
  working: anything,
  bills: z.array(z.object({ bill: z.string(), line: z.number().int(), final: z.boolean() })),
});

export const evidenceForm = z.object({
  charge: integer,
  evidence: anything,
  usage: z.array(
    z.object({
      meter: z.number().int(),
      device: z.string().optional(),
      interfaceKey: z.string().optional(),
      direction: z.string().optional(),
      from: time,
      to: time,
      records: z.array(usageForm),
      recordsInAll: z.number().int(),
      readings: z.array(facts).nullable().optional().describe('raw readings with their batch, from the collector'),
      readingsComplete: z.boolean().optional(),
      readingsProblem: z.string().optional(),
    }),
  ),
});

export const gateForm = z.object({
  name: z.string(),
  open: z.boolean(),
  hard: z.boolean(),
  accepted: z.boolean(),
  count: z.number().int(),
  findings: z.array(facts),
});

const addressForm = z.object({
  lines: z.array(z.string()),
  postalCode: z.string().nullable(),
  city: z.string(),
  region: z.string().nullable(),
  country: z.string(),
});
const partyShape = {
  id: z.string(),
  name: z.string(),
  address: addressForm,
  taxId: z.string().nullable(),
  email: z.string().nullable(),
};
const totalsShape = {
  currency: z.string(),
  net: money,
  tax: money,
  gross: money,
  taxes: z.array(
    z.object({
      code: z.enum(['S', 'Z', 'E', 'AE']),
      country: z.string(),
      category: z.enum(['standard', 'reduced', 'zero', 'exempt']),
      percent: exact,
      lines: z.array(z.number().int()),
      taxable: money,
      tax: money,
      note: z.string().nullable(),
    }),
  ),
};

export const invoiceForm = z.object({
  number: z.string(),
  issueDate: z.string(),
  dueDate: z.string(),
  seller: z.object({
    ...partyShape,
    registration: z.string().nullable(),
    phone: z.string().nullable(),
    payment: z.string().nullable(),
  }),
  buyer: z.object({ ...partyShape, reference: z.string().nullable() }),
  ...totalsShape,
});

export const creditNoteForm = z.object({
  number: z.string(),
  bill: z.string(),
  billNumber: z.string(),
  customer: z.string(),
  issueDate: z.string(),
  reason: z.string(),
  by: z.string(),
  at: time,
  lines: z.array(z.object({ line: z.number().int(), amount: money })),
  ...totalsShape,
});

export const paymentForm = z.object({
  id: integer,
  bill: z.string(),
  customer: z.string(),
  request: z.string(),
  kind: z.enum(['payment', 'refund', 'transfer', 'reversal']),
  amount: money.describe('negative where it went back'),
  currency: z.string(),
  date: z.string(),
  reference: z.string(),
  other: z.string().nullable().describe('the other bill of a transfer, the payment that is reversed'),
  by: z.string(),
  at: time,
});

const settlementForm = z.object({
  due: money.describe('with tax, less what credit notes gave back'),
  paid: money,
  open: money,
  overpaid: money.describe('paid beyond what was due: the balance of the customer'),
});

export const billForm = z.object({
  id: z.string(),
  customer: z.string(),
  customerName: z.string(),
  period: periodForm,
  category: z.enum(['normal', 'interim']),
  state: z.enum(['new', 'onHold', 'validated', 'sent', 'partiallyPaid', 'settled']),
  currency: z.string(),
  total: money,
  watermark: z.string().nullable(),
  gates: z.array(gateForm),
  issuedAt: time,
  invoice: invoiceForm.nullable().describe('null where the bill has no number: interim, or without a legal entity'),
  ledgerHead: z
    .object({ position: integer, hash: z.string() })
    .nullable()
    .describe('the hash chain of the ledger with this bill as its last entry'),
  settlement: settlementForm,
});

const pricedShape = {
  service: z.string(),
  item: z.string(),
  itemName: z.string(),
  plan: z.string(),
  planVersion: z.number().int(),
  quantity: exact,
  unit: z.string(),
  exactAmount: exact,
  amount: money,
};
const lineShape = { ...pricedShape, working: anything };
export const quoteLineForm = z.object({ kind: z.string(), ...lineShape }).omit({ service: true });

export const billDetailForm = billForm.extend({
  creditNotes: z.array(creditNoteForm),
  payments: z.array(paymentForm),
  lines: z.array(
    z.object({
      line: z.number().int(),
      kind: z.enum(['charge', 'adjustment']),
      period: periodForm,
      billedBefore: exact,
      ...lineShape,
    }),
  ),
});

export const previewForm = z.object({
  customer: z.string(),
  period: periodForm,
  until: time,
  currency: z.string(),
  total: money,
  watermark: z.string().nullable(),
  lines: z.array(z.object({ kind: z.string(), ...lineShape })),
  forecast: z
    .object({
      until: time,
      total: money,
      pattern: z
        .enum(['week', 'day', 'since_begin', 'none'])
        .describe('how usage was carried on to the end of the period'),
      lines: z.array(
        z.object({
          kind: z.string(),
          ...pricedShape,
          commit: exact.nullable().describe('units that a percentile holds for its fixed price'),
        }),
      ),
    })
    .optional(),
});
