import type { Clock } from '../../lib/clock.ts';
import { systemClock } from '../../lib/clock.ts';
import { lineProgress } from './line-progress.ts';
import type { Noun, Progress, ProgressStream } from './progress.ts';
import { screenProgress } from './screen-progress.ts';
import type { TerminalHost } from './screen-progress.ts';

export interface ProgressOptions {
  noun: Noun;
  clock?: Pick<Clock, 'now'>;
  environment?: NodeJS.ProcessEnv;
  /** Where signals and the end of the process are seen; the process itself by default. */
  host?: TerminalHost;
}

/** Bars that redraw themselves on a terminal, plain lines now and then in a pipe, a file or a terminal that cannot move its cursor. */
export function createProgress(stream: ProgressStream, options: ProgressOptions): Progress {
  const environment = options.environment ?? process.env;
  const clock = options.clock ?? systemClock;
  return stream.isTTY === true && environment['TERM'] !== 'dumb'
    ? screenProgress(stream, {
        noun: options.noun,
        clock,
        environment,
        host: options.host ?? process,
      })
    : lineProgress(stream, { noun: options.noun, clock });
}
