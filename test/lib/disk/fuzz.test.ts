import { expect, it } from 'vitest';
import { runFuzzCase } from './fuzz-cases.ts';

it('reads hostile images to the data that the specification gives them, or refuses them by name', async () => {
  const outcomes = new Set<string>();
  for (let seed = 1; seed <= 2000; seed += 1) {
    const { ranges, stream } = await runFuzzCase(seed);
    outcomes.add(ranges).add(stream);
  }

  // All that can happen did happen: a driver that only ever saw one outcome would prove nothing.
  expect([...outcomes].sort()).toEqual([
    'CorruptDisk',
    'DiskFormatMismatch',
    'NotStreamable',
    'UnsupportedDisk',
    'read',
  ]);
});
