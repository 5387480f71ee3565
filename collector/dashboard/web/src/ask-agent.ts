// Work that the page asks of an agent, until there is a result: nobody connects to an agent, so the page looks again and again.
import { ask } from './api.ts';

export interface Work {
  readonly id: string;
  readonly state: 'queued' | 'handed_out' | 'done' | 'failed' | 'expired';
  readonly result: readonly { readonly name: string; readonly value: string }[] | null;
}

/** What came of it, by the names of its details. */
export interface Told {
  readonly state: Work['state'];
  readonly facts: ReadonlyMap<string, string>;
}

const LOOK_MS = 700;
/** Longer than the work itself may take. */
const MOST_LOOKS = 200;

export async function askAgent(agent: string, body: object, signal: AbortSignal): Promise<Told> {
  const place = `/api/v1/agents/${encodeURIComponent(agent)}/work`;
  const headers = { 'content-type': 'application/json' };
  let work = await ask<Work>(place, { method: 'POST', headers, body: JSON.stringify(body), signal });
  for (let look = 0; look < MOST_LOOKS && ['queued', 'handed_out'].includes(work.state); look += 1) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    work = await ask<Work>(`${place}/${encodeURIComponent(work.id)}`, { signal });
  }
  return { state: work.state, facts: new Map((work.result ?? []).map(({ name, value }) => [name, value])) };
}
