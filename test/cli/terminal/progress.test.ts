import { stripVTControlCharacters } from 'node:util';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createOutput } from '../../../cli/output.ts';
import { createProgress } from '../../../cli/terminal/create-progress.ts';
import { printLine } from '../../../cli/terminal/print-line.ts';
import type { ProgressRow } from '../../../cli/terminal/progress.ts';
import { FakeHost, FakeTerminal } from './fake-terminal.ts';

const noun = { one: 'server', many: 'servers' };
const mebibyte = 1024 ** 2;

const row = (changes: Partial<ProgressRow> = {}): ProgressRow => ({
  id: 'a',
  label: 'web-1',
  state: 'running',
  phase: 'uploading',
  ...changes,
});

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function onTerminal(environment: NodeJS.ProcessEnv = { LANG: 'C' }) {
  const terminal = new FakeTerminal();
  const host = new FakeHost();
  const progress = createProgress(terminal, { noun, environment, host });
  return { terminal, host, progress };
}

function inPipe() {
  const terminal = new FakeTerminal();
  terminal.isTTY = false;
  const progress = createProgress(terminal, { noun, environment: {} });
  return { progress, lines: () => terminal.written.split('\n').slice(0, -1) };
}

describe('progress on a terminal', () => {
  it('redraws one line for each running server, and the total', () => {
    const { terminal, progress } = onTerminal();

    progress.update(row({ doneBytes: 0, totalBytes: 100 * mebibyte }));
    progress.update(row({ id: 'b', label: 'db', phase: 'snapshot' }));
    vi.advanceTimersByTime(100);
    progress.update(row({ doneBytes: 50 * mebibyte, totalBytes: 100 * mebibyte }));
    vi.advanceTimersByTime(2_000);

    expect(terminal.screen().map(stripVTControlCharacters)).toEqual([
      'web-1  uploading  ##########----------   50 %  50.0 MiB of 100 MiB',
      'db     snapshot',
      expect.stringMatching(/^Total {2}0 of 2 servers {2}50\.0 MiB of 100 MiB {2}[\d.]+ MiB\/s$/),
    ]);
  });

  it('says how much time is left once every size is known', () => {
    const { terminal, progress } = onTerminal();

    progress.update(row({ doneBytes: 0, totalBytes: 100 * mebibyte }));
    vi.advanceTimersByTime(100);
    progress.update(row({ doneBytes: 20 * mebibyte, totalBytes: 100 * mebibyte }));
    vi.advanceTimersByTime(2_000);

    expect(terminal.screen().at(-1)).toMatch(/18\.2 MiB\/s {2}ETA 4\.4 s$/);
  });

  it('does not let a server that failed before its size was known hide the time left', () => {
    const { terminal, progress } = onTerminal();

    progress.update(row({ id: 'b', label: 'db', state: 'failed', phase: 'snapshot refused' }));
    progress.update(row({ doneBytes: 0, totalBytes: 100 * mebibyte }));
    vi.advanceTimersByTime(100);
    progress.update(row({ doneBytes: 20 * mebibyte, totalBytes: 100 * mebibyte }));
    vi.advanceTimersByTime(2_000);

    expect(terminal.screen().at(-1)).toMatch(/ETA [\d.]+ s$/);
  });

  it('lets finished servers scroll away above the moving part', () => {
    const { terminal, progress } = onTerminal();

    progress.update(row({ doneBytes: 1, totalBytes: 2 }));
    progress.update(row({ id: 'b', label: 'db' }));
    vi.advanceTimersByTime(100);
    progress.update(row({ state: 'done', phase: '4.3 MiB new' }));
    progress.update(row({ id: 'b', label: 'db', state: 'failed', phase: 'snapshot refused' }));
    vi.advanceTimersByTime(100);

    expect(terminal.screen().map(stripVTControlCharacters)).toEqual([
      '+ web-1  4.3 MiB new',
      'x failed db  snapshot refused',
      'Total  2 of 2 servers  1 failed',
    ]);
  });

  it('never draws more lines than the screen has', () => {
    const { terminal, progress } = onTerminal();
    terminal.rows = 8;

    for (let id = 0; id < 50; id += 1) progress.update(row({ id: `${id}`, label: `web-${id}` }));
    vi.advanceTimersByTime(100);

    expect(terminal.screen()).toHaveLength(6);
    expect(terminal.screen().at(-2)).toBe('and 46 more running');
  });

  it('never draws a line that is wider than the screen', () => {
    const { terminal, progress } = onTerminal();
    terminal.columns = 40;

    progress.update(row({ label: '数据库'.repeat(20), doneBytes: 1, totalBytes: 3 }));
    vi.advanceTimersByTime(100);

    expect(
      Math.max(...terminal.screen().map((line) => stripVTControlCharacters(line).length)),
    ).toBeLessThan(40);
  });

  it('shows control characters in a name instead of obeying them', () => {
    const { terminal, progress } = onTerminal();

    progress.update(row({ label: 'a\u001b[2Jb\n', state: 'done', phase: 'x\u001b]0;t\u0007' }));
    vi.advanceTimersByTime(100);

    expect(stripVTControlCharacters(terminal.screen()[0] ?? '')).toBe(
      '+ a\\x1b[2Jb\\x0a  x\\x1b]0;t\\x07',
    );
  });

  it('prints lines above the moving part', () => {
    const { terminal, progress } = onTerminal();

    progress.update(row());
    vi.advanceTimersByTime(100);
    progress.print('a warning');
    vi.advanceTimersByTime(100);

    expect(terminal.screen().map(stripVTControlCharacters)).toEqual([
      'a warning',
      expect.stringContaining('web-1  uploading'),
      'Total  0 of 1 server',
    ]);
  });

  it('keeps what the command says meanwhile, whole and above the moving part', () => {
    const terminal = new FakeTerminal();
    const output = createOutput({ stdout: terminal, stderr: terminal }, false);
    const progress = output.progress(noun);

    vi.advanceTimersByTime(1_000);
    output.warn('Continuing nightly, which was interrupted.');
    progress.update(row());
    vi.advanceTimersByTime(1_000);
    expect(terminal.screen().map(stripVTControlCharacters)).toEqual([
      'Continuing nightly, which was interrupted.',
      expect.stringMatching(/^web-1 +uploading/),
      expect.stringMatching(/^Total {2}0 of 1 server/),
    ]);
    printLine(terminal, 'Stopping in good order.');
    progress.close();
    output.warn('Stopped.');

    expect(terminal.screen().map(stripVTControlCharacters)).toEqual([
      'Continuing nightly, which was interrupted.',
      'Stopping in good order.',
      'Stopped.',
    ]);
  });

  it('uses the signs of the locale', () => {
    const { terminal, progress } = onTerminal({ LANG: 'C.UTF-8' });

    progress.update(row({ state: 'done', phase: 'ok' }));
    vi.advanceTimersByTime(100);

    expect(stripVTControlCharacters(terminal.screen()[0] ?? '')).toBe('✓ web-1  ok');
  });

  it('leaves only what is finished, and the cursor, when it closes', () => {
    const { terminal, host, progress } = onTerminal();
    progress.update(row({ state: 'done', phase: 'ok' }));
    progress.update(row({ id: 'b', label: 'db' }));
    vi.advanceTimersByTime(100);
    const hiddenBefore = terminal.cursorHidden;

    progress.close();
    progress.close();

    expect(hiddenBefore).toBe(true);
    expect(terminal.cursorHidden).toBe(false);
    expect(terminal.screen().map(stripVTControlCharacters)).toEqual(['+ web-1  ok']);
    expect(host.eventNames()).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('gives the cursor back when the process ends under it', () => {
    const { terminal, host, progress } = onTerminal();
    progress.update(row());
    vi.advanceTimersByTime(100);

    host.emit('exit');

    expect(terminal.cursorHidden).toBe(false);
  });

  it('gives the cursor back and lets a signal that nobody else handles end the process', () => {
    const { terminal, host, progress } = onTerminal();
    progress.update(row());
    vi.advanceTimersByTime(100);

    host.emit('SIGINT');

    expect(terminal.cursorHidden).toBe(false);
    expect(host.killed).toEqual(['SIGINT']);
  });

  it('leaves a signal to the command that handles it', () => {
    const { host, progress } = onTerminal();
    let handled = 0;
    host.on('SIGINT', () => (handled += 1));
    progress.update(row());

    host.emit('SIGINT');

    expect(handled).toBe(1);
    expect(host.killed).toEqual([]);
    progress.close();
  });
});

describe('progress elsewhere', () => {
  it('writes a line when a server enters another phase, and when it ends', () => {
    const { progress, lines } = inPipe();

    progress.update(row({ state: 'waiting', phase: 'waiting' }));
    progress.update(row({ phase: 'snapshot' }));
    progress.update(row({ phase: 'snapshot' }));
    progress.update(row({ phase: 'uploading', doneBytes: 1, totalBytes: 2 }));
    progress.update(row({ phase: 'uploading', doneBytes: 2, totalBytes: 2 }));
    progress.update(row({ state: 'failed', phase: 'image\nlost' }));
    progress.close();

    expect(lines()).toEqual([
      'web-1: snapshot',
      'web-1: uploading',
      'web-1: failed: image\\x0alost',
    ]);
  });

  it('writes totals every few seconds while bytes move, and nothing while they do not', () => {
    const { progress, lines } = inPipe();
    for (let id = 0; id < 5; id += 1) {
      progress.update(row({ id: `${id}`, label: `web-${id}`, doneBytes: 0, totalBytes: mebibyte }));
    }
    const before = lines().length;

    vi.advanceTimersByTime(60_000);
    progress.update(
      row({ id: '0', label: 'web-0', doneBytes: mebibyte / 2, totalBytes: mebibyte }),
    );
    vi.advanceTimersByTime(60_000);
    progress.close();

    expect(lines().slice(before)).toEqual([
      expect.stringMatching(
        /^progress: 0 of 5 servers, 512 KiB of 5\.0 MiB, .*\(web-0 50 %, web-1 0 %, web-2 0 %, 2 more\)$/,
      ),
    ]);
  });

  it('is what a terminal gets that cannot move its cursor', () => {
    const terminal = new FakeTerminal();
    const progress = createProgress(terminal, { noun, environment: { TERM: 'dumb' } });

    progress.update(row());
    progress.close();

    expect(terminal.written).toBe('web-1: uploading\n');
  });
});
