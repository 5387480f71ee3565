// Events of devices as the API reads them.
import { z } from 'zod';
import type { Database } from '../../common/database/database.ts';
import { readCursor, writeCursor } from '../../common/http/parameters.ts';
import type { Viewpoint } from '../../common/model/viewpoint.ts';
import { cleanText } from '../../common/model/table-columns.ts';
import { type DeviceEvents, EVENT_COLUMNS, type EventRow, type EventsQuery, keptEventOf } from './device-event.ts';

const MAX_PAGE = 1000;
const cursorSchema = z.number().int();
const FILTERS = ['device', 'agent', 'source', 'origin', 'name'] as const;

/** As live events are seen (collector/access/visible-events.ts); senders that are no device belong to nobody's part of the network. */
const SEEN = `($4::text[] is null or device = any($4) or device || '/' || interface_key = any($5::text[]))`;

export class EventBook implements DeviceEvents {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** The newest first. Throws invalid_request for a cursor that was never given. */
  async list(viewpoint: Viewpoint, query: EventsQuery): ReturnType<DeviceEvents['list']> {
    const limit = Math.max(1, Math.min(MAX_PAGE, Math.trunc(query.limit)));
    const before = readCursor(query.cursor, cursorSchema) ?? Number.MAX_SAFE_INTEGER;
    const values: unknown[] = [query.after ?? 0, before, limit + 1, ...seenValues(viewpoint)];
    const conditions = ['id > $1', 'id < $2', SEEN];
    for (const column of FILTERS) {
      const wanted = query[column];
      if (wanted === undefined) continue;
      // As it was made fit when it was kept.
      values.push(cleanText(wanted));
      conditions.push(`${column} = $${values.length}`);
    }
    const { rows } = await this.#database.query<EventRow>(
      `select ${EVENT_COLUMNS} from agents.device_event where ${conditions.join(' and ')} order by id desc limit $3`,
      values,
    );
    const items = rows.slice(0, limit);
    const last = items.at(-1);
    const next = rows.length > limit && last !== undefined ? writeCursor(Number(last.id)) : null;
    return { items: items.map(keptEventOf), next };
  }
}

function seenValues({ everything, devices, resources }: Viewpoint): readonly unknown[] {
  return everything ? [null, []] : [devices, resources];
}
