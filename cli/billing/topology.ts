// The links that the collector knows, for holding their two ends against each other.
import { z } from 'zod';
import type { PortEnd } from '../../billing-bridge/audit/month-end.ts';
import { messageOf, WeirError } from '../../common/runtime/errors.ts';

const TIMEOUT_MS = 30_000;
/** `interface` is the key of the interface, as meters have it. */
const endForm = z.object({ device: z.string().nullable(), interface: z.string().nullable() });
const topologyForm = z.object({ links: z.array(z.object({ a: endForm, b: endForm })) });

/** Those whose two ends are interfaces of ours. Throws collector_unreachable or collector_answer_unusable. */
export async function linksOf(
  url: string,
  token: string | undefined,
  ask: typeof fetch = fetch,
): Promise<{ readonly a: PortEnd; readonly b: PortEnd }[]> {
  const answer = await ask(`${url.replace(/\/$/, '')}/api/v1/topology`, {
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    signal: AbortSignal.timeout(TIMEOUT_MS),
  }).catch((cause: unknown) => {
    throw new WeirError('collector_unreachable', `The collector does not answer: ${messageOf(cause)}.`, { url }, cause);
  });
  const body: unknown = answer.ok ? await answer.json().catch(() => null) : null;
  const found = topologyForm.safeParse(body);
  if (!found.success)
    throw new WeirError('collector_answer_unusable', `The collector answers ${answer.status} for its topology.`, {
      url,
    });
  return found.data.links.flatMap(({ a, b }) => {
    const [left, right] = [portOf(a), portOf(b)];
    return left === null || right === null ? [] : [{ a: left, b: right }];
  });
}

function portOf({ device, interface: interfaceKey }: z.output<typeof endForm>): PortEnd | null {
  return device === null || interfaceKey === null ? null : { device, interfaceKey };
}
