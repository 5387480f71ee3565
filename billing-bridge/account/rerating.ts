// The past span in which a change of a service moves usage or time from one holder to another. Pure.
import type { EpochMs } from '../../common/model/time.ts';
import { FOR_EVER_MS, type Service } from './contract.ts';

/** A span of a service whose usage must be looked at again, because its bindings, its own time or the begin of its recurring charges changed. */
export interface Rerating {
  readonly service: string;
  readonly fromMs: EpochMs;
  readonly toMs: EpochMs;
}

interface Span {
  readonly fromMs: EpochMs;
  readonly toMs: EpochMs | null;
}

/** What is before now and not the same as it was; null where that is nothing. */
export function reratingOf(before: Service | null, next: Service, now: EpochMs): Rerating | null {
  const [old, changed] = [spansByPort(before), spansByPort(next)];
  const edges = [...new Set([...old.keys(), ...changed.keys()])].flatMap((port) =>
    differingEdges(old.get(port) ?? [], changed.get(port) ?? []),
  );
  if (before !== null) edges.push(...differingEdges([before], [next]));
  if (before !== null && before.recurringFromMs !== next.recurringFromMs)
    edges.push(before.recurringFromMs, next.recurringFromMs);
  const past = edges.map((at) => Math.min(at, now));
  const [fromMs, toMs] = past.reduce(([least, most], at) => [Math.min(least, at), Math.max(most, at)], [now, 0]);
  return fromMs < Math.min(toMs, now) ? { service: next.id, fromMs, toMs } : null;
}

function spansByPort(service: Service | null): Map<string, Span[]> {
  const ports = new Map<string, Span[]>();
  for (const binding of service?.bindings ?? []) {
    const port = `${binding.device}\n${binding.interface}`;
    ports.set(port, [...(ports.get(port) ?? []), binding]);
  }
  return ports;
}

/** Both ends of each stretch that only one of the two sides covers. */
function differingEdges(left: readonly Span[], right: readonly Span[]): EpochMs[] {
  const edges = [...new Set([...left, ...right].flatMap((span) => [span.fromMs, endOf(span)]))].toSorted(
    (one, other) => one - other,
  );
  return edges.slice(1).flatMap((to, at): EpochMs[] => {
    const from = edges[at] ?? to;
    return covers(left, from) === covers(right, from) ? [] : [from, to];
  });
}

function covers(spans: readonly Span[], at: EpochMs): boolean {
  return spans.some((span) => span.fromMs <= at && at < endOf(span));
}

function endOf(span: Span): EpochMs {
  return span.toMs ?? FOR_EVER_MS;
}
