import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Orphan } from '../lib/protect/find-orphans.ts';
import { lockDirectory } from '../local/engine/process-lock.ts';

const DAY_MILLISECONDS = 24 * 3600 * 1000;
/** As long as the work place keeps what an execution left for whoever looks at it later. */
const HISTORY_AGE_MILLISECONDS = 30 * DAY_MILLISECONDS;

/** Histories of embedded executions that nobody continues or looks at any more, below the state directory. */
export async function* oldHistories(stateDirectory: string, now: number): AsyncGenerator<Orphan> {
  const root = join(stateDirectory, 'executions');
  for (const machine of await namesIn(root)) {
    for (const name of await namesIn(join(root, machine))) {
      const folder = join(root, machine, name);
      const history = join(folder, 'history.jsonl');
      // One that ended before its first step has none.
      const status = await stat(history).catch(
        async () => await stat(folder).catch(() => undefined),
      );
      if (status === undefined || now - status.mtimeMs < HISTORY_AGE_MILLISECONDS) continue;
      yield {
        kind: 'history',
        id: folder,
        why: `its last step was at ${status.mtime.toISOString()}`,
        async remove() {
          const lock = await lockDirectory(folder);
          if (lock.holder !== undefined) return false;
          await rm(folder, { recursive: true, force: true });
          return true;
        },
      };
    }
  }
}

async function namesIn(folder: string): Promise<string[]> {
  return await readdir(folder).catch(() => []);
}
