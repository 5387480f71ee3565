// What every table of a stopped DuckDB store holds, for one store to be compared with another.
import { DuckDbFile } from '../../collector/store/duckdb-file.ts';

/** Rows and a sum over them, by table: the order in which they lie does not count. */
export async function storeContents(file: string): Promise<Readonly<Record<string, string>>> {
  const opened = await DuckDbFile.open({ file, memoryLimitMb: 64, threads: 1 }, Date.now());
  try {
    const tables: string[] = [];
    await opened.read('select table_name from duckdb_tables() order by table_name', {}, 100, (row) =>
      tables.push(String(row[0])),
    );
    const contents: Record<string, string> = {};
    for (const table of tables)
      await opened.read(`select count(*), sum(hash(one)) from ${table} as one`, {}, 1, (row) => {
        contents[table] = `${String(row[0])} rows, ${String(row[1])}`;
      });
    return contents;
  } finally {
    await opened.close();
  }
}
