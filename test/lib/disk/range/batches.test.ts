import { describe, expect, it } from 'vitest';
import { batches } from '../../../../lib/disk/range/batches.ts';
import type { Stretch } from '../../../../lib/disk/range/extent.ts';

const limits = { unitBytes: 100, dataBytes: 250, spanBytes: 10_000 };

function data(start: number, end: number): Stretch {
  return { start, end, extents: [{ kind: 'plain', guest: start, length: end - start, host: 0 }] };
}

function hole(start: number, end: number): Stretch {
  return { start, end, extents: [] };
}

async function cut(stretches: readonly Stretch[]): Promise<[number, number, number][]> {
  async function* given(): AsyncGenerator<Stretch> {
    yield* stretches;
  }
  const result: [number, number, number][] = [];
  for await (const { start, end, extents } of batches(given(), limits)) {
    result.push([start, end, extents.length]);
  }
  return result;
}

describe('batches', () => {
  it('ends a batch with the unit that fills it', async () => {
    const stretches = [0, 100, 200, 300, 400].map((start) => data(start, start + 100));

    expect(await cut(stretches)).toEqual([
      [0, 300, 3],
      [300, 500, 2],
    ]);
  });

  it('never ends a batch inside a unit', async () => {
    expect(await cut([data(0, 280), data(280, 290), data(290, 310), data(310, 400)])).toEqual([
      [0, 400, 4],
    ]);
  });

  it('counts data, not holes, up to the span of a batch', async () => {
    expect(
      await cut([data(0, 100), hole(100, 5000), data(5000, 5100), hole(5100, 50_000)]),
    ).toEqual([[0, 50_000, 2]]);
    expect(await cut([hole(0, 20_000), data(20_000, 20_100)])).toEqual([
      [0, 20_000, 0],
      [20_000, 20_100, 1],
    ]);
  });

  it('gives nothing for nothing', async () => {
    expect(await cut([])).toEqual([]);
  });
});
