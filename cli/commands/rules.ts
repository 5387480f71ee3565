// `weir rules test`: asks a running collector what other rules would have raised on the readings that it has stored.
import path from 'node:path';
import { z } from 'zod';
import { parseConfiguration, readConfigurationFile } from '../../common/runtime/configuration.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import { askCollector, COLLECTOR_OPTIONS, DEFAULT_COLLECTOR_URL } from '../collector-question.ts';
import type { Command, CommandContext } from '../command.ts';
import { textOption, wholeNumberOption } from '../options.ts';
import { printable, printTable } from '../text-table.ts';

/** The collector ends it itself before that. */
const ANSWER_MS = 280_000;

const answerSchema = z.object({
  from: z.string(),
  through: z.string(),
  devices: z.number(),
  polls: z.number(),
  present: z.number(),
  candidate: z.number(),
  byType: z.array(z.object({ alarmType: z.string(), present: z.number(), candidate: z.number() })),
  untried: z.array(z.string()),
  notStored: z.record(z.string(), z.string()).default({}),
  items: z.array(
    z.object({
      resource: z.string(),
      alarmType: z.string(),
      qualifier: z.string(),
      worst: z.string(),
      raisedAt: z.string(),
      clearedAt: z.string().nullable(),
      seconds: z.number().nullable(),
      present: z.boolean(),
    }),
  ),
  more: z.boolean(),
});
type Answer = z.output<typeof answerSchema>;

export const rulesCommand: Command = {
  name: 'rules',
  summary: 'try other fault rules on what is stored',
  help: `usage: weir rules test RULES.yaml --from TIME --to TIME

  --from TIME, --to TIME     such as 2026-11-27T00:00:00Z; at most 35 days, as long as raw readings are kept
  --device GLOB              only these devices; also --site and --tag; * stands for any text
  --limit N                  alarms that are listed; default 50
  --seconds N                most time that it takes; default 60, at most 240
  --collector URL            default ${DEFAULT_COLLECTOR_URL}
  --data DIR                 the data folder whose administrator token is used; default ./data; WEIR_ADMIN_TOKEN goes before it

RULES.yaml says what is to change, in the form of collector.faults: fields of rules, and overrides that are added to those configured.

  interface_down: { raise_after_ms: 120000 }
  overrides:
    - { tag: access, rules: { high_utilisation: { raise_percent: 98 } } }

Nothing is changed and nobody is told: stored polls and notifications go through the same judges as live ones. Versions, serial
numbers, modules and neighbours are those that the inventory kept of then. A rule whose material is not stored (whether a poll was cut short,
states in words, duplex) cannot be tried: it is named, with what is missing.`,
  options: {
    ...COLLECTOR_OPTIONS,
    from: { type: 'string' },
    to: { type: 'string' },
    device: { type: 'string' },
    site: { type: 'string' },
    tag: { type: 'string' },
    limit: { type: 'string' },
    seconds: { type: 'string' },
  },
  run: async (context) => {
    const [verb, file = '', ...more] = context.positionals;
    if (verb !== 'test' || file === '' || more.length > 0)
      throw new WeirError('misused', 'weir rules takes: test RULES.yaml --from TIME --to TIME.');
    context.progress('replaying what is stored; this may take a minute');
    const answer = await askCollector(context, '/api/v1/rules/test', questionOf(context, file), ANSWER_MS);
    if (context.json) context.print(JSON.stringify(answer));
    else printAnswer(context, answerSchema.parse(answer));
    return 0;
  },
};

function questionOf(context: CommandContext, file: string): object {
  const [from, to] = [timeOption(context, 'from'), timeOption(context, 'to')];
  const name = path.resolve(file);
  const rules = parseConfiguration(readConfigurationFile(name), name, z.looseObject({}));
  const among = ['device', 'site', 'tag'].flatMap((one) => {
    const text = textOption(context, one);
    return text === undefined ? [] : [[one, text] as const];
  });
  return {
    rules,
    from,
    to,
    ...Object.fromEntries(among),
    limit: wholeNumberOption(context, 'limit', { otherwise: 50, least: 0, most: 10_000 }),
    seconds: wholeNumberOption(context, 'seconds', { otherwise: 60, least: 1, most: 240 }),
  };
}

function timeOption(context: CommandContext, name: string): string {
  const text = textOption(context, name) ?? '';
  const atMs = Date.parse(text);
  if (Number.isNaN(atMs)) throw new WeirError('misused', `--${name} takes a time such as 2026-11-27T00:00:00Z.`);
  return new Date(atMs).toISOString();
}

function printAnswer(context: CommandContext, answer: Answer): void {
  const print = (line: string): void => context.print(line);
  const { present, candidate, devices, polls, from, through } = answer;
  print(`${candidate} alarms instead of ${present}: ${polls} polls of ${devices} devices, ${from} to ${through}.`);
  if (Date.parse(through) < Date.parse(timeOption(context, 'to')))
    print(`The time was over at ${through}: name fewer devices, or more --seconds.`);
  for (const rule of answer.untried)
    print(`Nothing stored can try ${rule}: ${answer.notStored[rule] ?? 'nobody knows why'}.`);
  const others = Object.keys(answer.notStored).filter((rule) => !answer.untried.includes(rule));
  if (others.length > 0) print(`Not tried either, if they were named (--json says why): ${others.join(', ')}.`);
  const types = answer.byType.map((one) => [one.alarmType, String(one.candidate), String(one.present)]);
  printTable(print, 'alarms raised', ['TYPE', 'THEN', 'NOW'], types);
  const rows = answer.items.map((item) => [
    item.raisedAt,
    item.clearedAt ?? 'stands',
    item.seconds === null ? '-' : spanOf(item.seconds),
    item.worst,
    item.present ? 'yes' : 'no',
    [item.alarmType, printable(item.resource), printable(item.qualifier)].join(' ').trim(),
  ]);
  printTable(print, 'with the rules tried', ['RAISED', 'CLEARED', 'LASTED', 'WORST', 'ALSO NOW', 'ALARM'], rows);
  if (answer.more) print(`There are more; see --limit.`);
}

function spanOf(seconds: number): string {
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60)];
  if (hours > 0) return `${hours} h ${minutes} min`;
  return minutes > 0 ? `${minutes} min ${seconds % 60} s` : `${seconds} s`;
}
