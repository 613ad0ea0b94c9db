import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import type { FunctionContext } from '../../../local/engine/execution-options.ts';
import type { Json } from '../../../local/engine/json.ts';
import { VirtualClock } from '../../virtual-clock.ts';
import { branch, call, execute, machine, secondsOf, typesOf } from './harness.ts';

/** A function that works until it is told to stop, and then takes `stopSeconds` to end. */
function worker(clock: VirtualClock, stopSeconds: number, ended: number[] = []) {
  return async (_payload: unknown, { signal }: FunctionContext) => {
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    await clock.sleep(stopSeconds * 1000);
    ended.push(clock.elapsedMilliseconds / 1000);
    throw new Error('stopped');
  };
}

describe('timeouts', () => {
  it('end a state after TimeoutSeconds, once the function has ended', async () => {
    const clock = new VirtualClock();
    const ended: number[] = [];
    const text = machine({ A: call('f', { TimeoutSeconds: '{% $states.input %}', End: true }) });

    const execution = await execute(text, {
      clock,
      input: 60,
      invoke: { f: worker(clock, 4, ended) },
    });

    expect(execution.outcome).toEqual({ status: 'FAILED', error: 'States.Timeout' });
    expect(ended).toEqual([64]);
    expect(secondsOf(execution, 'TaskTimedOut')).toEqual([64]);
  });

  it('do not wait for a function longer than the grace', async () => {
    const clock = new VirtualClock();
    const text = machine({ A: call('f', { TimeoutSeconds: 60, End: true }) });

    const execution = await execute(text, {
      clock,
      stopGraceSeconds: 10,
      invoke: { f: worker(clock, 3600) },
    });

    expect(secondsOf(execution, 'TaskTimedOut')).toEqual([70]);
  });

  it('of a function are reported as Lambda does', async () => {
    const clock = new VirtualClock();
    const text = machine({ A: call('f', { TimeoutSeconds: 1000, End: true }) });

    const { outcome } = await execute(text, {
      clock,
      functionTimeoutSeconds: { f: 90 },
      invoke: { f: worker(clock, 0) },
    });

    expect(outcome.error).toBe('Sandbox.Timedout');
    expect(JSON.parse(outcome.cause ?? '')).toMatchObject({
      errorType: 'Sandbox.Timedout',
      errorMessage: expect.stringMatching(
        /^RequestId: \S+ Error: Task timed out after 90.00 seconds$/,
      ) as string,
    });
  });

  it('of a function are 900 s unless something else is said', async () => {
    const clock = new VirtualClock();

    const execution = await execute(machine({ A: call('f') }), {
      clock,
      invoke: { f: worker(clock, 0) },
    });

    expect(secondsOf(execution, 'TaskFailed')).toEqual([900]);
  });

  it('of the machine end everything in it', async () => {
    const clock = new VirtualClock();
    const text = machine(
      {
        P: {
          Type: 'Parallel',
          Branches: [
            { StartAt: 'A', States: { A: call('f') } },
            { StartAt: 'B', States: { B: { Type: 'Wait', Seconds: 5000, End: true } } },
          ],
          Catch: [{ ErrorEquals: ['States.ALL'], Next: 'C' }],
          End: true,
        },
        C: { Type: 'Pass', End: true },
      },
      { TimeoutSeconds: 100 },
    );

    const { outcome, events } = await execute(text, { clock, invoke: { f: worker(clock, 1) } });

    expect(outcome).toEqual({ status: 'TIMED_OUT', error: 'States.Timeout' });
    expect(clock.elapsedMilliseconds).toBe(101_000);
    expect(typesOf(events).at(-1)).toBe('ExecutionTimedOut');
    expect(clock.sleeperCount).toBe(0);
  });

  it('leave no timer behind when the work ends in time', async () => {
    const clock = new VirtualClock();
    const text = machine(
      { A: call('f', { TimeoutSeconds: 60, End: true }) },
      { TimeoutSeconds: 100 },
    );

    const { outcome } = await execute(text, { clock, invoke: { f: () => Promise.resolve(1) } });

    expect(outcome.status).toBe('SUCCEEDED');
    expect([clock.elapsedMilliseconds, clock.sleeperCount]).toEqual([0, 0]);
  });
});

describe('a stop from outside', () => {
  it('tells the functions, waits for them, starts nothing more and ends as ABORTED', async () => {
    const clock = new VirtualClock();
    const controller = new AbortController();
    const ended: number[] = [];
    const text = machine({
      M: {
        Type: 'Map',
        Items: '{% [1..9] %}',
        MaxConcurrency: 2,
        ItemProcessor: { StartAt: 'A', States: { A: call('f') } },
        End: true,
      },
    });
    const running = execute(text, {
      clock,
      signal: controller.signal,
      invoke: { f: worker(clock, 3, ended) },
    });
    void clock.sleep(50_000).then(() => controller.abort());

    const { outcome, events } = await running;

    expect(outcome).toEqual({ status: 'ABORTED' });
    expect(ended).toEqual([53, 53]);
    expect(typesOf(events).filter((type) => type.endsWith('TaskStarted'))).toHaveLength(2);
    expect(typesOf(events).at(-1)).toBe('ExecutionAborted');
  });

  it('ends as ABORTED also where what ran ended well, and that is not run again', async () => {
    const controller = new AbortController();
    const calls: Json[] = [];
    const text = machine({
      M: {
        Type: 'Map',
        Items: [1, 2],
        MaxConcurrency: 1,
        ItemProcessor: branch({ A: call('f') }),
        End: true,
      },
    });
    const f = async (payload: Json) => {
      calls.push(payload);
      controller.abort();
      await new Promise((resolve) => setImmediate(resolve));
      return payload;
    };

    const stopped = await execute(text, { signal: controller.signal, invoke: { f } });
    const redriven = await execute(text, { histories: stopped.histories, invoke: { f } });

    expect(stopped.outcome).toEqual({ status: 'ABORTED' });
    expect(redriven.outcome.output).toEqual([1, 2]);
    expect(calls).toEqual([1, 2]);
  });

  it('leaves no listener on the signal', async () => {
    const { signal } = new AbortController();

    await execute(machine({ A: call('f') }), { signal, invoke: { f: () => Promise.resolve(1) } });

    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  it('before the start runs nothing', async () => {
    const { outcome, events } = await execute(machine({ A: call('f') }), {
      signal: AbortSignal.abort(),
      invoke: { f: () => Promise.resolve(1) },
    });

    expect(outcome.status).toBe('ABORTED');
    expect(typesOf(events)).toEqual(['ExecutionStarted', 'ExecutionAborted']);
  });
});
