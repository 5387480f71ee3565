// Writes a PDF: pages with text, lines and areas, in fonts that come with it; the same calls give the same bytes.
import { createHash } from 'node:crypto';
import { deflateSync } from 'node:zlib';
import type { TrueTypeFont } from './true-type.ts';
import { saidBy, visualText } from './visual-text.ts';

/** A4 in points. */
export const PAGE = { width: 595, height: 842 } as const;

export type Colour = readonly [red: number, green: number, blue: number];

export interface PdfInformation {
  readonly title: string;
  readonly author: string;
  /** As PDF writes it, such as D:20261201000000Z. */
  readonly createdAt: string;
}

interface UsedFont {
  readonly font: TrueTypeFont;
  /** Glyphs drawn, and what each says. */
  readonly glyphs: Map<number, string>;
}

/** Places are points from the top left. */
export class PdfDocument {
  readonly #fonts: readonly UsedFont[];
  readonly #pages: string[][] = [];
  readonly #information: PdfInformation;

  constructor(fonts: readonly TrueTypeFont[], information: PdfInformation) {
    this.#fonts = fonts.map((font) => ({ font, glyphs: new Map() }));
    this.#information = information;
  }

  get pages(): number {
    return this.#pages.length;
  }

  addPage(): void {
    this.#pages.push([]);
  }

  widthOf(text: string, font: number, size: number): number {
    const { font: face } = this.#used(font);
    let width = 0;
    for (const letter of visualText(text)) width += face.widthOf(face.glyphOf(letter.codePointAt(0) ?? 0));
    return (width * size) / 1000;
  }

  /** Its baseline is at `y`. */
  text(text: string, x: number, y: number, font: number, size: number, colour: Colour = [0, 0, 0]): void {
    const { font: face, glyphs } = this.#used(font);
    const codes = Array.from(visualText(text)).map((letter) => {
      const glyph = face.glyphOf(letter.codePointAt(0) ?? 0);
      if (!glyphs.has(glyph)) glyphs.set(glyph, saidBy(letter));
      return glyph.toString(16).padStart(4, '0');
    });
    this.#draw(
      `BT ${rgb(colour)} rg /F${font} ${places(size)} Tf ${places(x)} ${places(PAGE.height - y)} Td <${codes.join('')}> Tj ET`,
    );
  }

  line(
    points: readonly (readonly [x: number, y: number])[],
    width: number,
    colour: Colour,
    dash: readonly number[] = [],
  ): void {
    const path = points.map(([x, y], at) => `${places(x)} ${places(PAGE.height - y)} ${at === 0 ? 'm' : 'l'}`);
    this.#draw(`${rgb(colour)} RG ${places(width)} w [${dash.join(' ')}] 0 d ${path.join(' ')} S`);
  }

  area(points: readonly (readonly [x: number, y: number])[], colour: Colour): void {
    const path = points.map(([x, y], at) => `${places(x)} ${places(PAGE.height - y)} ${at === 0 ? 'm' : 'l'}`);
    this.#draw(`${rgb(colour)} rg ${path.join(' ')} h f`);
  }

  /** Draws on a page that was there before, such as its number. */
  onPage(page: number, draw: () => void): void {
    const own = this.#pages[page];
    if (own === undefined) throw new Error(`BUG: there is no page ${page}`);
    this.#pages.push(own);
    draw();
    this.#pages.pop();
  }

  bytes(): Buffer {
    const objects: Buffer[] = [];
    const add = (content: string | Buffer): number =>
      objects.push(typeof content === 'string' ? Buffer.from(content, 'latin1') : content);
    const fonts = this.#fonts.map((used, at) => `/F${at} ${addFont(used, add)} 0 R`);
    const resources = add(`<< /Font << ${fonts.join(' ')} >> >>`);
    const parent = objects.length + this.#pages.length * 2 + 1;
    const pages = this.#pages.map((content) => {
      const stream = add(streamOf(Buffer.from(content.join('\n'), 'latin1')));
      return add(
        `<< /Type /Page /Parent ${parent} 0 R /MediaBox [0 0 ${PAGE.width} ${PAGE.height}] /Resources ${resources} 0 R /Contents ${stream} 0 R >>`,
      );
    });
    add(`<< /Type /Pages /Count ${pages.length} /Kids [${pages.map((page) => `${page} 0 R`).join(' ')}] >>`);
    const catalog = add(`<< /Type /Catalog /Pages ${parent} 0 R >>`);
    const { title, author, createdAt } = this.#information;
    const information = add(
      `<< /Title ${hexText(title)} /Author ${hexText(author)} /Producer ${hexText('Weir')} /CreationDate (${createdAt}) >>`,
    );
    return fileOf(objects, catalog, information);
  }

  #used(font: number): UsedFont {
    const used = this.#fonts[font];
    if (used === undefined) throw new Error(`BUG: there is no font ${font}`);
    return used;
  }

  #draw(operators: string): void {
    const page = this.#pages.at(-1);
    if (page === undefined) throw new Error('BUG: drawing without a page');
    page.push(operators);
  }
}

function fileOf(objects: readonly Buffer[], catalog: number, information: number): Buffer {
  const parts: Buffer[] = [Buffer.from('%PDF-1.7\n%\u00e2\u00e3\u00cf\u00d3\n', 'latin1')];
  let length = parts[0]?.length ?? 0;
  const offsets: number[] = [];
  const hash = createHash('sha256');
  for (const [at, object] of objects.entries()) {
    offsets.push(length);
    const whole = Buffer.concat([Buffer.from(`${at + 1} 0 obj\n`), object, Buffer.from('\nendobj\n')]);
    hash.update(whole);
    parts.push(whole);
    length += whole.length;
  }
  const id = hash.digest('hex').slice(0, 32);
  const rows = offsets.map((offset) => `${offset.toString().padStart(10, '0')} 00000 n \n`);
  parts.push(
    Buffer.from(
      `xref\n0 ${objects.length + 1}\n0000000000 65535 f \n${rows.join('')}trailer\n<< /Size ${objects.length + 1} ` +
        `/Root ${catalog} 0 R /Info ${information} 0 R /ID [<${id}> <${id}>] >>\nstartxref\n${length}\n%%EOF\n`,
    ),
  );
  return Buffer.concat(parts);
}

function addFont({ font, glyphs }: UsedFont, add: (content: string | Buffer) => number): number {
  const used = [...glyphs.keys()].toSorted((left, right) => left - right);
  const file = add(streamOf(font.subset(used)));
  const scaled = (value: number): number => Math.round((value * 1000) / font.unitsPerEm);
  const descriptor = add(
    `<< /Type /FontDescriptor /FontName /${font.name} /Flags 4 /FontBBox [${font.box.map(scaled).join(' ')}] /ItalicAngle 0 ` +
      `/Ascent ${scaled(font.ascent)} /Descent ${scaled(font.descent)} /CapHeight ${scaled(font.ascent)} /StemV 80 /FontFile2 ${file} 0 R >>`,
  );
  const widths = used.map((glyph) => `${glyph} [${places(font.widthOf(glyph))}]`).join(' ');
  const descendant = add(
    `<< /Type /Font /Subtype /CIDFontType2 /BaseFont /${font.name} /CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) ` +
      `/Supplement 0 >> /FontDescriptor ${descriptor} 0 R /CIDToGIDMap /Identity /W [${widths}] >>`,
  );
  const said = add(streamOf(Buffer.from(charactersOf(used, glyphs), 'latin1')));
  return add(
    `<< /Type /Font /Subtype /Type0 /BaseFont /${font.name} /Encoding /Identity-H /DescendantFonts [${descendant} 0 R] /ToUnicode ${said} 0 R >>`,
  );
}

/** What each glyph says, in blocks of a hundred as the format bounds them. */
function charactersOf(used: readonly number[], glyphs: ReadonlyMap<number, string>): string {
  const rows = used.map((glyph) => `<${glyph.toString(16).padStart(4, '0')}> <${utf16(glyphs.get(glyph) ?? '')}>`);
  const blocks: string[] = [];
  for (let at = 0; at < rows.length; at += 100) {
    const block = rows.slice(at, at + 100);
    blocks.push(`${block.length} beginbfchar\n${block.join('\n')}\nendbfchar`);
  }
  return [
    '/CIDInit /ProcSet findresource begin 12 dict begin begincmap',
    '/CMapName /Weir def /CMapType 2 def',
    '1 begincodespacerange <0000> <ffff> endcodespacerange',
    ...blocks,
    'endcmap CMapName currentdict /CMap defineresource pop end end',
  ].join('\n');
}

function streamOf(content: Buffer): Buffer {
  const packed = deflateSync(content, { level: 9 });
  const head = `<< /Length ${packed.length} /Length1 ${content.length} /Filter /FlateDecode >>\nstream\n`;
  return Buffer.concat([Buffer.from(head), packed, Buffer.from('\nendstream')]);
}

function utf16(text: string): string {
  return Buffer.from(text, 'utf16le').swap16().toString('hex');
}

function hexText(text: string): string {
  return `<feff${utf16(text)}>`;
}

function rgb(colour: Colour): string {
  return colour.map(places).join(' ');
}

/** Thousandths are finer than any printer. */
function places(value: number): string {
  return String(Math.round(value * 1000) / 1000);
}
