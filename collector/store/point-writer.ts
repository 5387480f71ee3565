// Points of other programs into the store: numbers as they come, text only where it changed.
import type { DuckDBConnection } from '@duckdb/node-api';
import { type PointSet, pointMetric, pointResource } from '../../common/model/point.ts';
import { TableAppender } from './duckdb-append.ts';
import type { ResourceBook } from './resource-book.ts';

/** Series whose last text is remembered; of the others text that did not change is stored again. */
const MAX_TEXTS = 20_000;
/** Longer text is cut. */
const MAX_TEXT = 1000;

export interface PointRows {
  readonly rows: number;
  readonly dropped: number;
}

/** Lives as long as the writer; `start` is above every `written` of the file. */
export class PointWriter {
  readonly #book: ResourceBook;
  readonly #texts = new Map<number, { readonly atMs: number; readonly text: string }>();
  #written: bigint;

  constructor(book: ResourceBook, start: bigint) {
    this.#book = book;
    this.#written = start;
  }

  /** Appends in the transaction of the connection. */
  async append(connection: DuckDBConnection, sets: readonly PointSet[]): Promise<PointRows> {
    if (sets.length === 0) return { rows: 0, dropped: 0 };
    const numbers = new TableAppender(connection, 'point_metrics');
    const texts = new TableAppender(connection, 'point_texts');
    try {
      await numbers.open();
      await texts.open();
      const result = this.#appendAll(numbers, texts, sets);
      numbers.finish();
      texts.finish();
      return result;
    } finally {
      numbers.abandon();
      texts.abandon();
    }
  }

  #appendAll(numbers: TableAppender, texts: TableAppender, sets: readonly PointSet[]): PointRows {
    let [rows, dropped] = [0, 0];
    for (const { points } of sets)
      for (const { measurement, tags, fields, atMs } of points) {
        const name = pointResource(tags);
        const json = JSON.stringify(tags);
        for (const [field, value] of fields) {
          const unit = typeof value === 'string' ? 'text' : '';
          const id = this.#book.point(pointMetric(measurement, field), name, json, unit)?.id;
          const number = Number(value);
          if (id === undefined || (typeof value !== 'string' && !Number.isFinite(number))) {
            dropped += 1;
            continue;
          }
          if (typeof value === 'string' && !this.#changes(id, atMs, value)) continue;
          this.#written += 1n;
          rows += 1;
          const when = BigInt(Math.round(atMs));
          if (typeof value === 'string') texts.append([id, when, value.slice(0, MAX_TEXT), this.#written]);
          else numbers.append([id, when, number, this.#written]);
        }
      }
    return { rows, dropped };
  }

  #changes(id: number, atMs: number, text: string): boolean {
    const last = this.#texts.get(id);
    if (last !== undefined && last.text === text && last.atMs <= atMs) return false;
    if (last !== undefined && last.atMs > atMs) return true;
    if (last === undefined && this.#texts.size >= MAX_TEXTS) return true;
    this.#texts.set(id, { atMs, text });
    return true;
  }
}
