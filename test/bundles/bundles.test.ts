import { execFile } from 'node:child_process';
import { copyFile, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundleContainer, bundleFunctions } from '../../infra/bundle.ts';
import { fileNameOf, MACHINES, readDefinition } from '../../infra/definitions.ts';

const run = promisify(execFile);

/** In a process of its own: functions keep what they opened. */
async function runBundledMachines(...directories: string[]): Promise<unknown> {
  const script = join(import.meta.dirname, 'run-bundled-machines.ts');
  const { stdout } = await run(process.execPath, [script, ...directories]);
  return JSON.parse(stdout);
}

/** Lambda takes 250 MB, unzipped; a bundle that is much larger than the others has swallowed something. */
const MAX_BUNDLE_BYTES = 6_000_000;

describe('the bundles of the functions', () => {
  let directory: string;
  const files = () =>
    [...new Set(MACHINES.flatMap((machine) => readDefinition(machine).functions))]
      .concat('ReceiveWebhook', 'ReportAges', 'ReportRun', 'StartBackup', 'StartMaintenance')
      .map((name) => join(directory, fileNameOf(name), 'index.mjs'));

  beforeAll(async () => {
    // Outside of the project: nothing is found in its node_modules.
    directory = await mkdtemp(join(tmpdir(), 'snapbank-bundles-test-'));
    bundleFunctions(directory);
  });
  afterAll(async () => {
    await rm(directory, { recursive: true, force: true });
  });

  it('are there for every function, of a sensible size', async () => {
    for (const file of files()) expect((await stat(file)).size).toBeLessThan(MAX_BUNDLE_BYTES);
    const sources = await readdir(join(import.meta.dirname, '../../functions'));
    const functions = sources.filter((file) => file.endsWith('.ts'));
    expect(await readdir(directory)).toHaveLength(functions.length);
  });

  it('load under the Node of Lambda from folders of their own, and refuse a wrong event by name', async () => {
    const script = join(directory, 'call-bundle.ts');
    await copyFile(join(import.meta.dirname, 'call-bundle.ts'), script);

    const { stderr } = await run(process.execPath, [script, ...files()], {
      cwd: directory,
      env: {
        SNAPBANK_BANK: join(directory, 'no-bank'),
        SNAPBANK_BACKUP_MACHINE: 'arn',
        AWS_REGION: 'eu-central-1',
      },
    });

    const answers = stderr
      .split('\n')
      .filter((line) => line.startsWith('{"file"'))
      .map((line) => JSON.parse(line) as { file: string; answer: string });
    expect(answers.map(({ file }) => file)).toEqual(files());
    expect(new Set(answers.map(({ answer }) => answer))).toEqual(new Set(['InvalidInput']));
  });

  it('back a server up and bring it back, in the order that the deployed definitions say', async () => {
    const outcome = await runBundledMachines(directory);

    expect(outcome).toEqual({
      backup: 'SUCCEEDED',
      restore: 'SUCCEEDED',
      containerStates: [],
      identical: true,
      sameData: true,
    });
  });

  it('leave to the image of the containers what takes them too long, built as its Dockerfile says', async () => {
    const containerDirectory = await mkdtemp(join(tmpdir(), 'snapbank-container-test-'));
    try {
      bundleContainer(containerDirectory);
      const dockerfile = await readFile(join(containerDirectory, 'Dockerfile'), 'utf8');
      const copied = /^COPY (.+) \S+$/m.exec(dockerfile)?.[1]?.split(' ') ?? [];

      const outcome = await runBundledMachines(directory, containerDirectory);

      expect([...copied, 'Dockerfile'].sort()).toEqual((await readdir(containerDirectory)).sort());
      expect(dockerfile).toMatch(/^FROM \S+node:24\.\d+\.\d+-/m);
      expect(dockerfile).toMatch(/^USER node$/m);
      // A build for another processor than the builder's cannot run anything.
      expect(dockerfile).not.toMatch(/^RUN /m);
      expect(outcome).toEqual({
        backup: 'SUCCEEDED',
        restore: 'SUCCEEDED',
        containerStates: ['UploadStreamInContainer', 'UploadImageInContainer'],
        identical: true,
        sameData: true,
      });
    } finally {
      await rm(containerDirectory, { recursive: true, force: true });
    }
  });
});
