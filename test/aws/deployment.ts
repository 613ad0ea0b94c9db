import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { stringify } from 'yaml';
import { PROJECT_ROOT } from '../../infra/definitions.ts';
import { readSettings } from '../../infra/settings.ts';
import { createBank } from '../../lib/bank/create-bank.ts';
import { parseSecretKey } from '../../lib/bank/keys/key-text.ts';
import { openPlaces } from '../../lib/bank/open-places.ts';
import type { TestAccount } from './account.ts';

const run = promisify(execFile);

/** A stack of its own name. */
export interface Deployment {
  stack: string;
  /** What the deployment printed, by name. */
  outputs: Record<string, string>;
  /** Removes the stack and its buckets, those too that a stack leaves behind. */
  destroy: () => Promise<void>;
}

/** Deploys what is checked out; nothing that is there is touched. */
export async function deploy({ cloudSecret, keySecret }: TestAccount): Promise<Deployment> {
  const stack = `snapbank-test-${randomBytes(4).toString('hex')}`;
  const directory = await mkdtemp(join(tmpdir(), `${stack}-`));
  const settingsFile = join(directory, 'settings.yaml');
  const outputsFile = join(directory, 'outputs.json');
  const secrets = { cloud: cloudSecret, key: keySecret };
  await writeFile(settingsFile, stringify({ ...readSettings(), stack, secrets, plans: [] }));
  const cdk = async (...words: string[]) => {
    await run('npx', ['cdk', ...words], {
      cwd: PROJECT_ROOT,
      env: { ...process.env, SNAPBANK_SETTINGS: settingsFile, CDK_DISABLE_VERSION_CHECK: '1' },
      maxBuffer: 64 * 1024 ** 2,
    });
  };
  let outputs: Record<string, string> = {};
  const destroy = async () => {
    const protection = ['--no-enable-termination-protection', '--stack-name', stack];
    await run('aws', ['cloudformation', 'update-termination-protection', ...protection]);
    for (const location of locationsOf(outputs)) {
      await run('aws', ['s3', 'rm', '--recursive', '--only-show-errors', location]);
    }
    await cdk('destroy', '--force');
    // The stack leaves the bank and the register behind; `rb` finds the work bucket gone.
    for (const location of locationsOf(outputs)) {
      await run('aws', ['s3', 'rb', location]).catch(() => undefined);
    }
    await rm(directory, { recursive: true, force: true });
  };
  try {
    await cdk('deploy', '--require-approval', 'never', '--outputs-file', outputsFile);
    const byStack = JSON.parse(await readFile(outputsFile, 'utf8')) as Record<
      string,
      Record<string, string>
    >;
    outputs = byStack[stack] ?? {};
    return { stack, outputs, destroy };
  } catch (error) {
    await destroy().catch(() => undefined);
    throw error;
  }
}

function locationsOf(outputs: Record<string, string>): string[] {
  return ['bankLocation', 'registerLocation', 'workLocation'].flatMap(
    (name) => outputs[name] ?? [],
  );
}

/** Makes the bank that the deployment has places for, with the key of the secret that it reads. */
export async function makeBank({ outputs }: Deployment, { keySecret }: TestAccount): Promise<void> {
  const { stdout } = await run('aws', [
    'secretsmanager',
    'get-secret-value',
    '--secret-id',
    keySecret,
    '--query',
    'SecretString',
    '--output',
    'text',
  ]);
  const { publicKey } = parseSecretKey(stdout);
  const { bankLocation = '', registerLocation, workLocation } = outputs;
  const locations = { bank: bankLocation, register: registerLocation, work: workLocation };
  await createBank(openPlaces(locations, { env: process.env }), {
    access: [{ label: 'test', role: 'reader', publicKey }],
  });
}
