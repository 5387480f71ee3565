// Resources that are new or changed into their table, in the transaction of the rows that use them.
import type { DuckDBConnection } from '@duckdb/node-api';
import type { ResourceBook } from './resource-book.ts';

export async function writeResources(connection: DuckDBConnection, book: ResourceBook): Promise<void> {
  const { fresh, changed } = book.takeUnwritten();
  if (fresh.length > 0) {
    const appender = await connection.createAppender('resource');
    for (const one of fresh) {
      appender.appendInteger(one.id);
      for (const text of [one.kind, one.device, one.part, one.metric, one.description, one.unit])
        appender.appendVarchar(text);
      appender.appendInteger(one.intervalMs);
      appender.appendVarchar(one.tags);
      appender.endRow();
    }
    appender.closeSync();
  }
  const known = new Set(fresh);
  for (const one of changed) {
    if (known.has(one)) continue;
    await connection.run('update resource set interval_ms = $interval where id = $id', {
      id: one.id,
      interval: one.intervalMs,
    });
  }
}
