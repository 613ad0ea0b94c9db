import { existsSync } from 'node:fs';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runCommandLine } from '../../cli/run.ts';

let directory: string;
const file = (name: string) => join(directory, name);

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'snapbank-access-'));
  await writeFile(file('words'), 'correct horse battery\n', { mode: 0o600 });
  expect(await snapbank(['bank', 'init'])).toMatchObject({ exitCode: 0 });
});
afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

function into(list: string[]): Writable {
  return new Writable({
    write(chunk: Buffer, _encoding, done) {
      list.push(chunk.toString());
      done();
    },
  });
}

async function snapbank(argv: string[], env: Record<string, string | undefined> = {}) {
  const chunks: string[] = [];
  const errors: string[] = [];
  const exitCode = await runCommandLine([...argv, '--json'], {
    env: {
      HOME: directory,
      SNAPBANK_BANK: file('bank'),
      SNAPBANK_KEY_FILE: file('key'),
      ...env,
    },
    cwd: directory,
    stdout: into(chunks),
    stderr: into(errors),
    onStopRequest: () => {},
  });
  const lines = chunks.join('').trim().split('\n').filter(Boolean);
  const summary = JSON.parse(lines.at(-1) ?? '{}') as {
    publicKey?: string;
    access?: string;
    slots?: { id: string; label: string; role: string }[];
  };
  return { exitCode, summary, stderr: errors.join('') };
}

const labelsOf = ({ summary }: Awaited<ReturnType<typeof snapbank>>) =>
  summary.slots?.map(({ label }) => label);

describe('the lock of a bank by the command', () => {
  it('is changed only where there is one, by who may read', async () => {
    expect(await snapbank(['bank', 'lock', '--days', '30'])).toMatchObject({
      exitCode: 2,
      stderr: expect.stringMatching(/not locked.*bank init --lock/s),
    });
    expect(await snapbank(['bank', 'lock'])).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('--days 60'),
    });
    const slot = ['--new-key-file', file('writer'), '--write-only', '--label', 'night'];
    await snapbank(['bank', 'add-access', ...slot]);
    const byWriter = ['bank', 'lock', '--days', '30', '--key-file', file('writer')];
    expect(await snapbank(byWriter)).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('KeyMissing'),
    });
  });
});

describe('access to a bank by the command', () => {
  it('is given to a key whose file was made elsewhere, and taken away by its label', async () => {
    const { summary } = await snapbank(['bank', 'make-key', file('deputy')]);
    expect((await stat(file('deputy'))).mode & 0o777).toBe(0o600);

    const recipient = summary.publicKey ?? '';
    const added = await snapbank([
      'bank',
      'add-access',
      '--recipient',
      recipient,
      '--label',
      'deputy',
    ]);

    expect(labelsOf(added)).toEqual(['key file', 'deputy']);
    const asDeputy = { SNAPBANK_KEY_FILE: file('deputy') };
    expect((await snapbank(['bank', 'info'], asDeputy)).summary.access).toBe('reader');
    expect(labelsOf(await snapbank(['bank', 'remove-access', 'deputy']))).toEqual(['key file']);
    const refused = await snapbank(['bank', 'info'], asDeputy);
    expect(refused.exitCode).toBe(2);
    expect(refused.stderr).toContain('WrongKey');
  });

  it('is given to a passphrase and to a key that only writes', async () => {
    await snapbank(['bank', 'add-access', '--new-passphrase-file', file('words')]);
    await snapbank(['bank', 'add-access', '--new-key-file', file('machine'), '--write-only']);

    const byWords = await snapbank(['bank', 'info'], {
      SNAPBANK_KEY_FILE: undefined,
      SNAPBANK_PASSPHRASE_FILE: file('words'),
    });
    expect(byWords.summary.access).toBe('reader');
    const machine = { SNAPBANK_KEY_FILE: file('machine') };
    expect((await snapbank(['bank', 'info'], machine)).summary.access).toBe('writer');
    const refused = await snapbank(['bank', 'add-access', '--new-key-file', file('x')], machine);
    expect(refused).toMatchObject({ exitCode: 2 });
    expect(refused.stderr).toContain('KeyMissing');
    expect(existsSync(file('x'))).toBe(false);
  });

  it('leaves no new key file behind where it is refused, and every old one', async () => {
    const label = 'x'.repeat(101);
    const give = ['bank', 'add-access', '--label', label, '--new-key-file'];

    expect((await snapbank([...give, file('x')])).stderr).toContain('100 characters');
    expect((await snapbank([...give, file('key')])).exitCode).toBe(2);
    const init = ['bank', 'init', '--write-only-key-file', file('y')];
    expect((await snapbank(init)).stderr).toContain('BankExists');

    expect([file('x'), file('y'), file('key')].map(existsSync)).toEqual([false, false, true]);
    const elsewhere = { SNAPBANK_KEY_FILE: file('new'), SNAPBANK_BANK: '/dev/null/bank' };
    expect((await snapbank(['bank', 'init'], elsewhere)).exitCode).not.toBe(0);
    expect(existsSync(file('new'))).toBe(false);
  });

  it('says what is in the way of a new key file', async () => {
    const there = await snapbank(['bank', 'make-key', file('key')]);
    const nowhere = await snapbank(['bank', 'make-key', file('none/key')]);

    expect(there).toMatchObject({ exitCode: 2 });
    expect(there.stderr).toContain('never overwritten');
    expect(nowhere.stderr).toContain(`there is no directory ${file('none')}`);
    expect(there.stderr + nowhere.stderr).not.toMatch(/EEXIST|ENOENT|chmod/);
  });

  it('stays as it is when the keys are rotated', async () => {
    const before = await snapbank(['bank', 'info']);
    const after = await snapbank(['bank', 'rotate-keys']);

    expect(after).toMatchObject({ exitCode: 0, summary: { keyRingGeneration: 2 } });
    expect(after.summary.slots?.map(({ id }) => id)).toEqual(
      before.summary.slots?.map(({ id }) => id),
    );
    expect((await snapbank(['bank', 'info'])).summary.access).toBe('reader');
  });

  it('never ends for the last reader, and names slots that there are', async () => {
    const last = await snapbank(['bank', 'remove-access', 'key file']);
    expect(last.exitCode).toBe(2);
    expect(last.stderr).toMatch(/\(key file\) is the last that may restore/);
    const forced = await snapbank(['bank', 'remove-access', 'key file', '--force']);
    expect(forced).toMatchObject({ exitCode: 2 });
    expect((await snapbank(['bank', 'info'])).summary.access).toBe('reader');
    const unknown = await snapbank(['bank', 'remove-access', 'nobody']);
    expect(unknown.stderr).toMatch(/called nobody.*\(key file\)/);
    const nothing = await snapbank(['bank', 'add-access']);
    expect(nothing.stderr).toContain('--recipient');
  });

  it('is not given twice to a key or passphrase, and names the slot that it has', async () => {
    const recipient =
      (await snapbank(['bank', 'make-key', file('deputy')])).summary.publicKey ?? '';
    const give = ['bank', 'add-access', '--recipient', recipient];
    await snapbank([...give, '--label', 'deputy']);
    await snapbank(['bank', 'add-access', '--new-passphrase-file', file('words')]);

    const keyTwice = await snapbank([...give, '--label', 'other']);
    const wordsTwice = await snapbank([
      'bank',
      'add-access',
      '--new-passphrase-file',
      file('words'),
    ]);

    expect(keyTwice.exitCode).toBe(2);
    expect(keyTwice.stderr).toMatch(/has it already: slot [0-9a-f]{8} \(deputy\)/);
    expect(wordsTwice.stderr).toMatch(/has it already: slot [0-9a-f]{8} \(passphrase\)/);
    expect(labelsOf(await snapbank(['bank', 'info']))).toEqual([
      'key file',
      'deputy',
      'passphrase',
    ]);
    const init = ['bank', 'init', '--bank', file('other'), '--recipient', recipient];
    expect((await snapbank([...init, '--recipient', recipient])).stderr).toContain('(recipient)');
  });

  it('of the key in use ends only by force', async () => {
    await snapbank(['bank', 'add-access', '--new-key-file', file('deputy'), '--label', 'deputy']);

    const refused = await snapbank(['bank', 'remove-access', 'key file']);

    expect(refused.exitCode).toBe(2);
    expect(refused.stderr).toMatch(/\(key file\) is the key in use.*--force/);
    expect((await snapbank(['bank', 'info'])).summary.access).toBe('reader');
    const forced = await snapbank(['bank', 'remove-access', 'key file', '--force']);
    expect(labelsOf(forced)).toEqual(['deputy']);
    expect((await snapbank(['bank', 'info'])).stderr).toContain('WrongKey');
  });

  it('is asked for with one clear error where the key is lost, wrong or cut', async () => {
    const lost = await snapbank(['bank', 'info'], { SNAPBANK_KEY_FILE: undefined });
    expect(lost).toMatchObject({ exitCode: 2 });
    expect(lost.stderr).toContain('KeyMissing');
    const wrong = await snapbank(['bank', 'info'], {
      SNAPBANK_KEY_FILE: undefined,
      SNAPBANK_PASSPHRASE: 'not the words',
    });
    expect(wrong.stderr).toContain('WrongKey');
    await writeFile(file('cut'), 'SNAPBANK-SECRET-KEY-1abc\n', { mode: 0o600 });
    const cut = await snapbank(['bank', 'info'], { SNAPBANK_KEY_FILE: file('cut') });
    expect(cut).toMatchObject({ exitCode: 2 });
    expect(cut.stderr).toContain('This is no secret key');
  });
});
