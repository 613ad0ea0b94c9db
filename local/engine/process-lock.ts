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
 * Locks a directory for this process. The lock is the file `lock.N` with the highest N, and taking it from a process that released
 * it or has ended means to create `lock.N+1`, which of several takers only one can. They are small, few, and stay.
 */
export async function lockDirectory(directory: string): Promise<Lock> {
  const running = await thisProcess();
  const me = { pid: process.pid, host: hostname(), ...(running && { process: running }) };
  for (;;) {
    const highest = await highestLock(directory);
    const holder = highest === 0 ? undefined : await readHolder(lockPath(directory, highest));
    if (holder !== undefined && !(await isFree(holder))) {
      return { holder: `process ${holder.pid} on ${holder.host}` };
    }
    const mine = lockPath(directory, highest + 1);
    if (!(await create(mine, { ...me, released: false }))) continue;
    await removeTemporaries(directory, highest + 1);
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

/** Whether a process has the directory locked now. */
export async function isLocked(directory: string): Promise<boolean> {
  const highest = await highestLock(directory);
  const holder = highest === 0 ? undefined : await readHolder(lockPath(directory, highest));
  return holder !== undefined && !(await isFree(holder));
}

function lockPath(directory: string, number: number): string {
  return join(directory, `lock.${number}`);
}

function temporaryPath(path: string): string {
  return `${path}.${randomBytes(8).toString('hex')}`;
}

async function highestLock(directory: string): Promise<number> {
  const numbers = (await readdir(directory)).map((name) => /^lock\.(\d+)$/.exec(name)?.[1] ?? '0');
  return Math.max(0, ...numbers.map(Number));
}

/** Undefined for a file that a power cut emptied: it was whole when it got its name. */
async function readHolder(path: string): Promise<Holder | undefined> {
  const text = await readFile(path, 'utf8');
  try {
    return JSON.parse(text) as Holder;
  } catch {
    return undefined;
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

/** Removes what processes left that ended while they took or released the lock: up to this number, nobody else is at it any more. */
async function removeTemporaries(directory: string, upTo: number): Promise<void> {
  for (const name of await readdir(directory)) {
    const number = /^lock\.(\d+)\.[0-9a-f]+$/.exec(name)?.[1];
    if (number !== undefined && Number(number) <= upTo)
      await rm(join(directory, name), { force: true });
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
    // ENOENT: who got the name meanwhile has removed what a dead process seemed to have left.
    if (['EEXIST', 'ENOENT'].includes((error as NodeJS.ErrnoException).code ?? '')) return false;
    throw error;
  } finally {
    await rm(temporary, { force: true });
  }
}
