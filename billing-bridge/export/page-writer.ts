// Lays text out on pages from top to bottom: wraps, begins a new page where one is full, keeps margins.
import { type Colour, PAGE, type PdfDocument } from './pdf-document.ts';

export const PLAIN = 0;
export const BOLD = 1;
export const LEFT = 56;
export const RIGHT = PAGE.width - 56;
const TOP = 60;
/** The foot of the page stands below. */
const BOTTOM = PAGE.height - 84;
const MAX_LINES = 200;

export interface Column {
  readonly x: number;
  readonly width: number;
  readonly right?: boolean;
}

export class PageWriter {
  readonly document: PdfDocument;
  /** Called at the top of each page but the first. */
  heading: (() => void) | null = null;
  y = TOP;

  constructor(document: PdfDocument) {
    this.document = document;
    document.addPage();
  }

  /** Begins a new page unless so many points are left. */
  need(height: number): void {
    if (this.y + height <= BOTTOM) return;
    this.document.addPage();
    this.y = TOP;
    this.heading?.();
  }

  put(text: string, column: Column, font: number, size: number, colour?: Colour): void {
    const shown = this.fitted(text, column.width, font, size);
    const x = column.right === true ? column.x + column.width - this.document.widthOf(shown, font, size) : column.x;
    this.document.text(shown, x, this.y, font, size, colour);
  }

  /** Lines of words that fit the width; a word that is wider than it is cut. */
  wrapped(text: string, width: number, font: number, size: number): string[] {
    const lines: string[] = [];
    for (const paragraph of text.split(/\r?\n/)) {
      let line = '';
      for (const word of paragraph.split(/\s+/)) {
        const longer = line === '' ? word : `${line} ${word}`;
        if (line === '' || this.document.widthOf(longer, font, size) <= width) line = longer;
        else {
          lines.push(line);
          line = word;
        }
      }
      lines.push(line);
    }
    return lines.slice(0, MAX_LINES).map((line) => this.fitted(line, width, font, size));
  }

  paragraph(text: string, column: Column, font: number, size: number, colour?: Colour): void {
    for (const line of this.wrapped(text, column.width, font, size)) {
      this.need(size * 1.4);
      this.put(line, column, font, size, colour);
      this.y += size * 1.4;
    }
  }

  rule(colour: Colour = [0.75, 0.75, 0.75]): void {
    this.document.line(
      [
        [LEFT, this.y],
        [RIGHT, this.y],
      ],
      0.5,
      colour,
    );
  }

  fitted(text: string, width: number, font: number, size: number): string {
    if (this.document.widthOf(text, font, size) <= width) return text;
    const letters = Array.from(text);
    while (letters.length > 0 && this.document.widthOf(`${letters.join('')}…`, font, size) > width) letters.pop();
    return `${letters.join('')}…`;
  }
}
