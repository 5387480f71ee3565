// Several gauges of a device as one: at each moment the average of those that are known.
import type { EpochMs } from '../../common/model/time.ts';
import type { Span } from './spans.ts';

/** The lines' spans in the order of time each; the result's spans do not overlap. */
export function averageSpans(lines: readonly (readonly Span[])[]): Span[] {
  const edges: { readonly atMs: EpochMs; readonly value: number; readonly count: 1 | -1 }[] = [];
  for (const span of lines.flat()) {
    if (span.value === null) continue;
    edges.push({ atMs: span.fromMs, value: span.value, count: 1 }, { atMs: span.toMs, value: -span.value, count: -1 });
  }
  edges.sort((a, b) => a.atMs - b.atMs);
  const spans: Span[] = [];
  let [sum, count] = [0, 0];
  edges.forEach((edge, at) => {
    sum += edge.value;
    count += edge.count;
    // Sums of floats that were added and taken away do not come back to zero.
    if (count === 0) sum = 0;
    const next = edges[at + 1];
    if (next !== undefined && count > 0 && next.atMs > edge.atMs)
      spans.push({ fromMs: edge.atMs, toMs: next.atMs, value: sum / count, delta: null });
  });
  return spans;
}
