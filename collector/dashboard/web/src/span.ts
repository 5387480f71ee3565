// The time that a view looks at, in its address: a length until now, or a span that was drawn.
import { useMemo } from 'preact/hooks';
import { useRound } from './live.ts';
import type { Place } from './place.ts';

export const RANGES = { '1h': 3600, '6h': 21_600, '1d': 86_400, '7d': 604_800, '31d': 2_678_400 } as const;
type Range = keyof typeof RANGES;

export interface Span {
  readonly fromMs: number;
  readonly toMs: number;
  /** Null for a span that was drawn. */
  readonly range: Range | null;
}

export function useSpan({ query }: Place, usual: Range): Span {
  const round = useRound();
  const [range, from, to] = [query.get('range'), query.get('from'), query.get('to')];
  return useMemo(() => {
    const [fromMs, toMs] = [Date.parse(from ?? ''), Date.parse(to ?? '')];
    if (toMs > fromMs) return { fromMs, toMs, range: null };
    const chosen = range !== null && Object.hasOwn(RANGES, range) ? (range as Range) : usual;
    const now = Date.now();
    return { fromMs: now - RANGES[chosen] * 1000, toMs: now, range: chosen };
  }, [range, from, to, usual, round]);
}

export function spanQuery({ fromMs, toMs }: Span): Record<'from' | 'to', string> {
  return { from: new Date(fromMs).toISOString(), to: new Date(toMs).toISOString() };
}

/** What an answer is about: while time goes on a length stays the same question. */
export function spanName(span: Span): string {
  return span.range ?? `${span.fromMs}-${span.toMs}`;
}
