// Filters and sorts the rows of a table: pure.

export interface Sortable<Row> {
  readonly id: string;
  /** What is sorted, filtered and exported. */
  readonly value: (row: Row) => string | number | null;
}

/** Rows that have each of the words somewhere. */
export function filtered<Row>(rows: readonly Row[], columns: readonly Sortable<Row>[], words: string): readonly Row[] {
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
  if (wanted.length === 0) return rows;
  return rows.filter((row) => {
    const text = columns
      .map((column) => column.value(row) ?? '')
      .join(' ')
      .toLowerCase();
    return wanted.every((word) => text.includes(word));
  });
}

/** By `COLUMN` or `-COLUMN`. Numbers in words as numbers: ge-0/0/2 before ge-0/0/10. What is not known comes last, either way. */
export function sorted<Row>(rows: readonly Row[], columns: readonly Sortable<Row>[], sort: string): readonly Row[] {
  const column = columns.find(({ id }) => id === sort.replace(/^-/, ''));
  if (column === undefined) return rows;
  const way = sort.startsWith('-') ? -1 : 1;
  const order = new Intl.Collator(undefined, { numeric: true });
  return rows.toSorted((one, other) => {
    const [a, b] = [column.value(one), column.value(other)];
    if (a === null || b === null) return a === b ? 0 : a === null ? 1 : -1;
    if (typeof a === 'number' && typeof b === 'number') return (a - b) * way;
    return order.compare(String(a), String(b)) * way;
  });
}
