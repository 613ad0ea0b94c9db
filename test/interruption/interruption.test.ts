import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { randomNumbers } from '../../local/demo-cloud/faults.ts';
import { interrupt } from './interrupt.ts';
import { openStage } from './stage.ts';

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

  it('ends at once when it is told a second time', LONG, async () => {
    const stage = await openStage({
      snapshotFormat: 'raw',
      range: 'yes',
      servers: 1,
      slowness: 0,
      next: randomNumbers(1),
    });
    try {
      // What it waits for at the first signal does not come.
      stage.cloud.faults.add(
        { service: 'image', path: /\/file$/ },
        { kind: 'hang' },
        { times: 99 },
      );
      stage.cloud.faults.add(
        { service: 'image', method: 'DELETE' },
        { kind: 'hang' },
        { times: 99 },
      );
      const running = stage.start(['backup', '--all']);
      await running.waitFor('"phase":"uploading"');
      running.kill('SIGINT');
      await running.waitFor('ask again', 'stderr');
      // A second signal that comes with the first is the same wish.
      await delay(400);
      const told = performance.now();
      running.kill('SIGINT');

      const { exitCode } = await running.ended;

      expect(exitCode).toBe(1);
      expect(performance.now() - told).toBeLessThan(5_000);
    } finally {
      await stage.close();
    }
  });
});
