import { describe, expect, it } from 'vitest';
import type { LocalFunction } from '../../../local/engine/execution-options.ts';
import type { HistoryEvent, OpenHistory } from '../../../local/engine/history.ts';
import { systemClock } from '../../../lib/clock.ts';
import type { Json } from '../../../local/engine/json.ts';
import { parseDefinition } from '../../../local/engine/parse-definition.ts';
import { runExecution } from '../../../local/engine/run-execution.ts';
import { VirtualClock } from '../../virtual-clock.ts';
import {
  branch,
  call,
  distributed,
  execute,
  failing,
  goOn,
  machine,
  MemoryHistories,
  namedError,
  typesOf,
} from './harness.ts';

const one = machine({ A: call('f') });

describe('the name of an execution', () => {
  it('gives the recorded outcome again once it has succeeded, and runs nothing', async () => {
    const first = await execute(one, {
      input: { a: 1, b: 2 },
      invoke: { f: failing([], 'first') },
    });

    const again = await execute(one, {
      input: { b: 2, a: 1 },
      invoke: { f: failing([], 'again') },
      histories: first.histories,
    });

    expect(again.outcome).toEqual({ status: 'SUCCEEDED', output: 'first' });
    expect(again.events).toEqual(first.events);
  });

  it.each([
    ['another input', one, 2],
    ['another definition', machine({ A: { Type: 'Pass', End: true } }), 1],
  ])('is not used for %s', async (_what, text, input) => {
    const { histories } = await execute(one, { input: 1, invoke: { f: failing([]) } });

    await expect(
      execute(text, { input, invoke: { f: failing([]) }, histories }),
    ).rejects.toMatchObject({
      name: 'ExecutionAlreadyExists',
    });
  });

  it.each(['', '.hidden', 'a/b', 'a b', 'x'.repeat(81)])('cannot be "%s"', async (name) => {
    await expect(execute(one, { name, invoke: { f: failing([]) } })).rejects.toMatchObject({
      name: 'InvalidInput',
    });
  });

  it('must be known to be resumed', async () => {
    await expect(goOn(one, [], { invoke: { f: failing([]) } })).rejects.toMatchObject({
      name: 'ExecutionDoesNotExist',
    });
  });
});

describe('a redrive', () => {
  it('goes on from the state that failed, its retries counted anew', async () => {
    const text = machine({
      A: call('first', { Next: 'B' }),
      B: call('second', { Retry: [{ ErrorEquals: ['Busy'], MaxAttempts: 1 }], End: true }),
    });
    const busy = namedError('Busy');
    const first = failing([], 'a');
    const second = failing([busy, busy, busy], 'b');
    const calls: string[] = [];
    const invoke: Record<string, LocalFunction> = {
      first: (payload, context) => (calls.push('first'), first(payload, context)),
      second: (payload, context) => (calls.push('second'), second(payload, context)),
    };

    const failed = await execute(text, { invoke });
    const redriven = await execute(text, { invoke, histories: failed.histories });

    expect(failed.outcome).toMatchObject({ status: 'FAILED', error: 'Busy' });
    expect(redriven.outcome).toEqual({ status: 'SUCCEEDED', output: 'b' });
    expect(calls).toEqual(['first', 'second', 'second', 'second', 'second']);
    expect(redriven.events.find(({ type }) => type === 'ExecutionRedriven')).toMatchObject({
      executionRedrivenEventDetails: { redriveCount: 1 },
    });
  });

  it.each([
    ['INLINE', branch({ T: call('f', { Next: 'U' }), U: call('g') })],
    ['DISTRIBUTED', distributed({ T: call('f', { Next: 'U' }), U: call('g') })],
  ])(
    'runs of a Map %s only the items that did not succeed, from where they stopped',
    async (_mode, ItemProcessor) => {
      const text = machine({
        M: { Type: 'Map', Items: [1, 2, 3], MaxConcurrency: 1, ItemProcessor, End: true },
      });
      const calls: string[] = [];
      let broken = true;
      const f = (payload: Json) => {
        calls.push(`f${Number(payload)}`);
        return Promise.resolve(payload);
      };
      const g = (payload: Json) => {
        calls.push(`g${Number(payload)}`);
        return payload === 2 && broken
          ? Promise.reject(namedError('Broken'))
          : Promise.resolve(payload);
      };

      const failed = await execute(text, { invoke: { f, g } });
      broken = false;
      const redriven = await execute(text, { invoke: { f, g }, histories: failed.histories });

      expect(failed.outcome.status).toBe('FAILED');
      expect(redriven.outcome.output).toEqual([1, 2, 3]);
      expect(calls).toEqual(['f1', 'g1', 'f2', 'g2', 'g2', 'f3', 'g3']);
    },
  );

  it('runs a Task again of whose answer nothing could be made', async () => {
    const text = machine({
      A: call('f', { Output: '{% $states.result.Payload.value %}', End: true }),
    });
    const answers = [{}, { value: 7 }];
    const f = () => Promise.resolve(answers.shift());

    const failed = await execute(text, { invoke: { f } });
    const redriven = await execute(text, { invoke: { f }, histories: failed.histories });

    expect(failed.outcome.error).toBe('States.QueryEvaluationError');
    expect(redriven.outcome.output).toBe(7);
  });

  it('leaves branches that succeeded as they are', async () => {
    const text = machine({
      P: {
        Type: 'Parallel',
        Branches: [
          branch({ A: call('a') }),
          branch({ W: { Type: 'Wait', Seconds: 1, Next: 'B' }, B: call('b') }),
        ],
        End: true,
      },
    });
    let calls = 0;
    const a = () => Promise.resolve((calls += 1));
    const b = failing([namedError('Broken')]);

    const failed = await execute(text, { invoke: { a, b } });
    const redriven = await execute(text, { invoke: { a, b }, histories: failed.histories });

    expect(redriven.outcome.output).toEqual([1, 'done']);
  });

  it('of an execution that was stopped goes on with what was under way', async () => {
    const controller = new AbortController();
    const text = machine({
      M: { Type: 'Map', Items: [1, 2], ItemProcessor: distributed({ T: call('f') }), End: true },
    });
    const clock = new VirtualClock();
    const f: LocalFunction = async (payload, { signal }) => {
      if (payload === 1) return 'kept';
      setImmediate(() => controller.abort());
      await clock.sleep(1000, signal);
      return payload;
    };

    const stopped = await execute(text, { clock, signal: controller.signal, invoke: { f } });
    const redriven = await execute(text, {
      invoke: { f: failing([], 'new') },
      histories: stopped.histories,
    });

    expect(stopped.outcome).toEqual({ status: 'ABORTED' });
    expect(redriven.outcome.output).toEqual(['kept', 'new']);
  });

  it('of an execution that ran out of time has the time again', async () => {
    const text = machine(
      { A: { Type: 'Wait', Seconds: 50, Next: 'B' }, B: call('f') },
      { TimeoutSeconds: 60 },
    );
    const clock = new VirtualClock();
    const f = async () => {
      await clock.sleep(30_000);
      return 'ok';
    };

    const late = await execute(text, { clock, invoke: { f }, stopGraceSeconds: 1 });
    const redriven = await execute(text, { clock, invoke: { f }, histories: late.histories });

    expect(late.outcome.status).toBe('TIMED_OUT');
    expect(redriven.outcome).toEqual({ status: 'SUCCEEDED', output: 'ok' });
  });

  it('fails anew where a Fail state ended it', async () => {
    const text = machine({ A: { Type: 'Fail', Error: 'E' } });
    const { histories } = await execute(text);

    const { outcome, events } = await execute(text, { histories });

    expect(outcome.error).toBe('E');
    expect(typesOf(events).slice(3)).toEqual(['ExecutionRedriven', 'ExecutionFailed']);
  });
});

/** Histories that say how many events wait to be written, each for a second. */
function slowHistories(clock: VirtualClock) {
  const histories = new MemoryHistories();
  const waiting = { now: 0, most: 0 };
  const open = async () => ({
    ...(await histories.open()),
    append: async (event: HistoryEvent) => {
      waiting.now += 1;
      waiting.most = Math.max(waiting.most, waiting.now);
      await clock.sleep(1000);
      histories.events.push(event);
      waiting.now -= 1;
    },
  });
  return { histories, waiting, open };
}

describe('what happens outside', () => {
  it('begins only when all before it is on the disk', async () => {
    const clock = new VirtualClock();
    const { histories, open } = slowHistories(clock);
    const options = {
      definition: parseDefinition(one),
      stateMachineName: 'machine',
      name: 'test',
      input: {},
      clock,
    };
    let before: string[] = [];
    const f = () => {
      before = typesOf(histories.events);
      return Promise.resolve(1);
    };

    await runExecution({ ...options, history: { open }, invoke: { f } });

    expect(before).toEqual([
      'ExecutionStarted',
      'TaskStateEntered',
      'TaskScheduled',
      'TaskStarted',
    ]);
  });

  it.each([
    ['succeed', { Type: 'Succeed' }],
    ['fail', { Type: 'Fail', Error: 'E' }],
  ])('never gets far ahead of the disk, even if items only %s', async (_how, state) => {
    const clock = new VirtualClock();
    const { waiting, open } = slowHistories(clock);
    const text = machine({
      M: {
        Type: 'Map',
        Items: '{% [1..200] %}',
        MaxConcurrency: 2,
        ToleratedFailurePercentage: 100,
        ItemProcessor: distributed({ S: state }),
        Output: {},
        End: true,
      },
    });
    const options = {
      definition: parseDefinition(text),
      stateMachineName: 'machine',
      name: 'test',
      input: {},
      clock,
    };

    const { status } = await runExecution({ ...options, history: { open }, invoke: {} });

    expect(status).toBe('SUCCEEDED');
    expect(waiting.most).toBeLessThan(20);
  });
});

describe('a history that does not fit together', () => {
  it('is named where it does not', async () => {
    const { events } = await execute(one, { invoke: { f: failing([]) } });
    const without = events.filter(({ type }) => type !== 'TaskScheduled');

    await expect(goOn(one, without, { invoke: { f: failing([]) } })).rejects.toMatchObject({
      name: 'HistoryCorrupt',
      message: expect.stringContaining('event 5 (TaskSucceeded)') as string,
    });
  });
});

describe('a history that cannot be written', () => {
  it('stops the execution before anything more is touched, and leaves it to be resumed', async () => {
    const calls: Json[] = [];
    const text = machine({
      M: {
        Type: 'Map',
        Items: [1, 2, 3, 4],
        MaxConcurrency: 1,
        ItemProcessor: branch({ T: call('f') }),
        End: true,
      },
    });
    const histories = new MemoryHistories();
    let left = 9;
    const brittle = {
      open: async () => {
        const history: OpenHistory = await histories.open();
        return {
          ...history,
          append: async (event: Parameters<OpenHistory['append']>[0]) => {
            left -= 1;
            if (left < 0) throw new Error('disk full');
            await history.append(event);
          },
        };
      },
    };
    const f = (payload: Json) => Promise.resolve(calls.push(payload));
    const options = {
      definition: parseDefinition(text),
      stateMachineName: 'machine',
      name: 'test',
      input: {},
      invoke: { f },
      clock: systemClock,
    };

    await expect(runExecution({ ...options, history: brittle })).rejects.toThrow('disk full');
    expect(calls).toEqual([1]);

    left = Infinity;
    expect(await runExecution({ ...options, history: brittle })).toMatchObject({
      status: 'SUCCEEDED',
    });
    expect(calls.filter((payload) => payload === 1)).toHaveLength(1);
  });

  it('does not let the execution sleep on', async () => {
    const clock = new VirtualClock();
    const histories = new MemoryHistories();
    const broken = {
      open: async () => ({
        ...(await histories.open()),
        append: () => Promise.reject(new Error('disk full')),
      }),
    };
    const definition = parseDefinition(machine({ A: { Type: 'Wait', Seconds: 1000, End: true } }));
    const options = {
      definition,
      stateMachineName: 'machine',
      name: 'test',
      input: {},
      invoke: {},
    };

    await expect(runExecution({ ...options, clock, history: broken })).rejects.toThrow('disk full');

    expect(clock.elapsedMilliseconds).toBe(0);
  });

  it('is closed whatever happens', async () => {
    let closed = 0;
    const histories = new MemoryHistories();
    const counted = {
      open: async () => ({
        ...(await histories.open()),
        close: () => Promise.resolve(void (closed += 1)),
      }),
    };
    const options = {
      definition: parseDefinition(one),
      stateMachineName: 'machine',
      name: 'test',
      invoke: { f: failing([]) },
      clock: systemClock,
      history: counted,
    };

    await runExecution({ ...options, input: 1 });
    await expect(runExecution({ ...options, input: 2 })).rejects.toThrow('another input');

    expect(closed).toBe(2);
  });
});
