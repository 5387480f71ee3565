// The shapes of the bridge's answers that the page reads.

export interface BillingOverview {
  readonly usageRecords: string;
  readonly charges: string;
  readonly watermark: string | null;
  readonly customers: readonly {
    readonly id: string;
    readonly name: string;
    readonly currency: string;
    readonly running: string;
  }[];
  /** Of all customers, by currency; absent from a bridge of before it was told. */
  readonly running?: readonly { readonly currency: string; readonly total: string; readonly customers: number }[];
  readonly unassigned: readonly { readonly device: string; readonly interface: string; readonly octets: string }[];
  readonly latest: ChargeChain | null;
}

export interface ChargeChain {
  readonly charge: {
    readonly id: string;
    readonly service: string;
    readonly item: string;
    readonly windowStart: string;
    readonly windowEnd: string;
    readonly quantity: string;
    readonly unit: string;
    readonly amount: string;
    readonly currency: string;
  };
  readonly usage: readonly {
    readonly meter: number;
    readonly device: string;
    readonly interfaceKey: string;
    readonly direction: string;
    readonly bucketStart: string;
    readonly version: number;
    readonly octets: string;
    readonly quality: string;
  }[];
  readonly readings: readonly {
    readonly meter: number;
    readonly observedAt: string;
    readonly value: string;
    readonly uptimeTicks: number | null;
    readonly agent: string;
    readonly sequence: number;
  }[];
}

export interface Binding {
  readonly device: string;
  readonly interfaceKey: string;
  readonly resource: string;
  readonly from: string;
  readonly to: string | null;
}

export interface Service {
  readonly id: string;
  readonly name: string;
  readonly customer: { readonly id: string; readonly name: string };
  readonly from: string;
  readonly to: string | null;
  readonly bindings: readonly Binding[];
  readonly running: { readonly amount: string; readonly currency: string; readonly until: string } | null;
}

export interface Period {
  readonly name: string;
  readonly zone: string;
  readonly from: string;
  readonly to: string;
}

export interface BillLine {
  /** Of a bill that was made. */
  readonly line?: number;
  readonly service: string;
  readonly item: string;
  readonly itemName: string;
  readonly kind: string;
  readonly plan: string;
  readonly quantity: string;
  readonly unit: string;
  readonly exactAmount: string;
  readonly amount: string;
  readonly working: unknown;
}

export interface Preview {
  readonly customer: string;
  readonly period: Period;
  readonly until: string;
  readonly currency: string;
  readonly total: string;
  readonly watermark: string | null;
  readonly lines: readonly BillLine[];
}

export interface Bill {
  readonly id: string;
  readonly customer: string;
  readonly customerName: string;
  readonly period: Period;
  readonly category: string;
  readonly state: string;
  readonly currency: string;
  readonly total: string;
  readonly watermark: string | null;
  readonly issuedAt: string;
}

export interface Payment {
  readonly id: string;
  readonly kind: string;
  /** Negative where it went back. */
  readonly amount: string;
  readonly currency: string;
  readonly date: string;
  readonly reference: string;
  /** The payment that is reversed, the other bill of a transfer. */
  readonly other: string | null;
  readonly by: string;
}

export interface BillWithLines extends Bill {
  readonly lines: readonly BillLine[];
  readonly payments: readonly Payment[];
  readonly settlement: {
    readonly due: string;
    readonly paid: string;
    readonly open: string;
    readonly overpaid: string;
  };
}

export interface Message {
  readonly id: string;
  readonly kind: string;
  readonly subject: string;
  readonly recipients: readonly string[];
  readonly state: string;
  readonly attempts: number;
  readonly createdAt: string;
  readonly failure: string | null;
}

export interface Evidence {
  readonly charge: string;
  readonly usage: readonly {
    readonly meter: number;
    readonly device?: string;
    readonly interfaceKey?: string;
    readonly direction?: string;
    readonly records: readonly UsageRecord[];
    readonly recordsInAll: number;
    readonly readings?: readonly Readonly<Record<string, string | number | null>>[] | null;
    readonly readingsProblem?: string;
  }[];
}

export interface PricePlan {
  readonly id: string;
  readonly versions: readonly {
    readonly version: number;
    readonly validFrom: string;
    readonly cancelled: boolean;
    readonly terms: Readonly<Record<string, unknown>>;
  }[];
}

export interface Suspense {
  readonly meter: number;
  readonly device: string;
  readonly interfaceKey: string;
  readonly direction: string;
  readonly reason: string;
  readonly end: string | null;
  readonly from: string;
  readonly to: string;
  readonly octets: string | null;
  readonly service: string | null;
  readonly estimatedValue: { readonly amount: string; readonly currency: string } | null;
}

export interface Schedule {
  readonly name: string;
  readonly everyMs: number;
  readonly running: boolean;
  readonly runs: number;
  readonly lastStartedAt: string | null;
  readonly lastFinishedAt: string | null;
  readonly lastError: string | null;
  readonly lastSummary?: unknown;
  readonly fallbackWakes: number;
}

export interface Meter {
  readonly id: number;
  readonly device: string;
  readonly interfaceKey: string;
  readonly direction: string;
  readonly state: string;
  readonly service: string | null;
  readonly customer: string | null;
  readonly reason: string | null;
}

export interface UsageRecord {
  readonly meter: number;
  readonly bucketStart: string;
  readonly bucketMs: number;
  readonly version: number;
  readonly octets: {
    readonly good: string;
    readonly wrapped: string;
    readonly gap: string;
    readonly suspended: string;
  };
  readonly coveredMs: number;
  readonly gapMs: number;
  readonly lostMs: number;
}

export interface ContractService {
  readonly id: string;
  readonly name: string;
  readonly customer: string;
  readonly to: string | null;
  readonly plans: readonly { readonly plan: string; readonly from: string }[];
}

export interface Quote {
  readonly plan: string;
  readonly version: number;
  readonly period: Period;
  readonly currency: string;
  readonly total: string;
  readonly lines: readonly Omit<BillLine, 'service' | 'line'>[];
}

export interface QuoteAnswer extends Quote {
  readonly before: Quote | null;
}

export interface Released {
  readonly meter: number;
  readonly device: string;
  readonly interfaceKey: string;
  readonly octets: string;
  readonly reason: string;
  readonly by: string;
  readonly at: string;
}

export interface Charge {
  readonly id: string;
  readonly customer: string;
  readonly service: string;
  readonly itemName: string;
  readonly windowStart: string;
  readonly windowEnd: string;
  readonly version: number;
  readonly status: string;
  readonly plan: string;
  readonly planVersion: number;
  readonly currency: string;
  readonly quantity: string;
  readonly unit: string;
  readonly amount: string;
  readonly ratedAt: string;
}

export interface ChargeDetail extends Charge {
  readonly working: unknown;
  readonly bills: readonly { readonly bill: string; readonly line: number }[];
}

export interface DeadLetter {
  readonly id: string;
  readonly name: string;
  readonly attempts: number;
  readonly reason: string;
  readonly failedAt: string | null;
}

interface Difference {
  readonly kind: string;
  readonly expected: string;
  readonly found: string;
}

export interface Reconciliation {
  readonly differences: number;
  readonly usage: {
    readonly readings: number;
    readonly records: number;
    readonly octets: Readonly<Record<'good' | 'wrapped' | 'gap' | 'suspended', string>>;
    readonly differences: readonly (Difference & {
      readonly device: string;
      readonly interfaceKey: string;
      readonly direction: string;
      readonly at: string;
    })[];
  };
  readonly charges: {
    readonly charges: number;
    readonly differences: readonly (Difference & {
      readonly service: string;
      readonly item: string;
      readonly windowStart: string;
      readonly charge: string | null;
    })[];
  };
  readonly bills: {
    readonly bills: number;
    readonly lines: number;
    readonly differences: readonly (Difference & {
      readonly bill: string | null;
      readonly line: number | null;
      readonly charge: string | null;
    })[];
  };
}
