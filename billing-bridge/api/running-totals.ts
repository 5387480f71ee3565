// What each customer's running period costs so far, by service: previews of all, found once for all who ask.
import { Exact } from '../../common/model/exact.ts';
import type { EpochMs } from '../../common/model/time.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import type { ContractBook } from '../account/contract-book.ts';
import type { Customer } from '../account/contract.ts';
import type { Preview } from '../rate/preview.ts';
import { Paced } from './paced.ts';

export interface RunningTotal {
  readonly currency: string;
  readonly periodStartMs: EpochMs;
  readonly periodEndMs: EpochMs;
  readonly untilMs: EpochMs;
  readonly total: string;
  readonly byService: ReadonlyMap<string, string>;
}

export interface RunningTotalsDeps {
  readonly clock: Clock;
  readonly book: () => Promise<ContractBook>;
  readonly preview: (book: ContractBook, customer: Customer, at: EpochMs) => Promise<Preview>;
}

/** Of 10,000 customers it takes a minute: nobody waits for that, and it is not done all the time. */
const PACE = { freshMs: 5_000, share: 5 };

export class RunningTotals {
  readonly #deps: RunningTotalsDeps;
  readonly #all: Paced<ReadonlyMap<string, RunningTotal>>;

  constructor(deps: RunningTotalsDeps) {
    this.#deps = deps;
    this.#all = new Paced(() => this.#find(), deps.clock, PACE);
  }

  /** By customer; of many customers as they were a while ago: each says until when it counts. */
  all(): Promise<ReadonlyMap<string, RunningTotal>> {
    return this.#all.get();
  }

  async #find(): Promise<Map<string, RunningTotal>> {
    const book = await this.#deps.book();
    const found = new Map<string, RunningTotal>();
    for (const customer of book.customers.values()) {
      const preview = await this.#deps.preview(book, customer, this.#deps.clock.now());
      found.set(customer.id, totalOf(preview));
    }
    return found;
  }
}

function totalOf(preview: Preview): RunningTotal {
  const sums = new Map<string, Exact>();
  for (const line of preview.lines) {
    const amount = Exact.parse(line.amount) ?? Exact.zero;
    sums.set(line.service, (sums.get(line.service) ?? Exact.zero).add(amount));
  }
  // Lines are rounded already: as many places as the total has.
  const places = (preview.total.split('.')[1] ?? '').length;
  return {
    currency: preview.currency,
    periodStartMs: preview.period.startMs,
    periodEndMs: preview.period.endMs,
    untilMs: preview.untilMs,
    total: preview.total,
    byService: new Map([...sums].map(([service, sum]) => [service, sum.toFixed(places, 'half_up')])),
  };
}
