// What is exported and in which columns: bills by line, charges, usage records; each row with the watermark.
import { describeBill, describeCharge, describeLine } from '../../billing-bridge/api/forms.ts';
import type { Bill } from '../../billing-bridge/bill/bill-store.ts';
import { describeRecord } from '../../billing-bridge/bill/evidence.ts';
import type { BillLine } from '../../billing-bridge/bill/lines.ts';
import type { Meter, UsageRecord } from '../../billing-bridge/mediate/usage.ts';
import type { Charge } from '../../billing-bridge/rate/charge-store.ts';
import { isoTime } from '../../common/model/time.ts';
import { numberColumn as number, textColumn as text, type Column } from '../../billing-bridge/export/csv.ts';

export interface BillWithLines {
  readonly bill: Bill;
  readonly lines: readonly Omit<BillLine, 'charges'>[];
}

export interface ChargeRow {
  readonly charge: Charge;
  readonly watermark: string | null;
}

export interface UsageRow {
  readonly record: UsageRecord;
  readonly meter: Meter | undefined;
  readonly watermark: string | null;
}

export function billJson({ bill, lines }: BillWithLines): object {
  return { ...describeBill(bill, true), lines: lines.map(describeLine) };
}

export function chargeJson({ charge, watermark }: ChargeRow): object {
  return { ...describeCharge(charge), watermark, working: charge.working };
}

export function usageJson({ record, meter, watermark }: UsageRow): object {
  const { device, interfaceKey, direction } = meter ?? { device: null, interfaceKey: null, direction: null };
  return { ...describeRecord(record), device, interfaceKey, direction, watermark };
}

export const CHARGE_COLUMNS: readonly Column<ChargeRow>[] = [
  text('watermark', ({ watermark }) => watermark),
  number('id', ({ charge }) => charge.id),
  text('customer', ({ charge }) => charge.customer),
  text('service', ({ charge }) => charge.service),
  text('item', ({ charge }) => charge.item),
  text('item_name', ({ charge }) => charge.itemName),
  text('kind', ({ charge }) => charge.kind),
  text('window_start', ({ charge }) => isoTime(charge.windowStartMs)),
  text('window_end', ({ charge }) => isoTime(charge.windowEndMs)),
  number('version', ({ charge }) => charge.version),
  text('plan', ({ charge }) => charge.plan),
  number('plan_version', ({ charge }) => charge.planVersion),
  number('quantity', ({ charge }) => charge.quantity),
  text('unit', ({ charge }) => charge.unit),
  number('amount', ({ charge }) => charge.amount),
  text('currency', ({ charge }) => charge.currency),
  number('usage_records', ({ charge }) => charge.usageRecords),
  text('rated_at', ({ charge }) => isoTime(charge.ratedAtMs)),
];

export const USAGE_COLUMNS: readonly Column<UsageRow>[] = [
  text('watermark', ({ watermark }) => watermark),
  number('meter', ({ record }) => record.meter),
  text('device', ({ meter }) => meter?.device ?? null),
  text('interface', ({ meter }) => meter?.interfaceKey ?? null),
  text('direction', ({ meter }) => meter?.direction ?? null),
  text('bucket_start', ({ record }) => isoTime(record.bucketStartMs)),
  number('bucket_ms', ({ record }) => record.bucketMs),
  number('version', ({ record }) => record.version),
  number('octets_good', ({ record }) => record.octets.good),
  number('octets_wrapped', ({ record }) => record.octets.wrapped),
  number('octets_gap', ({ record }) => record.octets.gap),
  number('octets_suspended', ({ record }) => record.octets.suspended),
  number('covered_ms', ({ record }) => record.coveredMs),
  number('gap_ms', ({ record }) => record.gapMs),
  number('lost_ms', ({ record }) => record.lostMs),
  text('first_reading_at', ({ record }) => isoTime(record.evidence.firstReadingAtMs)),
  text('last_reading_at', ({ record }) => isoTime(record.evidence.lastReadingAtMs)),
  number('serial', ({ record }) => record.serial),
];
