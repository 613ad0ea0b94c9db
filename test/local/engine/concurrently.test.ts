import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { concurrently } from '../../../local/engine/concurrently.ts';
import { VirtualClock } from '../../virtual-clock.ts';

describe('concurrently', () => {
  it('begins the work in order, so much of it at a time', async () => {
    const clock = new VirtualClock();
    const log: string[] = [];

    await concurrently(3, 2, new AbortController().signal, async (index) => {
      log.push(`begin ${index}`);
      await clock.sleep((3 - index) * 1000);
      log.push(`end ${index}`);
    });

    expect(log).toEqual(['begin 0', 'begin 1', 'end 1', 'begin 2', 'end 0', 'end 2']);
  });

  it('throws the first failure when all that ran has ended', async () => {
    const clock = new VirtualClock();
    const log: string[] = [];

    const running = concurrently(9, 3, new AbortController().signal, async (index, signal) => {
      await clock.sleep(index * 1000, signal).catch(async () => {
        await clock.sleep(5000);
        log.push(`stopped ${index}`);
      });
      throw new Error(`failure ${index}`);
    });

    await expect(running).rejects.toThrow('failure 0');
    expect(log).toEqual(['stopped 1', 'stopped 2']);
    expect(clock.elapsedMilliseconds).toBe(5000);
  });

  it('throws the reason when it is stopped, though all that ran ended well', async () => {
    const controller = new AbortController();
    const begun: number[] = [];

    const running = concurrently(3, 1, controller.signal, async (index) => {
      begun.push(index);
      await Promise.resolve(controller.abort(new Error('enough')));
    });

    await expect(running).rejects.toThrow('enough');
    expect(begun).toEqual([0]);
    expect(getEventListeners(controller.signal, 'abort')).toEqual([]);
  });

  it('begins nothing when it is stopped before', async () => {
    await expect(
      concurrently(1, 1, AbortSignal.abort('stop'), () => Promise.reject(new Error('begun'))),
    ).rejects.toBe('stop');
  });
});
