// The meters that mediation knows, by the layouts that name them; a meter is one direction of one port, or one measure of another thing, for ever.
import type { Queryable } from '../../common/database/database.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import type { ReadyLayout } from './page-readings.ts';

interface MeterRow {
  readonly id: number;
  readonly device: string;
  readonly interface_key: string;
  readonly direction: string;
  readonly class: string;
}

/** Layouts whose meters are known to be in the database; more are looked at again. */
const MAX_LAYOUTS = 50_000;

export class MeterBook {
  readonly #known = new Set<number>();

  /** After a transaction that failed. */
  forget(): void {
    this.#known.clear();
  }

  /** Writes the meters of layouts that were not seen before. Throws meter_changed where one is known as another. */
  async keep(connection: Queryable, layouts: Iterable<ReadyLayout>): Promise<void> {
    const fresh = [...layouts].filter((layout) => !this.#known.has(layout.id));
    if (fresh.length === 0) return;
    const meters = new Map<number, MeterRow>();
    for (const { device, rows } of fresh)
      for (const row of rows)
        for (const [at, direction] of ['in', 'out'].entries()) {
          const id = row.meters[at] ?? 0;
          if (id === 0) continue;
          const described = { id, device, interface_key: row.interfaceKey, direction, class: row.class };
          refuseOther(meters.get(id), described);
          meters.set(id, described);
        }
    await keepMeters(connection, [...meters.values()]);
    if (this.#known.size > MAX_LAYOUTS) this.#known.clear();
    for (const layout of fresh) this.#known.add(layout.id);
  }
}

async function keepMeters(connection: Queryable, meters: readonly MeterRow[]): Promise<void> {
  const values = [
    meters.map((one) => one.id),
    meters.map((one) => one.device),
    meters.map((one) => one.interface_key),
    meters.map((one) => one.direction),
    meters.map((one) => one.class),
  ];
  await connection.query(
    `insert into usage.meter (id, device, interface_key, direction, class)
     select * from unnest($1::int4[], $2::text[], $3::text[], $4::text[], $5::text[]) on conflict do nothing`,
    values,
  );
  const { rows } = await connection.query<MeterRow>(
    `select new.id, known.device, known.interface_key, known.direction, known.class
       from unnest($1::int4[], $2::text[], $3::text[], $4::text[], $5::text[]) as new (id, device, interface_key, direction, class)
       left join usage.meter known on known.id = new.id
      where (known.device, known.interface_key, known.direction, known.class)
            is distinct from (new.device, new.interface_key, new.direction, new.class)
      limit 1`,
    values,
  );
  const wrong = rows[0];
  if (wrong !== undefined) refuse(wrong.id, wrong.device, wrong.interface_key, wrong.direction, meters);
}

function refuseOther(known: MeterRow | undefined, row: MeterRow): void {
  if (
    known === undefined ||
    (known.device === row.device && known.interface_key === row.interface_key && known.class === row.class)
  )
    return;
  refuse(row.id, known.device, known.interface_key, known.direction, [row]);
}

function refuse(
  id: number,
  device: string | null,
  interfaceKey: string | null,
  direction: string | null,
  meters: readonly MeterRow[],
): never {
  const now = meters.find((one) => one.id === id);
  const name = `${now?.device ?? ''} ${now?.interface_key ?? ''} ${now?.direction ?? ''}`;
  const message =
    device === null
      ? `The port ${name} is known under another meter than ${id}.`
      : `The meter ${id} is known as ${device} ${interfaceKey} ${direction} and now given to ${name}.`;
  throw new WeirError('meter_changed', message, { meter: id, port: name });
}
