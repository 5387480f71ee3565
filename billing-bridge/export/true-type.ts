// Reads a TrueType font, measures text with it, and cuts out the outlines that a document uses; the numbers of glyphs stay.

interface Table {
  readonly offset: number;
  readonly length: number;
}

/** Tables that a font inside a PDF needs. */
const KEPT = ['cvt ', 'fpgm', 'glyf', 'head', 'hhea', 'hmtx', 'loca', 'maxp', 'prep'];
/** Flags of a part of a composite glyph. */
const WORDS = 0x0001;
const SCALE = 0x0008;
const MORE = 0x0020;
const SCALE_XY = 0x0040;
const TWO_BY_TWO = 0x0080;

export class TrueTypeFont {
  readonly name: string;
  readonly unitsPerEm: number;
  readonly ascent: number;
  readonly descent: number;
  readonly box: readonly number[];
  readonly #bytes: Buffer;
  readonly #tables: ReadonlyMap<string, Table>;
  readonly #cmap = new Map<number, number>();
  readonly #widths: number;
  readonly #longLoca: boolean;
  readonly #glyphs: number;

  constructor(name: string, bytes: Buffer) {
    this.name = name;
    this.#bytes = bytes;
    const tables = new Map<string, Table>();
    for (let at = 0; at < bytes.readUInt16BE(4); at += 1) {
      const entry = 12 + at * 16;
      tables.set(bytes.toString('latin1', entry, entry + 4), {
        offset: bytes.readUInt32BE(entry + 8),
        length: bytes.readUInt32BE(entry + 12),
      });
    }
    this.#tables = tables;
    const head = this.#table('head');
    const hhea = this.#table('hhea');
    this.unitsPerEm = bytes.readUInt16BE(head.offset + 18);
    this.box = [36, 38, 40, 42].map((at) => bytes.readInt16BE(head.offset + at));
    this.#longLoca = bytes.readInt16BE(head.offset + 50) === 1;
    this.ascent = bytes.readInt16BE(hhea.offset + 4);
    this.descent = bytes.readInt16BE(hhea.offset + 6);
    this.#widths = bytes.readUInt16BE(hhea.offset + 34);
    this.#glyphs = bytes.readUInt16BE(this.#table('maxp').offset + 4);
    this.#readCharacters();
  }

  /** 0, the box of the missing glyph, where the font has none. */
  glyphOf(codePoint: number): number {
    return this.#cmap.get(codePoint) ?? 0;
  }

  /** Of a glyph, in thousandths of the size. */
  widthOf(glyph: number): number {
    const at = Math.min(glyph, this.#widths - 1) * 4;
    return (this.#bytes.readUInt16BE(this.#table('hmtx').offset + at) * 1000) / this.unitsPerEm;
  }

  /** A font file with the outlines of these glyphs and of what they are composed of. */
  subset(glyphs: Iterable<number>): Buffer {
    const wanted = new Set<number>([0]);
    const add = (glyph: number): void => {
      if (wanted.has(glyph) && glyph !== 0) return;
      wanted.add(glyph);
      for (const part of this.#partsOf(glyph)) add(part);
    };
    for (const glyph of glyphs) add(glyph);
    const outlines: Buffer[] = [];
    const places = Buffer.alloc((this.#glyphs + 1) * 4);
    let length = 0;
    for (let glyph = 0; glyph < this.#glyphs; glyph += 1) {
      places.writeUInt32BE(length, glyph * 4);
      if (!wanted.has(glyph)) continue;
      const outline = this.#outline(glyph);
      const padded = Buffer.concat([outline, Buffer.alloc((4 - (outline.length % 4)) % 4)]);
      outlines.push(padded);
      length += padded.length;
    }
    places.writeUInt32BE(length, this.#glyphs * 4);
    const head = Buffer.from(this.#content('head'));
    head.writeInt16BE(1, 50);
    return fontFile(
      KEPT.filter((name) => this.#tables.has(name)).map((name) => [
        name,
        name === 'glyf'
          ? Buffer.concat(outlines)
          : name === 'loca'
            ? places
            : name === 'head'
              ? head
              : this.#content(name),
      ]),
    );
  }

  #table(name: string): Table {
    const table = this.#tables.get(name);
    if (table === undefined) throw new Error(`BUG: the font ${this.name} has no table ${name}`);
    return table;
  }

  #content(name: string): Buffer {
    const { offset, length } = this.#table(name);
    return this.#bytes.subarray(offset, offset + length);
  }

  #outline(glyph: number): Buffer {
    const { offset } = this.#table('loca');
    const place = (at: number): number =>
      this.#longLoca ? this.#bytes.readUInt32BE(offset + at * 4) : this.#bytes.readUInt16BE(offset + at * 2) * 2;
    const glyf = this.#table('glyf').offset;
    return this.#bytes.subarray(glyf + place(glyph), glyf + place(glyph + 1));
  }

  #partsOf(glyph: number): number[] {
    const outline = this.#outline(glyph);
    if (outline.length < 10 || outline.readInt16BE(0) >= 0) return [];
    const parts: number[] = [];
    for (let at = 10; ; ) {
      const flags = outline.readUInt16BE(at);
      parts.push(outline.readUInt16BE(at + 2));
      at += (flags & WORDS) === 0 ? 6 : 8;
      if ((flags & SCALE) !== 0) at += 2;
      else if ((flags & SCALE_XY) !== 0) at += 4;
      else if ((flags & TWO_BY_TWO) !== 0) at += 8;
      if ((flags & MORE) === 0) return parts;
    }
  }

  /** Of the table of Unicode characters beyond the first plane where there is one, else of the first plane. */
  #readCharacters(): void {
    const bytes = this.#bytes;
    const base = this.#table('cmap').offset;
    const places = Array.from(
      { length: bytes.readUInt16BE(base + 2) },
      (_, at) => base + bytes.readUInt32BE(base + 8 + at * 8),
    );
    const wide = places.find((place) => bytes.readUInt16BE(place) === 12);
    if (wide !== undefined) {
      for (let at = 0; at < bytes.readUInt32BE(wide + 12); at += 1) {
        const group = wide + 16 + at * 12;
        const first = bytes.readUInt32BE(group);
        const glyph = bytes.readUInt32BE(group + 8);
        for (let code = first; code <= bytes.readUInt32BE(group + 4); code += 1)
          this.#cmap.set(code, glyph + code - first);
      }
      return;
    }
    const plane = places.find((place) => bytes.readUInt16BE(place) === 4);
    if (plane === undefined) throw new Error(`BUG: the font ${this.name} names no characters`);
    const segments = bytes.readUInt16BE(plane + 6) / 2;
    for (let at = 0; at < segments; at += 1) {
      const end = plane + 14 + at * 2;
      const start = end + segments * 2 + 2;
      const range = start + segments * 4;
      const delta = bytes.readUInt16BE(start + segments * 2);
      const offset = bytes.readUInt16BE(range);
      const first = bytes.readUInt16BE(start);
      for (let code = first; code <= Math.min(bytes.readUInt16BE(end), 0xfffe); code += 1) {
        const raw = offset === 0 ? code : bytes.readUInt16BE(range + offset + (code - first) * 2);
        if (raw !== 0 || offset === 0) this.#cmap.set(code, (raw + delta) & 0xffff);
      }
    }
  }
}

/** Tables in the order of their names, each on a multiple of four. Checksums are left at zero: no reader of PDF looks at them. */
function fontFile(tables: readonly (readonly [name: string, content: Buffer])[]): Buffer {
  const head = Buffer.alloc(12 + tables.length * 16);
  head.writeUInt32BE(0x0001_0000, 0);
  head.writeUInt16BE(tables.length, 4);
  const power = Math.floor(Math.log2(tables.length));
  head.writeUInt16BE(2 ** power * 16, 6);
  head.writeUInt16BE(power, 8);
  head.writeUInt16BE(tables.length * 16 - 2 ** power * 16, 10);
  const parts: Buffer[] = [head];
  let offset = head.length;
  for (const [at, [name, content]] of tables.entries()) {
    const entry = 12 + at * 16;
    head.write(name, entry, 'latin1');
    head.writeUInt32BE(offset, entry + 8);
    head.writeUInt32BE(content.length, entry + 12);
    const padding = Buffer.alloc((4 - (content.length % 4)) % 4);
    parts.push(content, padding);
    offset += content.length + padding.length;
  }
  return Buffer.concat(parts);
}
