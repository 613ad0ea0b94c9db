import { execFile, spawnSync } from 'node:child_process';
import { promisify } from 'node:util';

const tool = 'qemu-img';

/** Whether this machine has qemu's tools, the judge of image files that is not ours. */
export const hasQemuImg = spawnSync(tool, ['--version']).status === 0;

/** Resolves with what it prints; rejects when it finds fault. */
export async function qemuImg(...args: readonly string[]): Promise<string> {
  return (await promisify(execFile)(tool, args)).stdout;
}
