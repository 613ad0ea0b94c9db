import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LocalFunction } from '../../../local/engine/execution-options.ts';
import type { HistoryEvent } from '../../../local/engine/history.ts';
import type { Json } from '../../../local/engine/json.ts';
import { VirtualClock } from '../../virtual-clock.ts';
import {
  branch,
  call,
  distributed,
  type Execution,
  execute,
  fixedChance,
  goOn,
  machine,
  namedError,
  typesOf,
} from './harness.ts';
import { machineOf, programs, type Step } from './programs.ts';

interface Work {
  who: string;
  fail: boolean;
  attempt: number;
}

/** The function that programs call; it notes its calls. */
function worker(): { work: LocalFunction; calls: string[] } {
  const calls: string[] = [];
  const work = async (payload: Json) => {
    await Promise.resolve();
    const { who, fail, attempt } = payload as unknown as Work;
    calls.push(`${who} #${attempt}`);
    if (fail) throw namedError('Busy');
    return who.slice(0, 4);
  };
  return { work, calls };
}

/** The calls whose end a history has. */
function endedCalls(events: readonly HistoryEvent[]): string[] {
  const scheduled = new Map<string, string>();
  const ended: string[] = [];
  for (const event of events) {
    const place = (event.path ?? []).join(' ');
    if ('taskScheduledEventDetails' in event) {
      const { Payload } = JSON.parse(event.taskScheduledEventDetails.parameters) as {
        Payload: Work;
      };
      scheduled.set(place, `${Payload.who} #${Payload.attempt}`);
    } else if (event.type === 'TaskSucceeded' || event.type === 'TaskFailed') {
      ended.push(scheduled.get(place) ?? '');
    }
  }
  return ended;
}

async function runWhole(text: string): Promise<Execution & { calls: string[] }> {
  const { work, calls } = worker();
  const execution = await execute(text, { input: [], invoke: { work } });
  return { ...execution, calls };
}

/** Goes on after a crash directly behind the last of `events`. */
async function goOnAfter(text: string, events: readonly HistoryEvent[]) {
  const { work, calls } = worker();
  const startMilliseconds = Date.parse(events.at(-1)?.timestamp ?? '');
  const clock = new VirtualClock({ startMilliseconds });
  const execution = await goOn(text, events, { clock, invoke: { work } });
  return { ...execution, calls };
}

/** What has ended, and how: states, items and executions. */
function exits(events: readonly HistoryEvent[]): string[] {
  const ends = events.filter(({ type }) =>
    /^(MapIteration|Execution)(Succeeded|Failed)$/.test(type),
  );
  const states = events
    .filter((event) => 'stateExitedEventDetails' in event)
    .map((event) =>
      JSON.stringify([
        event.path,
        'stateExitedEventDetails' in event && event.stateExitedEventDetails,
      ]),
    );
  return [...states, ...typesOf(ends)].toSorted();
}

const fixedPrograms: [string, Step[]][] = [
  [
    'tasks that are retried or caught, and waits',
    [
      { do: 'task', failures: 2 },
      { do: 'wait', seconds: 60 },
      { do: 'caught', failures: 1 },
      { do: 'count' },
    ],
  ],
  [
    'branches',
    [
      {
        do: 'parallel',
        branches: [
          [
            { do: 'task', failures: 1 },
            { do: 'wait', seconds: 3 },
          ],
          [
            { do: 'wait', seconds: 5 },
            { do: 'task', failures: 0 },
          ],
          [],
        ],
      },
      { do: 'task', failures: 0 },
    ],
  ],
  [
    'a Map of items',
    [
      {
        do: 'map',
        items: 3,
        atOnce: 2,
        body: [
          { do: 'task', failures: 1 },
          { do: 'wait', seconds: 2 },
        ],
      },
      { do: 'count' },
    ],
  ],
  [
    'a Map of executions',
    [
      {
        do: 'distributed',
        items: 4,
        atOnce: 2,
        batch: 1,
        body: [
          { do: 'caught', failures: 1 },
          { do: 'task', failures: 0 },
        ],
      },
    ],
  ],
  [
    'a Map of batches with Maps and branches inside',
    [
      {
        do: 'distributed',
        items: 3,
        atOnce: 0,
        batch: 2,
        body: [
          { do: 'map', items: 2, atOnce: 1, body: [{ do: 'task', failures: 1 }] },
          {
            do: 'parallel',
            branches: [
              [{ do: 'task', failures: 0 }],
              [
                {
                  do: 'distributed',
                  items: 2,
                  atOnce: 1,
                  batch: 1,
                  body: [{ do: 'task', failures: 1 }],
                },
              ],
            ],
          },
        ],
      },
    ],
  ],
];

const echo: LocalFunction = (payload) => Promise.resolve(payload);
const refuse: LocalFunction = () => Promise.reject(namedError('Busy'));
const refuseOdd: LocalFunction = (payload, context) =>
  Number(payload) % 2 === 1 ? refuse(payload, context) : echo(payload, context);

describe('an execution that was cut off', () => {
  it.each(fixedPrograms)(
    'ends as it would have, wherever it is cut: %s',
    async (_what, program) => {
      const text = machineOf(program);
      const whole = await runWhole(text);
      expect(whole.outcome.status).toBe('SUCCEEDED');

      for (let length = 1; length < whole.events.length; length += 1) {
        const before = whole.events.slice(0, length);
        const resumed = await goOnAfter(text, before);

        expect(resumed.outcome, `cut after event ${length}`).toEqual(whole.outcome);
        const calls = [...endedCalls(before), ...resumed.calls];
        expect(calls.toSorted(), `cut after event ${length}`).toEqual(whole.calls.toSorted());
        expect(exits(resumed.events)).toEqual(exits(whole.events));
        expect(resumed.events.at(-1)?.timestamp).toBe(whole.events.at(-1)?.timestamp);
      }
    },
  );

  it('ends as it would have, whatever the machine and however often it is cut', async () => {
    await fc.assert(
      fc.asyncProperty(
        programs,
        fc.array(fc.nat(), { minLength: 1, maxLength: 4 }),
        async (program, cuts) => {
          const text = machineOf(program);
          const whole = await runWhole(text);
          let events: readonly HistoryEvent[] = whole.events;
          for (const cut of cuts) {
            const before = events.slice(0, 1 + (cut % events.length));
            const resumed = await goOnAfter(text, before);
            expect(resumed.outcome).toEqual(whole.outcome);
            expect([...endedCalls(before), ...resumed.calls].toSorted()).toEqual(
              whole.calls.toSorted(),
            );
            expect(exits(resumed.events)).toEqual(exits(whole.events));
            events = resumed.events;
          }
        },
      ),
      { numRuns: 25 },
    );
  });

  it('keeps what was drawn by chance before', async () => {
    const text = machine({
      A: { Type: 'Pass', Assign: { a: '{% $random() %}' }, Output: '{% $random() %}', Next: 'T' },
      T: call('f', {
        Arguments: { FunctionName: 'f', Payload: '{% $uuid() %}' },
        Output: '{% [$a, $states.input, $states.result.Payload] %}',
        End: true,
      }),
    });
    const whole = await execute(text, { invoke: { f: echo }, chance: fixedChance([0.25]) });
    const started = typesOf(whole.events).indexOf('TaskStarted') + 1;

    const resumed = await goOn(text, whole.events.slice(0, started), {
      invoke: { f: echo },
      chance: { random: () => 0.75, uuid: () => 'another' },
    });

    expect(resumed.outcome).toEqual(whole.outcome);
  });

  it('waits no longer than it would have, though it lay for an hour', async () => {
    const text = machine({
      A: { Type: 'Wait', Seconds: 7200, Next: 'B' },
      B: { Type: 'Wait', Seconds: 60, End: true },
    });
    const whole = await execute(text);
    const clock = new VirtualClock();
    await clock.advance(3_600_000);

    await goOn(text, whole.events.slice(0, 2), { clock });

    expect(clock.elapsedMilliseconds).toBe(7_260_000);
  });

  it('waits for the time that it had drawn', async () => {
    const text = machine({
      A: { Type: 'Wait', Seconds: '{% $floor($random() * 1000) %}', End: true },
    });
    const whole = await execute(text, { chance: fixedChance([0.3]) });

    const { clock } = await goOn(text, whole.events.slice(0, 2), { chance: fixedChance([0.8]) });

    expect(clock.elapsedMilliseconds).toBe(300_000);
  });

  it('waits out the jitter that it had drawn for a retry', async () => {
    const text = machine({
      A: call('f', {
        Retry: [{ ErrorEquals: ['Busy'], IntervalSeconds: 100, JitterStrategy: 'FULL' }],
        End: true,
      }),
    });
    const whole = await execute(text, { invoke: { f: refuse }, chance: fixedChance([0.42]) });
    const failed = typesOf(whole.events).indexOf('TaskFailed') + 1;

    const { clock } = await goOn(text, whole.events.slice(0, failed), {
      invoke: { f: () => Promise.resolve(1) },
      chance: fixedChance([0.9]),
    });

    expect(clock.elapsedMilliseconds).toBe(42_000);
  });

  it('fails again with what had failed, and begins nothing beside it', async () => {
    const items = machine({
      M: {
        Type: 'Map',
        Items: ['slow', 'bad', 'later'],
        MaxConcurrency: 2,
        ItemProcessor: branch({ T: call('f') }),
        End: true,
      },
    });
    const clock = new VirtualClock();
    const f: LocalFunction = async (payload, { signal }) => {
      if (payload === 'bad') throw namedError('Bad');
      await clock.sleep(60_000, signal);
      return payload;
    };
    const whole = await execute(items, { clock, invoke: { f } });
    const failed = typesOf(whole.events).indexOf('MapIterationFailed') + 1;
    const calls: Json[] = [];

    const resumed = await goOn(items, whole.events.slice(0, failed), {
      invoke: { f: (payload) => Promise.resolve(calls.push(payload)) },
    });

    expect(resumed.outcome).toEqual(whole.outcome);
    expect(calls).toEqual([]);
  });

  it('goes on from any point of being stopped', async () => {
    const text = machine({
      M: {
        Type: 'Map',
        Items: [1, 2, 3],
        MaxConcurrency: 2,
        ItemProcessor: distributed({ T: call('f') }),
        End: true,
      },
    });
    const clock = new VirtualClock();
    const controller = new AbortController();
    const f: LocalFunction = async (payload, { signal }) => {
      if (payload === 2) setImmediate(() => controller.abort());
      if (payload !== 1) await clock.sleep(1000, signal);
      return payload;
    };
    const stopped = await execute(text, { clock, signal: controller.signal, invoke: { f } });
    expect(typesOf(stopped.events)).toContain('M[1] ExecutionAborted');

    for (let length = 1; length <= stopped.events.length; length += 1) {
      const resumed = await goOn(text, stopped.events.slice(0, length), { invoke: { f: echo } });
      expect(resumed.outcome, `cut after event ${length}`).toEqual({
        status: 'SUCCEEDED',
        output: [1, 2, 3],
      });
    }
  });

  it('counts failures that it tolerated before', async () => {
    const text = machine({
      M: {
        Type: 'Map',
        Items: [1, 2, 3, 4],
        MaxConcurrency: 1,
        ToleratedFailureCount: 1,
        ItemProcessor: distributed({ T: call('f') }),
        End: true,
      },
    });
    const whole = await execute(text, { invoke: { f: refuseOdd } });
    expect(whole.outcome.error).toBe('States.ExceedToleratedFailureThreshold');

    const tooMany = typesOf(whole.events).indexOf('M[2] ExecutionFailed') + 1;
    for (let length = 1; length < whole.events.length; length += 1) {
      const calls: Json[] = [];
      const f: LocalFunction = (payload, context) => (
        calls.push(payload), refuseOdd(payload, context)
      );
      const resumed = await goOn(text, whole.events.slice(0, length), { invoke: { f } });

      expect(resumed.outcome).toEqual(whole.outcome);
      if (length >= tooMany) expect(calls).toEqual([]);
    }
  });

  it('numbers its events on', async () => {
    const text = machineOf(fixedPrograms[3]?.[1] ?? []);
    const whole = await runWhole(text);

    const resumed = await goOnAfter(text, whole.events.slice(0, 20));

    const ids = new Map<string, number[]>();
    for (const { path = [], id } of resumed.events) {
      ids.set(path.join(' '), [...(ids.get(path.join(' ')) ?? []), id]);
    }
    for (const numbers of ids.values())
      expect(numbers).toEqual(numbers.map((_, index) => index + 1));
  });

  it('shows the listener what was recorded before, then what is new', async () => {
    const text = machineOf([{ do: 'task', failures: 0 }]);
    const whole = await runWhole(text);
    const seen: [string, boolean][] = [];

    await goOn(text, whole.events.slice(0, 3), {
      invoke: { work: worker().work },
      onEvent: ({ type }, recorded) => seen.push([type, recorded]),
    });

    expect(seen.slice(0, 4)).toEqual([
      ['ExecutionStarted', true],
      ['TaskStateEntered', true],
      ['TaskScheduled', true],
      ['TaskStarted', false],
    ]);
  });
});
