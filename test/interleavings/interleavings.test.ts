import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { runSeed, type SeedCounts } from './run-seed.ts';
import { rules } from './rules.ts';
import { openStores } from './stores.ts';

/** More in a campaign: `npm run campaign:interleavings`. */
const SEEDS = [1, 2, 3, 4, 5, 6];

describe('a bank, step by step in random order, with failures, deaths, collectors and compactions', () => {
  const happened: SeedCounts[] = [];

  it.each(SEEDS)('loses nothing, and keeps nothing that nobody needs (seed %i)', async (seed) => {
    // Throws where something is lost or left.
    happened.push(await runSeed(seed, await openStores('memory')));
  });

  it('says of a verification whose pins ran out that they did, whatever it misses (seed 10031)', async () => {
    await expect(runSeed(10_031, await openStores('memory'))).resolves.toBeDefined();
  });

  it('takes a pin that was taken anew, with another root, for none (seed 32450)', async () => {
    await expect(runSeed(32_450, await openStores('memory'))).resolves.toBeDefined();
  });

  it.each([
    ['checkpoints', 5],
    ['pruned', 2],
    ['deletedObjects', 10],
    ['compactedCheckpoints', 0.5],
    ['faults', 1],
    ['kills', 1],
  ] as const)('has a good deal of these in its runs: %s', (what, atLeast) => {
    const total = happened.reduce((sum, counts) => sum + counts[what], 0);
    expect(total).toBeGreaterThan(atLeast * SEEDS.length);
  });

  it('is the same run for the same seed', async () => {
    expect(await runSeed(3, await openStores('memory'))).toEqual(happened[2]);
  });

  it.each(Object.entries(rules))('could be tried without the rule %s', async (_, { edits }) => {
    for (const { file, find } of edits) {
      const source = await readFile(new URL(`../../${file}`, import.meta.url), 'utf8');
      expect(source.split(find)).toHaveLength(2);
    }
  });
});
