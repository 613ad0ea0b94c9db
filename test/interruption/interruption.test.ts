import { describe, expect, it } from 'vitest';
import { interrupt } from './interrupt.ts';

const LONG = { timeout: 180_000 };

// A few seeds; `npm run campaign:kills -- N SEED [SIGNAL]` runs as many as wanted, on S3 too.
describe('the snapbank command, interrupted and typed again', () => {
  it.each([
    ['backup', 'SIGKILL', 2],
    ['restore', 'SIGKILL', 5],
    ['backup', 'SIGTERM', 4],
  ] as const)(
    'continues a %s after %s (seed %i), reads nothing twice, and leaves nothing',
    LONG,
    async (machine, signal, seed) => {
      const run = await interrupt({ machine, signal, seed });

      expect(run.interruptions, run.description).toBeGreaterThan(0);
      expect(run.reReadBytes).toBe(0);
    },
  );
});
