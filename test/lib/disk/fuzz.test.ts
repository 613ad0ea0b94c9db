import { globSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkImage, fuzzImage } from './fuzz-cases.ts';

const corpus = globSync(join(import.meta.dirname, 'corpus', '*.qcow2'));
/** Of the 30 that a test may take. */
const mostMilliseconds = 10_000;
const cases = 2000;

it('reads hostile images to the data that the specification gives them, or refuses them by name', async () => {
  const outcomes = new Set<string>();
  const began = performance.now();
  for (let seed = 1; seed <= cases && performance.now() - began < mostMilliseconds; seed += 1) {
    const { ranges, stream } = await checkImage(fuzzImage(seed), seed);
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

describe('images kept from fuzzing, one of each way to end, and each that ever failed', () => {
  it.each(corpus.map((path) => basename(path)))('%s', async (name) => {
    const file = await readFile(join(import.meta.dirname, 'corpus', name));

    await checkImage(file, 1);
  });

  it('are there', () => {
    expect(corpus.length).toBeGreaterThan(30);
  });
});
