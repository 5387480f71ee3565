// Answers what devices are made of beside their interfaces, from the table that the readings projection keeps, and forgets what is long gone.
import { z } from 'zod';
import type { Database, Migration } from '../../common/database/database.ts';
import { readCursor, writeCursor } from '../../common/http/parameters.ts';
import type { EpochMs } from '../../common/model/time.ts';
import { type InventoryPage, MAX_INVENTORY_PAGE } from './inventory.ts';
import type { PartFacts, PartKind } from './part-kinds.ts';
import { isSensorOf, type PortNames } from './port-sensors.ts';

export const partMigrations: readonly Migration[] = [
  {
    id: 'inventory-parts-001',
    sql: `
      create table inventory.part (
        device int not null references inventory.device (id),
        kind text collate "C" not null,
        key text collate "C" not null,
        facts jsonb not null,
        first_seen_ms int8 not null,
        last_seen_ms int8 not null,
        gone_at_ms int8,
        primary key (device, kind, key)
      ) with (fillfactor = 80);
      create index part_gone on inventory.part (gone_at_ms) where gone_at_ms is not null;
      alter table inventory.device add column part_tables jsonb not null default '{}';`,
  },
];

export interface InventoryPart {
  readonly key: string;
  readonly facts: PartFacts;
  readonly firstSeenMs: EpochMs;
  readonly lastSeenMs: EpochMs;
  /** When a complete table no longer had it; null while it is there. */
  readonly goneAtMs: EpochMs | null;
}

export interface PartsQuery {
  /** The device's id in the inventory. */
  readonly device: number;
  readonly kind: PartKind;
  /** Only those that are gone, only those that are not, or both. */
  readonly gone: boolean | null;
  /** Only those whose description has one of these texts, in any case. */
  readonly described?: readonly string[];
  readonly cursor: string | null;
  readonly limit: number;
}

const FORGET_STEP = 5000;
/** Eight lanes of four kinds and their alarms are some hundred. */
const MOST_OF_A_PORT = 500;
const keyCursor = z.string().max(1000);

interface Row {
  readonly key: string;
  readonly facts: PartFacts;
  readonly first_seen_ms: bigint;
  readonly there_at_ms: bigint;
  readonly gone_at_ms: bigint | null;
}

export class PartBook {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** By key. Who may see the device is for the caller to know. Throws invalid_request for a cursor that was never given. */
  async list(query: PartsQuery): Promise<InventoryPage<InventoryPart>> {
    const after = readCursor(query.cursor ?? undefined, keyCursor) ?? '';
    const limit = Math.max(1, Math.min(MAX_INVENTORY_PAGE, Math.trunc(query.limit)));
    const { rows } = await this.#database.query<Row>(
      `select part.key, part.facts, part.first_seen_ms, part.gone_at_ms,
              case when part.gone_at_ms is null
                   then greatest(part.last_seen_ms, (device.part_tables -> part.kind ->> 'atMs')::int8)
                   else part.last_seen_ms end as there_at_ms
         from inventory.part part join inventory.device device on device.id = part.device
        where part.device = $1 and part.kind = $2 and part.key > $3
          and ($4::bool is null or (part.gone_at_ms is not null) = $4)
          and ($6::text[] is null or exists (select from unnest($6::text[]) as wanted (text)
                 where position(lower(wanted.text) in lower(part.facts ->> 'description')) > 0))
        order by part.key limit $5`,
      [
        query.device,
        query.kind,
        after.replaceAll('\0', ''),
        query.gone,
        limit + 1,
        query.described?.map((text) => text.replaceAll('\0', '')) ?? null,
      ],
    );
    const kept = rows.slice(0, limit);
    const last = kept.at(-1);
    return {
      items: kept.map((row) => ({
        key: row.key,
        facts: row.facts,
        firstSeenMs: Number(row.first_seen_ms),
        lastSeenMs: Number(row.there_at_ms),
        goneAtMs: row.gone_at_ms === null ? null : Number(row.gone_at_ms),
      })),
      next: rows.length > limit && last !== undefined ? writeCursor(last.key) : null,
    };
  }

  /** Sensors that are there and name one of the device's ports; some hundreds at most. */
  async sensorsOf(device: number, port: PortNames): Promise<readonly InventoryPart[]> {
    const described = [port.ifName, port.ifDescr].flatMap((name) =>
      name === null || name.trim() === '' ? [] : [name],
    );
    if (described.length === 0) return [];
    const found: InventoryPart[] = [];
    let cursor: string | null = null;
    do {
      const page: InventoryPage<InventoryPart> = await this.list({
        device,
        kind: 'sensor',
        gone: false,
        described,
        cursor,
        limit: MAX_INVENTORY_PAGE,
      });
      found.push(...page.items.filter(({ facts }) => isSensorOf(port, String(facts['description'] ?? ''))));
      cursor = page.next;
    } while (cursor !== null && found.length < MOST_OF_A_PORT);
    return found.slice(0, MOST_OF_A_PORT);
  }

  /** Forgets what is gone for longer, a few thousand at a time; returns how many. */
  async forget(goneBeforeMs: EpochMs): Promise<number> {
    const { rowCount } = await this.#database.query(
      `delete from inventory.part where ctid = any (array(
         select ctid from inventory.part where gone_at_ms < $1 limit ${FORGET_STEP}))`,
      [goneBeforeMs],
    );
    return rowCount;
  }
}
