import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ServerProtectable } from '../../lib/protectable.ts';
import type { DemoCloud } from '../../local/demo-cloud/demo-cloud.ts';
import { startDemoCloud } from '../../local/demo-cloud/start-demo-cloud.ts';
import { runCollected } from './run-collected.ts';

const MIB = 1024 ** 2;
const NAMES = [
  '../../../../tmp/escaped',
  '/etc/passwd',
  '..',
  'two\nlines\r\nSERVER  forged',
  '\u001b[2J\u001b]0;owned\u0007red\u001b[31m',
  'evil\u202efdp.exe',
  '👩‍🚀🇩🇪e\u0301',
  'x'.repeat(255),
  '数'.repeat(255),
  'nul\0byte',
  '--output',
  '-rf *; $(reboot) `id`',
  '| a | b |\n|---|---|',
  '__proto__',
  'tab\tand\u0085next\u2028line',
];

/** What Nova takes for a tag: up to 60 characters, but for "," and "/". */
const tagsOf = (name: string) => [name, 'nightly'].filter((tag) => /^[^,/]{1,60}$/u.test(tag));

let directory: string;
let cloud: DemoCloud;
const byId = new Map<string, string>();

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'snapbank-names-'));
  cloud = await startDemoCloud({ durations: { snapshotMs: 10, buildMs: 10 } });
  const flavorId = cloud.addFlavor({ name: '\u001b[5mm1', vcpus: 1, ramMib: 64, diskGib: 0 });
  const content = Buffer.alloc(MIB, 'x');
  const random = fc.sample(fc.string({ unit: 'binary', minLength: 1, maxLength: 80 }), {
    seed: 1,
    numRuns: 2,
  });
  for (const name of [...NAMES, ...random]) {
    const image = { name, content, diskFormat: 'raw' as const, properties: { os_distro: name } };
    const imageId = await cloud.addImage(image);
    const server = { name, imageId, flavorId, metadata: { note: name }, tags: tagsOf(name) };
    byId.set(await cloud.addServer(server), name);
  }
  expect((await snapbank('bank', 'init')).exitCode).toBe(0);
}, 60_000);

afterAll(async () => {
  await cloud.close();
  await rm(directory, { recursive: true, force: true });
});

async function snapbank(...argv: string[]) {
  const ran = await runCollected(argv, {
    env: {
      HOME: directory,
      ...cloud.environment,
      SNAPBANK_BANK: join(directory, 'bank'),
      SNAPBANK_KEY_FILE: join(directory, 'key'),
      SNAPBANK_SERVERS_AT_ONCE: '8',
    },
    cwd: directory,
  });
  expectHarmless(ran.stdout);
  expectHarmless(ran.stderr);
  return ran;
}

/** Nothing that a terminal obeys, and no line that a name began. */
function expectHarmless(text: string): void {
  expect(text).not.toMatch(
    /(?!\n)[\p{Cc}\p{Zl}\p{Zp}]|[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/u,
  );
  expect(text).not.toMatch(/^SERVER +forged/m);
}

async function tagsNow(serverId: string): Promise<string[] | undefined> {
  const { stdout } = await snapbank('protectables', '--json');
  const events = eventsOf(stdout) as { protectable?: ServerProtectable }[];
  const found = events.find(({ protectable }) => protectable?.id === serverId);
  return found?.protectable?.extra_info.tags.toSorted();
}

const eventsOf = (stdout: string) =>
  stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

describe('names that are made to harm', () => {
  const checkpoints = new Map<string, string>();

  it('are backed up, each under its own', async () => {
    const { exitCode, stdout } = await snapbank('backup', '--all', '--json');

    expect(exitCode).toBe(0);
    const { servers } = eventsOf(stdout).at(-1) as {
      servers: { id: string; name: string; checkpoint: string }[];
    };
    expect(new Map(servers.map(({ id, name }) => [id, name]))).toEqual(byId);
    for (const { id, checkpoint } of servers) checkpoints.set(id, checkpoint);
  }, 120_000);

  it.each([
    ['protectables'],
    ['backup', '--all'],
    ['checkpoints'],
    ['verify', '--all', '--level', 'records'],
    ['prune', '--keep-last', '1', '--dry-run'],
    ['checkpoints', '--server', 'evil\u202efdp.exe'],
    ['show', '\u001b[2J\u001b]0;owned\u0007red\u001b[31m@latest'],
    ['backup', '--server', '\u001b[2Jnobody'],
    ['backup', '--tag', '\u001b[2Jnobody'],
    ['backup', '--tag', 'a,b'],
    ['backup', '--tag', 'x'.repeat(61)],
    ['restore', '../../x@latest', '--plan'],
    ['export', '\u001b[2J@latest', '--output', 'out'],
    ['\u001b[2J'],
  ])(
    'print nothing that a terminal obeys: %j',
    async (...argv) => {
      await snapbank(...argv);
      if (argv[0] !== 'backup') await snapbank(...argv, '--json');
    },
    120_000,
  );

  it('choose servers as tags, each its own', async () => {
    const tags = [...byId].filter(
      ([, name]) => tagsOf(name).includes(name) && /\P{ASCII}|\p{Cc}/u.test(name),
    );
    expect(tags.length).toBeGreaterThan(5);
    for (const [id, tag] of tags.slice(0, 5)) {
      const { exitCode, stdout } = await snapbank('backup', '--tag', tag, '--json');

      expect(exitCode, stdout).toBe(0);
      expect(eventsOf(stdout).at(-1)).toMatchObject({ servers: [{ id, name: tag }] });
    }
  }, 120_000);

  it.each(['a,b', 'a/b', 'x'.repeat(61), ''])(
    'are refused as tags that no server can have: %j',
    async (tag) => {
      const { exitCode, stderr } = await snapbank('backup', '--tag', tag);

      expect(exitCode).toBe(2);
      expect(stderr).toMatch(/InvalidInput.*tag/s);
    },
  );

  it('show every checkpoint and its restore', async () => {
    for (const checkpoint of checkpoints.values()) {
      expect((await snapbank('show', checkpoint)).exitCode).toBe(0);
      expect((await snapbank('restore', checkpoint, '--plan')).exitCode).toBe(0);
    }
  }, 120_000);

  it('come back as they were', async () => {
    for (const [id, checkpoint] of checkpoints) {
      await cloud.removeServer(id);
      const { exitCode, stdout } = await snapbank('restore', checkpoint, '--json');

      expect(exitCode, stdout).toBe(0);
      const { serverId } = eventsOf(stdout).at(-1) as { serverId: string };
      const restored = cloud.inventory().servers.find((server) => server.id === serverId);
      expect(restored?.name).toBe(byId.get(id));
      expect(await tagsNow(serverId)).toEqual(tagsOf(byId.get(id) ?? '').toSorted());
      await cloud.removeServer(serverId);
    }
  }, 120_000);

  it('get into no path, and nowhere but below the directories that were named', async () => {
    const paths = await readdir(directory, { recursive: true });

    for (const path of paths) expect(path).toMatch(/^[A-Za-z0-9._/-]*$/);
    expect((await readdir(directory)).sort()).toEqual(['.local', 'bank', 'key']);
    for (const name of byId.values()) {
      const isTelling = name.length > 3;
      if (isTelling) expect(paths.map((path) => basename(path))).not.toContain(name);
    }
  });

  it('do not get into the file that is exported but as data', async () => {
    const [checkpoint = ''] = checkpoints.values();
    const out = join(directory, 'out.raw');
    expect(
      (await snapbank('export', checkpoint, '--format', 'raw', '--output', out)).exitCode,
    ).toBe(0);

    expect((await readFile(out)).equals(Buffer.alloc(MIB, 'x'))).toBe(true);
  });
});
