import { createProgress } from './terminal/create-progress.ts';
import { type JsonEvent, jsonLines } from './terminal/json-lines.ts';
import { printLine } from './terminal/print-line.ts';
import type { Noun, Progress, ProgressStream } from './terminal/progress.ts';
import { type Style, styleFor } from './terminal/style.ts';
import { type Column, renderTable } from './terminal/table.ts';

/** Where a command writes: results to standard output, progress and warnings to standard error. */
export interface Output {
  /** With --json standard output holds one JSON event a line and nothing else. */
  readonly json: boolean;
  readonly style: Style;
  /** A line for people; nothing with --json. */
  line(text?: string): void;
  /** A table for people; nothing with --json. */
  table<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): void;
  /** An event; nothing without --json. */
  event(event: JsonEvent): void;
  /** A line on standard error in either mode. */
  warn(text: string): void;
  /** A progress display on standard error; silent with --json. */
  progress(noun: Noun): Progress;
}

export interface OutputStreams {
  stdout: ProgressStream;
  stderr: ProgressStream;
}

export function createOutput(streams: OutputStreams, json: boolean): Output {
  const { stdout, stderr } = streams;
  const style = styleFor(stdout);
  const event = jsonLines(stdout);
  const line = (text = '') => {
    if (!json) stdout.write(`${text}\n`);
  };
  return {
    json,
    style,
    line,
    table(columns, rows) {
      if (json) return;
      for (const row of renderTable(columns, rows, { style, columns: stdout.columns })) line(row);
    },
    event(value) {
      if (json) event(value);
    },
    warn(text) {
      printLine(stderr, text);
    },
    progress: (noun) => (json ? noProgress : createProgress(stderr, { noun })),
  };
}

const noProgress: Progress = { update() {}, print() {}, close() {} };
