// From what the bridge holds to what it answers: times as text, integers and money as text, nothing left out that a person would ask for.
import { classOf } from '../../common/model/meter-class.ts';
import type { Period } from '../../common/model/period.ts';
import { type EpochMs, isoTime } from '../../common/model/time.ts';
import type { KeptVersion } from '../account/kept-version.ts';
import type { Binding, Customer, Service } from '../account/contract.ts';
import type { InterfaceState } from '../account/interface-state.ts';
import type { BillRunEntry } from '../bill/bill-run-store.ts';
import type { Bill } from '../bill/bill-store.ts';
import type { CreditNote } from '../bill/credit-note.ts';
import type { Payment } from '../bill/payment-book.ts';
import type { BillLine } from '../bill/lines.ts';
import type { ContractBook } from '../account/contract-book.ts';
import type { Forecast } from '../ledger.ts';
import type { Reconciliation } from '../reconciliation.ts';
import type { SuspenseItem } from '../mediate/mediation.ts';
import type { Meter } from '../mediate/usage.ts';
import type { ReleasedSuspense } from '../mediate/mediation.ts';
import type { TaskState } from '../queue/scheduled-work.ts';
import type { Charge } from '../rate/charge-store.ts';
import type { Preview } from '../rate/preview.ts';

export function timeOrNull(at: EpochMs | null): string | null {
  return at === null ? null : isoTime(at);
}

export function describePeriod(period: Period): object {
  const { name, cycle, zone, startMs, endMs } = period;
  return { name, cycle, zone, from: isoTime(startMs), to: isoTime(endMs) };
}

export function describeCustomer({ id, name, currency, zone, cycle }: Customer): object {
  return { id, name, currency, zone, cycle };
}

export function describeBinding(binding: Binding): object {
  const { device, interface: interfaceKey, fromMs, toMs } = binding;
  return { device, interfaceKey, from: isoTime(fromMs), to: timeOrNull(toMs) };
}

export function describeService(service: Service): object {
  return {
    id: service.id,
    name: service.name,
    customer: service.customer,
    from: isoTime(service.fromMs),
    to: timeOrNull(service.toMs),
    recurringFrom: isoTime(service.recurringFromMs),
    plans: service.plans.map(({ plan, fromMs }) => ({ plan, from: isoTime(fromMs) })),
    bindings: service.bindings.map(describeBinding),
    serviceLevel: service.serviceLevel ?? null,
  };
}

/** Every version of one plan, oldest first. */
export function describePlan(id: string, versions: readonly KeptVersion[]): object {
  return {
    id,
    versions: versions.map(({ version, validFromMs, document }) => ({
      version,
      validFrom: isoTime(validFromMs),
      cancelled: typeof document === 'object' && document !== null && 'cancelled' in document,
      terms: document,
    })),
  };
}

export function describeMeter(meter: Meter, state: InterfaceState): object {
  const { id, device, interfaceKey, direction } = meter;
  return {
    id,
    device,
    interfaceKey,
    class: classOf(meter),
    direction,
    state: state.state,
    service: state.state === 'billed' ? state.service : null,
    customer: state.state === 'billed' ? state.customer : null,
    reason: state.state === 'infrastructure' ? state.reason : null,
  };
}

/** `state` is that of the interface when it happened. */
export function describeSuspense(
  item: SuspenseItem,
  state: InterfaceState,
  now: EpochMs,
  estimatedValue: { readonly amount: string; readonly currency: string } | null,
): object {
  const { meter, reason, end, fromMs, toMs, octets } = item;
  return {
    meter: meter.id,
    device: meter.device,
    interfaceKey: meter.interfaceKey,
    direction: meter.direction,
    reason,
    end,
    from: isoTime(fromMs),
    to: isoTime(toMs),
    octets,
    ageMs: Math.max(0, now - toMs),
    estimatedValue,
    service: state.state === 'billed' ? state.service : null,
    customer: state.state === 'billed' ? state.customer : null,
  };
}

export function describeReleased(one: ReleasedSuspense): object {
  const { meter, fromMs, toMs, octets, reason, by, atMs } = one;
  return {
    meter: meter.id,
    device: meter.device,
    interfaceKey: meter.interfaceKey,
    direction: meter.direction,
    from: isoTime(fromMs),
    to: isoTime(toMs),
    octets,
    reason,
    by,
    at: isoTime(atMs),
  };
}

export function describeCharge(charge: Charge): object {
  return {
    id: charge.id.toString(),
    run: charge.run.toString(),
    customer: charge.customer,
    service: charge.service,
    item: charge.item,
    itemName: charge.itemName,
    kind: charge.kind,
    windowStart: isoTime(charge.windowStartMs),
    windowEnd: isoTime(charge.windowEndMs),
    version: charge.version,
    status: charge.version === 1 ? 'rated' : 'rerated',
    plan: charge.plan,
    planVersion: charge.planVersion,
    currency: charge.currency,
    quantity: charge.quantity,
    unit: charge.unit,
    amount: charge.amount,
    usageRecords: charge.usageRecords,
    ratedAt: isoTime(charge.ratedAtMs),
  };
}

/** Gates are told with what they found, or with how much alone. */
export function describeBill(bill: Bill, findings: boolean): object {
  return {
    id: bill.id,
    customer: bill.customer,
    customerName: bill.customerName,
    period: describePeriod(bill.period),
    category: bill.category,
    state: bill.state,
    currency: bill.currency,
    total: bill.total,
    watermark: bill.watermark,
    gates: findings ? bill.gates : bill.gates.map((gate) => ({ ...gate, findings: [] })),
    issuedAt: isoTime(bill.issuedAtMs),
    invoice: bill.invoice,
    ledgerHead: bill.ledgerHead,
    settlement: bill.settlement,
  };
}

export function describeCreditNote({ serial: _serial, atMs, ...note }: CreditNote): object {
  return { ...note, at: isoTime(atMs) };
}

export function describePayment({ serial, paidOn, atMs, ...payment }: Payment): object {
  return { id: serial.toString(), ...payment, date: paidOn, at: isoTime(atMs) };
}

export function describeLine({ period, ...line }: Omit<BillLine, 'charges'>): object {
  return { ...line, period: describePeriod(period) };
}

export function describePreview(preview: Preview, watermark: string | null): object {
  const { customer, period, untilMs, currency, total, lines } = preview;
  return { customer, period: describePeriod(period), until: isoTime(untilMs), currency, total, watermark, lines };
}

/** What a period may come to, line by line, beside what a percentile holds by its commit. */
export function describeForecast(forecast: Forecast, book: ContractBook): object {
  const { pattern, total, untilMs, lines } = forecast;
  return {
    until: isoTime(untilMs),
    total,
    pattern,
    lines: lines.map(({ working: _working, ...line }) => ({ ...line, commit: commitOf(book, line) })),
  };
}

function commitOf(
  book: ContractBook,
  line: Pick<Forecast['lines'][number], 'plan' | 'planVersion' | 'item'>,
): string | null {
  const plan = book.plans.find((one) => one.id === line.plan && one.version === line.planVersion);
  const price = plan?.items.find((item) => item.id === line.item)?.price;
  return price?.kind === 'percentile' ? price.commit.toString() : null;
}

export function describeBillRun(entry: BillRunEntry): object {
  const { id, period, account, interim, accepted, by, atMs, result } = entry;
  const accounts =
    typeof result === 'object' && result !== null && 'accounts' in result && Array.isArray(result.accounts)
      ? result.accounts
      : [];
  return { id: id.toString(), period, account, interim, accepted, by, at: isoTime(atMs), accounts };
}

/** Differences shown of each kind; all are counted. */
const MAX_DIFFERENCES = 1_000;

export function describeReconciliation(found: Reconciliation): object {
  const { usage, charges, bills } = found;
  return {
    from: isoTime(found.fromMs),
    to: isoTime(found.toMs),
    differences: found.differences,
    usage: {
      ...usage,
      differences: usage.differences
        .slice(0, MAX_DIFFERENCES)
        .map(({ atMs, ...difference }) => ({ ...difference, at: isoTime(atMs) })),
      differencesInAll: usage.differences.length,
    },
    charges: {
      ...charges,
      differences: charges.differences
        .slice(0, MAX_DIFFERENCES)
        .map(({ windowStartMs, ...difference }) => ({ ...difference, windowStart: isoTime(windowStartMs) })),
      differencesInAll: charges.differences.length,
    },
    bills: {
      ...bills,
      differences: bills.differences.slice(0, MAX_DIFFERENCES),
      differencesInAll: bills.differences.length,
    },
  };
}

export function describeSchedule({
  lastStartedAtMs,
  lastFinishedAtMs,
  nextAtMs,
  progress,
  ...state
}: TaskState): object {
  return {
    ...state,
    nextAt: timeOrNull(nextAtMs),
    progress: progress === null ? null : describeProgress(progress),
    lastStartedAt: timeOrNull(lastStartedAtMs),
    lastFinishedAt: timeOrNull(lastFinishedAtMs),
  };
}

function describeProgress({ atMs, ...progress }: NonNullable<TaskState['progress']>): object {
  return { ...progress, at: isoTime(atMs) };
}
