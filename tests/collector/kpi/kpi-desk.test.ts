// The desk of KPIs over a store double: chunks meet without a gap, parts count while they are bound, bounds hold.
import { describe, expect, test } from 'vitest';
import type { ManyQuery, Series } from '../../../collector/store/store.ts';
import { KpiDesk, type Part } from '../../../collector/kpi/kpi-desk.ts';
import { parseFormula } from '../../../collector/kpi/formula.ts';
import { KPI_BOUNDS, type KpiBounds } from '../../../collector/kpi/kpi-bounds.ts';
import { addWorkings, valueOf } from '../../../collector/kpi/working.ts';

const MINUTE = 60_000;
const DAY = 86_400_000;

function valueIn(known: readonly number[], wanted: ManyQuery['function']): number | null {
  if (known.length === 0) return null;
  if (wanted === 'min') return Math.min(...known);
  if (wanted === 'max') return Math.max(...known);
  return wanted === 'last' ? (known.at(-1) ?? null) : known.reduce((sum, value) => sum + value, 0) / known.length;
}

/** Reads any metric of a resource as a function of time. */
function deskOf(read: (resource: string, atMs: number) => number | null, bounds: Partial<KpiBounds> = {}) {
  const asked: ManyQuery[] = [];
  const many = (query: ManyQuery): Promise<Series[]> => {
    asked.push(query);
    const { metric, fromMs, toMs, stepMs = MINUTE } = query;
    const series = query.resources.map((resource) => ({
      metric,
      resource,
      function: query.function,
      unit: '',
      fromMs,
      toMs,
      stepMs,
      points: Array.from({ length: (toMs - fromMs) / stepMs }, (_, index) => {
        const atMs = fromMs + index * stepMs;
        const minutes = Array.from({ length: stepMs / MINUTE }, (__, minute) => read(resource, atMs + minute * MINUTE));
        const known = minutes.flatMap((value) => value ?? []);
        const value = valueIn(known, query.function);
        return { atMs, value, coverage: known.length / minutes.length };
      }),
    }));
    return Promise.resolve(series);
  };
  const desk = new KpiDesk(
    { store: { many }, alarms: { of: () => Promise.resolve(new Map()) } },
    { ...KPI_BOUNDS, ...bounds },
  );
  return { desk, asked };
}
/** Over the hull of the parts as one window. */
async function whole(desk: KpiDesk, kpi: typeof REACHABILITY, parts: Part[]) {
  const span = {
    fromMs: Math.min(...parts.map(({ fromMs }) => fromMs)),
    toMs: Math.max(...parts.map(({ toMs }) => toMs)),
  };
  const { windows, stepMs } = await desk.compute(kpi, parts, [span]);
  const [window] = windows;
  if (window === undefined) throw new Error('no window');
  return { ...window, stepMs };
}

const REACHABILITY = { formula: parseFormula('share(reachable == 1)') };

describe('the desk', () => {
  test('an outage of known length in a month of minutes, exactly', async () => {
    const { desk, asked } = deskOf((_resource, atMs) => (atMs >= 5 * DAY && atMs < 5 * DAY + 90 * MINUTE ? 0 : 1));
    const { whole: sum, stepMs } = await whole(desk, REACHABILITY, [{ resource: 'a', fromMs: 0, toMs: 30 * DAY }]);
    expect([sum.denominator, Number(sum.denominator) - Number(sum.numerator), stepMs]).toEqual([
      30 * DAY,
      90 * MINUTE,
      MINUTE,
    ]);
    expect(asked.length).toBe(11);
  });

  test('a whole is the sum of its parts, each while it counts', async () => {
    const { desk } = deskOf((resource) => (resource === 'a' ? 1 : 0));
    const { whole: sum, parts } = await whole(desk, REACHABILITY, [
      { resource: 'a', fromMs: 0, toMs: 30 * MINUTE },
      { resource: 'b', fromMs: 30 * MINUTE, toMs: 40 * MINUTE },
    ]);
    expect(valueOf(sum, 100)).toMatchObject({ value: 75, coverage: 1 });
    expect(parts.map(({ working }) => working.wantedMs)).toEqual([30 * MINUTE, 10 * MINUTE]);
  });

  test('a percentile of several is one of all their samples', async () => {
    const { desk } = deskOf((resource, atMs) => (resource === 'a' ? 10 : atMs / MINUTE));
    const parts = ['a', 'b'].map((resource) => ({ resource, fromMs: 0, toMs: 100 * MINUTE }));
    const { whole: sum } = await whole(desk, { formula: parseFormula('p95(in_bps)') }, parts);
    expect(sum.numerator).toBe(89);
  });

  test('coarser steps before refusing, and a refusal beyond the bounds', async () => {
    const part = { resource: 'a', fromMs: 0, toMs: DAY };
    const { desk } = deskOf(() => 1, { maxPoints: 300, maxParts: 2 });
    expect((await whole(desk, REACHABILITY, [part])).stepMs).toBe(300_000);
    await expect(whole(desk, REACHABILITY, [part, part, part])).rejects.toMatchObject({ code: 'kpi_too_large' });
    await expect(whole(desk, REACHABILITY, [{ ...part, toMs: 40_000 * DAY }])).rejects.toMatchObject({
      code: 'kpi_too_large',
    });
  });

  test('states over coarse steps are exact to the minute, with gaps', async () => {
    const read = (_resource: string, atMs: number): number | null => {
      if (atMs >= 5 * DAY && atMs < 5 * DAY + 97 * MINUTE) return 0;
      return atMs >= 7 * DAY && atMs < 7 * DAY + 31 * MINUTE ? null : 1;
    };
    const part = { resource: 'a', fromMs: 0, toMs: 30 * DAY };
    const fine = await whole(deskOf(read).desk, REACHABILITY, [part]);
    const coarse = await whole(deskOf(read, { maxPoints: 1000, maxParts: 5 }).desk, REACHABILITY, [part]);
    expect([fine.stepMs, coarse.stepMs]).toEqual([MINUTE, 3_600_000]);
    expect(coarse.whole).toEqual(fine.whole);
    expect(Number(coarse.whole.denominator) - Number(coarse.whole.numerator)).toBe(97 * MINUTE);
  });

  test('states over days are exact to the minute too: days in which they changed are read by hours, of those minutes', async () => {
    const read = (resource: string, atMs: number): number | null => {
      const shift = resource === 'a' ? 0 : 3 * DAY + 50 * MINUTE;
      if (atMs >= 5 * DAY + shift && atMs < 5 * DAY + shift + 97 * MINUTE) return 0;
      return atMs >= 7 * DAY + 23 * 60 * MINUTE && atMs < 8 * DAY + 31 * MINUTE ? null : 1;
    };
    const parts = ['a', 'b'].map((resource) => ({ resource, fromMs: 0, toMs: 30 * DAY }));
    const fine = await whole(deskOf(read).desk, REACHABILITY, parts);
    const { desk, asked } = deskOf(read, { maxPoints: 300 });
    const coarse = await whole(desk, REACHABILITY, parts);
    expect([fine.stepMs, coarse.stepMs]).toEqual([MINUTE, DAY]);
    expect(coarse).toEqual({ ...fine, stepMs: DAY });
    const points = asked.map(
      ({ resources, fromMs, toMs, stepMs = 1 }) => (resources.length * (toMs - fromMs)) / stepMs,
    );
    expect(points.reduce((sum, count) => sum + count)).toBeLessThan(700);
  });

  test('windows of a series add up to the whole, wherever they begin', async () => {
    const { desk } = deskOf((_resource, atMs) => ((atMs / MINUTE) % 7 === 0 ? 0 : 1));
    const edges = [0, 90_000, 600_000, 3_000_000, 3_600_000];
    const windows = edges.slice(1).map((toMs, index) => ({ fromMs: edges[index] ?? 0, toMs }));
    const part = { resource: 'a', fromMs: 0, toMs: 3_600_000 };
    const split = await desk.compute(REACHABILITY, [part], windows);
    expect(addWorkings(split.windows.map((window) => window.whole))).toEqual(
      (await whole(desk, REACHABILITY, [part])).whole,
    );
  });
});
