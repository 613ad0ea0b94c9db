import { execFile } from 'node:child_process';
import { mkdtemp, rm, rmdir, statfs, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A real file system of a few MiB, that can be filled to the brim and made read-only. */
export interface SmallDisk {
  readonly path: string;
  /** Takes all space but so much. */
  leave(bytes: number): Promise<void>;
  /** Gives that space back. */
  makeRoom(): Promise<void>;
  /** As soon as no file is open for writing, which the kernel demands. */
  makeReadOnly(): Promise<void>;
  makeWritable(): Promise<void>;
  close(): Promise<void>;
}

/** Needs to be root, with the right to mount. */
export async function mountSmallDisk(mib: number): Promise<SmallDisk> {
  const path = await mkdtemp(join(tmpdir(), 'snapbank-disk-'));
  try {
    await run('mount', ['-t', 'tmpfs', '-o', `size=${mib}m,mode=700`, 'snapbank-test', path]);
  } catch (error) {
    await rmdir(path);
    throw error;
  }
  const ballast = join(path, '.ballast');
  const remount = async (how: 'ro' | 'rw') => await run('mount', ['-o', `remount,${how}`, path]);
  return {
    path,
    async leave(bytes) {
      const { bavail, bsize } = await statfs(path);
      await writeFile(ballast, Buffer.alloc(Math.max(0, bavail * bsize - bytes)));
    },
    makeRoom: async () => await rm(ballast, { force: true }),
    async makeReadOnly() {
      const deadline = AbortSignal.timeout(10_000);
      while (!(await remount('ro').then(succeeded, isBusy))) deadline.throwIfAborted();
    },
    async makeWritable() {
      await remount('rw');
    },
    async close() {
      await run('umount', [path]);
      await rmdir(path);
    },
  };
}

/** Why no disk can be mounted here; undefined where it can. */
export async function whyNoDisk(): Promise<string | undefined> {
  try {
    await (await mountSmallDisk(1)).close();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message.trim() : String(error);
  }
}

function succeeded(): boolean {
  return true;
}

/** False for EBUSY, the answer of a moment; others are thrown. */
function isBusy(error: unknown): boolean {
  if (error instanceof Error && /busy/.test(error.message)) return false;
  throw error;
}
