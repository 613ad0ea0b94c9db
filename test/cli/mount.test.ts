import { execFile, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCommandLine } from '../../cli/run.ts';
import type { DemoCloud } from '../../local/demo-cloud/demo-cloud.ts';
import { startDemoCloud } from '../../local/demo-cloud/start-demo-cloud.ts';
import { hasQemuImg, qemuImg } from '../local/demo-cloud/qemu-img.ts';

const run = promisify(execFile);
const MIB = 1024 ** 2;
const canMountFiles =
  process.env['CI'] === 'true' ||
  (spawnSync('nbdfuse', ['--version']).status === 0 && existsSync('/dev/fuse'));

let directory: string;
let cloud: DemoCloud;
/** A file system with a file of its user in it. */
let fileSystem: Buffer;
const letter = randomBytes(3 * MIB);

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'snapbank-mount-'));
  await mkdir(join(directory, 'tree', 'home'), { recursive: true });
  await writeFile(join(directory, 'tree', 'home', 'letter'), letter);
  const image = join(directory, 'disk.raw');
  await writeFile(image, Buffer.alloc(32 * MIB));
  await run('/usr/sbin/mkfs.ext4', ['-q', '-d', join(directory, 'tree'), image]);
  fileSystem = await readFile(image);
  cloud = await startDemoCloud();
  const flavorId = cloud.addFlavor({ name: 'm1', vcpus: 1, ramMib: 64, diskGib: 0 });
  const imageId = await cloud.addImage({
    name: 'base',
    content: Buffer.alloc(32 * MIB),
    diskFormat: 'raw',
  });
  const serverId = await cloud.addServer({ name: 'web-1', imageId, flavorId });
  await cloud.writeGuest(serverId, 0, fileSystem);
  await snapbank(['bank', 'init']).ended;
  await snapbank(['backup', '--all']).ended;
});
afterAll(async () => {
  await cloud.close();
  await rm(directory, { recursive: true, force: true });
});

interface Running {
  ended: Promise<number>;
  stop: () => void;
  text: () => string;
  /** Resolves with what the command prints once it matches. */
  printed: (pattern: RegExp) => Promise<RegExpExecArray>;
}

function snapbank(argv: string[]): Running {
  let text = '';
  let stop: (() => void) | undefined;
  const waiting: (() => void)[] = [];
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      text += chunk.toString();
      for (const look of waiting) look();
      done();
    },
  });
  const ended = runCommandLine(argv, {
    env: {
      HOME: directory,
      XDG_RUNTIME_DIR: directory,
      ...cloud.environment,
      SNAPBANK_BANK: join(directory, 'bank'),
      SNAPBANK_KEY_FILE: join(directory, 'key'),
    },
    cwd: directory,
    stdout: stream,
    stderr: stream,
    onStopRequest: (listener) => {
      stop = listener;
    },
  });
  const printed = (pattern: RegExp) =>
    new Promise<RegExpExecArray>((resolve, reject) => {
      const look = () => {
        const match = pattern.exec(text);
        if (match !== null) resolve(match);
      };
      waiting.push(look);
      look();
      void ended.then(() => reject(new Error(`It ended: ${text}`)));
    });
  return { ended, stop: () => stop?.(), text: () => text, printed };
}

const URI = /nbd(?:\+unix)?:\/\/[^\s']+/;
const SOCKET = /socket=(.*)$/;

async function pins(): Promise<string[]> {
  const names = await readdir(join(directory, 'bank', 'register'), { recursive: true });
  return names.filter((name) => /^pins\/.*\//.test(name));
}

describe('snapbank mount', () => {
  it('offers the disk to its owner until it is stopped, and leaves nothing', async () => {
    const mounted = snapbank(['mount', 'web-1@latest']);
    const [uri] = await mounted.printed(URI);
    const socket = SOCKET.exec(uri)?.[1] ?? '';

    expect((await stat(socket)).mode & 0o777).toBe(0o600);
    expect(await pins()).toHaveLength(1);
    mounted.stop();

    expect(await mounted.ended).toBe(0);
    expect(mounted.text()).toContain('0 B were read');
    expect(existsSync(socket)).toBe(false);
    expect((await readdir(directory)).filter((name) => name.startsWith('snapbank-'))).toEqual([]);
    expect(await pins()).toEqual([]);
  });

  it.skipIf(!hasQemuImg)('gives QEMU the disk as it was, with its holes', async () => {
    const mounted = snapbank(['mount', 'web-1@latest', '--listen', '0', '--json']);
    const [, uri = ''] = await mounted.printed(/"uri":"([^"]+)"/);

    const compared = await qemuImg(
      'compare',
      '-f',
      'raw',
      '-F',
      'raw',
      uri,
      join(directory, 'disk.raw'),
    );
    const map = JSON.parse(await qemuImg('map', '-f', 'raw', '--output=json', uri)) as {
      zero: boolean;
    }[];
    mounted.stop();

    expect(compared).toContain('identical');
    expect(map.some(({ zero }) => zero)).toBe(true);
    expect(map.some(({ zero }) => !zero)).toBe(true);
    expect(await mounted.ended).toBe(0);
    const summary = JSON.parse(mounted.text().trim().split('\n').at(-1) ?? '') as object;
    expect(summary).toMatchObject({ type: 'summary', readBytes: expect.any(Number) as number });
  });

  it.skipIf(!canMountFiles)('brings one file back without a restore', async () => {
    const mounted = snapbank(['mount', 'web-1@latest']);
    const [uri] = await mounted.printed(URI);
    const place = join(directory, 'fuse');
    await mkdir(place);
    const fuse = spawn('nbdfuse', ['--readonly', place, uri], { stdio: 'inherit' });
    const gone = once(fuse, 'exit');
    await expect.poll(() => existsSync(join(place, 'nbd')), { timeout: 10_000 }).toBe(true);

    const { stdout } = await run(
      '/usr/sbin/debugfs',
      ['-R', 'cat /home/letter', join(place, 'nbd')],
      { encoding: 'buffer', maxBuffer: 10 * MIB },
    );
    await run('fusermount3', ['-u', place]);
    await gone;
    mounted.stop();

    expect(stdout.equals(letter)).toBe(true);
    expect(await mounted.ended).toBe(0);
  });

  it.each([
    [['--socket', 'a', '--listen', '1'], 'not both'],
    [['--listen', 'here'], 'ADDRESS:PORT'],
    [['--listen', '127.0.0.1:99999'], 'ADDRESS:PORT'],
    [['--socket', 'x'.repeat(108)], '107 bytes'],
    [['--socket', '/'], 'Cannot listen at /: it is in use'],
  ])('says what is wrong with %j', async (options, what) => {
    const mounted = snapbank(['mount', 'web-1@latest', ...options]);

    expect(await mounted.ended).toBe(2);
    expect(mounted.text()).toContain(what);
    expect(await pins()).toEqual([]);
  });
});
