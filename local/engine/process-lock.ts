import { randomBytes } from 'node:crypto';
import { link, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { isProcessGone, thisProcess } from '../../lib/bank/register/process.ts';
import type { ExecutionProcess } from '../../lib/bank/register/record.ts';

export type Lock =
  | { readonly holder: undefined; readonly release: () => Promise<void> }
  /** Somebody else has it; in words. */
  | { readonly holder: string };

/** What a lock file says. */
interface Holder {
  readonly pid: number;
  readonly host: string;
  readonly released: boolean;
  /** Known where the platform has /proc. */
  readonly process?: ExecutionProcess;
}

/**
 * Locks a directory for this process. A lock is the file `lock.N` with the highest N, and taking it from a process that has ended
 * means to create `lock.N+1`, which of several takers one can. The highest is never removed, so nobody begins at 1 anew.
 */
export async function lockDirectory(directory: string): Promise<Lock> {
  const running = await thisProcess();
  const me = { pid: process.pid, host: hostname(), ...(running && { process: running }) };
  for (;;) {
    const highest = (await lockNumbers(directory)).at(-1) ?? 0;
    const holder = highest === 0 ? undefined : await readHolder(lockPath(directory, highest));
    if (holder !== undefined && !(await isFree(holder))) {
      return { holder: `process ${holder.pid} on ${holder.host}` };
    }
    const mine = lockPath(directory, highest + 1);
    if (!(await create(mine, { ...me, released: false }))) continue;
    const numbers = await lockNumbers(directory);
    // Whoever took longer than others to get here may have re-created a number that was cleared away.
    const superseded = numbers.at(-1) !== highest + 1;
    for (const number of superseded ? [highest + 1] : numbers.slice(0, -1)) {
      await rm(lockPath(directory, number), { force: true });
    }
    if (superseded) continue;
    return {
      holder: undefined,
      release: async () => {
        const temporary = temporaryPath(mine);
        await writeFile(temporary, JSON.stringify({ ...me, released: true }));
        await rename(temporary, mine);
      },
    };
  }
}

function lockPath(directory: string, number: number): string {
  return join(directory, `lock.${number}`);
}

function temporaryPath(path: string): string {
  return `${path}.${randomBytes(8).toString('hex')}`;
}

async function lockNumbers(directory: string): Promise<number[]> {
  const numbers = (await readdir(directory)).map((name) => /^lock\.(\d+)$/.exec(name)?.[1]);
  return numbers
    .filter((number) => number !== undefined)
    .map(Number)
    .sort((a, b) => a - b);
}

/** Undefined where it was cleared away in the meantime. */
async function readHolder(path: string): Promise<Holder | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Holder;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

async function isFree(holder: Holder): Promise<boolean> {
  if (holder.released) return true;
  if (holder.process !== undefined) return await isProcessGone(holder.process);
  return holder.host === hostname() && !isAlive(holder.pid);
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

/** Gives a complete file its name unless the name is taken: `false` then. */
async function create(path: string, holder: Holder): Promise<boolean> {
  const temporary = temporaryPath(path);
  await writeFile(temporary, JSON.stringify(holder), { mode: 0o600 });
  try {
    await link(temporary, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(temporary, { force: true });
  }
}
