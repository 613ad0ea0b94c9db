import type { Log, LogFields } from '../lib/log.ts';
import { printableJson } from './terminal/printable.ts';

const LEVELS = ['debug', 'info', 'warn'] as const;
type Level = (typeof LEVELS)[number];

/** Log lines as JSON, from `least` upwards; the same fields as the functions' logger writes. */
export function jsonLog(stream: NodeJS.WritableStream, least: Level): Log {
  const write =
    (level: Level) =>
    (message: string, fields: LogFields = {}) => {
      if (LEVELS.indexOf(level) < LEVELS.indexOf(least)) return;
      const line = {
        level: level.toUpperCase(),
        timestamp: new Date().toISOString(),
        message,
        ...fields,
      };
      stream.write(`${printableJson(JSON.stringify(line))}\n`);
    };
  return { debug: write('debug'), info: write('info'), warn: write('warn') };
}
