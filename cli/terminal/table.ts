import { printable } from './printable.ts';
import type { Format, Style } from './style.ts';
import { displayWidth, padToWidth, truncateToWidth } from './width.ts';

export interface Column<Row> {
  title: string;
  /** The cell's text as it came from outside: the table makes it safe to print. */
  text: (row: Row) => string;
  align?: 'left' | 'right';
  /** May be cut short where the terminal is too narrow for the table. Ids are not: they are there to be copied. */
  shrinkable?: boolean;
  /** Left out where the terminal is too narrow still; of several the last first. */
  droppable?: boolean;
  format?: (row: Row) => Format | undefined;
}

export interface TableOptions {
  style: Style;
  /** Columns of the terminal; undefined (a pipe, a file): nothing is cut. */
  columns?: number | undefined;
}

const gap = '  ';
const narrowest = 8;

/** A table as lines, its titles first: columns aligned by what is seen, without trailing spaces. */
export function renderTable<Row>(
  all: readonly Column<Row>[],
  rows: readonly Row[],
  options: TableOptions,
): string[] {
  const columns = withRoom(all, rows, options.columns);
  const cells = rows.map((row) => columns.map((column) => printable(column.text(row))));
  const natural = columns.map((column) => naturalWidth(column, rows));
  const widths = fit(columns, natural, options.columns);

  const line = (texts: readonly string[], formatOf: (index: number) => Format | undefined) =>
    columns
      .map((column, index) => {
        const shown = truncateToWidth(texts[index] ?? '', widths[index] ?? 0);
        const padded = padToWidth(shown, widths[index] ?? 0, column.align);
        const last = index === columns.length - 1 && column.align !== 'right';
        const cell = last ? shown : padded;
        const format = formatOf(index);
        return format === undefined ? cell : options.style(format, cell);
      })
      .join(gap)
      .trimEnd();

  return [
    line(
      columns.map((column) => column.title),
      () => 'bold',
    ),
    ...rows.map((row, number) =>
      line(cells[number] ?? [], (index) => columns[index]?.format?.(row)),
    ),
  ];
}

function naturalWidth<Row>({ title, text }: Column<Row>, rows: readonly Row[]): number {
  return rows.reduce(
    (widest, row) => Math.max(widest, displayWidth(printable(text(row)))),
    displayWidth(title),
  );
}

/** The columns that fit, when those that can be cut short are: what has to be copied is never cut. */
function withRoom<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  available: number | undefined,
): readonly Column<Row>[] {
  if (available === undefined) return columns;
  const least = columns.reduce(
    (sum, column) => {
      const width = naturalWidth(column, rows);
      return sum + (column.shrinkable === true ? Math.min(narrowest, width) : width);
    },
    gap.length * (columns.length - 1),
  );
  const dropped = columns.findLast(({ droppable }) => droppable === true);
  if (least <= available || dropped === undefined) return columns;
  return withRoom(
    columns.filter((column) => column !== dropped),
    rows,
    available,
  );
}

/** Takes what is too much from the shrinkable columns, always from the widest, down to `narrowest`. */
function fit<Row>(
  columns: readonly Column<Row>[],
  natural: readonly number[],
  available: number | undefined,
): number[] {
  const widths = [...natural];
  if (available === undefined) return widths;
  let excess =
    widths.reduce((sum, width) => sum + width, 0) + gap.length * (columns.length - 1) - available;
  while (excess > 0) {
    let widest = -1;
    columns.forEach((column, index) => {
      const width = widths[index] ?? 0;
      if (column.shrinkable && width > narrowest && width > (widths[widest] ?? 0)) widest = index;
    });
    if (widest < 0) break;
    widths[widest] = (widths[widest] ?? 0) - 1;
    excess -= 1;
  }
  return widths;
}
