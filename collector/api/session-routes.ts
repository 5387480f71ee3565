// Signing in on the page: a token is traded for a cookie that no script can read.
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { DescribedRoutes } from '../../common/http/described-routes.ts';
import { SESSION_COOKIE } from '../../common/http/server.ts';
import type { SignInGuard } from '../../common/http/sign-in-guard.ts';
import { isLinkCode, type SignInLinks } from '../../common/database/sign-in-links.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import { whoAnswer } from './who-answer.ts';

const MAX_AGE_SECONDS = 30 * 86_400;

export interface SessionRoutesDeps {
  readonly clock: Clock;
  readonly links: Pick<SignInLinks, 'create' | 'redeem'>;
}

export function addSessionRoutes(
  routes: DescribedRoutes,
  guard: Pick<SignInGuard, 'authenticate' | 'look'>,
  { clock, links }: SessionRoutesDeps,
): void {
  routes.add(
    {
      method: 'POST',
      url: '/api/v1/session',
      access: 'open',
      summary: `Trades a token, or the code of a sign-in link, for the cookie ${SESSION_COOKIE}.`,
      body: z.strictObject({ token: z.string().min(1).max(1024) }),
      answer: whoAnswer,
    },
    async ({ body, request, reply }) => {
      // A link is used up by this, and what the cookie holds is the token of its session.
      const opened = isLinkCode(body.token)
        ? await guard.look(body.token, request.ip, () => links.redeem(body.token))
        : { token: body.token, expiresAtMs: Number.POSITIVE_INFINITY };
      if (opened === null)
        throw new WeirError('sign_in_link_unknown', 'The sign-in link was used already, or has ended.');
      const principal = await guard.authenticate(opened.token, request.ip);
      if (principal === null) throw new WeirError('token_unknown', 'The token is not known.');
      if (principal.role === 'agent')
        throw new WeirError('forbidden', 'A token of an agent opens no page.', { needs: ['viewer', 'operator'] });
      const ageSeconds = Math.min(MAX_AGE_SECONDS, Math.ceil((opened.expiresAtMs - clock.now()) / 1000));
      void reply.header('set-cookie', cookieOf(request, encodeURIComponent(opened.token), ageSeconds));
      const { name, role, scope } = principal;
      return { name, role, scope };
    },
  );
  routes.add(
    {
      method: 'DELETE',
      url: '/api/v1/session',
      access: 'open',
      summary: 'Takes the cookie back; the token itself stays as it is.',
      answer: z.object({ signedOut: z.literal(true) }),
    },
    async ({ request, reply }) => {
      void reply.header('set-cookie', cookieOf(request, '', 0));
      return { signedOut: true };
    },
  );
}

function cookieOf(request: FastifyRequest, value: string, maxAgeSeconds: number): string {
  // Over TLS, ours or that of a proxy in front; over plain HTTP a browser would not keep a Secure cookie.
  const secure = request.protocol === 'https' || request.headers['x-forwarded-proto'] === 'https' ? '; Secure' : '';
  return `${SESSION_COOKIE}=${value}; Path=/; HttpOnly; SameSite=Strict; Max-Age=${maxAgeSeconds}${secure}`;
}
