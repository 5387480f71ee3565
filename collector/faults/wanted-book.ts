// What people say by hand of interfaces, and by which names our devices are known: read again and again, so that the rules never wait for it.
import { type AuditEntry, recordAudit } from '../../common/database/audit.ts';
import type { Database } from '../../common/database/database.ts';
import type { EpochMs } from '../../common/model/time.ts';
import { codeOf, messageOf, WeirError } from '../../common/runtime/errors.ts';
import type { Reporter } from '../../common/runtime/reporter.ts';
import type { Surroundings } from './surroundings.ts';

interface NamedDevice {
  readonly name: string;
  readonly sysName: string | null;
}

export interface WantedBookDeps {
  readonly database: Database;
  /** Names in the configuration as it is now. */
  readonly names: () => readonly string[];
  /** Which device is meant by what a neighbour is called; null for none, or more than one. */
  readonly finderOf: (devices: readonly NamedDevice[]) => (text: string) => string | null;
  readonly isBound: (resource: string, atMs: EpochMs) => boolean;
}

export interface WantedInterface {
  readonly interface: string;
  readonly wanted: boolean;
}

/** Of one device; more than a device has interfaces is a mistake. */
export const MAX_WANTED = 20_000;
/** Of all devices, in memory. */
const MAX_KNOWN = 500_000;

export class WantedBook implements Surroundings {
  readonly #reporter: Reporter;
  readonly #deps: WantedBookDeps;
  #byHand: ReadonlyMap<string, boolean> = new Map();
  #find: (text: string) => string | null = () => null;
  #ready: Promise<void> | null = null;

  constructor(reporter: Reporter, deps: WantedBookDeps) {
    this.#reporter = reporter;
    this.#deps = deps;
  }

  isManaged(remoteDevice: string): boolean {
    return this.#find(remoteDevice) !== null;
  }

  isBound(resource: string, atMs: EpochMs): boolean {
    return this.#deps.isBound(resource, atMs);
  }

  byHand(device: string, interfaceKey: string): boolean | null {
    return this.#byHand.get(`${device}/${interfaceKey}`) ?? null;
  }

  /** Resolves once it has been read for the first time, or could not be. */
  ready(): Promise<void> {
    this.#ready ??= this.look();
    return this.#ready;
  }

  /** Keeps what it knew where the database does not answer. */
  async look(): Promise<void> {
    try {
      const { rows } = await this.#deps.database.query<NamedDevice>(
        'select name, sys_name as "sysName" from inventory.device where name = any($1::text[])',
        [this.#deps.names()],
      );
      const seen = new Set(rows.map(({ name }) => name));
      const unseen = this.#deps.names().filter((name) => !seen.has(name));
      this.#find = this.#deps.finderOf([...rows, ...unseen.map((name) => ({ name, sysName: null }))]);
      const said = await this.#deps.database.query<{ resource: string; wanted: boolean }>(
        `select device || '/' || interface_key as resource, wanted from faults.wanted_interface limit ${MAX_KNOWN}`,
      );
      this.#byHand = new Map(said.rows.map(({ resource, wanted }) => [resource, wanted]));
    } catch (error) {
      this.#reporter.debug('wanted interfaces not read', { code: codeOf(error), message: messageOf(error) });
    }
  }

  async list(device: string): Promise<WantedInterface[]> {
    const { rows } = await this.#deps.database.query<WantedInterface>(
      `select interface_key as interface, wanted from faults.wanted_interface where device = $1
        order by interface_key limit ${MAX_WANTED}`,
      [device],
    );
    return [...rows];
  }

  /** `wanted` null: nobody says anything of it any more. */
  async say(
    device: string,
    interfaceKey: string,
    wanted: boolean | null,
    by: Pick<AuditEntry, 'atMs' | 'actor' | 'role'>,
  ): Promise<void> {
    await this.#deps.database.transaction(async (connection) => {
      const { rows } = await connection.query<{ wanted: boolean }>(
        'select wanted from faults.wanted_interface where device = $1 and interface_key = $2 for update',
        [device, interfaceKey],
      );
      const before = rows[0]?.wanted ?? null;
      const count = await connection.query<{ count: bigint }>(
        'select count(*) as count from faults.wanted_interface where device = $1',
        [device],
      );
      if (wanted !== null && before === null && Number(count.rows[0]?.count ?? 0n) >= MAX_WANTED)
        throw new WeirError('invalid_request', `Of ${device} there are ${MAX_WANTED} already.`, { most: MAX_WANTED });
      if (wanted === null)
        await connection.query('delete from faults.wanted_interface where device = $1 and interface_key = $2', [
          device,
          interfaceKey,
        ]);
      else
        await connection.query(
          `insert into faults.wanted_interface (device, interface_key, wanted) values ($1, $2, $3)
           on conflict (device, interface_key) do update set wanted = excluded.wanted`,
          [device, interfaceKey, wanted],
        );
      await recordAudit(connection, {
        ...by,
        action: 'interface.wanted',
        subject: `interface/${device}/${interfaceKey}`,
        before: { wanted: before },
        after: { wanted },
      });
    });
    await this.look();
  }
}
