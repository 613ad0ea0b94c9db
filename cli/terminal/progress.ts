export type RowState = 'waiting' | 'running' | 'done' | 'failed';

/** One thing that is worked on: a server being backed up, a checkpoint being restored. */
export interface ProgressRow {
  /** The same for every update of this row. */
  id: string;
  /** What people call it; may come from outside, and is made safe to print. */
  label: string;
  state: RowState;
  /** What happens now (`snapshot`, `uploading`), or at the end what came of it; made safe to print. */
  phase: string;
  doneBytes?: number | undefined;
  totalBytes?: number | undefined;
}

/** What the rows are called, for "1 of 3 servers". */
export interface Noun {
  one: string;
  many: string;
}

/** Shows how far work on several things has come. */
export interface Progress {
  /** The newest state of one row; a row that is `done` or `failed` is shown once more and then left alone. */
  update(row: ProgressRow): void;
  /** Writes a line that stays, above the moving part. The caller has made outside text in it `printable`. */
  print(line: string): void;
  /** Ends the display and gives the terminal back; repeating it does nothing. */
  close(): void;
}

/** A stream as far as progress needs it: `process.stdout` and `process.stderr` are such streams. */
export type ProgressStream = NodeJS.WritableStream & {
  isTTY?: boolean;
  columns?: number;
  rows?: number;
};
