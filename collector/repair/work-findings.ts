// From what an agent said of a piece of work to what a diagnosis tells: pure.
import type { WorkItem } from '../agents/work-item.ts';
import { type Entry, type Finding, finding } from './entry.ts';
import type { NamedValue } from './runbook.ts';

export type ClosedWork = Pick<WorkItem, 'state' | 'result'>;

export type Said = ReadonlyMap<string, string>;

export function saidOf({ result }: Pick<ClosedWork, 'result'>): Said {
  return new Map((result ?? []).map(({ name, value }) => [name, value]));
}

/** What did not come to an end says so; null where it did. */
export function failureOf(work: ClosedWork | null, timedOut: boolean): Finding | null {
  if (work?.state === 'done') return null;
  if (work?.state === 'failed') {
    const said = saidOf(work);
    return finding('failed', `${said.get('code') ?? 'failed'}: ${said.get('message') ?? 'the agent does not say why'}`);
  }
  if (work?.state === 'expired')
    return finding('timed_out', 'the agent did not come for it, or gave no result, in time');
  return timedOut ? finding('timed_out', 'no result in time') : finding('failed', 'the work is nowhere');
}

export function pollFinding(said: Said, about: string): Finding {
  const outcome = said.get('outcome') ?? 'unknown';
  const failure = said.get('failure');
  const took = `${said.get('requests') ?? '?'} requests, ${said.get('retries') ?? '?'} retries, ${said.get('durationMs') ?? '?'} ms`;
  const tables = numbered(said, 'tables').map((value): Entry => ({ about, name: 'table', value }));
  return finding('done', `${outcome}${failure === undefined ? '' : ` (${failure})`}: ${took}`, tables);
}

export function pingFinding(said: Said): Finding {
  const [sent, received, mean] = ['sent', 'received', 'roundTripMs.mean'].map((name) => said.get(name));
  const time = mean === undefined || mean === '' ? '' : `, ${mean} ms on average`;
  return finding('done', `${received ?? '?'} of ${sent ?? '?'} packets to ${said.get('host') ?? '?'} came back${time}`);
}

export function routeFinding(said: Said, about: string): Finding {
  const hops = numbered(said, 'hops');
  const note = said.get('note');
  if (said.get('tool') === 'none') return finding('failed', note ?? 'there is no tool for it at the agent');
  const summary = `${said.get('reached') === 'true' ? 'reached' : 'not reached'} after ${hops.length} hops, by ${said.get('tool') ?? '?'}`;
  return finding(
    'done',
    summary,
    hops.map((value) => ({ about, name: 'hop', value })),
  );
}

/** Of the summary; all of them stand in the entries. */
const MOST_SUMMED = 6;

/** `asked`: the values with their identifiers filled in. What the device does not have is counted, and named where nothing else is to be told. */
export function readFinding(said: Said, asked: readonly NamedValue[], about: string): Finding {
  const missing: string[] = [];
  const entries = asked.flatMap((value): Entry[] => {
    const found = valuesOf(said, value, about);
    if (found.length === 0) missing.push(value.name);
    return found;
  });
  const shown = entries.slice(0, MOST_SUMMED).map(({ name, value }) => `${name} ${value}`);
  const more = entries.length > MOST_SUMMED ? [`${entries.length - MOST_SUMMED} more`] : [];
  if (missing.length === 0) return finding('done', [...shown, ...more].join(', '), entries);
  const without =
    entries.length === 0 ? `the device has none of them: ${missing.join(', ')}` : `${missing.length} not there`;
  return finding('done', [...shown, ...more, without].join(', '), entries);
}

function valuesOf(said: Said, { name, oid, words }: NamedValue, about: string): Entry[] {
  const shown = (value: string): string => (words[value] === undefined ? value : `${words[value]} (${value})`);
  if (!oid.endsWith('.*')) {
    const value = said.get(`value.${oid}`);
    return value === undefined ? [] : [{ about, name, value: shown(value) }];
  }
  const column = `value.${oid.slice(0, -1)}`;
  return [...said]
    .filter(([key]) => key.startsWith(column))
    .map(([key, value]) => ({ about, name: `${name}.${key.slice(column.length)}`, value: shown(value) }));
}

/** `hops.0`, `hops.1` … in their order. */
function numbered(said: Said, name: string): string[] {
  return [...said]
    .filter(([key]) => new RegExp(`^${name}\\.\\d+$`).test(key))
    .toSorted(([one], [other]) => Number(one.slice(name.length + 1)) - Number(other.slice(name.length + 1)))
    .map(([, value]) => value);
}
