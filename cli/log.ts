import type { Log, LogFields } from '../lib/log.ts';
import { printLine } from './terminal/print-line.ts';
import { printable, printableJson } from './terminal/printable.ts';

/** Everything, as JSON lines with the fields that the functions' logger writes: for --debug. */
export function debugLog(stream: NodeJS.WritableStream): Log {
  const write =
    (level: 'DEBUG' | 'INFO' | 'WARN') =>
    (message: string, fields: LogFields = {}) => {
      const line = { level, timestamp: new Date().toISOString(), message, ...fields };
      printLine(stream, printableJson(JSON.stringify(line)));
    };
  return { debug: write('DEBUG'), info: write('INFO'), warn: write('WARN') };
}

/** Warnings alone, as people read them. */
export function warningLog(stream: NodeJS.WritableStream): Log {
  return {
    debug() {},
    info() {},
    warn(message, fields = {}) {
      const details = Object.entries(fields)
        .filter(([, value]) => value !== undefined)
        .map(
          ([name, value]) =>
            `${name}: ${typeof value === 'string' ? value : JSON.stringify(value)}`,
        )
        .join(', ');
      const text = details === '' ? message : `${message} (${details})`;
      printLine(stream, `snapbank: warning: ${printable(text)}`);
    },
  };
}
