// One POST of JSON to a receiver: bounded in time, never redirected, its answer not read; a refusal tells the status and no address.
import { failureOf, refused, unsure } from './send-failure.ts';

export interface JsonPost {
  readonly url: string;
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Answers that say it is there already, which is as good as taken. */
  readonly alreadyThere?: readonly number[];
}

/** Throws channel_refused or channel_unsure. */
export async function postJson(
  send: typeof fetch,
  { url, body, headers, alreadyThere = [] }: JsonPost,
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
  if ((status >= 200 && status < 300) || alreadyThere.includes(status)) return;
  // A server that fails may have done it all the same.
  if (status >= 500 && status !== 503) throw unsure(`the receiver answers ${status}`);
  throw refused(`the receiver answers ${status}`);
}
