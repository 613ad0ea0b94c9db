import { Logger } from '@aws-lambda-powertools/logger';
import type { Log } from './log.ts';

/** Powertools' logger behind the port of the library: JSON lines on standard output. */
export function functionLog(): Log {
  const logger = new Logger({ serviceName: 'snapbank' });
  return {
    debug: (message, fields = {}) => logger.debug(message, { ...fields }),
    info: (message, fields = {}) => logger.info(message, { ...fields }),
    warn: (message, fields = {}) => logger.warn(message, { ...fields }),
  };
}
