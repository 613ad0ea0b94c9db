import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, it } from 'vitest';

const run = promisify(execFile);

async function isInstalled(): Promise<boolean> {
  try {
    await run('qemu-img', ['--version']);
    await run('qemu-io', ['--version']);
    return true;
  } catch {
    return false;
  }
}

const installed = await isInstalled();

/** A temporary directory for the tests of a describe block, gone after them. */
export function temporaryDirectory(): { path(name: string): string } {
  let directory = '';
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'snapbank-disk-'));
  });
  afterAll(async () => {
    await rm(directory, { recursive: true, force: true });
  });
  return { path: (name) => join(directory, name) };
}

/** Tests against QEMU's own tools. Where they are missing the block is one skipped test, and in CI a failing one. */
export function describeWithQemu(name: string, tests: () => void): void {
  if (installed) {
    describe(name, tests);
    return;
  }
  describe(name, () => {
    it('needs qemu-img and qemu-io (apt-get install qemu-utils)', ({ skip }) => {
      if (process.env['CI'] === 'true') throw new Error('qemu-utils is not installed');
      skip('qemu-utils is not installed');
    });
  });
}

export async function qemuImg(...args: string[]): Promise<string> {
  const { stdout } = await run('qemu-img', args, { maxBuffer: 2 ** 26 });
  return stdout;
}

/** Runs qemu-io commands on a qcow2 image, such as `write -P 7 64k 4k`. */
export async function qemuIo(path: string, ...commands: string[]): Promise<void> {
  const args = commands.flatMap((command) => ['-c', command]);
  // Commands that QEMU refuses are told apart only by what it prints.
  const { stdout } = await run('qemu-io', ['-f', 'qcow2', '-d', 'unmap', ...args, path]);
  if (/failed|error/i.test(stdout)) throw new Error(`qemu-io: ${stdout}`);
}

export interface MapEntry {
  start: number;
  length: number;
  zero: boolean;
  data: boolean;
}

export async function qemuMap(path: string): Promise<MapEntry[]> {
  return JSON.parse(await qemuImg('map', '-f', 'qcow2', '--output=json', path)) as MapEntry[];
}
