import type { Log, LogFields } from '../lib/log.ts';
import { printable, printableJson } from './terminal/printable.ts';

/** Everything, as JSON lines with the fields that the functions' logger writes: for --debug. */
export function debugLog(stream: NodeJS.WritableStream): Log {
  const write =
    (level: 'DEBUG' | 'INFO' | 'WARN') =>
    (message: string, fields: LogFields = {}) => {
      const line = { level, timestamp: new Date().toISOString(), message, ...fields };
      stream.write(`${printableJson(JSON.stringify(line))}\n`);
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
      stream.write(`snapbank: warning: ${printable(text)}\n`);
    },
  };
}
