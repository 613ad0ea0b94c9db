import { describe, expect, it } from 'vitest';
import { retry } from '../../lib/retry.ts';
import type { RetryOptions } from '../../lib/retry.ts';
import { VirtualClock } from '../virtual-clock.ts';

const policy = { attempts: 5, firstWaitMs: 100, longestWaitMs: 300, deadlineMs: 10_000 };

/** Fails as often as said, then tells how often it was called. */
function failing(times: number) {
  let calls = 0;
  return async () => {
    calls += 1;
    if (calls <= times) throw new Error(`call ${String(calls)}`);
    return calls;
  };
}

function patient(clock: VirtualClock, more: Partial<RetryOptions> = {}): RetryOptions {
  return { policy, clock, judge: () => ({ again: true }), random: () => 0.5, ...more };
}

describe('retry', () => {
  it('repeats what passes, with waits that grow to their limit', async () => {
    const clock = new VirtualClock();
    const waits: number[] = [];

    const calls = await retry(
      failing(4),
      patient(clock, { onRetry: (_, waitMs) => void waits.push(waitMs) }),
    );

    expect(calls).toBe(5);
    expect(waits).toEqual([50, 100, 150, 150]);
    expect(clock.elapsedMilliseconds).toBe(450);
  });

  it('throws the last error after the last attempt', async () => {
    await expect(retry(failing(9), patient(new VirtualClock()))).rejects.toThrow('call 5');
  });

  it('throws at once what does not pass', async () => {
    const options = patient(new VirtualClock(), { judge: () => ({ again: false }) });

    await expect(retry(failing(1), options)).rejects.toThrow('call 1');
  });

  it('waits at least as long as it is told, unless that is beyond the deadline', async () => {
    const clock = new VirtualClock();
    const told = (waitMs: number) => patient(clock, { judge: () => ({ again: true, waitMs }) });

    await retry(failing(1), told(4000));
    expect(clock.elapsedMilliseconds).toBe(4000);

    await expect(retry(failing(9), told(4000))).rejects.toThrow('call 3');
    await expect(retry(failing(1), told(10_001))).rejects.toThrow('call 1');
  });

  it('ends with the reason of the signal, while it waits and before it calls', async () => {
    const clock = new VirtualClock({ automatic: false });
    const controller = new AbortController();
    const reason = new Error('enough');
    const options = patient(clock, { signal: controller.signal });

    const waiting = retry(failing(1), options);
    await expect.poll(() => clock.sleeperCount).toBe(1);
    controller.abort(reason);

    await expect(waiting).rejects.toBe(reason);
    await expect(retry(failing(0), options)).rejects.toBe(reason);
  });
});
