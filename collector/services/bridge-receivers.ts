// What the bridge says of the ways that it tells somebody by: mail, webhooks of quotas, listeners of bills. Asked over HTTP with the token of its feed.
import { z } from 'zod';
import type { FailingReceiver } from '../faults/receivers.ts';

export const BRIDGE_PREFIX = 'billing-channel:';
const TIMEOUT_MS = 10_000;
const answerSchema = z.object({
  items: z
    .array(
      z.object({
        channel: z.string().max(300),
        state: z.enum(['failing', 'given_up']),
        since: z.iso.datetime(),
        failure: z.string().max(2000).nullable(),
      }),
    )
    .max(1000),
});

export interface BridgeReceiversDeps {
  /** Of the bridge, without a slash at its end. */
  readonly url: string;
  /** Empty: it is not asked. */
  readonly token: string;
  readonly fetch: typeof fetch;
}

/** Null: the bridge is not asked, or too old to say. Rejects where it does not answer. */
export async function bridgeReceivers(deps: BridgeReceiversDeps): Promise<readonly FailingReceiver[] | null> {
  if (deps.token === '') return null;
  const answer = await deps.fetch(`${deps.url}/billing/v1/failing-channels`, {
    headers: { authorization: `Bearer ${deps.token}`, accept: 'application/json' },
    signal: AbortSignal.timeout(TIMEOUT_MS),
    redirect: 'error',
  });
  if (!answer.ok) {
    await answer.body?.cancel();
    return null;
  }
  const { items } = answerSchema.parse(await answer.json());
  return items.map(({ channel, state, since, failure }) => ({
    resource: `${BRIDGE_PREFIX}${channel}`,
    name: `The channel ${channel} of the billing bridge`,
    state,
    sinceMs: Date.parse(since),
    why: failure ?? '',
  }));
}
