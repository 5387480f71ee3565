// Tokens by API, for administrators: made and shown once, listed, revoked; and the audit log of whatever anybody changed.
import { z } from 'zod';
import type { AuditQuery, AuditRecord } from '../../common/database/audit.ts';
import type { TokenEntry, TokenStore } from '../../common/database/tokens.ts';
import type { DescribedRoutes } from '../../common/http/described-routes.ts';
import { readCursor, timeParameter, writeCursor } from '../../common/http/parameters.ts';
import { type EpochMs, isoTime } from '../../common/model/time.ts';
import { holdsScope, type Principal, principalOf, type Role, ROLES } from '../../common/runtime/access.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import { nameSchema } from '../../common/runtime/device-configuration.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import { listOf } from './answers.ts';
import { collectorPage, scopeSchema } from './parameters.ts';

export interface TokenRoutesDeps {
  readonly clock: Clock;
  readonly tokens: Pick<TokenStore, 'create' | 'list' | 'revoke'>;
  /** Of a principal: only entries about what it may see. */
  readonly audit: (principal: Principal, query: Omit<AuditQuery, 'seen'>) => Promise<AuditRecord[]>;
}

const ADMINISTRATORS: readonly Role[] = ['administrator'];
const tokenAnswer = z.object({
  id: z.string().describe('tells tokens of one name apart; no secret'),
  name: z.string(),
  role: z.enum(ROLES as [Role, ...Role[]]),
  scope: z.object({ sites: z.array(z.string()), customers: z.array(z.string()) }).nullable(),
  given: z.boolean().describe('came from the environment'),
  createdAt: z.string(),
  expiresAt: z.string().nullable(),
  revokedAt: z.string().nullable(),
  lastUsedAt: z.string().nullable().describe('to a quarter of an hour; null: never'),
});

const createBody = z.strictObject({
  name: nameSchema,
  role: z.enum(ROLES as [Role, ...Role[]]),
  scope: scopeSchema.nullable().default(null).describe('null: everything'),
  expires: timeParameter.optional(),
});

const auditAnswer = z.object({
  id: z.number().int(),
  at: z.string(),
  actor: z.string(),
  role: z.string(),
  action: z.string(),
  subject: z.string(),
  before: z.unknown(),
  after: z.unknown(),
  note: z.string().nullable(),
});

export function addTokenRoutes(routes: DescribedRoutes, deps: TokenRoutesDeps): void {
  routes.add(
    {
      method: 'GET',
      url: '/api/v1/tokens',
      access: ADMINISTRATORS,
      scoped: true,
      summary: 'All tokens ever made, without the tokens themselves; under a scope those within it.',
      answer: listOf(tokenAnswer),
    },
    async ({ principal }) => ({
      items: (await deps.tokens.list(principalOf(principal).scope)).map(describeToken),
      next: null,
    }),
  );
  routes.add(
    {
      method: 'POST',
      url: '/api/v1/tokens',
      access: ADMINISTRATORS,
      scoped: true,
      summary: 'Makes a token, which is shown this once; none sees more or lasts longer than the one that makes it.',
      body: createBody,
      answer: z.object({ token: z.string() }),
    },
    async ({ body, principal }) => {
      const by = principalOf(principal);
      if (!holdsScope(by.scope, body.scope))
        throw new WeirError('scope_too_narrow', 'The token would see more than the one that makes it.');
      if (body.expires !== undefined && body.expires <= deps.clock.now())
        throw new WeirError('invalid_request', 'expires: expected a time to come.');
      refuseLonger(by, body.expires ?? null);
      const limits = { scope: body.scope, expiresAtMs: body.expires ?? null };
      return { token: await deps.tokens.create(body.name, body.role, limits, { actor: by.name, role: by.role }) };
    },
  );
  routes.add(
    {
      method: 'DELETE',
      url: '/api/v1/tokens/:name',
      access: ADMINISTRATORS,
      scoped: true,
      summary:
        'Revokes the tokens of a name that lie within the scope, or the one with this id; refused everywhere within ten seconds.',
      params: z.object({ name: nameSchema }),
      query: z.strictObject({
        id: z
          .string()
          .regex(/^[0-9a-f]{4,64}$/)
          .optional(),
      }),
      answer: z.object({ revoked: z.number().int() }),
    },
    async ({ params, query, principal }) => {
      const by = principalOf(principal);
      const actor = { actor: by.name, role: by.role };
      const revoked = await deps.tokens.revoke(params.name, query.id ?? '', actor, by.scope);
      if (revoked === 0) throw new WeirError('not_found', `There is no valid token of ${params.name}.`);
      return { revoked };
    },
  );
  addAudit(routes, deps);
}

function addAudit(routes: DescribedRoutes, deps: TokenRoutesDeps): void {
  routes.add(
    {
      method: 'GET',
      url: '/api/v1/audit',
      access: ADMINISTRATORS,
      scoped: true,
      summary: 'Who changed what, from what to what; the newest first. Under a scope the entries about what it sees.',
      query: z.strictObject({
        subject: z.string().max(500).optional(),
        actor: z.string().max(200).optional(),
        ...collectorPage,
      }),
      answer: listOf(auditAnswer),
    },
    async ({ query, principal }) => {
      const before = readCursor(query.cursor, z.number().int().min(1)) ?? undefined;
      const found = await deps.audit(principalOf(principal), {
        ...(query.subject === undefined ? {} : { subject: query.subject }),
        ...(query.actor === undefined ? {} : { actor: query.actor }),
        ...(before === undefined ? {} : { before }),
        limit: query.limit + 1,
      });
      const items = found.slice(0, query.limit);
      const last = items.at(-1);
      return {
        items: items.map(({ atMs, note, ...entry }) => ({
          ...entry,
          before: entry.before ?? null,
          after: entry.after ?? null,
          at: isoTime(atMs),
          note: note ?? null,
        })),
        next: found.length > items.length && last !== undefined ? writeCursor(last.id) : null,
      };
    },
  );
}

/** Else a token that ends would renew itself for ever. */
function refuseLonger(by: Principal, expiresAtMs: EpochMs | null): void {
  if (by.expiresAtMs === undefined || (expiresAtMs !== null && expiresAtMs <= by.expiresAtMs)) return;
  const latest = isoTime(by.expiresAtMs);
  throw new WeirError(
    'token_outlives_maker',
    `The token that makes it ends ${latest}, and none that it makes may end later: give expires, at the latest then, or use a token that lasts longer.`,
    { latest },
  );
}

function describeToken(entry: TokenEntry): z.output<typeof tokenAnswer> {
  const { id, name, role, scope, given } = entry;
  const time = (atMs: EpochMs | null): string | null => (atMs === null ? null : isoTime(atMs));
  return {
    id,
    name,
    role,
    scope: scope === null ? null : { sites: [...scope.sites], customers: [...scope.customers] },
    given,
    createdAt: isoTime(entry.createdAt),
    expiresAt: time(entry.expiresAt),
    revokedAt: time(entry.revokedAt),
    lastUsedAt: time(entry.lastUsedAt),
  };
}
