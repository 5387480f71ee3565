// An export as lines of text: one JSON object with an item a line, or CSV.
import type { Exported } from './exported.ts';

export type ExportFormat = 'json' | 'csv';

export interface ExportLine {
  readonly text: string;
  /** Whether it ends one of the things exported. */
  readonly item: boolean;
}

export function writeExport(format: ExportFormat, exported: Exported): AsyncGenerator<ExportLine> {
  return format === 'csv' ? csv(exported) : json(exported);
}

async function* csv({ header, items }: Exported): AsyncGenerator<ExportLine> {
  yield { text: header, item: false };
  for await (const item of items) {
    const rows = item.csv();
    for (const [at, text] of rows.entries()) yield { text, item: at === rows.length - 1 };
  }
}

async function* json({ kind, watermark, items }: Exported): AsyncGenerator<ExportLine> {
  yield { text: `{"export":${JSON.stringify(kind)},"watermark":${JSON.stringify(watermark)},"items":[`, item: false };
  let before: string | null = null;
  for await (const item of items) {
    // The comma stands after an item only when another follows.
    if (before !== null) yield { text: `${before},`, item: true };
    before = JSON.stringify(item.json());
  }
  if (before !== null) yield { text: before, item: true };
  yield { text: ']}', item: false };
}
