import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Arrivals } from '../../../../lib/disk/stream/arrivals.ts';

const block = (value: number): Uint8Array => Uint8Array.of(value & 0xff, value >> 8, value >> 16);

describe('Arrivals', () => {
  it('gives the oldest that is left, whatever was taken before', () => {
    const steps = fc.array(
      fc.oneof(
        fc.constant('add' as const),
        fc.constant('takeOldest' as const),
        fc.nat(3000).map((offset) => ({ take: offset })),
      ),
      { minLength: 100, maxLength: 5000, size: 'max' },
    );
    fc.assert(
      fc.property(steps, (steps) => {
        const arrivals = new Arrivals();
        const model: number[] = [];
        let next = 0;
        for (const step of steps) {
          if (step === 'add') {
            arrivals.add(next, block(next));
            model.push(next);
            next += 1;
          } else if (step === 'takeOldest') {
            const oldest = model.shift();
            expect(arrivals.takeOldest()).toEqual(oldest === undefined ? undefined : block(oldest));
          } else {
            const at = model.indexOf(step.take);
            const expected = at === -1 ? undefined : block(step.take);
            expect(arrivals.get(step.take)).toEqual(expected);
            expect(arrivals.take(step.take)).toEqual(expected);
            if (at !== -1) model.splice(at, 1);
          }
        }
      }),
      { numRuns: 10 },
    );
  });

  it('takes time in proportion to its steps, though nearly all blocks are gone', () => {
    const arrivals = new Arrivals();
    const live = 100_000;
    const started = process.cpuUsage();
    for (let offset = 0; offset < 2 * live; offset += 1) {
      arrivals.add(offset, block(offset));
      if (offset >= live) arrivals.takeOldest();
    }

    // It takes 0.1 s; stepping over what is gone would take ten.
    expect(process.cpuUsage(started).user).toBeLessThan(3_000_000);
  });
});
