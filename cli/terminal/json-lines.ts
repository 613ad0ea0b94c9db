import { printableJson } from './printable.ts';

/** An event of a command's `--json` output. */
export interface JsonEvent {
  type: string;
  [field: string]: unknown;
}

/**
 * Writes one JSON document a line. Text in it is escaped, so that it is safe on a terminal as well. A reader that has gone
 * (`snapbank … --json | head -1`) ends the output, never the work: what comes after is dropped.
 */
export function jsonLines(stream: NodeJS.WritableStream): (event: JsonEvent) => void {
  let open = true;
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    open = false;
  });
  return (event) => {
    if (open) stream.write(`${printableJson(JSON.stringify(event))}\n`);
  };
}
