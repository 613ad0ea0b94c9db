import type { Column } from './terminal/table.ts';

/** Under which plans the rows were made; no column where they were all made without one. */
export function planColumn<Row extends { plan: string | null }>(
  rows: readonly Row[],
): Column<Row>[] {
  if (rows.every(({ plan }) => plan === null)) return [];
  return [{ title: 'PLAN', text: ({ plan }) => plan ?? '', shrinkable: true }];
}
