// `weir diagnosis`: asks a running collector what its runbooks found out about an alarm, what was done about it, or has it diagnosed now.
import { z } from 'zod';
import { WeirError } from '../../common/runtime/errors.ts';
import { askCollector, COLLECTOR_OPTIONS, DEFAULT_COLLECTOR_URL } from '../collector-question.ts';
import type { Command, CommandContext } from '../command.ts';
import { printTable } from '../text-table.ts';

const ANSWER_MS = 30_000;

/** Why there is none, as the collector codes it. */
const NONE: Readonly<Record<string, string>> = {
  no_runbook: 'no runbook is for it',
  device_unknown: 'its device is not configured any more',
  off: 'diagnoses are not begun by themselves here (collector.repair.diagnose)',
  waiting: 'it has not stood for long enough yet',
  ended_early: 'it ended before it had stood for long enough',
  silent: 'it is a symptom, in a window or on a shelf, or was raised more than an hour before the collector looked',
};
const diagnosesSchema = z.object({
  none: z.string().nullish(),
  items: z.array(
    z.object({
      title: z.string(),
      askedBy: z.string(),
      state: z.string(),
      reason: z.string().nullable(),
      createdAt: z.string(),
      steps: z.array(
        z.object({
          kind: z.string(),
          state: z.string(),
          summary: z.string(),
          entries: z.array(z.object({ name: z.string(), value: z.string() })),
        }),
      ),
    }),
  ),
});
const actionsSchema = z.object({
  items: z.array(
    z.object({
      title: z.string(),
      target: z.string(),
      state: z.string(),
      message: z.string(),
      requestedBy: z.string(),
      policy: z.string().nullable(),
      createdAt: z.string(),
    }),
  ),
});

export const diagnosisCommand: Command = {
  name: 'diagnosis',
  summary: 'what was found out about an alarm, and what was done about it',
  help: `usage: weir diagnosis ALARM-ID [--run] [--runbook NAME]

  --run               has the alarm diagnosed now, also where that was done before
  --runbook NAME      by this runbook, of those that are for it; with --run
  --collector URL     default ${DEFAULT_COLLECTOR_URL}
  --data DIR          the data folder whose administrator token is used; default ./data; WEIR_ADMIN_TOKEN goes before it

Prints each diagnosis step by step, the newest first, and the corrective actions with what became of them. Corrective actions are approved
over the API or on the page of the alarm (docs/operations.md, "Putting it right").`,
  options: { ...COLLECTOR_OPTIONS, run: { type: 'boolean' }, runbook: { type: 'string' } },
  run: async (context) => {
    const [id = '', ...more] = context.positionals;
    if (more.length > 0 || !/^\d{1,18}$/.test(id))
      throw new WeirError('misused', 'weir diagnosis takes the id of one alarm, a number.');
    const { run, runbook } = context.options;
    if (runbook !== undefined && run !== true) throw new WeirError('misused', '--runbook goes with --run.');
    const place = `/api/v1/alarms/${id}`;
    if (run === true)
      await askCollector(context, `${place}/diagnosis`, runbook === undefined ? {} : { runbook }, ANSWER_MS);
    const diagnoses = await askCollector(context, `${place}/diagnosis`, null, ANSWER_MS);
    const actions = await askCollector(context, `${place}/actions`, null, ANSWER_MS);
    if (context.json) context.print(JSON.stringify({ diagnoses, actions }));
    else print(context, id, { diagnoses: diagnosesSchema.parse(diagnoses), actions: actionsSchema.parse(actions) });
    return 0;
  },
};

function print(
  context: CommandContext,
  id: string,
  {
    diagnoses,
    actions,
  }: { readonly diagnoses: z.output<typeof diagnosesSchema>; readonly actions: z.output<typeof actionsSchema> },
): void {
  const line = (text: string): void => context.print(text);
  if (diagnoses.items.length === 0) {
    const why = NONE[diagnoses.none ?? ''];
    line(`Alarm ${id} was not diagnosed${why === undefined ? '' : `: ${why}`}.`);
  }
  for (const { title, askedBy, state, reason, createdAt, steps } of diagnoses.items) {
    const how = `${state.replace('_', ' ')}${reason === null ? '' : ` (${reason.replaceAll('_', ' ')})`}`;
    const rows = steps.flatMap((step) => [
      [step.kind, step.state.replace('_', ' '), step.summary],
      ...step.entries.map(({ name, value }) => ['', name, value]),
    ]);
    printTable(line, `${title}, ${createdAt}, by ${askedBy}: ${how}`, ['STEP', 'STATE', 'FOUND'], rows);
  }
  if (actions.items.length === 0) return;
  const rows = actions.items.map(({ title, target, state, message, requestedBy, policy, createdAt }) => [
    title,
    target,
    state.replaceAll('_', ' '),
    policy === null ? requestedBy : `policy ${policy}`,
    createdAt,
    message,
  ]);
  printTable(line, 'corrective actions', ['ACTION', 'TARGET', 'STATE', 'BY', 'AT', 'MESSAGE'], rows);
}
