import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { s3Client } from '../../lib/bank/store/s3-client.ts';
import { s3Store } from '../../lib/bank/store/s3.ts';
import type { Clock } from '../../lib/clock.ts';
import { setupChecks } from '../../lib/protect/check-setup.ts';
import { type S3Server, startS3Server } from '../s3-server/s3-server.ts';
import { expectEqual } from './outcomes.ts';
import { startWorld, type World } from './world.ts';

const MIB = 1024 ** 2;

let server: S3Server;
let world: World | undefined;

beforeEach(async () => {
  server = await startS3Server();
});

afterEach(async () => {
  await world?.close();
  world = undefined;
  await server.close();
});

async function openWorld(offsetSeconds: number): Promise<World> {
  server.clockOffsetMilliseconds = offsetSeconds * 1000;
  const client = s3Client({ endpoint: server.url, credentials: server.credentials, env: {} });
  const place = (prefix: string, clock: Clock) =>
    s3Store({ client, bucket: 'bank', prefix, clock });
  world = await startWorld({
    // The server dates by the real clock.
    startMilliseconds: Date.now(),
    places: (clock) => ({
      bank: place('bank', clock),
      register: place('register', clock),
      work: place('work', clock),
    }),
  });
  return world;
}

async function storeCheck({ services }: World) {
  const check = setupChecks(services).find(({ name }) => name === 'work place');
  return await check?.run(new AbortController().signal);
}

describe('an S3 server whose clock is wrong', () => {
  it.each([
    [3600, 'ahead of'],
    [-3600, 'behind'],
  ])(
    'takes a backup, its verification, restore, pruning and collection (%i s), and the doctor says how wrong it is',
    async (offsetSeconds, way) => {
      const { addServer, backUp, run, leftovers, cloud } = await openWorld(offsetSeconds);
      const found = await storeCheck(world as World);
      expect(found?.status).toBe('warning');
      expect(found?.detail).toMatch(
        new RegExp(`its clock is 3(59|60)\\d s ${way} this computer's`),
      );
      const data = randomBytes(MIB);
      await addServer('web', data);
      await backUp();
      await backUp();

      for (const [machine, input] of [
        ['verify', { all: true }],
        ['prune', { keep: { last: 1 } }],
        ['collect-garbage', { force: true }],
      ] as const) {
        expect(await run(machine, input)).toMatchObject({ status: 'SUCCEEDED' });
      }
      const restored = await run('restore', {
        checkpoint: 'web@latest',
        name: 'again',
        check: true,
      });
      expect(restored).toMatchObject({ status: 'SUCCEEDED', output: { identical: true } });
      const { serverId, imageId } = restored.output as { serverId: string; imageId: string };
      expectEqual(await cloud.readGuest(serverId, MIB, MIB), data, 'the restored server');
      await cloud.removeServer(serverId);
      await cloud.removeImage(imageId);
      expect(await leftovers()).toEqual([]);
    },
    120_000,
  );

  it('is not spoken of while it is less than a minute wrong', async () => {
    expect(await storeCheck(await openWorld(30))).toMatchObject({
      status: 'ok',
      detail: expect.stringContaining('clocks agree'),
    });
  });
});
