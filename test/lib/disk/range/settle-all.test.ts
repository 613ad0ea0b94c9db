import { expect, it } from 'vitest';
import { settleAll } from '../../../../lib/disk/range/settle-all.ts';

it('gives the results in order', async () => {
  expect(await settleAll([Promise.resolve(1), Promise.resolve(2)])).toEqual([1, 2]);
});

it('fails with the first failure, after all others have ended', async () => {
  let ended = false;
  const slow = new Promise<void>((resolve) => {
    setImmediate(() => {
      ended = true;
      resolve();
    });
  });

  await expect(settleAll([slow, Promise.reject(new Error('failed'))])).rejects.toThrow('failed');
  expect(ended).toBe(true);
});
