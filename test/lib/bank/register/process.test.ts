import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { isProcessGone, thisProcess } from '../../../../lib/bank/register/process.ts';
import type { ExecutionProcess } from '../../../../lib/bank/register/record.ts';

describe.runIf(existsSync('/proc/self/stat'))('the process of an embedded run', () => {
  it('is known while it runs', async () => {
    const self = await known();

    expect(self.pid).toBe(process.pid);
    expect(await isProcessGone(self)).toBe(false);
  });

  it('is gone when it has ended', async () => {
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
    const { pid = 0 } = child;
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    const startTicks = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
    const running = { ...(await known()), pid, startTicks };
    expect(await isProcessGone(running)).toBe(false);

    child.kill('SIGKILL');
    await once(child, 'exit');

    expect(await isProcessGone(running)).toBe(true);
  });

  it.each<[string, Partial<ExecutionProcess>]>([
    ['its pid belongs to a later process', { startTicks: '1' }],
    ['the machine was started anew', { bootId: 'an earlier one' }],
  ])('is gone when %s', async (_, difference) => {
    expect(await isProcessGone({ ...(await known()), ...difference })).toBe(true);
  });

  it.each<[string, Partial<ExecutionProcess>]>([
    ['it runs on another host', { host: 'elsewhere', bootId: 'another', startTicks: '1' }],
    ['it runs in another container', { pidNamespace: 'pid:[1]', startTicks: '1' }],
  ])('may run still when %s', async (_, difference) => {
    expect(await isProcessGone({ ...(await known()), ...difference })).toBe(false);
  });
});

async function known(): Promise<ExecutionProcess> {
  const self = await thisProcess();
  if (self === undefined) throw new Error('There is a /proc, and this process is not in it.');
  return self;
}
