// The books against the outside: ends of links, access ports and uplinks, and devices asked afresh; for `weir reconcile` and `weir month-end`.
import type { FreshComparison } from '../../billing-bridge/audit/fresh-poll.ts';
import {
  type Compared,
  compareLinks,
  compareUplinks,
  type MeterMonth,
  meterMonth,
} from '../../billing-bridge/audit/month-end.ts';
import type { Ledger } from '../../billing-bridge/ledger.ts';
import { classOf } from '../../common/model/meter-class.ts';
import { type EpochMs, isoTime } from '../../common/model/time.ts';
import { messageOf } from '../../common/runtime/errors.ts';
import type { CommandContext } from '../command.ts';
import { loadWhole } from '../configuration.ts';
import { configurationFileOf } from './billing-options.ts';
import { type AskDevice, askDevices, type FreshPolls, freshPolls } from './fresh-polls.ts';
import { type OpenLedger, readingsToken } from './open-ledger.ts';
import { linksOf } from './topology.ts';

/** Headers of link layers, and polls that do not fall together, make ends differ a little. */
export const TOLERANCE_PPM = 10_000;

/** Of every port, what a span expected and received. */
export async function monthsOf(
  context: CommandContext,
  ledger: Ledger,
  period: { readonly startMs: EpochMs; readonly endMs: EpochMs },
  bucketMs: number,
): Promise<MeterMonth[]> {
  const book = await ledger.book();
  const span = { fromMs: period.startMs, toMs: period.endMs, bucketMs };
  const months: MeterMonth[] = [];
  for (const meter of await ledger.usage.allMeters()) {
    if (classOf(meter) !== 'octets') continue;
    // One port at a time: no month of all ports is in memory.
    const records = await ledger.usage.latest([meter.id], span.fromMs, span.toMs);
    const state = ledger.stateOf(book, meter.device, meter.interfaceKey, period.endMs - 1);
    months.push(meterMonth(meter, state, records, span));
    if (months.length % 1_000 === 0) context.progress(`${months.length} meters …`);
  }
  return months;
}

export interface EndsCompared {
  readonly compared: readonly Compared[];
  /** Why links could not be looked at. */
  readonly linksProblem: string | null;
}

export async function endsCompared(
  context: CommandContext,
  { ledger, config }: OpenLedger,
  span: { readonly startMs: EpochMs; readonly endMs: EpochMs },
  tolerance: number,
): Promise<EndsCompared> {
  const months = await monthsOf(context, ledger, span, config.bucketMs);
  const links = await linksOf(config.collectorUrl, readingsToken(context)).catch((error: unknown) => messageOf(error));
  const uplinks = compareUplinks(months, tolerance);
  if (typeof links === 'string') return { compared: uplinks, linksProblem: links };
  return { compared: [...compareLinks(links, months, tolerance), ...uplinks], linksProblem: null };
}

/** `ask`: instead of polling the devices of the configuration. */
export function polledAfresh(
  context: CommandContext,
  { ledger }: OpenLedger,
  ask: AskDevice = askDevices(loadWhole(configurationFileOf(context)), context),
): Promise<FreshPolls> {
  return freshPolls(ledger, ask, (done, of) => context.progress(`${done} of ${of} devices polled …`));
}

/** What cannot be compared is told, and is no difference; a device that does not answer is none either. */
export function outsideAgrees(ends: EndsCompared | null, polled: FreshPolls | null): boolean {
  return (
    (ends === null || ends.compared.every((one) => one.agrees)) &&
    (polled === null || polled.compared.every(({ verdict }) => verdict !== 'differs'))
  );
}

export function outsideDocument(ends: EndsCompared | null, polled: FreshPolls | null): object {
  const withText = ({ moved, most, sinceMs, ...one }: FreshComparison): object => ({
    ...one,
    moved: moved?.toString() ?? null,
    most: most?.toString() ?? null,
    since: sinceMs === null ? null : isoTime(sinceMs),
  });
  return {
    ...(ends === null
      ? {}
      : {
          compared: ends.compared.map(({ sent, received, ...one }) => ({
            ...one,
            sent: sent.toString(),
            received: received.toString(),
          })),
          linksProblem: ends.linksProblem,
        }),
    ...(polled === null ? {} : { polled: { compared: polled.compared.map(withText), failed: polled.failed } }),
  };
}

export function printOutside(context: CommandContext, ends: EndsCompared | null, polled: FreshPolls | null): void {
  if (ends !== null) {
    const differ = ends.compared.filter((one) => !one.agrees);
    context.print(`  ends compared: ${ends.compared.length}, differ: ${differ.length}`);
    if (ends.linksProblem !== null) context.print(`  links were not compared: ${ends.linksProblem}`);
    for (const one of differ)
      context.print(
        `  ${one.what}  ${one.from} sent ${one.sent}, ${one.to} received ${one.received}  ${one.differencePpm} ppm`,
      );
  }
  if (polled === null) return;
  const count = (wanted: FreshComparison['verdict']): number =>
    polled.compared.filter(({ verdict }) => verdict === wanted).length;
  context.print(
    `  polled afresh: ${count('agrees')} counters agree, ${count('differs')} differ, ${count('not_comparable')} cannot be compared; ${polled.failed.length} devices gave no answer`,
  );
  for (const { device, interfaceKey, direction, verdict, reason } of polled.compared)
    if (verdict !== 'agrees')
      context.print(
        `  ${device} ${interfaceKey} ${direction}: ${verdict === 'differs' ? 'differs' : 'cannot be compared'}: ${reason}`,
      );
  for (const { device, problem } of polled.failed) context.print(`  ${device}: ${problem}`);
}
