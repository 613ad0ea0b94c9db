import { describe, expect, it } from 'vitest';
import type { Column } from '../../../cli/terminal/table.ts';
import { renderTable } from '../../../cli/terminal/table.ts';
import { displayWidth } from '../../../cli/terminal/width.ts';

interface Server {
  id: string;
  name: string;
  size: string;
}

const columns: Column<Server>[] = [
  { title: 'ID', text: (server) => server.id },
  { title: 'NAME', text: (server) => server.name, shrinkable: true },
  { title: 'SIZE', text: (server) => server.size, align: 'right' },
];
const marked = (format: unknown, text: string) => `<${String(format)}>${text}`;
const plain = (_format: unknown, text: string) => text;

describe('renderTable', () => {
  it('aligns what is seen, whatever the script', () => {
    const rows = [
      { id: '1', name: '数据库', size: '1.0 GiB' },
      { id: '22', name: 'web', size: '12 B' },
    ];

    expect(renderTable(columns, rows, { style: plain })).toEqual([
      'ID  NAME       SIZE',
      '1   数据库  1.0 GiB',
      '22  web        12 B',
    ]);
  });

  it('shows control characters of a name instead of obeying them', () => {
    const rows = [{ id: '1', name: 'a\u001b[2J\nb', size: '' }];

    expect(renderTable(columns, rows, { style: plain })[1]).toBe('1   a\\x1b[2J\\x0ab');
  });

  it('cuts names, never ids, to fit a narrow terminal', () => {
    const rows = [
      { id: '0123456789abcdef', name: 'a rather long name of a server', size: '1.0 GiB' },
    ];

    const lines = renderTable(columns, rows, { style: plain, columns: 40 });

    expect(lines[1]).toBe('0123456789abcdef  a rather lon…  1.0 GiB');
    expect(Math.max(...lines.map(displayWidth))).toBeLessThanOrEqual(40);
  });

  it('leaves columns out, the last first, rather than cut a key', () => {
    const rows = [{ id: '0123456789abcdef', name: 'a rather long name', size: '1.0 GiB' }];
    const droppable = columns.map((column) => ({ ...column, droppable: column.title !== 'ID' }));
    const at = (width: number) => renderTable(droppable, rows, { style: plain, columns: width })[1];

    expect(at(35)).toBe('0123456789abcdef  a rathe…  1.0 GiB');
    expect(at(30)).toBe('0123456789abcdef  a rather lo…');
    expect(at(20)).toBe('0123456789abcdef');
  });

  it('cuts nothing in a pipe', () => {
    const rows = [{ id: '1', name: 'n'.repeat(300), size: '' }];

    expect(renderTable(columns, rows, { style: plain })[1]).toContain('n'.repeat(300));
  });

  it('styles the titles and the cells that ask for it', () => {
    const coloured = columns.map((column) => ({ ...column, format: () => 'red' as const }));

    const lines = renderTable(coloured.slice(0, 1), [{ id: '1', name: '', size: '' }], {
      style: marked,
    });

    expect(lines).toEqual(['<bold>ID', '<red>1']);
  });
});
