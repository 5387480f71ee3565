// What an operator does to alarms from the page; each is answered with the alarm as it is then, or told why not.
import { ask } from './api.ts';

export type Action =
  | { readonly kind: 'ack' | 'unack' | 'close' | 'comment' | 'unshelve'; readonly text: string }
  | { readonly kind: 'shelve'; readonly text: string; readonly hours: number };

export async function act(ids: readonly string[], action: Action): Promise<string | null> {
  const body: Record<string, string> = { text: action.text };
  if (action.kind === 'shelve') body['until'] = new Date(Date.now() + action.hours * 3_600_000).toISOString();
  for (const id of ids) {
    try {
      await ask(`/api/v1/alarms/${encodeURIComponent(id)}/${action.kind}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }
  return null;
}
