// Ports that are bound and not read any more: removed from their device, or of a device that is gone. Told once with the reason; the bill does not wait for them for ever.
import type { DurationMs, EpochMs } from '../../common/model/time.ts';
import type { Queryable } from '../../common/database/database.ts';
import type { ContractBook } from '../account/contract-book.ts';
import type { Meter } from '../mediate/usage.ts';
import {
  type FinalOutcome,
  type FinalRecordDeps,
  insertFinalRecords,
  isSilent,
  keyOf,
  knownKeys,
  rowOf,
  WAIT_MS,
} from './final-record.ts';
import type { MeterIndex } from './rating-input.ts';

const HOUR_MS: DurationMs = 3_600_000;
const DAY_MS: DurationMs = 24 * HOUR_MS;
/** Of one look; more are found by the next. */
const RECORDS_AT_ONCE = 200;
/** All bound ports are looked at this often. */
const EVERY_MS: DurationMs = HOUR_MS;

interface Bound {
  readonly customer: string;
  readonly service: string;
  readonly meter: Meter;
  readonly fromMs: EpochMs;
}

interface Vanished extends Bound {
  readonly endedAtMs: EpochMs;
  readonly outcome: FinalOutcome;
}

export class VanishedPorts {
  readonly #deps: FinalRecordDeps;
  #lookedAtMs: EpochMs | null = null;

  constructor(deps: FinalRecordDeps) {
    this.#deps = deps;
  }

  /** Writes final records of bound ports that are not read any more, each once; at most once an hour. Returns how many. */
  async write(
    book: ContractBook,
    index: MeterIndex,
    now: EpochMs,
    fence: (connection: Queryable) => Promise<void>,
  ): Promise<number> {
    if (this.#lookedAtMs !== null && now - this.#lookedAtMs < EVERY_MS) return 0;
    this.#lookedAtMs = now;
    const found = await this.#find(boundIn(book, index, now));
    if (found.length === 0) return 0;
    const known = await knownKeys(this.#deps.database, now);
    const stored = (await this.#deps.usage.storedUntil?.()) ?? null;
    const fresh = found.filter((one) => !known.has(keyOf(one.service, one.meter.id, one.endedAtMs)));
    const rows: object[] = [];
    for (const one of fresh.slice(0, RECORDS_AT_ONCE)) {
      const { meter, endedAtMs } = one;
      const last = (await this.#deps.usage.latest([meter.id], endedAtMs - DAY_MS, endedAtMs)).at(-1);
      rows.push(rowOf(one, one.outcome, last, stored, now));
    }
    if (rows.length > 0) await insertFinalRecords(this.#deps.database, rows, fence);
    return rows.length;
  }

  async #find(bound: readonly Bound[]): Promise<Vanished[]> {
    const { usage } = this.#deps;
    const meters = [...new Set(bound.map(({ meter }) => meter.id))];
    const [readUntil, final, seen] = [
      await usage.readUntil(),
      await usage.finalUntil(meters),
      await usage.lastSeen(meters),
    ];
    return bound.flatMap((one): Vanished[] => {
      const [finalUntilMs, seenMs] = [final.get(one.meter.id), seen.get(one.meter.id)];
      if (finalUntilMs === undefined || seenMs === undefined) return [];
      const endedAtMs = Math.max(seenMs, one.fromMs);
      if (isSilent(Math.max(finalUntilMs, one.fromMs), readUntil))
        return [{ ...one, endedAtMs, outcome: 'device_silent' }];
      return finalUntilMs - endedAtMs < WAIT_MS ? [] : [{ ...one, endedAtMs, outcome: 'interface_gone' }];
    });
  }
}

function boundIn(book: ContractBook, index: MeterIndex, now: EpochMs): Bound[] {
  return [...book.services.values()].flatMap((service) =>
    service.bindings.flatMap(({ device, interface: name, fromMs, toMs }) =>
      (toMs !== null && toMs <= now) || fromMs > now
        ? []
        : index
            .ofPort(device, name, null)
            .map((meter) => ({ customer: service.customer, service: service.id, meter, fromMs })),
    ),
  );
}

export async function vanishedAt(
  connection: Queryable,
  service: string,
  device: string,
  interfaceKey: string,
): Promise<EpochMs | null> {
  const { rows } = await connection.query<{ ended_at_ms: bigint | null }>(
    `select max(ended_at_ms) as ended_at_ms from billing.final_record
      where service = $1 and device = $2 and interface_key = $3 and outcome in ('interface_gone', 'device_silent')`,
    [service, device, interfaceKey],
  );
  const at = rows[0]?.ended_at_ms ?? null;
  return at === null ? null : Number(at);
}
