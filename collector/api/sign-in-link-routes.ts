// Sign-in links by API, for administrators: a link that opens one session, once, within minutes.
import { z } from 'zod';
import type { SignInLinks } from '../../common/database/sign-in-links.ts';
import type { DescribedRoutes } from '../../common/http/described-routes.ts';
import { isoTime } from '../../common/model/time.ts';
import { holdsScope, principalOf, type Role } from '../../common/runtime/access.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import { nameSchema } from '../../common/runtime/device-configuration.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import { scopeSchema } from './parameters.ts';

export interface SignInLinkRoutesDeps {
  readonly clock: Clock;
  readonly links: Pick<SignInLinks, 'create'>;
}

/** Programs have no page to sign in to. */
const PEOPLE = ['viewer', 'operator', 'care', 'billing', 'administrator'] as const satisfies readonly Role[];
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

const body = z.strictObject({
  name: nameSchema,
  role: z.enum(PEOPLE),
  scope: scopeSchema.nullable().default(null).describe('null: everything'),
  minutes: z.number().int().min(1).max(1440).default(15).describe('it works for so long'),
  session_hours: z.number().int().min(1).max(720).default(12).describe('so long lasts the session that it opens'),
});

export function addSignInLinkRoutes(routes: DescribedRoutes, { clock, links }: SignInLinkRoutesDeps): void {
  routes.add(
    {
      method: 'POST',
      url: '/api/v1/sign-in-links',
      access: ['administrator'],
      scoped: true,
      summary:
        'Makes a link that signs in once, and is shown this once; none sees more, and no session lasts longer, than the token that makes it.',
      body,
      answer: z.object({
        link: z.string().describe('to be appended to the address of the page'),
        expiresAt: z.string(),
      }),
    },
    async ({ body: wanted, principal }) => {
      const by = principalOf(principal);
      if (!holdsScope(by.scope, wanted.scope))
        throw new WeirError('scope_too_narrow', 'The link would show more than the token that makes it.');
      const { name, role, scope } = wanted;
      const lifeMs = wanted.minutes * MINUTE_MS;
      const sessionUntilMs = by.expiresAtMs ?? null;
      if (sessionUntilMs !== null && sessionUntilMs <= clock.now() + lifeMs) {
        const latest = isoTime(sessionUntilMs);
        throw new WeirError('token_outlives_maker', `The token that makes it ends ${latest}, before the link would.`, {
          latest,
        });
      }
      const { code, expiresAtMs } = await links.create(
        { name, role, scope, lifeMs, sessionMs: wanted.session_hours * HOUR_MS, sessionUntilMs },
        { actor: by.name, role: by.role },
      );
      return { link: `/#token=${code}`, expiresAt: isoTime(expiresAtMs) };
    },
  );
}
