// The fonts of printed bills, read from their package once: Latin, Greek, Cyrillic, Arabic, Hebrew and more of one face.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { BillFonts } from './bill-pdf.ts';
import { TrueTypeFont } from './true-type.ts';

let read: BillFonts | null = null;

export function billFonts(): BillFonts {
  const { resolve } = createRequire(import.meta.url);
  const font = (name: string): TrueTypeFont =>
    new TrueTypeFont(name, readFileSync(resolve(`dejavu-fonts-ttf/ttf/${name}.ttf`)));
  read ??= [font('DejaVuSans'), font('DejaVuSans-Bold')];
  return read;
}
