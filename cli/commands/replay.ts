// `weir replay`: shows the projections of a running collector, pauses them, and lets them go through the journal again.
import { z } from 'zod';
import { WeirError } from '../../common/runtime/errors.ts';
import { askCollector, COLLECTOR_OPTIONS, DEFAULT_COLLECTOR_URL } from '../collector-question.ts';
import type { Command, CommandContext } from '../command.ts';
import { textOption } from '../options.ts';
import { printTable } from '../text-table.ts';

const ANSWER_MS = 60_000;

const statesSchema = z.object({
  items: z.array(
    z.object({
      name: z.string(),
      position: z.number().nullable(),
      lagEntries: z.number(),
      paused: z.boolean(),
      againThrough: z.number().nullable(),
      rate: z.number(),
      lastFailure: z.string().nullable(),
    }),
  ),
  journal: z.object({ id: z.string(), firstPosition: z.number(), lastPosition: z.number() }),
});
const replaySchema = z.object({ from: z.number(), entries: z.number() });

export const replayCommand: Command = {
  name: 'replay',
  summary: 'see, pause and replay the projections of a collector',
  help: `usage: weir replay [--status]
       weir replay --projection NAME --from START
       weir replay --projection NAME --pause | --resume

  --projection NAME   readings, faults or store
  --from START        start, a position of the journal, or the time of arrival such as 2026-11-26T08:00:00Z
  --collector URL     default ${DEFAULT_COLLECTOR_URL}
  --data DIR          the data folder whose administrator token is used; default ./data; WEIR_ADMIN_TOKEN goes before it

A replay goes through the entries again under the same keys: what is there already is replaced or left, never doubled, and no alarm
of the past is told again. It goes on over a restart. How far back it can go: collector.journal.keep_hours and keep_bytes.`,
  options: {
    status: { type: 'boolean' },
    projection: { type: 'string' },
    from: { type: 'string' },
    pause: { type: 'boolean' },
    resume: { type: 'boolean' },
    ...COLLECTOR_OPTIONS,
  },
  run: async (context) => {
    const projection = textOption(context, 'projection');
    const from = textOption(context, 'from');
    const verbs = [
      context.options['pause'] === true ? 'pause' : '',
      context.options['resume'] === true ? 'resume' : '',
    ];
    const wanted = [...verbs, from === undefined ? '' : 'replay'].filter((verb) => verb !== '');
    if (context.positionals.length > 0) throw new WeirError('misused', 'weir replay takes no argument.');
    if (wanted.length > 1) throw new WeirError('misused', '--from, --pause and --resume go one at a time.');
    const [verb] = wanted;
    if (verb === undefined) {
      await show(context);
      return 0;
    }
    if (projection === undefined) throw new WeirError('misused', `--projection is needed to ${verb}.`);
    const place = `/api/v1/projections/${encodeURIComponent(projection)}/${verb}`;
    const answer = await askCollector(
      context,
      place,
      verb === 'replay' ? { from: startOf(from ?? '') } : {},
      ANSWER_MS,
    );
    if (context.json) context.print(JSON.stringify(answer));
    else if (verb !== 'replay') context.print(`${projection} is ${verb === 'pause' ? 'paused' : 'running'}`);
    else {
      const { from: begun, entries } = replaySchema.parse(answer);
      context.print(`${projection} goes through ${entries} entries again, from position ${begun}`);
    }
    return 0;
  },
};

function startOf(text: string): string | number {
  return /^\d+$/.test(text) ? Number(text) : text;
}

async function show(context: CommandContext): Promise<void> {
  const answer = await askCollector(context, '/api/v1/projections', null, ANSWER_MS);
  if (context.json) {
    context.print(JSON.stringify(answer));
    return;
  }
  const { items, journal } = statesSchema.parse(answer);
  const rows = items.map((one) => [
    one.name,
    String(one.position ?? '-'),
    String(one.lagEntries),
    one.rate.toFixed(1),
    one.paused ? 'paused' : one.againThrough === null ? 'running' : `again through ${one.againThrough}`,
    one.lastFailure ?? '',
  ]);
  const title = `journal ${journal.id}, positions ${journal.firstPosition} to ${journal.lastPosition}`;
  printTable(
    (line) => context.print(line),
    title,
    ['PROJECTION', 'POSITION', 'LAG', 'ENTRIES/S', 'STATE', 'LAST FAILURE'],
    rows,
  );
}
