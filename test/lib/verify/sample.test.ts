import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { countSample, isSampled, samplingScope } from '../../../lib/verify/sample.ts';

const serverKey = fc
  .integer({ min: 0, max: 0xffff_ffff })
  .map((n) => n.toString(16).padStart(8, '0'));

describe('rotating samples', () => {
  it('are at every segment exactly once in as many successive runs as they say, from whichever run on', () => {
    fc.assert(
      fc.property(
        serverKey,
        fc.integer({ min: 0, max: 25 }),
        fc.integer({ min: 0, max: 12_000 }),
        fc.integer({ min: 2, max: 1000 }),
        fc.integer({ min: 0, max: 1_000_000 }),
        (key, disk, segment, runs, first) => {
          const place = { serverKey: key, disk, segment };
          const looks = Array.from({ length: runs }, (_, n) =>
            isSampled(place, first + n, runs),
          ).filter(Boolean);
          expect(looks).toHaveLength(1);
        },
      ),
    );
  });

  it('take about the same part of many small servers in each run', () => {
    const runs = 10;
    const servers = fc.sample(serverKey, { numRuns: 2000, seed: 7 });
    for (let run = 0; run < runs; run += 1) {
      const looked = servers.filter((key) =>
        isSampled({ serverKey: key, disk: 0, segment: 0 }, run, runs),
      );
      expect(looked.length).toBeGreaterThan(servers.length / runs / 2);
      expect(looked.length).toBeLessThan((servers.length / runs) * 2);
    }
  });

  it('prove a checkpoint that was sound in each of them, and none that came or was damaged meanwhile', () => {
    const run = fc.subarray(['a', 'b', 'c', 'd']);
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 6 }),
        fc.array(run, { maxLength: 30 }),
        (runs, sound) => {
          let progress = { version: 1 as const, next: 0, sound: [] as string[], at: '' };
          for (const [number, each] of sound.entries()) {
            const counted = countSample(progress, { run: number, runs, sound: each, at: '' });
            const cycle = sound.slice(number + 1 - runs, number + 1);
            const isLast = (number + 1) % runs === 0;
            const whole = isLast ? each.filter((one) => cycle.every((r) => r.includes(one))) : [];
            expect([...counted.proven].sort()).toEqual(whole.sort());
            ({ progress } = counted);
          }
        },
      ),
    );
  });

  it('keep the turns of different requests apart, and those of one request together', () => {
    expect(samplingScope({ all: true })).toBe('');
    expect(samplingScope({ servers: ['web'] })).toBe('');
    const scopes = [
      samplingScope({ checkpoints: ['web@latest'] }),
      samplingScope({ checkpoints: ['web@latest', 'db@latest'] }),
      samplingScope({ plan: 'nightly' }),
      samplingScope({ plan: 'weekly' }),
    ];
    expect(new Set(scopes).size).toBe(4);
    expect(samplingScope({ checkpoints: ['db@latest', 'web@latest'] })).toBe(scopes[1]);
  });
});
