import { setTimeout as delay } from 'node:timers/promises';

import { describe, expect, it } from 'vitest';

import { Schedule } from '../../../local/demo-cloud/schedule.ts';
import { Work } from '../../../local/demo-cloud/work.ts';
import { ManualClock } from './manual-clock.ts';

function setUp() {
  const clock = new ManualClock();
  const ran: string[] = [];
  const step = (name: string, inMs: number) => ({
    atMs: clock.now() + inMs,
    run: () => void ran.push(name),
  });
  return { clock, ran, step, schedule: new Schedule(clock) };
}

describe('Schedule', () => {
  it('runs what is due, in order, and nothing before its time', async () => {
    const { clock, ran, step, schedule } = setUp();
    schedule.start(['s1'], [step('first', 100), step('second', 200), step('third', 300)]);

    await schedule.settle('/');
    expect(ran).toEqual([]);
    clock.advance(250);
    await schedule.settle('/');

    expect(ran).toEqual(['first', 'second']);
  });

  it('holds a step back until its work is over, and waits for that only if asked about it', async () => {
    const { ran, step, schedule } = setUp();
    const { promise, resolve } = Promise.withResolvers<void>();
    const after = new Work().start(() => promise);
    schedule.start(['s1'], [{ ...step('done', 0), after }]);

    const other = schedule.settle('/servers/other').then(() => 'at once');
    expect(await Promise.race([other, delay(500, 'after a while')])).toBe('at once');
    expect(ran).toEqual([]);
    const asked = schedule.settle('/servers/s1');
    resolve();
    await asked;

    expect(ran).toEqual(['done']);
  });

  it('runs a step once, though many requests come at the same time', async () => {
    const { ran, step, schedule } = setUp();
    const after = new Work().start(async () => {});
    schedule.start(['s1'], [{ ...step('done', 0), after }]);

    await Promise.all([1, 2, 3].map(() => schedule.settle('/servers/s1')));

    expect(ran).toEqual(['done']);
  });

  it('runs what is due without waiting, too', async () => {
    const { ran, step, schedule } = setUp();
    const after = new Work().start(() => new Promise<void>(() => {}));
    schedule.start(['s1'], [step('due', 0), { ...step('held up', 0), after }]);

    schedule.runDue();

    expect(ran).toEqual(['due']);
  });

  it('leaves out the rest of a course that is cancelled', async () => {
    const { ran, step, schedule } = setUp();
    const course = schedule.start(
      ['s1'],
      [{ ...step('first', 0), run: () => course.cancel() }, step('second', 0)],
    );

    await schedule.settle('/');

    expect(ran).toEqual([]);
  });
});

describe('Work', () => {
  it('tells how work ended, and never rejects', async () => {
    const work = new Work();
    const error = new Error('no');

    const good = work.start(async () => 1);
    const bad = work.start(async () => {
      throw error;
    });

    expect(good.outcome).toBeUndefined();
    expect(await good.over).toEqual({ ok: true, value: 1 });
    expect(await bad.over).toEqual({ ok: false, error });
  });

  it('asks what is under way to end, and waits for it', async () => {
    const work = new Work();
    const job = work.start(
      (signal) =>
        new Promise<void>((_, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason as Error));
        }),
    );

    await work.end();

    expect(job.outcome).toMatchObject({ ok: false });
  });
});
