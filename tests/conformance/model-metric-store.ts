// A metric store in a few lines of plain arrays: slow, in memory, and the truth that adapters are compared with.
import { type CounterReading, difference } from '../../common/model/counter.ts';
import { observedAt, segmentOf } from '../../common/model/poll.ts';
import { countersOf, numbersOf, textsOf } from '../../common/model/table-columns.ts';
import type { JournaledBatch } from '../../collector/project/projection.ts';

export interface ModelReading extends CounterReading {
  readonly intervalMs: number;
  readonly speedBps: bigint | null;
}

export interface ModelPoint {
  readonly avg: number | null;
  readonly min: number | null;
  readonly max: number | null;
  readonly delta: string | null;
}

/** Keeps octets in; one millisecond is the unit of everything. */
export class ModelMetricStore {
  readonly #applied = new Set<string>();
  readonly #readings = new Map<string, ModelReading[]>();

  apply(entries: readonly JournaledBatch[]): void {
    for (const { batch, clockOffsetMs } of entries) {
      const name = `${batch.agent} ${batch.incarnation} ${batch.sequence}`;
      if (this.#applied.has(name)) continue;
      this.#applied.add(name);
      for (const poll of batch.polls) {
        const table = poll.tables.find((one) => one.name === 'interface');
        if (table === undefined) continue;
        const column = countersOf(table, 'ifHCInOctets') ?? countersOf(table, 'ifInOctets');
        table.index.forEach((_, row) => {
          if (column?.present[row] !== 1) return;
          const segment = segmentOf(table, row);
          const speed = numbersOf(table, 'ifSpeedBps')?.[row] ?? Number.NaN;
          const discontinuity = numbersOf(table, 'ifCounterDiscontinuityTime')?.[row] ?? Number.NaN;
          const resource = `${poll.device}/${textsOf(table, 'interfaceKey')?.[row]}`;
          const list = this.#readings.get(resource) ?? [];
          list.push({
            observedAtMs: observedAt(segment, clockOffsetMs),
            value: column.values[row] ?? 0n,
            width: column.width,
            uptimeTicks: segment.uptimeTicks,
            discontinuityTicks: Number.isNaN(discontinuity) ? null : discontinuity,
            monotonicMs: segment.monotonicMs,
            processId: poll.processId,
            intervalMs: poll.intervalMs,
            speedBps: Number.isNaN(speed) ? null : BigInt(speed),
          });
          this.#readings.set(resource, list);
        });
      }
    }
  }

  /** Octets per second in [fromMs, toMs): walks every pair of readings for every step. */
  point(resource: string, fromMs: number, toMs: number): ModelPoint {
    const readings = (this.#readings.get(resource) ?? []).toSorted(
      (a, b) => a.observedAtMs - b.observedAtMs || a.monotonicMs - b.monotonicMs,
    );
    const rates: number[] = [];
    let [weighted, knownMs, moved, countedMs] = [0, 0, 0n, 0];
    let previous: ModelReading | undefined;
    for (const observed of readings) {
      if (previous === undefined) {
        previous = observed;
        continue;
      }
      if (observed.observedAtMs === previous.observedAtMs) continue;
      const [start, end] = [previous.observedAtMs, observed.observedAtMs];
      const found = difference(previous, observed, observed);
      previous = observed;
      const overlapMs = Math.min(end, toMs) - Math.max(start, fromMs);
      if (found.kind === 'lost' || found.kind === 'implausible' || found.durationMs <= 0 || overlapMs <= 0) continue;
      const part = (atMs: number): bigint =>
        (found.delta * BigInt(Math.max(start, Math.min(end, atMs)) - start)) / BigInt(end - start);
      if (found.kind !== 'gap' || (start >= fromMs && end <= toMs)) {
        moved += part(toMs) - part(fromMs);
        countedMs += overlapMs;
      }
      if (found.kind === 'gap') continue;
      const rate = (Number(found.delta) * 1000) / found.durationMs;
      rates.push(rate);
      weighted += rate * overlapMs;
      knownMs += overlapMs;
    }
    return {
      avg: knownMs === 0 ? null : weighted / knownMs,
      min: rates.length === 0 ? null : Math.min(...rates),
      max: rates.length === 0 ? null : Math.max(...rates),
      delta: countedMs === 0 ? null : moved.toString(),
    };
  }
}
