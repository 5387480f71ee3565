// Answers a TM Forum list from pages of what the ledger has: filtered, counted, cut out, within a bound.
import type { FastifyReply } from 'fastify';
import { toWeirError } from '../../../common/http/server.ts';
import { fits, type Resource, selected, type TmfQuery } from './tmf-query.ts';

/** Resources looked through for one answer. */
const MAX_LOOKED_AT = 20_000;

/** `X-Total-Count` where everything was looked through; 206 where it was not, or where there is more behind the page. */
export async function answerList(
  reply: FastifyReply,
  query: TmfQuery,
  resources: AsyncIterable<Resource>,
): Promise<Resource[]> {
  const page: Resource[] = [];
  let [looked, found] = [0, 0];
  let whole = true;
  for await (const resource of resources) {
    if (looked === MAX_LOOKED_AT) {
      whole = false;
      break;
    }
    looked += 1;
    if (!fits(resource, query)) continue;
    if (found >= query.offset && page.length < query.limit) page.push(selected(resource, query.fields));
    found += 1;
  }
  if (whole) reply.header('x-total-count', found);
  reply.header('x-result-count', page.length);
  if (!whole || found > query.offset + page.length) reply.status(206);
  return page;
}

/** Refusals in the form of TM Forum; what is not a refusal goes on. */
export async function inTmfForm(reply: FastifyReply, work: () => Promise<unknown>): Promise<unknown> {
  try {
    return await work();
  } catch (error) {
    const refusal = toWeirError(error);
    if (refusal.status >= 500) throw error;
    return reply.status(refusal.status).send({
      code: refusal.code,
      reason: refusal.message,
      message: refusal.remedy,
      status: String(refusal.status),
      '@type': 'Error',
    });
  }
}
