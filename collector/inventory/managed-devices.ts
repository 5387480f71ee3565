// Devices that people manage by API, beside those of the file: kept with a version each, every change in the audit log, labels for devices of either kind.
import { type AuditEntry, recordAudit } from '../../common/database/audit.ts';
import type { Database, Migration, Queryable } from '../../common/database/database.ts';
import type { EpochMs } from '../../common/model/time.ts';
import { type DeviceConfiguration, deviceSchema } from '../../common/runtime/device-configuration.ts';
import { WeirError } from '../../common/runtime/errors.ts';

export const managedDevicesMigrations: readonly Migration[] = [
  {
    id: 'managed-devices-001',
    sql: `
      create schema if not exists inventory;
      create sequence inventory.managed_serial;
      create table inventory.managed_device (
        name text collate "C" primary key,
        serial int8 not null,
        version int8 not null,
        definition jsonb not null,
        changed_at_ms int8 not null,
        deleted_at_ms int8
      );
      create table inventory.device_label (
        name text collate "C" primary key,
        serial int8 not null,
        criticality text not null,
        tags jsonb not null,
        note text not null
      );`,
  },
];

/** How much it matters that a device works; alarms are ordered by it. */
export const CRITICALITIES = ['low', 'normal', 'high', 'critical'] as const;
export type Criticality = (typeof CRITICALITIES)[number];

export interface DeviceLabels {
  readonly criticality: Criticality;
  readonly tags: readonly string[];
  readonly note: string;
}

export const NO_LABELS: DeviceLabels = { criticality: 'normal', tags: [], note: '' };

export interface ManagedDevice {
  readonly definition: DeviceConfiguration;
  readonly version: number;
}

export interface ManagedState {
  /** Grows with each change by any collector. */
  readonly serial: bigint;
  readonly devices: readonly ManagedDevice[];
  readonly labels: ReadonlyMap<string, DeviceLabels>;
}

/** As many as a file may have. */
const MAX_DEVICES = 20_000;

export type AuditOf = (before: unknown, after: unknown) => AuditEntry;

/** Throws where who asks may not change what stands there, also of a device that was deleted; null where there never was one. */
export type Permit = (held: DeviceConfiguration | null) => void;

export class ManagedDevices {
  readonly #database: Database;
  readonly #now: () => EpochMs;

  constructor(database: Database, now: () => EpochMs) {
    this.#database = database;
    this.#now = now;
  }

  /** The serial of the last change, by whichever collector. */
  async serial(): Promise<bigint> {
    const { rows } = await this.#database.query<{ serial: bigint | null }>(
      `select greatest((select max(serial) from inventory.managed_device),
                       (select max(serial) from inventory.device_label)) as serial`,
    );
    return rows[0]?.serial ?? 0n;
  }

  async load(): Promise<ManagedState> {
    const serial = await this.serial();
    const { rows } = await this.#database.query<DeviceRow>(
      'select name, version, definition from inventory.managed_device where deleted_at_ms is null order by name',
    );
    const labels = await this.#database.query<LabelRow>(
      'select name, criticality, tags, note from inventory.device_label',
    );
    return {
      serial,
      devices: rows.map(managedOf),
      labels: new Map(labels.rows.map(({ name, criticality, tags, note }) => [name, { criticality, tags, note }])),
    };
  }

  /** Throws device_exists. A name that was deleted begins again, with the meters that it had. */
  create(definition: DeviceConfiguration, audit: AuditOf, permit: Permit): Promise<ManagedDevice> {
    return this.#database.transaction(async (connection) => {
      const held = await find(connection, definition.name);
      permit(held === null ? null : managedOf(held).definition);
      if (held !== null && held.deleted_at_ms === null)
        throw new WeirError('device_exists', `There is a device ${definition.name} already.`);
      await refuseTooMany(connection);
      return this.#write(connection, definition, Number(held?.version ?? 0n) + 1, audit(null, definition));
    });
  }

  /** Throws not_found, or device_changed where the version is not the one that is held. */
  replace(definition: DeviceConfiguration, version: number, audit: AuditOf, permit: Permit): Promise<ManagedDevice> {
    return this.#database.transaction(async (connection) => {
      const held = await findVersion(connection, definition.name, version, permit);
      return this.#write(connection, definition, version + 1, audit(held.definition, definition));
    });
  }

  /** It is polled no more; its history and its meters stay. */
  remove(name: string, version: number, audit: AuditOf, permit: Permit): Promise<void> {
    return this.#database.transaction(async (connection) => {
      const held = await findVersion(connection, name, version, permit);
      await connection.query(
        `update inventory.managed_device
            set deleted_at_ms = $2, version = version + 1, serial = nextval('inventory.managed_serial') where name = $1`,
        [name, this.#now()],
      );
      await recordAudit(connection, audit(held.definition, null));
    });
  }

  label(name: string, labels: DeviceLabels, audit: AuditOf): Promise<void> {
    return this.#database.transaction(async (connection) => {
      const { rows } = await connection.query<LabelRow>(
        'select name, criticality, tags, note from inventory.device_label where name = $1 for update',
        [name],
      );
      await connection.query(
        `insert into inventory.device_label (name, serial, criticality, tags, note)
         values ($1, nextval('inventory.managed_serial'), $2, $3, $4)
         on conflict (name) do update set serial = excluded.serial, criticality = excluded.criticality,
                tags = excluded.tags, note = excluded.note`,
        [name, labels.criticality, JSON.stringify(labels.tags), labels.note],
      );
      const [held] = rows;
      const before = held === undefined ? null : { criticality: held.criticality, tags: held.tags, note: held.note };
      await recordAudit(connection, audit(before, labels));
    });
  }

  async #write(
    connection: Queryable,
    definition: DeviceConfiguration,
    version: number,
    audit: AuditEntry,
  ): Promise<ManagedDevice> {
    await connection.query(
      `insert into inventory.managed_device (name, serial, version, definition, changed_at_ms)
       values ($1, nextval('inventory.managed_serial'), $2, $3, $4)
       on conflict (name) do update set serial = excluded.serial, version = excluded.version,
              definition = excluded.definition, changed_at_ms = excluded.changed_at_ms, deleted_at_ms = null`,
      [definition.name, version, JSON.stringify(definition), this.#now()],
    );
    await recordAudit(connection, audit);
    return { definition, version };
  }
}

interface DeviceRow {
  readonly name: string;
  readonly version: bigint;
  readonly definition: unknown;
}

interface HeldRow extends DeviceRow {
  readonly deleted_at_ms: bigint | null;
}

interface LabelRow extends DeviceLabels {
  readonly name: string;
}

/** What an older version wrote gets the defaults of this one. */
function managedOf({ definition, version }: DeviceRow): ManagedDevice {
  return { definition: deviceSchema.parse(definition), version: Number(version) };
}

async function find(connection: Queryable, name: string): Promise<HeldRow | null> {
  const { rows } = await connection.query<HeldRow>(
    'select name, version, definition, deleted_at_ms from inventory.managed_device where name = $1 for update',
    [name],
  );
  return rows[0] ?? null;
}

async function findVersion(connection: Queryable, name: string, version: number, permit: Permit): Promise<HeldRow> {
  const held = await find(connection, name);
  if (held === null || held.deleted_at_ms !== null)
    throw new WeirError('not_found', `There is no device ${name} that is managed here.`, { device: name });
  permit(managedOf(held).definition);
  if (Number(held.version) === version) return held;
  throw new WeirError('device_changed', `The device ${name} was changed meanwhile: it has version ${held.version}.`, {
    device: name,
    version: Number(held.version),
  });
}

async function refuseTooMany(connection: Queryable): Promise<void> {
  const { rows } = await connection.query<{ count: bigint }>(
    'select count(*) from inventory.managed_device where deleted_at_ms is null',
  );
  if (Number(rows[0]?.count ?? 0n) >= MAX_DEVICES)
    throw new WeirError('invalid_request', `More than ${MAX_DEVICES} devices are not managed.`);
}
