import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const MIB = 1024 ** 2;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** What the process holds now: all of it, and of that what is alive in JavaScript and beside it. */
export interface Memory {
  rssMiB: number;
  liveMiB: number;
}

export function memoryNow(): Memory {
  collect();
  const { rss, heapUsed, external } = process.memoryUsage();
  return { rssMiB: Math.round(rss / MIB), liveMiB: Math.round((heapUsed + external) / MIB) };
}
