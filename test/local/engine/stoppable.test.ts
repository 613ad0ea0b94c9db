import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { stoppable } from '../../../local/engine/stoppable.ts';
import { VirtualClock } from '../../virtual-clock.ts';

function setUp() {
  const clock = new VirtualClock();
  const controller = new AbortController();
  const options = {
    clock,
    signal: controller.signal,
    timeoutMilliseconds: 10_000,
    onTimeout: () => new Error('too late'),
    graceMilliseconds: 3000,
  };
  return { clock, controller, options };
}

describe('stoppable', () => {
  it.each([
    ['that ends', () => Promise.resolve(1)],
    ['that fails', () => Promise.reject(new Error('broken'))],
  ])('leaves no timer and no listener behind work %s', async (_how, work) => {
    const { clock, controller, options } = setUp();

    await stoppable(options, work).catch(() => {});

    expect(getEventListeners(controller.signal, 'abort')).toEqual([]);
    expect([clock.elapsedMilliseconds, clock.sleeperCount]).toEqual([0, 0]);
  });

  it('throws for work that came to its end only after the timeout', async () => {
    const { clock, options } = setUp();

    const running = stoppable(options, async () => await clock.sleep(11_000));

    await expect(running).rejects.toThrow('too late');
    expect(clock.elapsedMilliseconds).toBe(11_000);
  });

  it('returns what work made that was stopped and ended well', async () => {
    const { clock, controller, options } = setUp();

    const running = stoppable(options, async () => {
      controller.abort(new Error('stop'));
      await clock.sleep(2000);
      return 'made';
    });

    expect(await running).toBe('made');
  });

  it('waits for work that was stopped no longer than the grace', async () => {
    const { clock, controller, options } = setUp();

    const running = stoppable(options, async () => {
      controller.abort(new Error('stop'));
      await new Promise(() => {});
    });

    await expect(running).rejects.toThrow('stop');
    expect(clock.elapsedMilliseconds).toBe(3000);
  });

  it('takes an error that is thrown at once for one of the work', async () => {
    const { options } = setUp();

    await expect(
      stoppable(options, () => {
        throw new Error('at once');
      }),
    ).rejects.toThrow('at once');
  });

  it('does not begin work that is stopped before', async () => {
    const { controller, options } = setUp();
    controller.abort(new Error('stop'));

    await expect(stoppable(options, () => Promise.resolve('begun'))).rejects.toThrow('stop');
  });
});
