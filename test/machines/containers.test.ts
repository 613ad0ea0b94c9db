import { randomBytes } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import type { HistoryEvent } from '../../local/engine/history.ts';
import { startWorld, type World } from './world.ts';

const MIB = 1024 ** 2;

describe('images that take a function too long', () => {
  let world: World;
  const entered: string[] = [];
  const onEvent = (event: HistoryEvent) => {
    if ('stateEnteredEventDetails' in event) entered.push(event.stateEnteredEventDetails.name);
  };
  afterEach(async () => {
    entered.length = 0;
    await world.close();
  });
  const start = async (functionPassBytes: number) => {
    world = await startWorld({
      cloud: { images: { range: 'refuse-400' } },
      settings: { functionPassBytes },
    });
    const data = randomBytes(2 * MIB);
    return { data, serverId: await world.addServer('web', data) };
  };

  it('are read, and written again, by containers where the stack has them', async () => {
    const { data, serverId } = await start(MIB);
    const run = { longPasses: 'container', onEvent } as const;

    expect((await world.run('backup', {}, run)).status).toBe('SUCCEEDED');
    await world.cloud.removeServer(serverId);
    const request = { checkpoint: 'web@latest', import: 'stream', check: true };
    const restored = await world.run('restore', request, run);

    expect(entered).toContain('UploadStreamInContainer');
    expect(entered).toContain('UploadImageInContainer');
    expect(entered).not.toContain('UploadStream');
    expect(entered).not.toContain('UploadImage');
    const made = restored.output as { serverId: string; identical: boolean };
    expect(made.identical).toBe(true);
    expect(Buffer.compare(await world.cloud.readGuest(made.serverId, MIB, data.length), data)).toBe(
      0,
    );
    for await (const { key } of world.places.work.list('results/')) {
      expect(key).not.toContain('container.json');
    }
  });

  it.each([
    ['they fit into a function', 1024 * MIB, 'container'],
    ['the stack has no containers', MIB, 'function'],
  ] as const)('are left to functions where %s', async (_why, functionPassBytes, longPasses) => {
    await start(functionPassBytes);

    expect((await world.run('backup', {}, { longPasses, onEvent })).status).toBe('SUCCEEDED');

    expect(entered).toContain('UploadStream');
    expect(entered).not.toContain('UploadStreamInContainer');
  });

  it('fail by the name of the error in the container, which ECS does not tell', async () => {
    await start(MIB);
    const download = { service: 'image', method: 'GET', path: /\/file$/ } as const;
    const refused = { kind: 'status', status: 403, message: 'no' } as const;
    world.cloud.faults.add(download, refused, { times: 1000, skip: 1 });

    const outcome = await world.run('backup', {}, { longPasses: 'container', onEvent });

    expect(entered).toContain('UploadStreamInContainer');
    expect(outcome.error).toBe('BackupIncomplete');
    const { failures } = JSON.parse(outcome.cause ?? '') as { failures: { error: string }[] };
    expect(failures[0]?.error).toBe('Forbidden');
    expect(await world.leftovers()).toEqual([]);
  });
});
