// Planned upgrades: which software each device of the window had before it began, and which it has since.
import type { Database } from '../../common/database/database.ts';
import type { DurationMs, EpochMs } from '../../common/model/time.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import { codeOf, messageOf } from '../../common/runtime/errors.ts';
import type { Reporter } from '../../common/runtime/reporter.ts';
import { concerns, occurrenceAt } from './maintenance-window.ts';
import type { WindowBook } from './window-book.ts';

export interface UpgradeRecord {
  readonly device: string;
  readonly fromMs: EpochMs;
  readonly toMs: EpochMs;
  /** Null where the device never told it. */
  readonly before: string | null;
  readonly after: string | null;
  /** False while the version may still be read anew. */
  readonly settled: boolean;
}

export interface UpgradeRecordsDeps {
  readonly database: Database;
  readonly clock: Pick<Clock, 'now'>;
  readonly book: Pick<WindowBook, 'windows'>;
  readonly devices: () => Iterable<{ readonly name: string; readonly site: string | null }>;
  readonly tagsOf: (device: string) => readonly string[];
}

/** Names are read at least every hour. */
const SETTLED_AFTER_MS: DurationMs = 2 * 3_600_000;
const MAX_RECORDS = 10_000;

export class UpgradeRecords {
  readonly #reporter: Reporter;
  readonly #deps: UpgradeRecordsDeps;

  constructor(reporter: Reporter, deps: UpgradeRecordsDeps) {
    this.#reporter = reporter;
    this.#deps = deps;
  }

  /** Again and again; what fails is done the next time. */
  async look(): Promise<void> {
    try {
      await this.#begin();
      await this.#follow();
    } catch (error) {
      this.#reporter.warn('planned upgrades not looked at', { code: codeOf(error), message: messageOf(error) });
    }
  }

  /** The newest first. */
  async of(window: string): Promise<UpgradeRecord[]> {
    const { rows } = await this.#deps.database.query<{
      device: string;
      from_ms: bigint;
      to_ms: bigint;
      before: string | null;
      after: string | null;
      settled: boolean;
    }>(
      `select device, from_ms, to_ms, before, after, settled from maintenance.upgrade where window_id = $1
        order by from_ms desc, device limit ${MAX_RECORDS}`,
      [window],
    );
    return rows.map(({ from_ms: fromMs, to_ms: toMs, ...rest }) => ({
      ...rest,
      fromMs: Number(fromMs),
      toMs: Number(toMs),
    }));
  }

  async #begin(): Promise<void> {
    const { database, clock, book, devices, tagsOf } = this.#deps;
    const nowMs = clock.now();
    for (const window of book.windows) {
      const span = window.upgrade && window.validUntilMs === null ? occurrenceAt(window, nowMs) : null;
      if (span === null) continue;
      const names = [...devices()]
        .filter(({ name, site }) =>
          concerns(window.targets, { resource: name, device: name, site, tags: tagsOf(name), services: [] }),
        )
        .map(({ name }) => name)
        .slice(0, MAX_RECORDS);
      await database.query(
        `insert into maintenance.upgrade (window_id, from_ms, to_ms, device, before, after)
         select $1, $2, $3, wanted.name, device.version, device.version
           from unnest($4::text[]) as wanted (name) left join inventory.device device on device.name = wanted.name
         on conflict do nothing`,
        [window.id, span.fromMs, span.toMs, names],
      );
    }
  }

  async #follow(): Promise<void> {
    await this.#deps.database.query(
      `update maintenance.upgrade held set after = device.version, settled = held.to_ms + $2 < $1
         from inventory.device device
        where not held.settled and device.name = held.device
          and (held.after is distinct from device.version or held.to_ms + $2 < $1)`,
      [this.#deps.clock.now(), SETTLED_AFTER_MS],
    );
  }
}
