// Tables of text for a person at a terminal, and text of devices made harmless for one.

/** Columns as wide as their widest cell, 40 at most; the last one is never cut: what explains stands there. Numbers to the right. Nothing is printed of an empty table. */
export function printTable(
  print: (line: string) => void,
  title: string,
  heads: readonly string[],
  rows: readonly (readonly string[])[],
): void {
  if (rows.length === 0) return;
  const widths = heads.map((head, at) =>
    Math.min(40, Math.max(head.length, ...rows.map((row) => row[at]?.length ?? 0))),
  );
  const right = heads.map((_, at) => rows.every((row) => /^[\d.]*$/.test(row[at] ?? '')));
  const format = (row: readonly string[]): string =>
    row
      .map((value, at) => {
        const width = widths[at] ?? 0;
        const short = value.length > width && at < heads.length - 1 ? `${value.slice(0, width - 1)}…` : value;
        return right[at] === true ? short.padStart(width) : short.padEnd(width);
      })
      .join('  ')
      .trimEnd();
  print('');
  print(`${title} (${rows.length})`);
  print(`  ${format(heads)}`);
  for (const row of rows) print(`  ${format(row)}`);
}

/** A device may send what a terminal would obey: control characters are not printed. */
export function printable(value: string | number | null | undefined): string {
  return value === null || value === undefined
    ? ''
    : String(value)
        .replaceAll(/\p{Cc}+/gu, ' ')
        .trim();
}
