import { createHash } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { relative, resolve } from 'node:path';
import type { DemoCloud } from '../local/demo-cloud/demo-cloud.ts';
import { changeData, type Scene, setScene } from './demo/scene.ts';
import { mebibytes } from './demo/user-data.ts';
import { runCommandLine } from './run.ts';
import { formatBytes, formatDuration } from './terminal/format.ts';
import { styleFor } from './terminal/style.ts';

// `npm start`: the main job, start to end, on a small cloud in this process. The commands are the real ones, run as from a shell.

const style = styleFor(process.stdout);
const startedAt = Date.now();
const directory = resolve(import.meta.dirname, '..', '.snapbank', 'demo');
const bank = resolve(directory, 'bank');
const keyFile = resolve(directory, 'demo.key');

function say(text = ''): void {
  process.stdout.write(`${text}\n`);
}

function title(text: string): void {
  say(`\n${style('bold', text)}`);
}

let stop: () => void = () => {};
process.on('SIGINT', () => {
  stop();
});

async function snapbank(cloud: DemoCloud, ...argv: string[]): Promise<void> {
  say(style('dim', `$ snapbank ${argv.join(' ')}`));
  const exitCode = await runCommandLine(argv, {
    env: {
      ...process.env,
      OS_CLOUD: undefined,
      OS_CLIENT_CONFIG_FILE: undefined,
      ...cloud.environment,
      SNAPBANK_BANK: bank,
      SNAPBANK_KEY_FILE: keyFile,
      XDG_STATE_HOME: directory,
    },
    cwd: process.cwd(),
    stdout: process.stdout,
    stderr: process.stderr,
    onStopRequest: (listener) => {
      stop = listener;
    },
  });
  if (exitCode !== 0)
    throw new Error(`snapbank ${argv.join(' ')} ended with exit code ${String(exitCode)}.`);
}

async function play(scene: Scene): Promise<void> {
  const { cloud, servers } = scene;
  const [web] = servers;
  if (web === undefined) throw new Error('The scene has no server.');
  await snapbank(cloud, 'bank', 'init');
  await snapbank(cloud, 'protectables');

  title('1. First backup: both servers boot from one image, each has data of its own');
  await snapbank(cloud, 'backup', '--all');

  title('2. The users change a few per cent; second backup');
  const changedBytes = await changeData(scene);
  say(`${formatBytes(changedBytes)} changed on ${String(servers.length)} servers.`);
  await snapbank(cloud, 'backup', '--all');
  await snapbank(cloud, 'checkpoints');

  title('3. A server is lost, with everything its users wrote');
  const before = await diskDigest(cloud, web.id);
  await cloud.removeServer(web.id);
  say(`${web.name} (${web.id}) is gone.`);

  title('4. It comes back');
  await snapbank(cloud, 'restore', `${web.name}@latest`, '--check');
  const restored = cloud.inventory().servers.find(({ name }) => name === web.name);
  const after = restored === undefined ? undefined : await diskDigest(cloud, restored.id);
  if (after !== before) throw new Error('The restored disk is not the one that was lost.');
  say(
    `Its disk of ${formatBytes(await cloud.guestSizeBytes(restored?.id ?? ''))} is byte for byte the one that was lost (sha256 ${before.slice(0, 16)}…).`,
  );

  const left = cloud.inventory().images.filter(({ name }) => name.startsWith('snapbank-'));
  if (left.length > 0) throw new Error(`${String(left.length)} temporary images were left behind.`);
}

/** SHA-256 of a server's whole disk, as its guest sees it. */
async function diskDigest(cloud: DemoCloud, serverId: string): Promise<string> {
  const hash = createHash('sha256');
  const sizeBytes = await cloud.guestSizeBytes(serverId);
  const step = mebibytes(16);
  for (let offset = 0; offset < sizeBytes; offset += step) {
    hash.update(await cloud.readGuest(serverId, offset, Math.min(step, sizeBytes - offset)));
  }
  return hash.digest('hex');
}

/** The path as it is typed from here. */
function here(path: string): string {
  return relative(process.cwd(), path);
}

function closing(): void {
  title(`All of it held, in ${formatDuration(Date.now() - startedAt)}.`);
  say(`The bank lies in ${here(bank)}, sealed with ${here(keyFile)}. Go on with it:`);
  const options = `--bank ${here(bank)} --key-file ${here(keyFile)}`;
  say(`  npm run -s snapbank -- ${options} checkpoints`);
  say(`  npm run -s snapbank -- ${options} show web-1@latest`);
  say(`  npm run -s snapbank -- ${options} export web-1@latest --output web-1.qcow2`);
  say('With a real cloud: see "On your cloud" in README.md.');
}

await rm(directory, { recursive: true, force: true });
await mkdir(directory, { recursive: true });
say(
  'snapbank backs up OpenStack servers with the data their users wrote. This demo brings its own small cloud.',
);
const scene = await setScene();
try {
  await play(scene);
  closing();
} catch (error) {
  process.stderr.write(
    `\nThe demo failed: ${error instanceof Error ? error.message : String(error)}\n`,
  );
  process.exitCode = 1;
} finally {
  await scene.cloud.close();
}
process.exit();
