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

/** `asked`: the values with their identifiers filled in. */
export function readFinding(said: Said, asked: readonly NamedValue[], about: string): Finding {
  const entries = asked.flatMap(({ name, oid, words }): Entry[] => {
    const shown = (value: string): string => (words[value] === undefined ? value : `${words[value]} (${value})`);
    if (!oid.endsWith('.*')) {
      const value = said.get(`value.${oid}`);
      return [{ about, name, value: value === undefined ? 'the device has no such object' : shown(value) }];
    }
    const column = `value.${oid.slice(0, -1)}`;
    const rows = [...said].filter(([key]) => key.startsWith(column));
    if (rows.length === 0) return [{ about, name, value: 'no rows' }];
    return rows.map(([key, value]) => ({ about, name: `${name}.${key.slice(column.length)}`, value: shown(value) }));
  });
  return finding('done', entries.map(({ name, value }) => `${name} ${value}`).join(', '), entries);
}

/** `hops.0`, `hops.1` … in their order. */
function numbered(said: Said, name: string): string[] {
  return [...said]
    .filter(([key]) => new RegExp(`^${name}\\.\\d+$`).test(key))
    .toSorted(([one], [other]) => Number(one.slice(name.length + 1)) - Number(other.slice(name.length + 1)))
    .map(([, value]) => value);
}
