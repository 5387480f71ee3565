// The desk of KPIs over a store double: chunks meet without a gap, parts count while they are bound, bounds hold.
import { describe, expect, test } from 'vitest';
import type { ManyQuery, Series } from '../../../collector/store/store.ts';
import { KpiDesk } from '../../../collector/kpi/kpi-desk.ts';
import { parseFormula } from '../../../collector/kpi/formula.ts';
import { valueOf } from '../../../collector/kpi/working.ts';

const MINUTE = 60_000;
const DAY = 86_400_000;

/** Reads any metric of a resource as a function of time. */
function deskOf(
  read: (resource: string, atMs: number) => number | null,
  bounds?: { maxPoints: number; maxParts: number },
) {
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
        const value = read(resource, fromMs + index * stepMs);
        return { atMs: fromMs + index * stepMs, value, coverage: value === null ? 0 : 1 };
      }),
    }));
    return Promise.resolve(series);
  };
  const desk = new KpiDesk({ store: { many }, alarms: { of: () => Promise.resolve(new Map()) } }, bounds);
  return { desk, asked };
}
const REACHABILITY = { formula: parseFormula('share(reachable == 1)') };

describe('the desk', () => {
  test('an outage of known length in a month of minutes, exactly', async () => {
    const { desk, asked } = deskOf((_resource, atMs) => (atMs >= 5 * DAY && atMs < 5 * DAY + 90 * MINUTE ? 0 : 1));
    const { whole, stepMs } = await desk.compute(REACHABILITY, [{ resource: 'a', fromMs: 0, toMs: 30 * DAY }]);
    expect([whole.denominator, Number(whole.denominator) - Number(whole.numerator), stepMs]).toEqual([
      30 * DAY,
      90 * MINUTE,
      MINUTE,
    ]);
    expect(asked.length).toBe(11);
  });

  test('a whole is the sum of its parts, each while it counts', async () => {
    const { desk } = deskOf((resource) => (resource === 'a' ? 1 : 0));
    const { whole, parts } = await desk.compute(REACHABILITY, [
      { resource: 'a', fromMs: 0, toMs: 30 * MINUTE },
      { resource: 'b', fromMs: 30 * MINUTE, toMs: 40 * MINUTE },
    ]);
    expect(valueOf(whole, 100)).toMatchObject({ value: 75, coverage: 1 });
    expect(parts.map(({ working }) => working.wantedMs)).toEqual([30 * MINUTE, 10 * MINUTE]);
  });

  test('a percentile of several is one of all their samples', async () => {
    const { desk } = deskOf((resource, atMs) => (resource === 'a' ? 10 : atMs / MINUTE));
    const parts = ['a', 'b'].map((resource) => ({ resource, fromMs: 0, toMs: 100 * MINUTE }));
    const { whole } = await desk.compute({ formula: parseFormula('p95(in_bps)') }, parts);
    expect(whole.numerator).toBe(89);
  });

  test('coarser steps before refusing, and a refusal beyond the bounds', async () => {
    const part = { resource: 'a', fromMs: 0, toMs: DAY };
    const { desk } = deskOf(() => 1, { maxPoints: 300, maxParts: 2 });
    expect((await desk.compute(REACHABILITY, [part])).stepMs).toBe(300_000);
    await expect(desk.compute(REACHABILITY, [part, part, part])).rejects.toMatchObject({ code: 'kpi_too_large' });
    await expect(desk.compute(REACHABILITY, [{ ...part, toMs: 400 * DAY }])).rejects.toMatchObject({
      code: 'kpi_too_large',
    });
  });
});
