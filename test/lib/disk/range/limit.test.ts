import { expect, it } from 'vitest';
import { createLimit } from '../../../../lib/disk/range/limit.ts';

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

it('runs as many tasks as it may, in order, and goes on after failures', async () => {
  const limit = createLimit(2);
  const started: number[] = [];
  const ends: ((outcome?: Error) => void)[] = [];
  const results = Array.from({ length: 5 }, (_, index) =>
    limit(async () => {
      started.push(index);
      const outcome = await new Promise<Error | undefined>((resolve) => (ends[index] = resolve));
      if (outcome !== undefined) throw outcome;
      return index;
    }),
  );
  const all = Promise.allSettled(results);
  await settled();
  expect(started).toEqual([0, 1]);

  ends[1]!(new Error('failed'));
  await settled();
  expect(started).toEqual([0, 1, 2]);

  ends[0]!();
  ends[2]!();
  await settled();
  expect(started).toEqual([0, 1, 2, 3, 4]);

  ends[3]!();
  ends[4]!();
  expect((await all).map(({ status }) => status)).toEqual([
    'fulfilled',
    'rejected',
    'fulfilled',
    'fulfilled',
    'fulfilled',
  ]);
});
