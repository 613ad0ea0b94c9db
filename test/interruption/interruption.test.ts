import { describe, expect, it } from 'vitest';
import { randomNumbers } from '../../local/demo-cloud/faults.ts';
import { diskInBank } from '../machines/disk-in-bank.ts';
import { interrupt } from './interrupt.ts';
import { leftovers } from './leftovers.ts';
import { openStage } from './stage.ts';

const LONG = { timeout: 180_000 };

// A few seeds whose first interruption comes at a moment that is counted, not timed; `npm run campaign:kills -- N SEED [SIGNALS]` runs as many as wanted, on S3 too.
describe('the snapbank command, interrupted and typed again', () => {
  it.each([
    ['backup', 'SIGKILL', 2],
    ['restore', 'SIGKILL', 3],
    ['backup', 'SIGTERM', 4],
    ['restore', 'SIGINT', 11],
  ] as const)(
    'continues a %s after %s (seed %i), reads nothing twice, and leaves nothing',
    LONG,
    async (machine, signal, seed) => {
      const run = await interrupt({ machine, signals: [signal], seed });

      expect(run.interruptions, run.description).toContain(signal);
      expect(run.reReadBytes).toBe(0);
    },
  );

  it(
    'ends at once at the second Ctrl-C, though the disk hangs, and continues when it is typed again',
    LONG,
    async () => {
      const stage = await openStage({
        snapshotFormat: 'raw',
        range: 'yes',
        servers: 1,
        slowness: 0,
        next: randomNumbers(3),
      });
      try {
        await stage.writeData();
        const argv = ['backup', '--all'];
        // An event of the history never gets to the disk, so the command cannot end in good order.
        const plan = { moment: 'recorded', number: 20, signal: 'SIGINT', hangs: true } as const;
        const running = stage.start(argv, { plan });
        await running.waitFor('Stopping in good order', 'stderr');
        const impatience = setInterval(() => running.kill('SIGINT'), 100);
        const stopped = await running.ended.finally(() => clearInterval(impatience));

        expect(stopped).toMatchObject({ exitCode: 1, signal: null });
        expect(stopped.stderr.split('\n')).toEqual([
          'snapbank: Stopping in good order. To end at once, ask again.',
          'snapbank: Ended at once. What it was about is left as it is; run the same command again to continue.',
          '',
        ]);
        const continued = await stage.snapbank(argv);

        expect(continued.exitCode, continued.stderr).toBe(0);
        expect(continued.events).toContainEqual(expect.objectContaining({ continued: true }));
        const [server = ''] = stage.serverIds;
        expect(await diskInBank(stage.services, 'web-1@latest')).toEqual(await stage.disk(server));
        expect(await leftovers(stage, new Set([stage.imageId, server]))).toEqual([]);
      } finally {
        await stage.close();
      }
    },
  );
});
