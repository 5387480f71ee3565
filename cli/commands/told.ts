// `weir told`: asks a running collector what each channel was told of an alarm, or why not.
import { z } from 'zod';
import { WeirError } from '../../common/runtime/errors.ts';
import { askCollector, COLLECTOR_OPTIONS, DEFAULT_COLLECTOR_URL } from '../collector-question.ts';
import type { Command } from '../command.ts';
import { printTable } from '../text-table.ts';

const ANSWER_MS = 30_000;

const toldSchema = z.object({
  items: z.array(
    z.object({
      channel: z.string(),
      state: z.string(),
      text: z.string(),
      believes: z.object({ severity: z.string(), operatorState: z.string() }).nullable(),
      toldAt: z.string().nullable(),
    }),
  ),
});

export const toldCommand: Command = {
  name: 'told',
  summary: 'who was told of an alarm, and why others were not',
  help: `usage: weir told ALARM-ID

  --collector URL     default ${DEFAULT_COLLECTOR_URL}
  --data DIR          the data folder whose administrator token is used; default ./data; WEIR_ADMIN_TOKEN goes before it

Of each channel: what it was last told and when, or what stands between it and the alarm: a route that does not fit, a maintenance window,
a shelf, a group that is still gathered, a receiver that does not answer. Ids of alarms are in GET /api/v1/alarms.`,
  options: COLLECTOR_OPTIONS,
  run: async (context) => {
    const [id = '', ...more] = context.positionals;
    if (more.length > 0 || !/^\d{1,18}$/.test(id))
      throw new WeirError('misused', 'weir told takes the id of one alarm, a number.');
    const answer = await askCollector(context, `/api/v1/alarms/${id}/told`, null, ANSWER_MS);
    if (context.json) {
      context.print(JSON.stringify(answer));
      return 0;
    }
    const { items } = toldSchema.parse(answer);
    const rows = items.map(({ channel, state, believes, toldAt, text }) => [
      channel,
      state.replace('_', ' '),
      believes === null
        ? '-'
        : [believes.severity, believes.operatorState].filter((word) => word !== 'none').join(', '),
      toldAt ?? '-',
      text,
    ]);
    if (items.length === 0) context.print('No channel is configured (collector.telling): nobody is told anything.');
    printTable((line) => context.print(line), `alarm ${id}`, ['CHANNEL', 'STATE', 'BELIEVES', 'TOLD AT', 'WHY'], rows);
    return 0;
  },
};
