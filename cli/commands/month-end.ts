// `weir month-end`: what a period expected and received of every port, what was lost, what nobody pays for, whether link ends agree, and what was billed.
import { compareLinks, compareUplinks, type Compared, type MeterMonth } from '../../billing-bridge/audit/month-end.ts';
import { sumOf } from '../../billing-bridge/bill/lines.ts';
import type { Ledger } from '../../billing-bridge/ledger.ts';
import type { SuspenseItem } from '../../billing-bridge/mediate/mediation.ts';
import { type Period, periodNamed } from '../../common/model/period.ts';
import { isoTime } from '../../common/model/time.ts';
import { messageOf, WeirError } from '../../common/runtime/errors.ts';
import { LEDGER_HELP, LEDGER_OPTIONS, refuseArguments } from '../billing/billing-options.ts';
import { readingsToken, withLedger } from '../billing/open-ledger.ts';
import { monthsOf, TOLERANCE_PPM } from '../billing/outside.ts';
import { linksOf } from '../billing/topology.ts';
import type { Command, CommandContext } from '../command.ts';
import { textOption, wholeNumberOption } from '../options.ts';

const PAGE = 1_000;
const MAX_SHOWN = 50;

export const monthEndCommand: Command = {
  name: 'month-end',
  summary: 'report what a period expected, received, lost, and billed',
  help: `usage: weir month-end --period PERIOD [--tolerance-ppm N] [OPTIONS]

  --period PERIOD    2026-11 or 2026-11-24, by UTC
  --tolerance-ppm N  how far two ends may differ, in parts per million; default ${TOLERANCE_PPM}
${LEDGER_HELP}

Of every port: samples expected, received, and covered throughout, gaps, lost spans, what is held back. Ports with traffic that nobody
holds. The two ends of each link that the collector knows against each other, and access ports against uplinks (infrastructure whose
reason names an uplink). What was billed. Exit code 1 where ends differ, or a port with traffic belongs to nobody.`,
  options: { ...LEDGER_OPTIONS, period: { type: 'string' }, 'tolerance-ppm': { type: 'string' } },
  run: async (context) => {
    refuseArguments(context, 'month-end');
    const name = textOption(context, 'period') ?? '';
    const period = periodNamed(name, 'UTC');
    if (period === null) throw new WeirError('misused', 'weir month-end takes --period PERIOD, such as 2026-11.');
    const tolerance = wholeNumberOption(context, 'tolerance-ppm', {
      otherwise: TOLERANCE_PPM,
      least: 0,
      most: 1_000_000,
    });
    return withLedger<0 | 1>(context, 'month-end', async ({ ledger, config }) => {
      const months = await monthsOf(context, ledger, period, config.bucketMs);
      const links = await linksOf(config.collectorUrl, readingsToken(context)).catch((error: unknown) =>
        messageOf(error),
      );
      const report: Report = {
        period,
        months,
        suspense: await suspenseOf(ledger, period),
        unassigned: months.filter((one) => one.state.state === 'unassigned' && octetsOf(one) > 0n),
        compared: [
          ...(typeof links === 'string' ? [] : compareLinks(links, months, tolerance)),
          ...compareUplinks(months, tolerance),
        ],
        linksProblem: typeof links === 'string' ? links : null,
        billed: await billedOf(ledger, name),
      };
      if (context.json) context.print(JSON.stringify(documentOf(report, ledger.watermark)));
      else print(context, report);
      return report.unassigned.length === 0 && report.compared.every((one) => one.agrees) ? 0 : 1;
    });
  },
};

interface Report {
  readonly period: Period;
  readonly months: readonly MeterMonth[];
  readonly suspense: readonly SuspenseItem[];
  readonly unassigned: readonly MeterMonth[];
  readonly compared: readonly Compared[];
  /** Why links could not be looked at. */
  readonly linksProblem: string | null;
  readonly billed: { readonly bills: number; readonly totals: Readonly<Record<string, string>> };
}

async function suspenseOf(ledger: Ledger, period: Period): Promise<SuspenseItem[]> {
  const found: SuspenseItem[] = [];
  let cursor: string | null = null;
  do {
    const page: Awaited<ReturnType<Ledger['usage']['suspense']>> = await ledger.usage.suspense({ cursor, limit: PAGE });
    found.push(...page.items.filter(({ fromMs, toMs }) => fromMs < period.endMs && toMs > period.startMs));
    cursor = page.next;
  } while (cursor !== null);
  return found;
}

async function billedOf(ledger: Ledger, period: string): Promise<Report['billed']> {
  const totals = new Map<string, string[]>();
  let beforeSerial: bigint | undefined;
  let bills = 0;
  for (;;) {
    const page = await ledger.bills({ customers: null, period, category: 'normal', beforeSerial, limit: PAGE });
    for (const bill of page) totals.set(bill.currency, [...(totals.get(bill.currency) ?? []), bill.total]);
    bills += page.length;
    beforeSerial = page.at(-1)?.serial;
    if (page.length < PAGE) break;
  }
  return {
    bills,
    totals: Object.fromEntries([...totals].map(([currency, sums]) => [currency, sumOf(sums).toString()])),
  };
}

const octetsOf = ({ octets }: MeterMonth): bigint => octets.good + octets.wrapped + octets.gap + octets.suspended;

function documentOf(
  { period, months, suspense, unassigned, compared, linksProblem, billed }: Report,
  watermark: string | null,
): object {
  const { name, startMs, endMs } = period;
  return {
    period: { name, from: isoTime(startMs), to: isoTime(endMs) },
    watermark,
    meters: months.map(meterDocument),
    suspense: suspense.map(({ fromMs, toMs, ...item }) => ({ ...item, from: isoTime(fromMs), to: isoTime(toMs) })),
    unassigned: unassigned.map(({ meter }) => meter),
    compared: compared.map(({ sent, received, ...one }) => ({
      ...one,
      sent: sent.toString(),
      received: received.toString(),
    })),
    linksProblem,
    billed,
  };
}

function meterDocument({ octets: { good, wrapped, gap, suspended }, ...month }: MeterMonth): object {
  const octets = { good: `${good}`, wrapped: `${wrapped}`, gap: `${gap}`, suspended: `${suspended}` };
  return { ...month, octets };
}

function print(context: CommandContext, report: Report): void {
  const { months, suspense, unassigned, compared, linksProblem, billed } = report;
  const sum = (of: (month: MeterMonth) => number): number => months.reduce((total, month) => total + of(month), 0);
  const octets = (of: keyof MeterMonth['octets']): bigint =>
    months.reduce((total, month) => total + month.octets[of], 0n);
  const list = (title: string, rows: readonly string[]): void => {
    context.print(title);
    for (const row of rows.slice(0, MAX_SHOWN)) context.print(`  ${row}`);
    if (rows.length > MAX_SHOWN) context.print(`  and ${rows.length - MAX_SHOWN} more (--json)`);
  };
  context.print(`${report.period.name}: ${months.length} meters`);
  context.print(
    `samples: ${sum((one) => one.samples.expected)} expected, ${sum((one) => one.samples.received)} received, ${sum((one) => one.samples.whole)} whole, ${sum((one) => one.corrected)} corrected by late readings`,
  );
  context.print(
    `octets: ${octets('good')} good, ${octets('wrapped')} wrapped, ${octets('gap')} gap, ${octets('suspended')} suspended`,
  );
  context.print(`time: ${sum((one) => one.gapMs)} ms in gaps, ${sum((one) => one.lostMs)} ms lost`);
  const place = ({ meter }: Pick<MeterMonth, 'meter'>): string =>
    `${meter.device} ${meter.interfaceKey} ${meter.direction}`;
  list(
    `held back: ${suspense.length}`,
    suspense.map(
      (one) => `${place(one)}  ${one.reason}  ${isoTime(one.fromMs)} to ${isoTime(one.toMs)}  ${one.octets ?? ''}`,
    ),
  );
  list(
    `ports with traffic that nobody holds: ${unassigned.length}`,
    unassigned.map((one) => `${place(one)}  ${octetsOf(one)} octets`),
  );
  if (linksProblem !== null) context.print(`links were not compared: ${linksProblem}`);
  const differ = compared.filter((one) => !one.agrees);
  list(
    `ends compared: ${compared.length}, differ: ${differ.length}`,
    differ.map(
      (one) =>
        `${one.what}  ${one.from} sent ${one.sent}, ${one.to} received ${one.received}  ${one.differencePpm} ppm`,
    ),
  );
  const totals = Object.entries(billed.totals).map(([currency, total]) => `${total} ${currency}`);
  context.print(`billed: ${billed.bills} bills, ${totals.length === 0 ? 'nothing' : totals.join(', ')}`);
}
