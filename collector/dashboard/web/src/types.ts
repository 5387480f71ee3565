// The shapes of the answers that the page reads.

export interface Page<T> {
  readonly items: readonly T[];
  readonly next: string | null;
}

export interface Overview {
  readonly demo: boolean;
  readonly devices: { readonly total: number; readonly reachable: number };
  readonly interfaces: { readonly total: number; readonly up: number };
  readonly readings: { readonly pages: string; readonly lastAt: string | null };
  readonly alarms: Readonly<Record<string, number>>;
  readonly quarantined: number;
}

export interface Device {
  readonly name: string;
  readonly address: string | null;
  readonly site: string | null;
  readonly model: string | null;
  readonly vendor: string | null;
  readonly reachable: boolean | null;
  readonly lastPollAt: string | null;
  readonly lastPollMs: number | null;
  readonly interfaceCount: number;
}

export interface InterfaceRow {
  readonly resource: string;
  readonly name: string;
  readonly alias: string | null;
  readonly operStatus: string | null;
  readonly adminStatus: string | null;
  readonly speedBps: string | null;
}

export interface Alarm {
  readonly id: string;
  readonly resource: string;
  readonly alarmType: string;
  readonly severity: string;
  readonly isCleared: boolean;
  readonly text: string;
  readonly raisedAt: string;
  readonly changedAt: string;
}

export interface Series {
  readonly points: readonly { readonly at: string; readonly value: number | null }[];
}

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
