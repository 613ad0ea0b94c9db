const SHOWN = 3;
/** A third of a word may be mistyped: `wbe-1` is near `web-1` and not near `app-1`. */
const LETTERS_PER_MISTAKE = 3;

/** Names that somebody who typed this word may have meant, the nearest first. */
export function nearNames(word: string, names: Iterable<string>): string[] {
  const typed = word.toLowerCase();
  const most = Math.ceil(typed.length / LETTERS_PER_MISTAKE);
  return [...new Set(names)]
    .map((name) => ({ name, mistakes: editDistance(typed, name.toLowerCase()) }))
    .filter(({ name, mistakes }) => name !== '' && mistakes <= most)
    .sort((a, b) => a.mistakes - b.mistakes || a.name.localeCompare(b.name))
    .slice(0, SHOWN)
    .map(({ name }) => name);
}

/** Characters to insert, to delete or to replace. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let line = 0; line < a.length; line += 1) {
    const next = [line + 1];
    for (let column = 1; column <= b.length; column += 1) {
      const replaced = (row[column - 1] ?? 0) + (b[column - 1] === a[line] ? 0 : 1);
      next.push(Math.min(replaced, (row[column] ?? 0) + 1, (next[column - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
