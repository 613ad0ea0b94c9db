import { randomBytes } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import { startWorld, type World } from './world.ts';

const MIB = 1024 ** 2;

describe('where one function has to move a whole image', () => {
  let world: World;
  afterEach(async () => {
    await world.close();
  });
  const start = async (range: 'yes' | 'refuse-400') => {
    world = await startWorld({
      settings: { onePassLimitBytes: MIB },
      cloud: { images: { range } },
    });
    return await world.addServer('web', randomBytes(2 * MIB));
  };

  it('refuses a backup of one that is too large before it is read, and leaves nothing', async () => {
    await start('refuse-400');

    const outcome = await world.run('backup', {});

    expect(outcome).toMatchObject({
      status: 'FAILED',
      cause: expect.stringContaining('ImageTooLarge'),
    });
    const bytes = world.cloud.requests
      .matching('GET', /\/file$/)
      .reduce((sum, { sentBytes }) => sum + sentBytes, 0);
    expect(bytes).toBeLessThan(MIB);
    expect(await world.leftovers()).toEqual([]);
  });

  it('reads one of any size in ranges, and restores it only by web-download', async () => {
    const serverId = await start('yes');
    const checkpoint = (await world.backUp()).get(serverId) ?? '';

    const outcome = await world.run('restore', { checkpoint, import: 'stream', name: 'again' });

    expect(outcome).toMatchObject({
      status: 'FAILED',
      error: 'ImageTooLarge',
      cause: expect.stringContaining('web-download'),
    });
    expect(await world.leftovers()).toEqual([]);
  });
});
