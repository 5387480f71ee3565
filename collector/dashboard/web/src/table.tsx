// One table for every list: sorted by any column, filtered by a word, exported as CSV, its state in the address; only the rows in sight are drawn.
import type { ComponentChildren } from 'preact';
import { useMemo, useRef, useState } from 'preact/hooks';
import { toCsv } from './csv.ts';
import { choose, usePlace } from './place.ts';
import { filtered, type Sortable, sorted } from './rows.ts';
import { t } from './words.ts';

export interface Column<Row> extends Sortable<Row> {
  readonly title: string;
  /** What is shown; the value without it. */
  readonly cell?: (row: Row) => ComponentChildren;
  /** `figure`: right-aligned digits. `wide`: left out on a phone. `short`: in one line. */
  readonly kind?: 'figure' | 'wide' | 'wide figure' | 'wide short';
}

interface TableProps<Row> {
  /** Names the table for screen readers and the exported file. */
  readonly name: string;
  /** Tells the tables of one view apart in the address. */
  readonly id?: string;
  readonly rows: readonly Row[];
  readonly columns: readonly Column<Row>[];
  readonly keyOf: (row: Row) => string;
  readonly classOf?: (row: Row) => string;
  /** Shown in place of rows; null while they are asked for. */
  readonly empty: string | null;
  /** Column and `-` for descending, until the reader chooses. */
  readonly sort?: string;
  readonly tools?: ComponentChildren;
}

const ROW_PX = 33;
/** Beyond that only what is in sight is drawn, with some rows above and below. */
const MOST_DRAWN = 120;
const WINDOW = 56;
const ABOVE = 16;
/** The window moves on by so many at once, so that not every step of the wheel draws. */
const STEP = 8;

export function Table<Row>(props: TableProps<Row>) {
  const { name, id = '', rows, columns, keyOf, classOf, empty, tools } = props;
  const { query } = usePlace();
  const sort = query.get(`${id}sort`) ?? props.sort ?? '';
  const words = query.get(`${id}q`) ?? '';
  const shown = useMemo(() => sorted(filtered(rows, columns, words), columns, sort), [rows, columns, words, sort]);
  const [begin, setBegin] = useState(0);
  const box = useRef<HTMLDivElement>(null);
  const whole = shown.length <= MOST_DRAWN;
  const first = whole ? 0 : Math.max(0, Math.min(shown.length - WINDOW, begin));
  const drawn = whole ? shown : shown.slice(first, first + WINDOW);
  const below = shown.length - first - drawn.length;
  return (
    <>
      <Tools
        name={name}
        id={id}
        words={words}
        count={
          shown.length === rows.length ? rows.length || '' : t('table.of', { shown: shown.length, all: rows.length })
        }
        // A list that is known to be empty has nothing to look for.
        searched={rows.length > 0 || words !== '' || empty === null}
        tools={tools}
        onSave={rows.length === 0 ? null : () => save(name, shown, columns)}
      />
      {rows.length === 0 ? (
        <p class="empty">{empty ?? t('asking')}</p>
      ) : (
        <div
          class={`scroll listed ${whole ? '' : 'windowed'}`}
          ref={box}
          tabIndex={0}
          role="region"
          aria-label={name}
          onScroll={(event) => !whole && setBegin(beginAt(event.currentTarget.scrollTop))}
        >
          <table aria-label={name} aria-rowcount={shown.length + 1}>
            <Head columns={columns} sort={sort} onSort={(next) => choose({ [`${id}sort`]: next })} />
            <tbody>
              {first > 0 && <Gap px={first * ROW_PX} columns={columns.length} />}
              {drawn.map((row, place) => (
                // In a window what leaves it at one end is used again at the other: nothing is made while it is scrolled.
                <tr
                  key={whole ? keyOf(row) : String((first + place) % WINDOW)}
                  class={classOf?.(row) ?? ''}
                  aria-rowindex={first + place + 2}
                >
                  {columns.map((column) => (
                    <td key={column.id} class={column.kind ?? ''}>
                      {column.cell === undefined ? <Plain value={column.value(row)} /> : column.cell(row)}
                    </td>
                  ))}
                </tr>
              ))}
              {below > 0 && <Gap px={below * ROW_PX} columns={columns.length} />}
            </tbody>
          </table>
        </div>
      )}
    </>
  );
}

interface ToolsProps {
  readonly name: string;
  readonly id: string;
  readonly words: string;
  readonly count: string | number;
  readonly searched: boolean;
  readonly tools: ComponentChildren;
  /** Null where there is nothing to save. */
  readonly onSave: (() => void) | null;
}

function Tools({ name, id, words, count, searched, tools, onSave }: ToolsProps) {
  if (!searched && tools == null) return null;
  return (
    <div class="tools">
      {searched && (
        <>
          <input
            type="search"
            value={words}
            placeholder={t('table.filter')}
            aria-label={t('table.filterOf', { name })}
            onInput={(event) => choose({ [`${id}q`]: event.currentTarget.value })}
          />
          <span class="note" role="status">
            {count}
          </span>
        </>
      )}
      {tools}
      {onSave !== null && (
        <button type="button" class="plain" onClick={onSave}>
          CSV
        </button>
      )}
    </div>
  );
}

/** Words of devices and programs are in a direction of their own. */
function Plain({ value }: { readonly value: string | number | null }) {
  return typeof value === 'string' ? <bdi>{value}</bdi> : <>{value ?? '–'}</>;
}

function beginAt(scrollTop: number): number {
  return Math.max(0, Math.floor((scrollTop / ROW_PX - ABOVE) / STEP) * STEP);
}

function Gap({ px, columns }: { readonly px: number; readonly columns: number }) {
  return (
    <tr aria-hidden="true">
      <td class="gap" colSpan={columns} style={{ height: `${px}px` }} />
    </tr>
  );
}

interface HeadProps<Row> {
  readonly columns: readonly Column<Row>[];
  readonly sort: string;
  readonly onSort: (sort: string) => void;
}

function Head<Row>({ columns, sort, onSort }: HeadProps<Row>) {
  const [by, down] = [sort.replace(/^-/, ''), sort.startsWith('-')];
  return (
    <thead>
      <tr>
        {columns.map(({ id, title, kind }) => (
          <th
            key={id}
            scope="col"
            class={kind ?? ''}
            aria-sort={by === id ? (down ? 'descending' : 'ascending') : 'none'}
          >
            {title !== '' && (
              <button type="button" class="head" onClick={() => onSort(by === id && !down ? `-${id}` : id)}>
                {title}
                <span class="arrow">{by === id ? (down ? '▼' : '▲') : ''}</span>
              </button>
            )}
          </th>
        ))}
      </tr>
    </thead>
  );
}

function save<Row>(name: string, rows: readonly Row[], columns: readonly Column<Row>[]): void {
  const text = toCsv(
    columns.map(({ title }) => title),
    rows.map((row) => columns.map((column) => column.value(row))),
  );
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([text], { type: 'text/csv;charset=utf-8' }));
  link.download = `${name.replaceAll(/[^\p{L}\p{N}._-]+/gu, '-')}.csv`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
