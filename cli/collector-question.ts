// Questions of commands to a running collector over its API, with the administrator's token of the environment or of a data folder.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import type { DurationMs } from '../common/model/time.ts';
import { messageOf, WeirError } from '../common/runtime/errors.ts';
import type { CommandContext } from './command.ts';
import { textOption } from './options.ts';
import { tokensOf } from './supervise/data-folder.ts';

const DEFAULT_DATA = './data';
export const DEFAULT_COLLECTOR_URL = 'http://127.0.0.1:8080';

/** Of each command that asks. */
export const COLLECTOR_OPTIONS = { collector: { type: 'string' }, data: { type: 'string' } } as const;

const refusalSchema = z
  .string()
  .transform((text, context): unknown => {
    try {
      return JSON.parse(text);
    } catch {
      context.addIssue({ code: 'custom', message: 'no JSON' });
      return z.NEVER;
    }
  })
  .pipe(z.object({ error: z.object({ code: z.string(), message: z.string() }) }));

/** `body`: null asks, anything else changes. Throws collector_unreachable, collector_refused, and misused where there is no token. */
export async function askCollector(
  context: CommandContext,
  place: string,
  body: object | null,
  answerMs: DurationMs,
): Promise<unknown> {
  const text = await askCollectorText(context, place, body, answerMs);
  try {
    return JSON.parse(text);
  } catch {
    return null; // something else than a collector answers there
  }
}

/** The same where the answer is no JSON. */
export async function askCollectorText(
  context: CommandContext,
  place: string,
  body: object | null,
  answerMs: DurationMs,
): Promise<string> {
  const url = `${(textOption(context, 'collector') ?? DEFAULT_COLLECTOR_URL).replace(/\/+$/, '')}${place}`;
  const token = tokenOf(context);
  let response: Response;
  let text: string;
  try {
    response = await fetch(url, {
      method: body === null ? 'GET' : 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(body === null ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(answerMs),
    });
    text = await response.text();
  } catch (cause) {
    const message = `The collector at ${url} does not answer: ${messageOf(cause)}.`;
    throw new WeirError('collector_unreachable', message, { url }, cause);
  }
  if (response.ok) return text;
  const refusal = refusalSchema.safeParse(text);
  const why = refusal.success
    ? `${refusal.data.error.code}: ${refusal.data.error.message}`
    : `status ${response.status}`;
  throw new WeirError('collector_refused', `The collector refuses: ${why}`, { url });
}

function tokenOf({ options, environment }: CommandContext): string {
  const given = environment['WEIR_ADMIN_TOKEN'];
  if (given !== undefined && given !== '') return given;
  const folder = path.resolve(typeof options['data'] === 'string' ? options['data'] : DEFAULT_DATA);
  if (existsSync(path.join(folder, 'tokens.json'))) return tokensOf(folder, undefined).administrator;
  throw new WeirError('misused', 'There is no token: give WEIR_ADMIN_TOKEN, or --data with the folder of weir up.');
}
