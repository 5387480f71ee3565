// `weir service-levels`: asks a running collector how available services were over a period, and what made their outages.
import { z } from 'zod';
import { WeirError } from '../../common/runtime/errors.ts';
import { askCollector, askCollectorText, COLLECTOR_OPTIONS, DEFAULT_COLLECTOR_URL } from '../collector-question.ts';
import type { Command, CommandContext } from '../command.ts';
import { textOption } from '../options.ts';
import { printTable } from '../text-table.ts';

const ANSWER_MS = 120_000;
const PLACE = '/api/v1/service-levels';

const figures = {
  measuredMs: z.number(),
  outageMs: z.number(),
  excludedMs: z.number(),
  degradedMs: z.number(),
  availability: z.string().nullable(),
};
const answerSchema = z.object({
  items: z.array(
    z.object({
      service: z.string(),
      customer: z.object({ id: z.string() }),
      ...figures,
      knownUntil: z.string(),
      complete: z.boolean(),
      outages: z.array(
        z.object({
          from: z.string(),
          to: z.string(),
          ms: z.number(),
          counted: z.boolean(),
          alarms: z.array(z.object({ alarm: z.string(), alarmType: z.string(), resource: z.string() })),
          windows: z.array(z.string()),
        }),
      ),
    }),
  ),
  next: z.string().nullable(),
  customer: z.object({ id: z.string(), services: z.number(), ...figures }).nullable(),
});
type Answer = z.output<typeof answerSchema>;

export const serviceLevelsCommand: Command = {
  name: 'service-levels',
  summary: 'availability and outages of services and customers over a period',
  help: `usage: weir service-levels --period 2026-11 [--customer ID | --service ID]

  --period NAME       2026-11, 2026-W48, 2026-11-24 or 2026-11-24T08Z, on the clock of each contract
  --from TIME --to TIME   instead of --period
  --zone ZONE         of the period, instead of that of each contract
  --customer ID       of one customer, with the sum of its services
  --service ID        of one service, with each outage and its alarms
  --csv               as a file, one line a service
  --collector URL     default ${DEFAULT_COLLECTOR_URL}
  --data DIR          the data folder whose administrator token is used; default ./data; WEIR_ADMIN_TOKEN goes before it

Outages are those of docs/operations.md: alarms that mean loss of service, of all ports of a service together, without the maintenance
that its contract leaves out.`,
  options: {
    ...COLLECTOR_OPTIONS,
    period: { type: 'string' },
    from: { type: 'string' },
    to: { type: 'string' },
    zone: { type: 'string' },
    customer: { type: 'string' },
    service: { type: 'string' },
    csv: { type: 'boolean' },
  },
  run: async (context) => {
    if (context.positionals.length > 0)
      throw new WeirError('misused', 'weir service-levels takes options only: see --help.');
    const query = queryOf(context);
    if (context.options['csv'] === true) {
      query.set('format', 'csv');
      context.print((await askCollectorText(context, `${PLACE}?${query.toString()}`, null, ANSWER_MS)).trimEnd());
      return 0;
    }
    const answer = await allPages(context, query);
    if (context.json) context.print(JSON.stringify(answer));
    else print(context, answer, query.has('service'));
    return 0;
  },
};

function queryOf(context: CommandContext): URLSearchParams {
  const query = new URLSearchParams();
  for (const name of ['period', 'from', 'to', 'zone', 'customer', 'service']) {
    const value = textOption(context, name);
    if (value !== undefined) query.set(name, value);
  }
  if (!query.has('period') && !(query.has('from') && query.has('to')))
    throw new WeirError('misused', 'weir service-levels needs --period, or --from and --to.');
  return query;
}

async function allPages(context: CommandContext, query: URLSearchParams): Promise<Answer> {
  query.set('limit', '1000');
  const items: Answer['items'] = [];
  for (;;) {
    const page = answerSchema.parse(await askCollector(context, `${PLACE}?${query.toString()}`, null, ANSWER_MS));
    items.push(...page.items);
    if (page.next === null) return { ...page, items };
    query.set('cursor', page.next);
  }
}

function print(context: CommandContext, { items, customer }: Answer, withOutages: boolean): void {
  const line = (text: string): void => context.print(text);
  const rows = items.map((one) => [
    one.customer.id,
    one.service,
    percent(one.availability),
    minutes(one.outageMs),
    minutes(one.excludedMs),
    minutes(one.degradedMs),
    String(one.outages.filter(({ counted }) => counted).length),
    one.complete ? 'yes' : `until ${one.knownUntil}`,
  ]);
  const columns = ['CUSTOMER', 'SERVICE', 'AVAILABLE', 'OUTAGE', 'EXCLUDED', 'DEGRADED', 'OUTAGES', 'COMPLETE'];
  printTable(line, 'service levels', columns, rows);
  if (customer !== null)
    line(
      `${customer.id}: ${customer.services} services, ${percent(customer.availability)}, ${minutes(customer.outageMs)} of outage`,
    );
  if (!withOutages) return;
  const outages = items.flatMap((one) => one.outages);
  printTable(
    line,
    'outages',
    ['FROM', 'TO', 'LASTED', 'COUNTS', 'ALARMS'],
    outages.map(({ from, to, ms, counted, alarms, windows }) => [
      from,
      to,
      minutes(ms),
      counted ? 'yes' : `no: maintenance window ${windows.join(', ')}`,
      alarms.map(({ alarm, alarmType, resource }) => `${alarmType} ${resource} (${alarm})`).join(', '),
    ]),
  );
}

function percent(text: string | null): string {
  return text === null ? '-' : `${text} %`;
}

/** Whole seconds are enough for people. */
function minutes(ms: number): string {
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)} min${seconds % 60 === 0 ? '' : ` ${seconds % 60} s`}`;
}
