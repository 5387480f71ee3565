// What an operator does to alarms from the page: in one request for all that are marked, and told where something was refused.
import { ask } from './api.ts';
import { t } from './words.ts';

export type Action =
  | { readonly kind: 'ack' | 'unack' | 'close' | 'comment' | 'unshelve'; readonly text: string }
  | { readonly kind: 'shelve'; readonly text: string; readonly hours: number }
  /** Null: nobody any more. */
  | { readonly kind: 'assign'; readonly text: string; readonly to: string | null };

interface Bulk {
  readonly changed: number;
  readonly refused: number;
  readonly items: readonly { readonly outcome: string; readonly message: string | null }[];
}

/** As many as one request takes. */
const AT_ONCE = 500;

function bodyOf(action: Action): Readonly<Record<string, string | null>> {
  if (action.kind === 'shelve')
    return { text: action.text, until: new Date(Date.now() + action.hours * 3_600_000).toISOString() };
  return action.kind === 'assign' ? { text: action.text, to: action.to } : { text: action.text };
}

/** Null where it was done to each of them. */
export async function act(ids: readonly string[], action: Action): Promise<string | null> {
  let [refused, why] = [0, ''];
  for (let first = 0; first < ids.length; first += AT_ONCE) {
    try {
      const answer = await ask<Bulk>('/api/v1/alarms/actions', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({
          action: action.kind,
          ids: ids.slice(first, first + AT_ONCE),
          body: bodyOf(action),
        }),
      });
      refused += answer.refused;
      why ||= answer.items.find(({ message }) => message !== null)?.message ?? '';
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }
  return refused === 0 ? null : t('alarms.refused', { n: refused, all: ids.length, why });
}
