import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../lib/clock.ts';
import { historyDirectory } from '../../../local/engine/history-file.ts';
import { PAYLOAD_LIMIT_BYTES } from '../../../local/engine/json.ts';
import { parseDefinition } from '../../../local/engine/parse-definition.ts';
import { runExecution } from '../../../local/engine/run-execution.ts';
import { branch, call, distributed, execute, machine } from './harness.ts';

/** A string whose JSON text has so many bytes. */
function ofBytes(bytes: number): string {
  return 'x'.repeat(bytes - 2);
}

const exceeded = (what: string) => ({
  status: 'FAILED',
  error: 'States.DataLimitExceeded',
  cause: `The state/task '${what}' returned a result with a size exceeding the maximum number of bytes service limit.`,
});

describe('the payload limit', () => {
  const grow = { Type: 'Pass', Output: '{% $states.input & $states.input %}', End: true };

  it('lets 256 KiB of output through, and one byte more ends the execution', async () => {
    const half = ofBytes(PAYLOAD_LIMIT_BYTES / 2 + 1);
    const text = machine({ A: grow });

    expect((await execute(text, { input: half })).outcome.status).toBe('SUCCEEDED');
    expect((await execute(text, { input: `${half}x` })).outcome).toEqual(exceeded('A'));
  });

  it('counts bytes of UTF-8', async () => {
    const text = machine({ A: grow });

    expect((await execute(text, { input: '€'.repeat(43_000) })).outcome.status).toBe('SUCCEEDED');
    expect((await execute(text, { input: '€'.repeat(44_000) })).outcome).toEqual(exceeded('A'));
  });

  it('holds for the result of a Task, which States.ALL catches', async () => {
    const invoke = { f: () => Promise.resolve(ofBytes(PAYLOAD_LIMIT_BYTES)) };
    const caught = machine({
      A: call('f', {
        Output: 1,
        Catch: [{ ErrorEquals: ['States.ALL'], Output: 'caught', Next: 'B' }],
        End: true,
      }),
      B: { Type: 'Pass', End: true },
    });

    expect(
      (await execute(machine({ A: call('f', { Output: 1, End: true }) }), { invoke })).outcome,
    ).toEqual(exceeded('lambda'));
    expect((await execute(caught, { invoke })).outcome.output).toBe('caught');
  });

  it.each([
    [
      'the arguments of a Task',
      { Arguments: { FunctionName: 'f', Payload: '{% $states.input & $states.input %}' } },
    ],
    ['the output of a Task', { Output: '{% $states.input & $states.input %}' }],
    ['the variables of a Task', { Assign: { a: '{% $states.input %}', b: '{% $states.input %}' } }],
  ])('holds for %s, which nothing catches', async (_what, fields) => {
    const text = machine({
      A: call('f', {
        ...fields,
        Retry: [{ ErrorEquals: ['States.ALL'] }],
        Catch: [{ ErrorEquals: ['States.DataLimitExceeded'], Next: 'B' }],
        End: true,
      }),
      B: { Type: 'Pass', End: true },
    });

    const { outcome } = await execute(text, {
      input: ofBytes(200_000),
      invoke: { f: () => Promise.resolve(1) },
    });

    expect(outcome).toEqual(exceeded('A'));
  });

  it('holds for the result of a Map, and for the input of its items', async () => {
    const inner = { T: { Type: 'Pass', Output: '{% $states.input %}', End: true } };
    const results = machine({
      M: {
        Type: 'Map',
        Items: '{% [1..3].($states.input) %}',
        ItemProcessor: branch(inner),
        End: true,
      },
    });
    const inputs = machine({
      M: {
        Type: 'Map',
        Items: [1, 2],
        ItemSelector: '{% $states.input & $states.input %}',
        ItemProcessor: distributed(inner),
        End: true,
      },
    });

    expect((await execute(results, { input: ofBytes(100_000) })).outcome).toEqual(exceeded('M'));
    expect((await execute(inputs, { input: ofBytes(200_000) })).outcome).toEqual(exceeded('M'));
  });

  it('refuses an input above it before anything is recorded', async () => {
    const input = ofBytes(PAYLOAD_LIMIT_BYTES + 1);

    await expect(execute(machine({ A: grow }), { input })).rejects.toThrow('larger than 256 KiB');
  });
});

describe('the limit of a history', () => {
  const loop = {
    A: { Type: 'Pass', Output: '{% $states.input + 1 %}', Next: 'B' },
    B: {
      Type: 'Choice',
      Choices: [{ Condition: '{% $states.input < 9000 %}', Next: 'A' }],
      Default: 'C',
    },
    C: { Type: 'Succeed' },
  };
  const full = {
    status: 'FAILED',
    error: 'States.Runtime',
    cause: 'The execution reached the maximum number of history events (25000).',
  };

  it('ends an execution with its 25,000th event, and nothing catches that', async () => {
    const text = machine({
      P: {
        Type: 'Parallel',
        Branches: [branch(loop)],
        Catch: [
          { ErrorEquals: ['States.Runtime'], Next: 'D' },
          { ErrorEquals: ['States.ALL'], Next: 'D' },
        ],
        End: true,
      },
      D: { Type: 'Succeed' },
    });

    const { outcome, events } = await execute(text, { input: 0 });

    expect(outcome).toEqual(full);
    expect(events).toHaveLength(25_000);
    expect(events.at(-1)).toMatchObject({ id: 25_000, type: 'ExecutionFailed' });
  });

  it('lets one end that needs a few less', async () => {
    // One event at the start, four for each turn, three at the end.
    const { outcome, events } = await execute(machine(loop), { input: 9000 - 6248 });

    expect(outcome).toEqual({ status: 'SUCCEEDED', output: 9000 });
    expect(events).toHaveLength(24_996);
  });

  it('is each execution’s own in a DISTRIBUTED Map', async () => {
    const text = machine({
      M: {
        Type: 'Map',
        Items: [6000, 6000, 0],
        ItemProcessor: distributed(loop),
        ToleratedFailureCount: 1,
        Output: '{% $states.result.Error %}',
        End: true,
      },
    });

    const { outcome, events } = await execute(text);

    expect(outcome).toEqual({ status: 'SUCCEEDED', output: 'States.Runtime' });
    expect(events.length).toBeGreaterThan(40_000);
  });

  it('cannot be got around by running the execution again', async () => {
    const first = await execute(machine(loop), { input: 0 });
    const again = await execute(machine(loop), { input: 0, histories: first.histories });

    expect(again.outcome).toEqual(full);
    expect(again.events).toHaveLength(25_000);
  });
});

describe('memory', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'engine-'));
  });
  afterEach(async () => {
    await rm(directory, { recursive: true });
  });

  it('keeps of 5,000 finished items no more than their results', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const heapBytes: number[] = [];
    let calls = 0;
    const f = async () => {
      calls += 1;
      if (calls % 2000 === 1000) {
        collect();
        heapBytes.push(process.memoryUsage().heapUsed);
      }
      await Promise.resolve();
      return { dropped: 'x'.repeat(3000) };
    };
    const text = machine({
      M: {
        Type: 'Map',
        Items: '{% [1..5000] %}',
        ItemProcessor: distributed({
          T: call('f', {
            Assign: { kept: '{% $states.result.Payload %}' },
            Output: 'ok',
            Next: 'U',
          }),
          U: { Type: 'Pass', End: true },
        }),
        MaxConcurrency: 100,
        Output: '{% $count($states.result) %}',
        End: true,
      },
    });

    const outcome = await runExecution({
      definition: parseDefinition(text),
      stateMachineName: 'machine',
      name: 'test',
      input: {},
      invoke: { f },
      history: historyDirectory(directory),
      clock: systemClock,
    });

    expect(outcome).toEqual({ status: 'SUCCEEDED', output: 5000 });
    const [early = 0, , late = 0] = heapBytes;
    // 12 MB and more if the answers were kept.
    expect(late - early).toBeLessThan(6_000_000);
  });
});
