// Reads a PDF back as far as tests need: its places are where its table says, and the text that its glyphs say.
import { inflateSync } from 'node:zlib';

export interface ReadPdf {
  readonly pages: number;
  /** Of all pages, in the order in which it was drawn. */
  readonly texts: readonly string[];
  /** Operators of all pages. */
  readonly drawn: string;
}

/** Throws where the table of places does not fit the file. */
export function readPdf(bytes: Buffer): ReadPdf {
  const file = bytes.toString('latin1');
  const start = Number(/startxref\n(\d+)\n%%EOF\n$/.exec(file)?.[1]);
  const table = file.slice(start);
  if (!table.startsWith('xref')) throw new Error('startxref leads nowhere');
  const objects = [...table.matchAll(/^(\d{10}) 00000 n $/gm)].map((match, at) => {
    const place = Number(match[1]);
    const name = `${at + 1} 0 obj\n`;
    if (file.slice(place, place + name.length) !== name) throw new Error(`object ${at + 1} is not at ${place}`);
    return file.slice(place + name.length, file.indexOf('\nendobj', place));
  });
  const object = (number: string | undefined): string => objects[Number(number) - 1] ?? '';
  const streamOf = (text: string): string => {
    const length = Number(/\/Length (\d+)/.exec(text)?.[1]);
    const begin = text.indexOf('stream\n') + 7;
    return inflateSync(Buffer.from(text.slice(begin, begin + length), 'latin1')).toString('latin1');
  };
  const fonts = new Map(
    [...objects.join('\n').matchAll(/\/F(\d) (\d+) 0 R/g)].map((match) => {
      const said = streamOf(object(/\/ToUnicode (\d+) 0 R/.exec(object(match[2]))?.[1]));
      const rows = [...said.matchAll(/<([0-9a-f]{4})> <([0-9a-f]*)>/g)];
      return [
        match[1] ?? '',
        new Map(
          rows.map((row) => [
            row[1] ?? '',
            Buffer.from(row[2] ?? '', 'hex')
              .swap16()
              .toString('utf16le'),
          ]),
        ),
      ];
    }),
  );
  const pages = objects.filter((text) => text.includes('/Type /Page '));
  const drawn = pages.map((page) => streamOf(object(/\/Contents (\d+) 0 R/.exec(page)?.[1]))).join('\n');
  const texts = [...drawn.matchAll(/\/F(\d) .*? <([0-9a-f]*)> Tj/g)].map((match) =>
    (match[2]?.match(/.{4}/g) ?? []).map((glyph) => fonts.get(match[1] ?? '')?.get(glyph) ?? '?').join(''),
  );
  return { pages: pages.length, texts, drawn };
}
