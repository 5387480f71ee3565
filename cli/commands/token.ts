// `weir token`: makes, lists and revokes access tokens in the database.
import { migrate } from '../../common/database/migrate.ts';
import { openDatabase } from '../../common/database/pool.ts';
import { SignInLinks } from '../../common/database/sign-in-links.ts';
import {
  accessMigrations,
  SYSTEM,
  type TokenEntry,
  type TokenLimits,
  TokenStore,
} from '../../common/database/tokens.ts';
import { isoTime } from '../../common/model/time.ts';
import { type Role, ROLES } from '../../common/runtime/access.ts';
import { SystemClock } from '../../common/runtime/clock.ts';
import { nameSchema } from '../../common/runtime/device-configuration.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import { createReporter } from '../../common/runtime/reporter.ts';
import type { Command, CommandContext } from '../command.ts';
import { databaseUrlFor } from '../database-url.ts';

type Action = (context: CommandContext, store: TokenStore, links: SignInLinks) => Promise<void>;

export const tokenCommand: Command = {
  name: 'token',
  summary: 'make, list and revoke access tokens',
  help: `usage: weir token create --name NAME --role ROLE [--site SITE]… [--customer ID]… [--expires DAYSd]
       weir token create --name NAME --role ROLE [--site SITE]… [--customer ID]… --link [--minutes N] [--url URL]
       weir token list
       weir token revoke NAME [--id ID]

  --name NAME     whose it is; for the role agent the name of the agent
  --role ROLE     ${ROLES.join(', ')}
  --site SITE     it sees devices of this site only; may be repeated
  --customer ID   it sees what this customer has only; may be repeated, also with --site
  --expires 90d   it is refused after so many days
  --link          not a token, but a link to the page that signs in once; the session lasts 12 hours
  --minutes N     the link works for so long, 1 to 1440; default 15
  --url URL       where people reach the page; default http://127.0.0.1:8080
  --id ID         only this one of the name's tokens, as list shows it
  --config FILE   the configuration whose database.url is used
  --data DIR      else the data folder whose embedded PostgreSQL runs; default ./data

WEIR_DATABASE_URL goes before both. A token is printed once, when it is made: only its hash is kept. A name may have several,
so that one can be replaced without a gap. A revoked token is refused within ten seconds.`,
  options: {
    name: { type: 'string' },
    role: { type: 'string' },
    site: { type: 'string', multiple: true },
    customer: { type: 'string', multiple: true },
    expires: { type: 'string' },
    link: { type: 'boolean' },
    minutes: { type: 'string' },
    url: { type: 'string' },
    id: { type: 'string' },
    config: { type: 'string' },
    data: { type: 'string' },
  },
  run: async (context) => {
    const action = actionOf(context);
    const reporter = createReporter({ component: 'token', level: 'error' });
    const url = databaseUrlFor(context);
    const database = openDatabase(reporter, { url, maxConnections: 1, applicationName: 'weir-token' });
    try {
      await migrate(database, accessMigrations);
      const clock = new SystemClock();
      await action(context, new TokenStore(reporter, database, { clock }), new SignInLinks(database, { clock }));
    } finally {
      await database.close();
    }
    return 0;
  },
};

/** Checks the words before the database is asked. */
function actionOf(context: CommandContext): Action {
  const [word, ...rest] = context.positionals;
  const name = textOption(context, 'name') ?? (word === 'revoke' ? rest.shift() : undefined);
  if (rest.length > 0) throw new WeirError('misused', `weir token ${word ?? ''} does not take ${rest.join(' ')}.`);
  if (word === 'create' && context.options['link'] === true)
    return linkAction(checkedName(name), checkedRole(textOption(context, 'role')), context);
  if (word === 'create')
    return createAction(checkedName(name), checkedRole(textOption(context, 'role')), limitsOf(context));
  if (word === 'list') return listTokens;
  if (word !== 'revoke') throw new WeirError('misused', 'weir token takes create, list or revoke.');
  if (name === undefined) throw new WeirError('misused', 'weir token revoke takes a name.');
  return revokeAction(name, textOption(context, 'id') ?? '');
}

function createAction(name: string, role: Role, limits: TokenLimits): Action {
  return async (context, store) => {
    const token = await store.create(name, role, limits);
    context.print(context.json ? JSON.stringify({ token, name, role }) : token);
    context.progress('Keep it: it is shown this once.');
  };
}

const MINUTE_MS = 60_000;
const SESSION_MS = 43_200_000;
const MOST_MINUTES = 1440;

function linkAction(name: string, role: Role, asked: CommandContext): Action {
  if (role === 'agent' || role === 'bridge')
    throw new WeirError('misused', `A program of the role ${role} has no page to sign in to: make a token.`);
  const { scope = null, expiresAtMs } = limitsOf(asked);
  if (expiresAtMs !== null)
    throw new WeirError('misused', 'A link ends by itself: --minutes says when, --expires is of tokens.');
  const minutes = Number(/^\d{1,4}$/.exec(textOption(asked, 'minutes') ?? '15')?.[0] ?? 0);
  if (minutes < 1 || minutes > MOST_MINUTES)
    throw new WeirError('misused', `--minutes takes a number of minutes from 1 to ${MOST_MINUTES}.`);
  const page = textOption(asked, 'url') ?? 'http://127.0.0.1:8080';
  if (!URL.canParse(page) || !/^https?:/.test(page))
    throw new WeirError('misused', '--url takes the address of the page, such as https://weir.example.net.');
  return async (context, _store, links) => {
    const wanted = { name, role, scope, lifeMs: minutes * MINUTE_MS, sessionMs: SESSION_MS, sessionUntilMs: null };
    const { code, expiresAtMs: endsAtMs } = await links.create(wanted, SYSTEM);
    const link = new URL(`/#token=${code}`, page).href;
    context.print(context.json ? JSON.stringify({ link, expires_at: isoTime(endsAtMs), name, role }) : link);
    context.progress(`It works once, until ${isoTime(endsAtMs)}.`);
  };
}

const listTokens: Action = async (context, store) => {
  const entries = await store.list();
  if (context.json) {
    context.print(JSON.stringify({ items: entries.map(entryJson) }));
    return;
  }
  context.print(row(['ID', 'NAME', 'ROLE', 'MADE', 'LAST USED', 'STATE']));
  for (const entry of entries) {
    const used = entry.lastUsedAt === null ? 'never' : isoTime(entry.lastUsedAt);
    context.print(row([entry.id, entry.name, entry.role, isoTime(entry.createdAt), used, stateOf(entry)]));
  }
};

function revokeAction(name: string, id: string): Action {
  return async (context, store) => {
    const revoked = await store.revoke(name, id);
    if (revoked === 0)
      throw new WeirError('not_found', `There is no valid token of ${name} ${id}`.trimEnd().concat('.'));
    context.print(context.json ? JSON.stringify({ revoked }) : `revoked ${revoked}`);
  };
}

function stateOf({ revokedAt, expiresAt, scope }: TokenEntry): string {
  const limits = [
    ...(scope?.sites ?? []).map((site) => `site ${site}`),
    ...(scope?.customers ?? []).map((customer) => `customer ${customer}`),
    ...(expiresAt === null ? [] : [`until ${isoTime(expiresAt)}`]),
  ];
  return [revokedAt === null ? 'valid' : `revoked ${isoTime(revokedAt)}`, ...limits].join(', ');
}

function entryJson(entry: TokenEntry): Record<string, unknown> {
  const { id, name, role, given, createdAt, revokedAt, expiresAt, lastUsedAt, scope } = entry;
  const revoked = revokedAt === null ? null : isoTime(revokedAt);
  return {
    id,
    name,
    role,
    given,
    created_at: isoTime(createdAt),
    revoked_at: revoked,
    expires_at: expiresAt === null ? null : isoTime(expiresAt),
    last_used_at: lastUsedAt === null ? null : isoTime(lastUsedAt),
    scope,
  };
}

const WIDTHS = [14, 24, 15, 26, 26, 0];

function row(cells: readonly string[]): string {
  return cells.map((cell, at) => cell.padEnd(WIDTHS[at] ?? 0)).join('');
}

const DAY_MS = 86_400_000;

/** --site and --customer, repeated, and --expires. */
function limitsOf(context: CommandContext): TokenLimits {
  const [sites, customers] = [listOption(context, 'site'), listOption(context, 'customer')];
  const days = textOption(context, 'expires');
  const count = days === undefined ? null : (/^([1-9]\d{0,4})d$/.exec(days)?.[1] ?? '');
  if (count === '') throw new WeirError('misused', '--expires takes a number of days, such as 90d.');
  return {
    scope: sites.length + customers.length === 0 ? null : { sites, customers },
    expiresAtMs: count === null ? null : new SystemClock().now() + Number(count) * DAY_MS,
  };
}

function listOption(context: CommandContext, name: string): string[] {
  const value = context.options[name];
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];
}

function checkedName(name: string | undefined): string {
  const parsed = nameSchema.safeParse(name);
  if (parsed.success) return parsed.data;
  throw new WeirError('misused', `--name: ${parsed.error.issues[0]?.message ?? 'a name is missing'}.`);
}

function checkedRole(text: string | undefined): Role {
  const role = ROLES.find((one) => one === text);
  if (role === undefined) throw new WeirError('misused', `--role takes one of ${ROLES.join(', ')}.`);
  return role;
}

function textOption(context: CommandContext, name: string): string | undefined {
  const value = context.options[name];
  return typeof value === 'string' ? value : undefined;
}
