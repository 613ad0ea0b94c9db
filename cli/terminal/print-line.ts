import type { Progress, ProgressStream } from './progress.ts';

type Display = Pick<Progress, 'print'>;

/** What redraws itself on a stream now: a line that is written past it is overwritten, and spoils its count of lines. */
const displays = new WeakMap<NodeJS.WritableStream, Display>();

/** From now on lines for the stream go through the display; the function that is returned ends that. */
export function showOn(stream: ProgressStream, display: Display): () => void {
  displays.set(stream, display);
  return () => {
    if (displays.get(stream) === display) displays.delete(stream);
  };
}

/** Writes a line that stays, above what moves where something does. */
export function printLine(stream: NodeJS.WritableStream, line: string): void {
  const display = displays.get(stream);
  if (display === undefined) stream.write(`${line}\n`);
  else display.print(line);
}
