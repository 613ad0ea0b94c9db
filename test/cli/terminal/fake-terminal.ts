import { EventEmitter } from 'node:events';
import { Writable } from 'node:stream';

/** A control sequence (parameter, command), a line control, or a run of text. */
// oxlint-disable-next-line no-control-regex -- reading what a terminal obeys is its purpose
const sequence = /\x1b\[(\??\d*)([A-Za-z])|\r|\n|[^\x1b\r\n]+/g;

/** A stream that says it is a terminal, keeps what was written, and can tell what a person would see. */
export class FakeTerminal extends Writable {
  isTTY = true;
  columns = 80;
  rows = 24;
  written = '';

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.written += chunk.toString();
    done();
  }

  /** The lines on the screen, as a terminal of unlimited height would show them. */
  screen(): string[] {
    const lines = [''];
    let row = 0;
    let column = 0;
    for (const [text, parameter, command] of this.written.matchAll(sequence)) {
      if (text === '\r') column = 0;
      else if (text === '\n') row += 1;
      else if (command === 'A') row -= Number(parameter);
      else if (command === 'K') lines[row] = (lines[row] ?? '').slice(0, column);
      else if (command === 'J') lines.splice(row, Number.POSITIVE_INFINITY, '');
      else if (command === undefined) {
        const line = lines[row] ?? '';
        lines[row] = line.slice(0, column) + text + line.slice(column + text.length);
        column += text.length;
      }
      lines[row] ??= '';
    }
    return lines.filter((line) => line !== '');
  }

  get cursorHidden(): boolean {
    return this.written.lastIndexOf('\u001b[?25l') > this.written.lastIndexOf('\u001b[?25h');
  }
}

/** The process as the screen sees it: signals can be sent to it, and it records those that it would die of. */
export class FakeHost extends EventEmitter {
  readonly pid = 4711;
  readonly killed: string[] = [];

  kill(_pid: number, signal: string): void {
    this.killed.push(signal);
  }
}
