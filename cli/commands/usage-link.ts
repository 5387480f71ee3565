// `weir usage-link`: a link to the usage and bills of one customer: made, listed, taken back.
import { UsageLinkBook, type UsageLink } from '../../billing-bridge/link/usage-link-book.ts';
import { isoTime } from '../../common/model/time.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import { LEDGER_HELP, LEDGER_OPTIONS } from '../billing/billing-options.ts';
import { type OpenLedger, withLedger } from '../billing/open-ledger.ts';
import type { Command, CommandContext } from '../command.ts';
import { textOption } from '../options.ts';

const DAY_MS = 86_400_000;
const MOST_DAYS = 730;

export const usageLinkCommand: Command = {
  name: 'usage-link',
  summary: 'make, list and take back links to the usage and bills of one customer',
  help: `usage: weir usage-link create CUSTOMER [--days N] [--note TEXT] [--url URL] [OPTIONS]
       weir usage-link list CUSTOMER [OPTIONS]
       weir usage-link revoke ID [OPTIONS]

  --days N     it works for so long, 1 to ${MOST_DAYS}; default 90
  --note TEXT  for whoever lists them later
  --url URL    where customers reach the collector; default http://127.0.0.1:8080
${LEDGER_HELP}

Whoever has the link sees this period's usage and the bills of that customer, and nothing else. It is printed once: only its hash is kept.`,
  options: { ...LEDGER_OPTIONS, days: { type: 'string' }, note: { type: 'string' }, url: { type: 'string' } },
  run: async (context) => {
    const [verb = '', subject, ...rest] = context.positionals;
    if (!['create', 'list', 'revoke'].includes(verb) || subject === undefined || rest.length > 0)
      throw new WeirError('misused', 'weir usage-link takes create CUSTOMER, list CUSTOMER or revoke ID.');
    const asked = askedOf(context);
    return withLedger<0>(context, 'usage-link', async (opened) => {
      if (verb === 'create') await create(context, opened, subject, asked);
      else if (verb === 'list') await list(context, opened, subject);
      else await revoke(context, opened, subject);
      return 0;
    });
  },
};

interface Asked {
  readonly days: number;
  readonly note: string;
  readonly page: string;
}

function askedOf(context: CommandContext): Asked {
  const days = Number(/^\d{1,3}$/.exec(textOption(context, 'days') ?? '90')?.[0] ?? 0);
  if (days < 1 || days > MOST_DAYS)
    throw new WeirError('misused', `--days takes a number of days from 1 to ${MOST_DAYS}.`);
  const page = textOption(context, 'url') ?? 'http://127.0.0.1:8080';
  if (!URL.canParse(page) || !/^https?:/.test(page))
    throw new WeirError('misused', '--url takes the address of the collector, such as https://weir.example.net.');
  return { days, note: textOption(context, 'note') ?? '', page };
}

async function create(context: CommandContext, opened: OpenLedger, customer: string, asked: Asked): Promise<void> {
  const { ledger, database, clock } = opened;
  if (!(await ledger.book()).customers.has(customer))
    throw new WeirError('not_found', `There is no customer ${customer}.`, { customer });
  const { days, note, page } = asked;
  const book = new UsageLinkBook(database, clock);
  const made = await book.create({ customer, note, lifeMs: days * DAY_MS }, actorOf(context));
  const link = new URL(`/billing/link/${made.code}`, page).href;
  context.print(context.json ? JSON.stringify({ ...entryOf(made), link }) : link);
  context.progress(`It works until ${isoTime(made.expiresAtMs)}; weir usage-link revoke ${made.id} takes it back.`);
}

async function list(context: CommandContext, { database, clock }: OpenLedger, customer: string): Promise<void> {
  const links = await new UsageLinkBook(database, clock).of(customer);
  if (context.json) return context.print(JSON.stringify({ items: links.map(entryOf) }));
  for (const link of links) {
    const state = link.revokedAtMs !== null ? 'revoked' : link.expiresAtMs <= clock.now() ? 'ended' : 'works';
    context.print(
      `${link.id}  ${state.padEnd(8)} until ${isoTime(link.expiresAtMs)}  by ${link.createdBy}  ${link.note}`.trimEnd(),
    );
  }
}

async function revoke(context: CommandContext, { database, clock }: OpenLedger, id: string): Promise<void> {
  const link = await new UsageLinkBook(database, clock).revoke(id, actorOf(context));
  context.print(
    context.json ? JSON.stringify(entryOf(link)) : `the link ${id} of ${link.customer} opens nothing any more`,
  );
}

function actorOf({ environment }: CommandContext): { name: string; role: string } {
  return { name: `weir usage-link by ${environment['USER'] ?? 'nobody known'}`, role: 'system' };
}

function entryOf({ id, customer, note, expiresAtMs, revokedAtMs }: UsageLink): object {
  return {
    id,
    customer,
    note,
    expires_at: isoTime(expiresAtMs),
    revoked_at: revokedAtMs === null ? null : isoTime(revokedAtMs),
  };
}
