// What mediation makes of the octets of one interface, reading after reading: how much flowed, and why epochs ended.
import { type CounterReading, difference } from '../../common/model/counter.ts';
import { columnOf, counterAt, type Poll, type Table } from '../../common/model/poll.ts';

export class CounterTally {
  octets = 0n;
  readonly lost: string[] = [];
  readonly #direction: 'In' | 'Out';
  #before: CounterReading | null = null;

  constructor(direction: 'In' | 'Out') {
    this.#direction = direction;
  }

  /** The next poll of the device; its first interface is meant. */
  add(poll: Poll): void {
    const table = poll.tables.find(({ name }) => name === 'interface');
    const segment = table?.segments[0];
    const column =
      table === undefined
        ? undefined
        : (columnOf(table, `ifHC${this.#direction}Octets`) ?? columnOf(table, `if${this.#direction}Octets`));
    const value = column?.kind === 'counter' ? counterAt(column, 0) : null;
    if (table === undefined || segment === undefined || column?.kind !== 'counter' || value === null) return;
    const reading = {
      observedAtMs: poll.startedAtMs,
      value,
      width: column.width,
      uptimeTicks: segment.uptimeTicks,
      discontinuityTicks: numberIn(table, 'ifCounterDiscontinuityTime'),
      monotonicMs: segment.monotonicMs,
      processId: poll.processId,
    };
    if (this.#before !== null) {
      const speed = numberIn(table, 'ifSpeedBps') ?? 0;
      const limits = { speedBps: speed > 0 ? BigInt(speed) : null, intervalMs: poll.intervalMs };
      const step = difference(this.#before, reading, limits);
      if (step.kind === 'lost') this.lost.push(step.end);
      else this.octets += step.delta;
    }
    this.#before = reading;
  }
}

/** The octets of all the polls of one device, in both directions. */
export function talliesOf(polls: readonly Poll[]): { readonly octets: bigint; readonly lost: readonly string[] }[] {
  return (['In', 'Out'] as const).map((direction) => {
    const tally = new CounterTally(direction);
    for (const poll of polls) tally.add(poll);
    return { octets: tally.octets, lost: tally.lost };
  });
}

function numberIn(table: Table, name: string): number | null {
  const column = columnOf(table, name);
  const value = column?.kind === 'number' ? (column.values[0] ?? Number.NaN) : Number.NaN;
  return Number.isNaN(value) ? null : value;
}
