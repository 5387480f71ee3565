// The shapes of the answers that the page reads: the collector's come from the schemas of its API.
import type { AlarmAnswer } from '../../../api/alarm-answers.ts';
import type {
  AgentAnswer,
  DeviceAnswer,
  InterfaceAnswer,
  LatestAnswer,
  OverviewAnswer,
  SeriesAnswer,
  TopAnswer,
} from '../../../api/answers.ts';
import type { WhoAnswer } from '../../../api/who-answer.ts';

export interface Page<T> {
  readonly items: readonly T[];
  readonly next: string | null;
}

export type Overview = OverviewAnswer;
export type Device = DeviceAnswer;
export type InterfaceRow = InterfaceAnswer;
export type Alarm = AlarmAnswer;
export type Agent = AgentAnswer;
export type Series = SeriesAnswer;
export type Latest = LatestAnswer;
export type Top = TopAnswer;
export type Who = WhoAnswer;

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
