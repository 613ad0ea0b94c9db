import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { joinRuns } from '../../../../lib/disk/range/join-runs.ts';

const limits = { runBytes: 1000, gapBytes: 100, wasteRatio: 1 };

describe('joinRuns', () => {
  it('joins ranges that touch, whatever their order', () => {
    const runs = joinRuns(
      [
        { offset: 300, length: 50 },
        { offset: 100, length: 200 },
      ],
      limits,
    );

    expect(runs).toMatchObject([{ offset: 100, length: 250 }]);
  });

  it('reads a small gap along, and ends a run at a large one', () => {
    const runs = joinRuns(
      [
        { offset: 0, length: 200 },
        { offset: 300, length: 200 },
        { offset: 601, length: 200 },
      ],
      limits,
    );

    expect(runs).toMatchObject([
      { offset: 0, length: 500 },
      { offset: 601, length: 200 },
    ]);
  });

  it('reads no more along than it wants', () => {
    const scattered = Array.from({ length: 10 }, (_, index) => ({ offset: index * 60, length: 1 }));

    expect(joinRuns(scattered, limits)).toHaveLength(10);
    expect(joinRuns(scattered, { ...limits, wasteRatio: Infinity })).toHaveLength(1);
  });

  it('keeps a run at its size, but never cuts a range', () => {
    const runs = joinRuns(
      [
        { offset: 0, length: 900 },
        { offset: 900, length: 101 },
        { offset: 2000, length: 5000 },
      ],
      limits,
    );

    expect(runs.map(({ length }) => length)).toEqual([900, 101, 5000]);
  });

  it('holds every range whole in one run, and bounds what is read along', () => {
    const ranges = fc.array(
      fc.record({ offset: fc.nat(5000), length: fc.integer({ min: 1, max: 300 }) }),
    );
    fc.assert(
      fc.property(ranges, (wanted) => {
        const runs = joinRuns(wanted, limits);

        expect(runs.flatMap((run) => run.ranges)).toHaveLength(wanted.length);
        for (const run of runs) {
          expect(run.length).toBeLessThanOrEqual(limits.runBytes);
          const useful = new Set<number>();
          for (const { offset, length } of run.ranges) {
            expect(offset).toBeGreaterThanOrEqual(run.offset);
            expect(offset + length).toBeLessThanOrEqual(run.offset + run.length);
            for (let byte = offset; byte < offset + length; byte += 1) useful.add(byte);
          }
          expect(run.length).toBeLessThanOrEqual(2 * useful.size);
        }
      }),
      { numRuns: 100 },
    );
  });
});
