import type { Clock } from '../../lib/clock.ts';
import type { Noun, Progress } from './progress.ts';
import { ProgressBoard, isFinished, percentText, totalsText } from './progress-board.ts';
import { printable } from './printable.ts';

interface LineProgressOptions {
  noun: Noun;
  clock: Pick<Clock, 'now'>;
}

const intervalMilliseconds = 5_000;
/** Rows named in a line of totals; a fleet would fill the log otherwise. */
const rowsNamed = 3;

/** Progress for logs: a line when a row enters another phase or ends, and a line of totals every few seconds while bytes move. */
export function lineProgress(
  stream: NodeJS.WritableStream,
  options: LineProgressOptions,
): Progress {
  const board = new ProgressBoard();
  let reportedBytes = 0;
  const write = (line: string) => void stream.write(`${line}\n`);

  const timer = setInterval(() => {
    const totals = board.totals(options.clock.now());
    if (totals.doneBytes === reportedBytes) return;
    reportedBytes = totals.doneBytes;
    const running = board.running();
    const named = running
      .slice(0, rowsNamed)
      .map((row) => `${printable(row.label)} ${percentText(row)}`.trimEnd());
    if (running.length > rowsNamed) named.push(`${running.length - rowsNamed} more`);
    const rows = named.length === 0 ? '' : ` (${named.join(', ')})`;
    write(`progress: ${totalsText(totals, options.noun).join(', ')}${rows}`);
  }, intervalMilliseconds);
  timer.unref();

  return {
    update(row) {
      const before = board.update(row);
      if (before?.state === row.state && (before.phase === row.phase || isFinished(row.state))) {
        return;
      }
      if (row.state === 'waiting') return;
      const failed = row.state === 'failed' ? 'failed: ' : '';
      write(`${printable(row.label)}: ${failed}${printable(row.phase)}`);
    },
    print: write,
    close() {
      clearInterval(timer);
    },
  };
}
