import type { Clock } from '../../lib/clock.ts';
import { printLine, showOn } from './print-line.ts';
import { printable } from './printable.ts';
import type { Noun, Progress, ProgressRow, ProgressStream } from './progress.ts';
import { ProgressBoard, bytesText, isFinished, percentText, totalsText } from './progress-board.ts';
import type { Glyphs, Style } from './style.ts';
import { glyphsFor, styleFor } from './style.ts';
import { displayWidth, padToWidth, truncateToWidth } from './width.ts';

type Signal = 'SIGINT' | 'SIGTERM' | 'SIGHUP';

/** The process, as far as giving the terminal back needs it. */
export interface TerminalHost {
  readonly pid: number;
  on(event: 'exit' | Signal, listener: () => void): unknown;
  off(event: 'exit' | Signal, listener: () => void): unknown;
  listenerCount(event: Signal): number;
  kill(pid: number, signal: Signal): unknown;
}

interface ScreenProgressOptions {
  noun: Noun;
  clock: Pick<Clock, 'now'>;
  environment: NodeJS.ProcessEnv;
  host: TerminalHost;
}

const frameMilliseconds = 100;
/** The total moves even where nothing else does, so that a person sees that the command lives. */
const idleFrameMilliseconds = 1_000;

const hideCursor = '\u001b[?25l';
const showCursor = '\u001b[?25h';
const clearToLineEnd = '\u001b[K';
const clearBelow = '\u001b[J';
const cursorUp = (lines: number) => (lines > 0 ? `\u001b[${lines}A` : '');

/**
 * Progress on a terminal: finished rows scroll away as ordinary lines, below them one line for each running row and one for the
 * total, redrawn at most ten times a second. Never more lines than the screen has, so that a fleet of servers fits as well.
 */
export function screenProgress(stream: ProgressStream, options: ScreenProgressOptions): Progress {
  const board = new ProgressBoard();
  const style = styleFor(stream);
  const glyphs = glyphsFor(options.environment);
  const { clock, host } = options;
  const permanent: string[] = [];
  let movingLines = 0;
  let dirty = true;
  let lastFrameAt = Number.NEGATIVE_INFINITY;
  let open = true;

  const draw = (moving: readonly string[]) => {
    const lines = [...permanent.splice(0), ...moving];
    const body = lines.map((line) => `\r${line}${clearToLineEnd}\n`).join('');
    stream.write(`${hideCursor}${cursorUp(movingLines)}${body}\r${clearBelow}`);
    movingLines = moving.length;
    lastFrameAt = clock.now();
    dirty = false;
  };
  const frame = () => {
    const waitMilliseconds = dirty ? frameMilliseconds : idleFrameMilliseconds;
    if (clock.now() - lastFrameAt < waitMilliseconds) return;
    const columns = Math.max(20, stream.columns ?? 80) - 1;
    const height = Math.max(1, (stream.rows ?? 24) - 3);
    draw(movingPart(board, { ...options, columns, height, style, glyphs }));
  };
  const release = () => {
    if (!open) return;
    open = false;
    clearInterval(timer);
    leave();
    draw([]);
    stream.write(showCursor);
    host.off('exit', release);
    for (const [signal, listener] of onSignal) host.off(signal, listener);
  };
  const onSignal = (['SIGINT', 'SIGTERM', 'SIGHUP'] as const).map((signal) => {
    const listener = () => {
      // Another listener means that the command ends itself in order, and closes this display on its way.
      if (host.listenerCount(signal) > 1) return;
      release();
      host.kill(host.pid, signal);
    };
    return [signal, listener] as const;
  });
  const timer = setInterval(frame, frameMilliseconds);
  timer.unref();
  host.on('exit', release);
  for (const [signal, listener] of onSignal) host.on(signal, listener);

  const print = (line: string) => {
    if (!open) return printLine(stream, line);
    permanent.push(line);
    dirty = true;
  };
  const leave = showOn(stream, { print });

  return {
    update(row) {
      const before = board.update(row);
      dirty = true;
      if (isFinished(row.state) && (before === undefined || !isFinished(before.state))) {
        permanent.push(finishedLine(row, style, glyphs));
      }
    },
    print,
    close: release,
  };
}

interface View {
  noun: Noun;
  clock: Pick<Clock, 'now'>;
  columns: number;
  height: number;
  style: Style;
  glyphs: Glyphs;
}

const barWidth = 20;
const widestLabel = 30;

function movingPart(board: ProgressBoard, view: View): string[] {
  const totals = board.totals(view.clock.now());
  const running = board.running();
  const shown = running.length > view.height ? running.slice(0, view.height - 1) : running;
  const labels = shown.map((row) => truncateToWidth(printable(row.label), widestLabel));
  const phases = shown.map((row) => printable(row.phase));
  const labelWidth = Math.max(0, ...labels.map(displayWidth));
  const phaseWidth = Math.max(0, ...phases.map(displayWidth));
  const lines = shown.map((row, index) =>
    truncateToWidth(
      [
        padToWidth(labels[index] ?? '', labelWidth),
        padToWidth(phases[index] ?? '', phaseWidth),
        bar(row, view.glyphs),
        padToWidth(percentText(row), 5, 'right'),
        bytesText(row),
      ].join('  '),
      view.columns,
    ).trimEnd(),
  );
  if (shown.length < running.length)
    lines.push(`and ${running.length - shown.length} more running`);
  const parts = totalsText(totals, view.noun);
  if (totals.waiting > 0) parts.splice(1, 0, `${totals.waiting} waiting`);
  lines.push(view.style('bold', truncateToWidth(`Total  ${parts.join('  ')}`, view.columns)));
  return lines;
}

function bar(row: ProgressRow, glyphs: Glyphs): string {
  if (row.totalBytes === undefined) return ' '.repeat(barWidth);
  const share = row.totalBytes === 0 ? 1 : (row.doneBytes ?? 0) / row.totalBytes;
  const full = Math.min(barWidth, Math.max(0, Math.floor(share * barWidth)));
  return glyphs.barFull.repeat(full) + glyphs.barEmpty.repeat(barWidth - full);
}

function finishedLine(row: ProgressRow, style: Style, glyphs: Glyphs): string {
  const mark =
    row.state === 'done' ? style('green', glyphs.done) : style('red', `${glyphs.failed} failed`);
  return `${mark} ${printable(row.label)}  ${printable(row.phase)}`;
}
