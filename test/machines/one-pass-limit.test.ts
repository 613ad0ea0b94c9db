import { randomBytes } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import { uploadImage } from '../../functions/upload-image.ts';
import { uploadStream } from '../../functions/upload-stream.ts';
import type { HistoryEvent } from '../../local/engine/history.ts';
import type { Json } from '../../local/engine/json.ts';
import { startWorld, type World } from './world.ts';

const MIB = 1024 ** 2;
const { signal } = new AbortController();
/** A call whose function has a hundredth of a second left: 600 KB. */
const short = { signal, remainingMilliseconds: () => 10 };

describe('a function that has to move a whole image', () => {
  let world: World;
  afterEach(async () => {
    await world.close();
  });
  const downloaded = () =>
    world.cloud.requests
      .matching('GET', /\/file$/)
      .reduce((sum, { sentBytes }) => sum + sentBytes, 0);

  /** What the machine called the function with, which was stopped before it ran. */
  const inputOf = async (machine: 'backup' | 'restore', input: Json, functionName: string) => {
    const stop = new AbortController();
    let payload: unknown;
    const onEvent = (event: HistoryEvent) => {
      if (event.type !== 'TaskScheduled' || payload !== undefined) return;
      const { FunctionName, Payload } = JSON.parse(event.taskScheduledEventDetails.parameters);
      if (FunctionName !== functionName) return;
      payload = Payload;
      stop.abort(new Error('enough'));
    };
    await world.run(machine, input, { signal: stop.signal, onEvent });
    if (payload === undefined) throw new Error(`${functionName} was not called.`);
    return payload;
  };

  it('refuses to read one that its time does not suffice for, before it reads', async () => {
    world = await startWorld({ cloud: { images: { range: 'refuse-400' } } });
    await world.addServer('web', randomBytes(2 * MIB));
    const input = uploadStream.input.parse(await inputOf('backup', {}, 'UploadStream'));
    const before = downloaded();

    await expect(uploadStream.run(world.services, input, short)).rejects.toMatchObject({
      name: 'ImageTooLarge',
      message: expect.stringContaining('no ranges'),
    });

    expect(downloaded()).toBe(before);
  });

  it('refuses to write one into Glance, and names the other way', async () => {
    world = await startWorld();
    const serverId = await world.addServer('web', randomBytes(2 * MIB));
    const checkpoint = (await world.backUp()).get(serverId) ?? '';
    const input = uploadImage.input.parse(await inputOf('restore', { checkpoint }, 'UploadImage'));

    await expect(uploadImage.run(world.services, input, short)).rejects.toMatchObject({
      name: 'ImageTooLarge',
      message: expect.stringContaining('web-download'),
    });

    expect(world.cloud.requests.matching('PUT', /\/file$/)).toEqual([]);
  });
});
