// `weir told`: asks a running collector what each channel was told of an alarm, or why not.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { messageOf, WeirError } from '../../common/runtime/errors.ts';
import type { Command, CommandContext } from '../command.ts';
import { textOption } from '../options.ts';
import { tokensOf } from '../supervise/data-folder.ts';
import { printTable } from '../text-table.ts';

const DEFAULT_DATA = './data';
const DEFAULT_URL = 'http://127.0.0.1:8080';
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

  --collector URL     default ${DEFAULT_URL}
  --data DIR          the data folder whose administrator token is used; default ./data; WEIR_ADMIN_TOKEN goes before it

Of each channel: what it was last told and when, or what stands between it and the alarm: a route that does not fit, a maintenance window,
a shelf, a group that is still gathered, a receiver that does not answer. Ids of alarms are in GET /api/v1/alarms.`,
  options: { collector: { type: 'string' }, data: { type: 'string' } },
  run: async (context) => {
    const [id = '', ...more] = context.positionals;
    if (more.length > 0 || !/^\d{1,18}$/.test(id))
      throw new WeirError('misused', 'weir told takes the id of one alarm, a number.');
    const answer = await ask(context, `/api/v1/alarms/${id}/told`);
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
    const title = items.length === 0 ? 'no channel is configured: nobody is told anything' : `alarm ${id}`;
    printTable((line) => context.print(line), title, ['CHANNEL', 'STATE', 'BELIEVES', 'TOLD AT', 'WHY'], rows);
    return 0;
  },
};

async function ask(context: CommandContext, place: string): Promise<unknown> {
  const url = `${(textOption(context, 'collector') ?? DEFAULT_URL).replace(/\/+$/, '')}${place}`;
  let response: Response;
  try {
    const headers = { authorization: `Bearer ${tokenOf(context)}` };
    response = await fetch(url, { headers, signal: AbortSignal.timeout(ANSWER_MS) });
  } catch (cause) {
    if (cause instanceof WeirError) throw cause;
    const message = `The collector at ${url} does not answer: ${messageOf(cause)}.`;
    throw new WeirError('collector_unreachable', message, { url }, cause);
  }
  const answer: unknown = await response.json().catch(() => null);
  if (response.ok) return answer;
  const refusal = z.object({ error: z.object({ code: z.string(), message: z.string() }) }).safeParse(answer);
  const why = refusal.success
    ? `${refusal.data.error.code}: ${refusal.data.error.message}`
    : `status ${response.status}`;
  throw new WeirError('collector_refused', `The collector refuses: ${why}`, { url });
}

function tokenOf({ options, environment }: CommandContext): string {
  const given = environment['WEIR_ADMIN_TOKEN'];
  if (given !== undefined && given !== '') return given;
  const folder = path.resolve(typeof options['data'] === 'string' ? options['data'] : DEFAULT_DATA);
  if (existsSync(path.join(folder, 'tokens.json'))) return tokensOf(folder, undefined).administrator;
  throw new WeirError('misused', 'There is no token: give WEIR_ADMIN_TOKEN, or --data with the folder of weir up.');
}
