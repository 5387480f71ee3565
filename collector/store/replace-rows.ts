// Rows that entries which are gone through again will write anew are deleted first, so that nothing stands twice.
import { BIGINT, type DuckDBConnection, INTEGER, LIST, listValue } from '@duckdb/node-api';
import { pointMetric, pointResource } from '../../common/model/point.ts';
import type { JournaledBatch } from '../project/projection.ts';
import type { TableName } from './duckdb-append.ts';
import { interfaceColumns } from './interface-columns.ts';
import { deviceRow, gaugeRows } from './poll-rows.ts';
import type { ResourceBook } from './resource-book.ts';

type Gone = Readonly<Record<TableName, { readonly ids: number[]; readonly times: bigint[] }>>;

/** Call it in the transaction that writes them, before anything is appended. */
export async function deleteReplaced(
  connection: DuckDBConnection,
  book: ResourceBook,
  entries: readonly JournaledBatch[],
): Promise<void> {
  const gone = replacedBy(book, entries);
  for (const [table, { ids, times }] of Object.entries(gone)) {
    if (ids.length === 0) continue;
    await connection.run(
      `delete from ${table} using (select unnest($ids) as resource, unnest($times) as at_ms) as gone
        where ${table}.resource = gone.resource and ${table}.at_ms = gone.at_ms`,
      { ids: listValue(ids), times: listValue(times) },
      { ids: LIST(INTEGER), times: LIST(BIGINT) },
    );
  }
}

function replacedBy(book: ResourceBook, entries: readonly JournaledBatch[]): Gone {
  const none = (): { ids: number[]; times: bigint[] } => ({ ids: [], times: [] });
  const gone: Gone = {
    interface_metrics: none(),
    device_metrics: none(),
    gauge_metrics: none(),
    point_metrics: none(),
    point_texts: none(),
  };
  const add = (table: TableName, id: number | undefined, atMs: number): void => {
    if (id === undefined) return;
    gone[table].ids.push(id);
    gone[table].times.push(BigInt(Math.round(atMs)));
  };
  for (const { batch, points, clockOffsetMs } of entries) {
    for (const poll of batch.polls) {
      add('device_metrics', book.findDevice(poll.device)?.id, deviceRow(poll, clockOffsetMs).atMs);
      for (const table of poll.tables) {
        if (table.name === 'interface') {
          const { keys, atMs } = interfaceColumns(table, clockOffsetMs);
          for (const [row, key] of keys.entries())
            add('interface_metrics', book.findInterface(poll.device, key)?.id, atMs[row] ?? 0);
        } else {
          for (const row of gaugeRows(table, clockOffsetMs))
            add('gauge_metrics', book.findGauge(poll.device, row.metric, row.part)?.id, row.atMs);
        }
      }
    }
    for (const { measurement, tags, fields, atMs } of points?.points ?? [])
      for (const [field, value] of fields) {
        const id = book.findPoint(pointMetric(measurement, field), pointResource(tags))?.id;
        add(typeof value === 'string' ? 'point_texts' : 'point_metrics', id, atMs);
      }
  }
  return gone;
}
