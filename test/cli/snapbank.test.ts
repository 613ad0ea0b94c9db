import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

/** This Node, as one that is too old for the command looks to the launcher. */
const tooOld = ['--require', './without-zstd.cjs'];

const platform = `${process.platform}-${process.arch}`;
const comesWithNode = ['linux-x64', 'linux-arm64', 'darwin-x64'].includes(platform);

const LONG = { timeout: 20_000 };

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'snapbank-launcher-'));
  await mkdir(join(folder, 'cli'));
  await copyFile(resolve('cli/snapbank.cjs'), join(folder, 'cli/snapbank.cjs'));
  await writeFile(
    join(folder, 'without-zstd.cjs'),
    "delete require('node:zlib').zstdCompressSync;",
  );
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

async function launch(main: string, nodeFlags: string[] = []) {
  await writeFile(join(folder, 'cli/main.ts'), main);
  const child = spawn(
    process.execPath,
    [...nodeFlags, 'cli/snapbank.cjs', 'backup', '--server', 'a b'],
    { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  return { child, outputs: Promise.all([text(child.stdout), text(child.stderr)]) };
}

async function outcome({ child, outputs }: Awaited<ReturnType<typeof launch>>) {
  const [[code], [stdout, stderr]] = await Promise.all([once(child, 'exit'), outputs]);
  return { code: code as unknown, stdout, stderr };
}

const echo = 'console.log(JSON.stringify(process.argv.slice(2))); process.exitCode = 3 as number;';

describe('the launcher of the command', () => {
  it('runs the command in its own process where that Node can', async () => {
    const { code, stdout } = await outcome(await launch(echo));

    expect({ code, stdout }).toEqual({ code: 3, stdout: '["backup","--server","a b"]\n' });
  });

  it('switches TypeScript on where that Node has it switched off', async () => {
    const { code, stdout } = await outcome(await launch(echo, ['--no-experimental-strip-types']));

    expect({ code, stdout }).toEqual({ code: 3, stdout: '["backup","--server","a b"]\n' });
  });

  it.runIf(comesWithNode)(
    'hands over to the Node of the package where that Node is too old',
    async () => {
      await symlink(resolve('node_modules'), join(folder, 'node_modules'));

      const { code, stdout } = await outcome(await launch(echo, tooOld));

      expect({ code, stdout }).toEqual({ code: 3, stdout: '["backup","--server","a b"]\n' });
    },
  );

  it.runIf(comesWithNode)('passes a signal on, and ends as the command ends', async () => {
    await symlink(resolve('node_modules'), join(folder, 'node_modules'));
    const running = await launch(
      "process.on('SIGTERM', () => process.exit(7)); setInterval(() => {}, 1e6); console.error('up');",
      tooOld,
    );
    running.child.stderr.once('data', () => running.child.kill('SIGTERM'));

    expect(await outcome(running)).toMatchObject({ code: 7 });
  });

  it.runIf(comesWithNode)('takes the command with it when it is killed', LONG, async () => {
    const silent = createServer();
    silent.listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { port } = silent.address() as AddressInfo;
    try {
      const launcher = spawn(
        process.execPath,
        ['--require', join(folder, 'without-zstd.cjs'), 'cli/snapbank.cjs', 'protectables'],
        {
          stdio: ['ignore', 'pipe', 'pipe'],
          env: {
            PATH: process.env['PATH'],
            HOME: folder,
            OS_AUTH_URL: `http://127.0.0.1:${String(port)}/v3`,
            OS_AUTH_TYPE: 'v3applicationcredential',
            OS_APPLICATION_CREDENTIAL_ID: 'a',
            OS_APPLICATION_CREDENTIAL_SECRET: 'b',
          },
        },
      );
      const outputs = Promise.all([text(launcher.stdout), text(launcher.stderr)]);
      const [request] = (await once(silent, 'request')) as [IncomingMessage];
      launcher.kill('SIGKILL');

      // The command gives up its request, and its pipes close only when it has ended.
      await once(request.socket, 'close');
      const [, stderr] = await outputs;

      expect(stderr).toContain('Stopping in good order');
      expect(stderr).toContain('Stopped');
    } finally {
      silent.closeAllConnections();
      silent.close();
    }
  });

  it('says what to do where there is no Node that can run the command', async () => {
    const { code, stderr } = await outcome(await launch(echo, tooOld));

    expect(code).toBe(2);
    expect(stderr).toContain('npm ci');
  });
});
