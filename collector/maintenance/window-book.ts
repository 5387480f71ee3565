// Maintenance windows in the database, and in memory as they are now: a change leaves what was said of the past as it was.
import { recordAudit } from '../../common/database/audit.ts';
import type { Database, Queryable } from '../../common/database/database.ts';
import type { DurationMs, EpochMs } from '../../common/model/time.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import { codeOf, messageOf, WeirError } from '../../common/runtime/errors.ts';
import type { Reporter } from '../../common/runtime/reporter.ts';
import { type MaintenanceWindow, occurrences, overAtMs, type WindowDefinition } from './maintenance-window.ts';

export interface Actor {
  readonly name: string;
  readonly role: string;
}

interface Row {
  readonly id: bigint;
  readonly version: number;
  readonly definition: WindowDefinition;
  readonly by: string;
  readonly valid_from_ms: bigint;
  readonly valid_until_ms: bigint | null;
}

const MAX_WINDOWS = 5000;
const MAX_VERSIONS = 20_000;
/** KPIs of last year still leave the windows out. */
const KEPT_MS: DurationMs = 400 * 86_400_000;
const COLUMNS = 'id, version, definition, by, valid_from_ms, valid_until_ms';

export class WindowBook {
  readonly #reporter: Reporter;
  readonly #database: Database;
  readonly #clock: Pick<Clock, 'now'>;
  #serial = -1n;
  #windows: readonly MaintenanceWindow[] = [];

  constructor(reporter: Reporter, deps: { readonly database: Database; readonly clock: Pick<Clock, 'now'> }) {
    this.#reporter = reporter;
    this.#database = deps.database;
    this.#clock = deps.clock;
  }

  /** As they were at the last look: those in force and to come, and of the past those that KPIs may ask about. */
  get windows(): readonly MaintenanceWindow[] {
    return this.#windows;
  }

  /** Those that nobody has replaced or taken away, by id. */
  get current(): readonly MaintenanceWindow[] {
    return this.#windows.filter(({ validUntilMs }) => validUntilMs === null);
  }

  /** Null where there is none of the id, or none any more. */
  get(id: string): MaintenanceWindow | null {
    return this.current.find((window) => window.id === id) ?? null;
  }

  /** Reads what other collectors changed. Throws as the database does. */
  async refresh(connection: Queryable = this.#database): Promise<readonly MaintenanceWindow[]> {
    const { rows } = await connection.query<{ serial: bigint | null }>(
      'select max(serial) as serial from maintenance.window_version',
    );
    const serial = rows[0]?.serial ?? 0n;
    if (serial !== this.#serial) {
      const all = await connection.query<Row>(
        `select ${COLUMNS} from maintenance.window_version order by id, version limit ${MAX_VERSIONS}`,
      );
      this.#windows = all.rows.map(windowOf);
      this.#serial = serial;
    }
    return this.#windows;
  }

  /** The same, again and again: what fails now is read the next time. */
  async look(): Promise<void> {
    try {
      await this.refresh();
    } catch (error) {
      this.#reporter.warn('maintenance windows not read', { code: codeOf(error), message: messageOf(error) });
    }
  }

  create(definition: WindowDefinition, actor: Actor): Promise<MaintenanceWindow> {
    return this.#change(async (connection, nowMs) => {
      await refuseTooMany(connection);
      const { rows } = await connection.query<{ id: bigint }>(`select nextval('maintenance.window_id') as id`);
      const id = rows[0]?.id ?? 0n;
      const made = await insert(connection, { id, version: 1, definition, actor, nowMs });
      await audit(connection, actor, nowMs, 'create', id, null, definition);
      return made;
    });
  }

  /** Throws not_found, or maintenance_window_changed where the version is not the one that is held. */
  replace(id: string, version: number, definition: WindowDefinition, actor: Actor): Promise<MaintenanceWindow> {
    return this.#change(async (connection, nowMs) => {
      const held = await lock(connection, id, version);
      await end(connection, held, nowMs);
      const made = await insert(connection, { id: held.id, version: version + 1, definition, actor, nowMs });
      await audit(connection, actor, nowMs, 'replace', held.id, held.definition, definition);
      return made;
    });
  }

  /** It ends now; that it was there until now is kept. */
  async remove(id: string, version: number, actor: Actor): Promise<void> {
    await this.#change(async (connection, nowMs) => {
      const held = await lock(connection, id, version);
      await end(connection, held, nowMs);
      await audit(connection, actor, nowMs, 'remove', held.id, held.definition, null);
      return null;
    });
  }

  /** Forgets what no KPI asks about any more. */
  async forget(): Promise<void> {
    const beforeMs = this.#clock.now() - KEPT_MS;
    await this.#database.query('delete from maintenance.window_version where over_at_ms < $1', [beforeMs]);
    await this.#database.query('delete from maintenance.upgrade where to_ms < $1', [beforeMs]);
  }

  async #change<T>(work: (connection: Queryable, nowMs: EpochMs) => Promise<T>): Promise<T> {
    const done = await this.#database.transaction((connection) => work(connection, this.#clock.now()));
    await this.look();
    return done;
  }
}

function windowOf(row: Row): MaintenanceWindow {
  return {
    ...row.definition,
    id: row.id.toString(),
    version: row.version,
    by: row.by,
    validFromMs: Number(row.valid_from_ms),
    validUntilMs: row.valid_until_ms === null ? null : Number(row.valid_until_ms),
  };
}

async function insert(
  connection: Queryable,
  made: {
    readonly id: bigint;
    readonly version: number;
    readonly definition: WindowDefinition;
    readonly actor: Actor;
    readonly nowMs: EpochMs;
  },
): Promise<MaintenanceWindow> {
  const { id, version, definition, actor, nowMs } = made;
  const window = {
    ...definition,
    id: id.toString(),
    version,
    by: actor.name,
    validFromMs: nowMs,
    validUntilMs: null,
  };
  await connection.query(
    `insert into maintenance.window_version (id, version, serial, definition, by, valid_from_ms, over_at_ms)
     values ($1, $2, nextval('maintenance.serial'), $3, $4, $5, $6)`,
    [id, version, JSON.stringify(definition), actor.name, nowMs, overAtMs(window)],
  );
  return window;
}

/** A version that never came into force leaves nothing behind. */
async function end(connection: Queryable, held: Row, nowMs: EpochMs): Promise<void> {
  const window = windowOf(held);
  const hadEffect = occurrences(window, { fromMs: window.validFromMs, toMs: nowMs }).length > 0;
  if (hadEffect)
    await connection.query(
      `update maintenance.window_version set valid_until_ms = $3, over_at_ms = least(coalesce(over_at_ms, $3), $3),
              serial = nextval('maintenance.serial') where id = $1 and version = $2`,
      [held.id, held.version, nowMs],
    );
  else {
    await connection.query('delete from maintenance.window_version where id = $1 and version = $2', [
      held.id,
      held.version,
    ]);
    // Others see by the serial that something changed; the last row may have gone.
    await connection.query(
      `update maintenance.window_version set serial = nextval('maintenance.serial')
        where (id, version) = (select id, version from maintenance.window_version order by serial desc limit 1)`,
    );
  }
}

async function lock(connection: Queryable, id: string, version: number): Promise<Row> {
  const { rows } = await connection.query<Row>(
    `select ${COLUMNS} from maintenance.window_version where id = $1 and valid_until_ms is null for update`,
    [id],
  );
  const [held] = rows;
  if (held === undefined)
    throw new WeirError('not_found', `There is no maintenance window ${id}.`, { maintenanceWindow: id });
  if (held.version === version) return held;
  throw new WeirError(
    'maintenance_window_changed',
    `The maintenance window ${id} was changed meanwhile: it has version ${held.version}.`,
    { maintenanceWindow: id, version: held.version },
  );
}

async function refuseTooMany(connection: Queryable): Promise<void> {
  const { rows } = await connection.query<{ current: bigint; versions: bigint }>(
    `select count(*) filter (where valid_until_ms is null) as current, count(*) as versions
       from maintenance.window_version`,
  );
  if (Number(rows[0]?.current ?? 0n) < MAX_WINDOWS && Number(rows[0]?.versions ?? 0n) < MAX_VERSIONS) return;
  throw new WeirError('invalid_request', `More than ${MAX_WINDOWS} maintenance windows are not kept.`, {
    most: MAX_WINDOWS,
  });
}

async function audit(
  connection: Queryable,
  { name, role }: Actor,
  atMs: EpochMs,
  verb: 'create' | 'replace' | 'remove',
  id: bigint,
  before: WindowDefinition | null,
  after: WindowDefinition | null,
): Promise<void> {
  await recordAudit(connection, {
    atMs,
    actor: name,
    role,
    action: `maintenance.${verb}`,
    subject: `maintenance-window/${id}`,
    before,
    after,
    ...(after === null ? {} : { note: after.reason }),
  });
}
