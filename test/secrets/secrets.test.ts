import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DemoCloud } from '../../local/demo-cloud/demo-cloud.ts';
import { startDemoCloud } from '../../local/demo-cloud/start-demo-cloud.ts';
import { type Ended, startSnapbank } from '../interruption/snapbank-process.ts';
import { type S3Server, startS3Server } from '../s3-server/s3-server.ts';

const MIB = 1024 ** 2;
const PASSPHRASE = 'canary-passphrase-7d1f0c';
const SESSION_TOKEN = 'canary-session-token-51aa90';
const USER_DATA = 'canary-user-data-3b8842';

let directory: string;
let cloud: DemoCloud;
let s3: S3Server;
/** Everything that the commands wrote to their outputs and had as arguments. */
const said: string[] = [];
/** All that Keystone gave out. */
let tokens: string[] = [];

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'snapbank-secrets-'));
  cloud = await startDemoCloud({ directory });
  s3 = await startS3Server();
  const flavorId = cloud.addFlavor({ name: 'm1', vcpus: 1, ramMib: 64, diskGib: 0 });
  const imageId = await cloud.addImage({
    name: 'base',
    content: Buffer.alloc(8 * MIB, 'x'),
    diskFormat: 'raw',
  });
  await cloud.addServer({
    name: 'web-1',
    imageId,
    flavorId,
    userData: Buffer.from(USER_DATA).toString('base64'),
  });
});
afterAll(async () => {
  await cloud.close();
  await s3.close();
  await rm(directory, { recursive: true, force: true });
});

async function snapbank(...words: string[]): Promise<number | null> {
  return (await ended(words)).exitCode;
}

async function ended(words: readonly string[], more: Record<string, string> = {}): Promise<Ended> {
  const env = {
    HOME: directory,
    ...cloud.environment,
    AWS_ENDPOINT_URL_S3: s3.url,
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: s3.credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: s3.credentials.secretAccessKey,
    AWS_SESSION_TOKEN: SESSION_TOKEN,
    SNAPBANK_BANK: 's3://bank/prod',
    SNAPBANK_KEY_FILE: join(directory, 'key'),
    SNAPBANK_PASSPHRASE: PASSPHRASE,
    ...more,
  };
  const argv = [...words, '--debug'];
  const run = await startSnapbank({ argv, env, cwd: directory }).ended;
  said.push(argv.join(' '), run.stdout, run.stderr);
  return run;
}

/** A backup in whose process an error that nobody catches carries all that is secret. */
async function crash(how: string): Promise<Ended> {
  const preload = resolve(import.meta.dirname, 'crash-at.ts');
  const more = { NODE_OPTIONS: `--import=${preload}`, SNAPBANK_TEST_CRASH: how };
  return await ended(['backup', '--all'], more);
}

/** What must not appear anywhere, by what it is. */
async function secrets(): Promise<Map<string, string>> {
  const keyFile = await readFile(join(directory, 'key'), 'utf8');
  return new Map([
    ['the secret of the application credential', cloud.applicationCredential.secret],
    ['the secret key of AWS', s3.credentials.secretAccessKey],
    ['the session token of AWS', SESSION_TOKEN],
    ['the passphrase', PASSPHRASE],
    ['the secret key of the bank', keyFile.trim().split('\n').at(-1) ?? ''],
    ['a password in a URL', 'canary-in-url'],
    ['user data', USER_DATA],
    ['encoded user data', Buffer.from(USER_DATA).toString('base64')],
    ['a signature of a presigned URL', 'X-Amz-Signature'],
    ['a credential of a presigned URL', 'X-Amz-Credential'],
    ['a token of Keystone', 'X-Subject-Token'],
    ...tokens.map((token, index) => [`token ${String(index)}`, token] as const),
  ]);
}

async function filesBelow(folder: string): Promise<[string, string][]> {
  const files: [string, string][] = [];
  for (const name of await readdir(folder, { recursive: true })) {
    const path = join(folder, name);
    if ((await stat(path)).isFile()) files.push([path, await readFile(path, 'latin1')]);
  }
  return files;
}

describe('what is secret', () => {
  it('appears in no output, history, object, argument or error, at debug level', async () => {
    expect(await snapbank('bank', 'init', '--passphrase')).toBe(0);
    expect(await snapbank('backup', '--all')).toBe(0);
    expect(await snapbank('restore', 'web-1@latest', '--name', 'a', '--check')).toBe(0);
    const fetched = ['restore', 'web-1@latest', '--name', 'b', '--import', 'web-download'];
    expect(await snapbank(...fetched)).toBe(0);
    // Glance quotes the URL that it could not fetch.
    cloud.faults.nextImport('fails');
    expect(await snapbank(...fetched)).toBe(1);
    expect(await snapbank('verify', '--all')).toBe(0);
    expect(await snapbank('export', 'web-1@latest', '--output', 'disk.raw')).toBe(0);
    expect(await snapbank('checkpoints')).toBe(0);
    expect(await snapbank('show', 'web-1@latest')).toBe(0);
    expect(await snapbank('doctor')).toBe(0);
    expect(await snapbank('prune', '--keep-last', '1')).toBe(0);
    expect(await snapbank('collect-garbage')).toBe(0);
    // Refusals, whose answers and requests are at hand where the error is made.
    s3.failNext('GetObject', { kind: 'answer', effect: false, status: 403, code: 'AccessDenied' });
    expect(await snapbank('checkpoints')).not.toBe(0);
    for (const how of ['throw', 'reject', 'throw what is no error']) {
      const { exitCode, stderr, events } = await crash(how);
      expect(exitCode).toBe(1);
      expect(stderr).toMatch(/^snapbank: Crashed: TypeError: /m);
      expect(events.at(-1)).toMatchObject({ type: 'error', name: 'TypeError' });
    }
    expect(await snapbank('backup', '--all')).toBe(0);
    tokens = cloud.tokens();
    expect(tokens.length).toBeGreaterThan(3);
    cloud.expireTokens();
    cloud.faults.add({ service: 'identity' }, { kind: 'status', status: 401 }, { times: 9 });
    expect(await snapbank('backup', '--all')).not.toBe(0);

    const places: [string, string][] = [
      ['an output or an argument', said.join('\n')],
      ...(await filesBelow(join(directory, '.local'))),
      ...[...s3.bucket.objects].map(([key, object]): [string, string] => [
        `object ${key}`,
        `${key} ${Buffer.from(object.bytes).toString('latin1')}`,
      ]),
    ];
    expect(places.length).toBeGreaterThan(20);
    // What is no secret is found, in outputs and in histories.
    const shown = places.filter(([, text]) => text.includes('web-1'));
    expect(shown.length).toBeGreaterThan(3);
    const found = [...(await secrets())].flatMap(([what, secret]) =>
      places.filter(([, text]) => text.includes(secret)).map(([where]) => `${what} in ${where}`),
    );
    expect(found).toEqual([]);
  }, 400_000);
});
