import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runSeed } from './run-seed.ts';
import { openStores, type Stores } from './stores.ts';

describe.each(['directory', 'embedded'] as const)(
  'a bank on a real store, step by step in random order: %s',
  (name) => {
    let stores: Stores;

    beforeAll(async () => {
      stores = await openStores(name);
    });

    afterAll(async () => {
      await stores.close();
    });

    it.each([101, 102])(
      'loses nothing, and keeps nothing that nobody needs (seed %i)',
      async (seed) => {
        const { steps } = await runSeed(seed, stores);

        expect(steps).toBeGreaterThan(500);
      },
    );
  },
);

describe('the code without one of its rules', () => {
  const campaign = fileURLToPath(new URL('rules-campaign.ts', import.meta.url));

  // All of them: `npm run campaign:rules`.
  it.each(['ownPrefix', 'deletingIsLive', 'listFirst'])('loses something: %s', (rule) => {
    const { status, stdout } = spawnSync(process.execPath, [campaign, '30', rule], {
      encoding: 'utf8',
    });

    expect({ status, stdout }).toEqual({
      status: 0,
      stdout: expect.stringContaining('BankBroken'),
    });
  });
});
