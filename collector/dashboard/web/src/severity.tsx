// Severities as the page shows them: a word and a colour, the word first.
import { said } from './words.ts';

export const SEVERITIES = ['critical', 'major', 'minor', 'warning', 'indeterminate'] as const;

export function Badge({ severity, cleared }: { readonly severity: string; readonly cleared: boolean }) {
  const shown = cleared ? 'cleared' : severity;
  return <span class={`badge ${shown}`}>{said('severity', shown)}</span>;
}

/** The worst first. */
export function rankOf(severity: string): number {
  const place = SEVERITIES.indexOf(severity as (typeof SEVERITIES)[number]);
  return place < 0 ? SEVERITIES.length : place;
}
