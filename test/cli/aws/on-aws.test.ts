import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Fault } from '../../step-functions-server/step-functions-server.ts';
import type { Collected } from '../run-collected.ts';
import { MIB, type Stage, startStage } from './stage.ts';

let stage: Stage;
/** The phases of a backup, as the embedded engine goes through them. */
let course: unknown[];
const data = Buffer.alloc(MIB, 'what its users wrote');

beforeAll(async () => {
  stage = await startStage();
  await stage.addServer('web-1', data);
  await stage.addServer('db-1');
});
afterAll(async () => {
  await stage.close();
});
beforeEach(() => {
  stage.aws.faultFor = () => undefined;
});

/** Without what differs between any two runs. */
function comparable(text: string): string {
  return text.replaceAll(/[0-9a-f]{24}/g, 'CHECKPOINT').replaceAll(/ in [\d.]+ s/g, ' in TIME');
}

function phasesOf({ events }: Collected): Record<string, unknown[]> {
  const phases: Record<string, unknown[]> = {};
  for (const { type, name, phase } of events) {
    if (type === 'phase') (phases[String(name)] ??= []).push(phase);
  }
  return phases;
}

/** Lines of the progress display, in no order: two servers are worked on at a time. */
function progressOf({ stderr }: Collected): string[] {
  const lines = stderr.split('\n').filter((line) => /^(web|db)-1: /.test(line));
  return lines.toSorted();
}

function summaryOf({ events }: Collected): unknown {
  const summary = { ...events.at(-1), execution: '', outcomesKey: '' };
  return JSON.parse(comparable(JSON.stringify(summary)));
}

/** The fault of every request that AWS answers so. */
function refusal(code: string): () => Fault {
  return () => ({ kind: 'answer', status: 400, code });
}

function startedIn(aws: Stage['aws']): number {
  return aws.executions().length;
}

const NOBODY = '00000000-0000-4000-8000-000000000000';

describe('a command with --on', () => {
  it('backs up in AWS with the progress and the summary of an embedded run', async () => {
    const here = await stage.run('backup --all', stage.embeddedEnv);
    const there = await stage.run('backup --all --on snapbank');

    expect(there.exitCode).toBe(0);
    expect(there.stdout).toContain('2 of 2 backed up');
    expect(comparable(there.stdout)).toBe(comparable(here.stdout));
    expect(progressOf(there)).toEqual(progressOf(here));
  });

  it('writes the events of an embedded run with --json, and the ARN beside the name', async () => {
    const here = await stage.run('backup --server web-1 --json', stage.embeddedEnv);
    const there = await stage.run('backup --server web-1 --json --on snapbank');

    course = phasesOf(here)['web-1'] ?? [];
    expect(course.at(-1)).toBe('done');
    expect(phasesOf(there)).toEqual({ 'web-1': course });
    expect(there.events.map(({ type }) => type)).toEqual(here.events.map(({ type }) => type));
    expect(summaryOf(there)).toEqual(summaryOf(here));
    expect(there.events[0]).toMatchObject({
      type: 'execution',
      continued: false,
      arn: expect.stringMatching(/^arn:aws:states:eu-central-1:\d{12}:execution:snapbank-backup:/),
    });
  });

  it('needs neither the credentials of the cloud nor the key of the bank', () => {
    expect(Object.keys(stage.env).filter((name) => /^(OS|SNAPBANK)_/.test(name))).toEqual([]);
  });

  it('verifies, prunes, restores and collects there', async () => {
    const verified = await stage.run('verify --all --on snapbank');
    expect(verified).toMatchObject({
      exitCode: 0,
      stdout: expect.stringMatching(/web-1 .* sound .*3 of 3 sound/s),
    });

    const plan = await stage.run('restore web-1@latest --plan --on snapbank');
    expect(plan.stdout).toMatch(/Server +web-1.*Nothing was made/s);

    const restored = await stage.run(
      `restore web-1@latest --name web-1-again --check --json --on ${stage.aws.machineArn('restore')}`,
    );
    expect(restored.exitCode).toBe(0);
    const made = restored.events.at(-1) as { serverId: string };
    expect(made).toMatchObject({ type: 'summary', identical: true, bytes: 8 * MIB });
    expect(Buffer.compare(await stage.cloud.readGuest(made.serverId, MIB, MIB), data)).toBe(0);

    const pruned = await stage.run('prune --keep-last 1 --on snapbank');
    expect(pruned.stdout).toMatch(/keep +last.*go +no rule.*1 checkpoint taken out, 2 .* kept/s);

    const collected = await stage.run('collect-garbage --dry-run --on snapbank');
    expect(collected).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining('Nothing was deleted or rewritten (--dry-run).'),
    });
  });

  it('ends with 1 and names the error when a server fails there', async () => {
    const ran = await stage.run(`backup --server web-1 --server ${NOBODY} --on snapbank`);

    expect(ran.exitCode).toBe(1);
    expect(ran.stdout).toMatch(/0{12}: ServerNotFound: .*1 of 2 backed up/s);
    expect(ran.stderr).toContain(`${NOBODY}: failed: ServerNotFound`);
  });

  it('says what a wrong input is, as the machine says it', async () => {
    const ran = await stage.run('restore ffff --on snapbank --json');

    expect(ran).toMatchObject({
      exitCode: 2,
      events: expect.arrayContaining([
        expect.objectContaining({ type: 'error', name: 'CheckpointNotFound' }),
      ]),
    });
  });

  it('gets through a history in many pages, throttling, server errors and cut connections', async () => {
    let number = 0;
    stage.aws.pageSize = 3;
    stage.aws.faultFor = () => {
      number += 1;
      if (number % 5 === 0) return { kind: 'answer', status: 400, code: 'ThrottlingException' };
      if (number % 7 === 0) return { kind: 'cut' };
      return number % 11 === 0
        ? { kind: 'answer', status: 503, code: 'ServiceUnavailable' }
        : undefined;
    };
    try {
      const ran = await stage.run('backup --all --on snapbank --json');

      expect(ran.exitCode).toBe(0);
      // Nothing is missing, nothing comes twice.
      expect(phasesOf(ran)).toEqual({ 'web-1': course, 'db-1': course, 'web-1-again': course });
    } finally {
      stage.aws.pageSize = 1000;
    }
  });

  it('starts one execution when the answer to its start is lost', async () => {
    const before = startedIn(stage.aws);
    const requests = stage.aws.requests.length;
    stage.aws.failNext('StartExecution', { kind: 'cut', effect: true });

    const ran = await stage.run('backup --server db-1 --on snapbank');

    expect(ran.exitCode).toBe(0);
    expect(startedIn(stage.aws)).toBe(before + 1);
    const starts = stage.aws.requests.slice(requests).filter((it) => it === 'StartExecution');
    expect(starts).toHaveLength(2);
  });

  it('shows the totals where the work place cannot be read', async () => {
    stage.s3.faultFor = ({ key }) =>
      key.startsWith('work/outcomes/') && stage.aws.executions().at(-1)?.status !== 'RUNNING'
        ? { kind: 'answer', effect: false, status: 403, code: 'AccessDenied' }
        : undefined;
    try {
      const ran = await stage.run('backup --server db-1 --on snapbank');

      expect(ran.exitCode).toBe(0);
      expect(ran.stderr).toContain('The details in the work place cannot be read');
      expect(ran.stdout).toMatch(/^1 of 1 backed up in /);
    } finally {
      stage.s3.faultFor = () => undefined;
    }
  });

  it('waits for the end also where it may not see the history', async () => {
    stage.aws.faultFor = (action) =>
      action === 'GetExecutionHistory'
        ? { kind: 'answer', status: 400, code: 'AccessDeniedException' }
        : undefined;

    const ran = await stage.run('backup --server db-1 --on snapbank');

    expect(ran.exitCode).toBe(0);
    expect(ran.stdout).toContain('1 of 1 backed up');
    expect(ran.stderr).toMatch(/Progress is not shown: states:GetExecutionHistory is not allowed/);
  });
});

describe('a command with --on that is interrupted', () => {
  const words = 'backup --server web-1 --on snapbank';

  it('leaves the execution alone, and watches the same one when it is typed again', async () => {
    const before = startedIn(stage.aws);
    const command = stage.start(words);
    stage.aws.faultFor = (action) => {
      if (action === 'GetExecutionHistory') command.interrupt();
      return undefined;
    };

    const interrupted = await command.ended;

    expect(interrupted.exitCode).toBe(1);
    const { arn, name, status } = stage.aws.executions().at(-1) ?? {};
    expect(status).toBe('RUNNING');
    expect(interrupted.stderr).toContain(`WatchInterrupted: Stopped watching. Execution ${name}`);
    expect(interrupted.stderr).toContain(`snapbank watch ${arn}`);
    expect(interrupted.stderr).toContain(`snapbank stop ${arn}`);
    stage.aws.faultFor = () => undefined;
    const again = await stage.run(`${words} --json`);
    expect(again).toMatchObject({
      exitCode: 0,
      events: [{ type: 'execution', continued: true, name }, ...again.events.slice(1)],
    });
    expect(startedIn(stage.aws)).toBe(before + 1);
  });

  it('starts a new one when the interrupted one ended long ago', async () => {
    stage.aws.faultFor = (action) =>
      action === 'DescribeExecution'
        ? { kind: 'answer', status: 400, code: 'ExpiredTokenException' }
        : undefined;
    const lost = await stage.run(words);
    stage.aws.faultFor = () => undefined;
    const [watched] = stage.aws.executions().slice(-1);
    expect(lost).toMatchObject({
      exitCode: 1,
      stderr: expect.stringMatching(/WatchInterrupted: AwsCredentialsRefused: .* have expired/),
    });
    await stage.aws.rest();
    if (watched?.stoppedAt !== undefined) watched.stoppedAt -= 16 * 60_000;
    const before = startedIn(stage.aws);

    const again = await stage.run(`${words} --json`);

    expect(again.events[0]).toMatchObject({ continued: false });
    expect(again.events[0]?.['name']).not.toBe(watched?.name);
    expect(startedIn(stage.aws)).toBe(before + 1);
  });

  it('stops watching when its time is over', async () => {
    const ran = await stage.run(`${words} --watch-minutes 0.0001`);

    expect(ran).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining('WatchInterrupted: The time for watching is over.'),
    });
    expect((await stage.run(`${words} --watch-minutes some`)).exitCode).toBe(2);
    expect((await stage.run(words)).exitCode).toBe(0);
  });

  it('is told when the execution was stopped or timed out from outside', async () => {
    const stopping = stage.start(words);
    stage.aws.faultFor = (action) => {
      const { arn = '' } = stage.aws.executions().at(-1) ?? {};
      if (action === 'GetExecutionHistory') {
        stage.aws.faultFor = () => undefined;
        void stage.run(`stop ${arn}`);
      }
      return undefined;
    };
    expect(await stopping.ended).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining(
        'ExecutionAborted: The execution was stopped (Stopped: By snapbank stop.)',
      ),
    });

    stage.aws.faultFor = (action) => {
      if (action !== 'GetExecutionHistory') return undefined;
      stage.aws.faultFor = () => undefined;
      stage.aws.timeOut(stage.aws.executions().at(-1)?.name ?? '');
      return undefined;
    };
    expect(await stage.run(words)).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining('ExecutionTimedOut: The execution ran out of time'),
    });
  });
});

describe('--on', () => {
  const backup = 'backup --server db-1 --on';

  it('finds the machine of a stack among many, by its name or the beginning of it', async () => {
    stage.aws.otherMachines = ['other-backup', 'snapbank-east', 'zebra'];
    stage.aws.pageSize = 2;
    try {
      expect((await stage.run(`${backup} snap`)).exitCode).toBe(0);
    } finally {
      stage.aws.pageSize = 1000;
    }
  });

  it('lists the stacks that there are where it names none, or several', async () => {
    stage.aws.otherMachines = ['snapbank-2-backup', 'snapbank-2-collect-garbage', 'mine-backup'];

    expect(await stage.run(`${backup} snapbnk`)).toMatchObject({
      exitCode: 2,
      stderr: expect.stringMatching(
        /StateMachineNotFound: No stack is named "snapbnk" in eu-central-1. There are: snapbank, snapbank-2\.\n/,
      ),
    });
    expect(await stage.run(`${backup} snap`)).toMatchObject({
      exitCode: 2,
      stderr: expect.stringMatching(
        /StateMachineAmbiguous: 2 stacks begin with "snap": snapbank, snapbank-2\./,
      ),
    });
    expect((await stage.run(`${backup} snapbank`)).exitCode).toBe(0);
    stage.aws.otherMachines = [];
  });

  it('refuses an ARN that is none, is of another machine, or of none that is there', async () => {
    const arn = stage.aws.machineArn('backup');

    expect(await stage.run(`${backup} arn:aws:s3:::snapbank`)).toMatchObject({
      exitCode: 2,
      stderr: expect.stringMatching(/InvalidInput: .*no ARN of a state machine, such as arn:aws:/),
    });
    expect(await stage.run(`${backup} ${stage.aws.machineArn('verify')}`)).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('snapbank-verify is a machine for verify, not for backup'),
    });
    expect(await stage.run(`${backup} ${arn.replace('snapbank', 'snapbonk')}`)).toMatchObject({
      exitCode: 2,
      stderr: expect.stringMatching(/StateMachineNotFound: .*snapbonk-backup.*There are: snapbank/),
    });
    expect(await stage.run(`${backup} ${arn.replace('eu-central-1', 'eu-west-9')}`)).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('Step Functions in eu-west-9 does not know this ARN'),
    });
  });

  it('names what is wrong with region, credentials, permissions and the network', async () => {
    const [region, key] = [process.env['AWS_REGION'], process.env['AWS_ACCESS_KEY_ID']];
    delete process.env['AWS_REGION'];
    const regionless = await stage.run(`${backup} snapbank`);
    process.env['AWS_REGION'] = region;
    process.env['AWS_ACCESS_KEY_ID'] = 'UNKNOWN';
    const unknown = await stage.run(`${backup} snapbank`);
    process.env['AWS_ACCESS_KEY_ID'] = key;
    stage.aws.faultFor = refusal('ExpiredTokenException');
    const expired = await stage.run(`${backup} snapbank --json`);
    stage.aws.faultFor = refusal('AccessDeniedException');
    const denied = await stage.run(`${backup} snapbank`);
    stage.aws.faultFor = () => ({ kind: 'cut' });
    const cut = await stage.run(`${backup} snapbank`);

    expect(regionless).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('AWS_REGION'),
    });
    expect(unknown).toMatchObject({
      exitCode: 2,
      stderr: expect.stringMatching(/AwsCredentialsRefused: .*not known.*aws sso login/s),
    });
    expect(expired).toMatchObject({
      exitCode: 2,
      events: [{ type: 'error', name: 'AwsCredentialsRefused' }],
    });
    expect(denied).toMatchObject({
      exitCode: 2,
      stderr: expect.stringMatching(
        /AwsPermissionMissing: states:ListStateMachines is not allowed/,
      ),
    });
    expect(cut).toMatchObject({
      exitCode: 1,
      stderr: expect.stringMatching(/StepFunctionsUnavailable: .*ECONNRESET/),
    });
  });

  it('keeps a name of one’s own to one input', async () => {
    const named = '--on snapbank --execution mine';

    expect((await stage.run(`backup --server db-1 ${named}`)).exitCode).toBe(0);
    const before = startedIn(stage.aws);
    expect((await stage.run(`backup --server db-1 ${named}`)).stdout).toContain('1 of 1');
    expect(await stage.run(`backup --all ${named}`)).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining('ExecutionAlreadyExists: The execution mine exists in AWS'),
    });
    expect(startedIn(stage.aws)).toBe(before);
  });
});

describe('executions, watch and retry-failed', () => {
  it('lists what ran in AWS, newest first, with its servers', async () => {
    await stage.run(`backup --server db-1 --server ${NOBODY} --on snapbank`);

    const { events } = await stage.run('executions --on snapbank --limit 3 --json');

    expect(events).toHaveLength(4);
    expect(events[0]).toMatchObject({
      type: 'execution',
      machine: 'backup',
      status: 'FAILED',
      error: 'BackupIncomplete',
      servers: { total: 2, succeeded: 1, failed: 1 },
      arn: expect.stringContaining(':execution:snapbank-backup:'),
    });
    expect(events.at(-1)).toEqual({ type: 'summary', executions: 3 });
    const { stdout } = await stage.run('executions --on snapbank');
    expect(stdout).toMatch(/EXECUTION +MACHINE +STATUS.*\n.*backup +FAILED .* BackupIncomplete/);
    expect(stdout).toMatch(/restore +SUCCEEDED/);
  });

  it('lists what ran on this computer', async () => {
    await stage.run(`backup --server db-1 --server ${NOBODY}`, stage.embeddedEnv);
    await stage.run('verify --all', stage.embeddedEnv);

    const { events } = await stage.run('executions --json', stage.embeddedEnv);

    expect(events.slice(0, 2)).toMatchObject([
      { machine: 'verify', status: 'SUCCEEDED', arn: null, servers: null },
      { machine: 'backup', status: 'FAILED', servers: { total: 2, succeeded: 1, failed: 1 } },
    ]);
    const elsewhere = { ...stage.embeddedEnv, XDG_STATE_HOME: `${stage.home}/nothing` };
    expect((await stage.run('executions', elsewhere)).stdout).toContain('Nothing ran');
    expect((await stage.run('executions --limit x')).exitCode).toBe(2);
  });

  it.each(['in AWS', 'here'])('tries again %s what failed and nothing else', async (where) => {
    const [env, on] = where === 'here' ? [stage.embeddedEnv, ''] : [stage.env, '--on snapbank'];
    const late = await stage.addServer('late');
    const path = new RegExp(`${late}/action$`);
    stage.cloud.faults.add(
      { service: 'compute', method: 'POST', path },
      { kind: 'status', status: 403 },
    );
    await stage.run(`backup --server db-1 --server late ${on}`, env);

    const { events, exitCode } = await stage.run(`retry-failed ${on} --json`, env);

    expect(exitCode).toBe(0);
    expect(events.at(-1)).toMatchObject({ total: 1, servers: [{ id: late, status: 'succeeded' }] });
    await stage.cloud.removeServer(late);
  });

  it('reads the list of all that failed where the summary names only some', async () => {
    const nobodies = Array.from(
      { length: 60 },
      (_, index) => `${NOBODY.slice(0, -2)}${String(index + 10)}`,
    );
    const failing = nobodies.map((name) => `--server ${name}`).join(' ');
    await stage.run(`backup --server db-1 ${failing} --on snapbank`);

    const { events } = await stage.run('retry-failed --on snapbank --json');

    const { servers } = events.at(-1) as { servers: { id: string }[] };
    expect(servers.map(({ id }) => id).toSorted()).toEqual(nobodies.toSorted());
  });

  it('says where there is nothing to try again, or where it cannot be known', async () => {
    const { name = '' } = stage.aws.executions().find(({ status }) => status === 'ABORTED') ?? {};
    const elsewhere = { ...stage.embeddedEnv, XDG_STATE_HOME: `${stage.home}/nothing` };

    expect(await stage.run('retry-failed', elsewhere)).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining('There is no backup in which servers failed'),
    });
    expect(await stage.run('retry-failed mine --on snapbank')).toMatchObject({
      exitCode: 0,
      stdout: 'No server failed in mine; nothing is to be tried again.\n',
    });
    expect(await stage.run(`retry-failed ${name} --on snapbank`)).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('before it could say which servers failed'),
    });
    expect(await stage.run('retry-failed nothing-1 --on snapbank')).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('ExecutionDoesNotExist'),
    });
  });

  it('watches what somebody else started, and stops it only once', async () => {
    const { arn = '' } = stage.aws.executions().find(({ name }) => name === 'mine') ?? {};

    expect(await stage.run(`watch ${arn}`)).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining('1 of 1 backed up'),
    });
    expect((await stage.run('watch mine --on snapbank')).exitCode).toBe(0);
    expect((await stage.run(`stop ${arn}`)).stdout).toContain('had ended already: SUCCEEDED');
    expect((await stage.run('watch mine')).stderr).toContain('--on STACK');
    expect((await stage.run(`watch ${arn}-2`)).stderr).toContain('ExecutionDoesNotExist');
  });

  it('says so when the stack is of another version', async () => {
    const mine = stage.aws.executions().find(({ name }) => name === 'mine');
    if (mine !== undefined) mine.output = '{"backedUp":1}';

    expect(await stage.run('watch mine --on snapbank')).toMatchObject({
      exitCode: 1,
      stderr: expect.stringMatching(/OutputNotUnderstood: .*total.*Deploy the stack/s),
    });
  });

  it('asks for nothing of which docs/aws.md does not say that it needs the permission', async () => {
    const page = await readFile(new URL('../../../docs/aws.md', import.meta.url), 'utf8');
    const section = page.slice(page.indexOf('## From the command'), page.indexOf('## Events'));

    const needed = new Set(stage.aws.requests.map((action) => `states:${action}`));

    expect(new Set(section.match(/states:[A-Z]\w+/g))).toEqual(needed);
  });
});
