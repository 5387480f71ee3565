// One POST of JSON to a receiver: bounded in time, never redirected, its answer not read; a refusal tells the status and no address.
import { failureOf, refused, unsure } from './channel.ts';

export interface JsonPost {
  readonly url: string;
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Throws channel_refused or channel_unsure. */
export async function postJson(
  send: typeof fetch,
  { url, body, headers }: JsonPost,
  signal: AbortSignal,
): Promise<void> {
  let answer: Response;
  try {
    answer = await send(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'user-agent': 'weir', ...headers },
      body,
      redirect: 'manual',
      signal,
    });
  } catch (error) {
    throw failureOf(error);
  }
  await answer.body?.cancel().catch(() => undefined);
  const { status } = answer;
  if (status >= 200 && status < 300) return;
  // A server that fails may have done it all the same.
  if (status >= 500 && status !== 503) throw unsure(`the receiver answers ${status}`);
  throw refused(`the receiver answers ${status}`);
}
