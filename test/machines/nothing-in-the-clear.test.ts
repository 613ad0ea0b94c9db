import { randomBytes } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import type { HistoryEvent } from '../../local/engine/history.ts';
import { startWorld, type World } from './world.ts';

const MIB = 1024 ** 2;
/** What the owner of a server or an image wrote: nobody's business but the bank's. */
const OWN = {
  metadata: 'metadata-4b1d',
  property: 'property-9c2e',
  userData: Buffer.from('user-data-77aa').toString('base64'),
};

describe('what the owner of a server wrote', () => {
  let world: World;
  afterEach(async () => {
    await world.close();
  });

  it('is neither in the inputs, outputs and events of executions, nor unsealed in any place, and comes back all the same', async () => {
    world = await startWorld();
    const { cloud, places } = world;
    const imageId = await cloud.addImage({
      name: 'base',
      content: Buffer.alloc(4 * MIB, 'os'),
      diskFormat: 'raw',
      properties: { os_note: OWN.property },
    });
    const serverId = await world.addServer('web', randomBytes(MIB), {
      imageId,
      metadata: { note: OWN.metadata },
      userData: OWN.userData,
    });
    const seen: string[] = [];
    const onEvent = (event: HistoryEvent) => {
      seen.push(JSON.stringify(event));
    };
    const stored: string[] = [];
    for (const place of [places.bank, places.register, places.work]) {
      const original = { ...place };
      const note = (key: string, body: Uint8Array) =>
        stored.push(`${key} ${Buffer.from(body).toString('latin1')}`);
      Object.assign(place, {
        async put(...[key, body, options]: Parameters<typeof place.put>) {
          note(key, body);
          await original.put(key, body, options);
        },
        async putIfAbsent(...[key, body, options]: Parameters<typeof place.putIfAbsent>) {
          note(key, body);
          return await original.putIfAbsent(key, body, options);
        },
      });
    }

    expect((await world.run('backup', {}, { onEvent })).status).toBe('SUCCEEDED');
    const request = { checkpoint: 'web@latest', name: 'again', check: true };
    const restored = await world.run('restore', request, { onEvent });

    expect(restored.status).toBe('SUCCEEDED');
    for (const secret of Object.values(OWN)) {
      expect(seen.filter((text) => text.includes(secret))).toEqual([]);
      expect(stored.filter((text) => text.includes(secret))).toEqual([]);
    }
    const openstack = await world.services.openstack();
    const made = restored.output as { serverId: string; imageId: string };
    expect((await openstack.servers.show(made.serverId)).metadata).toMatchObject({
      note: OWN.metadata,
    });
    expect((await openstack.images.show(made.imageId)).properties).toMatchObject({
      os_note: OWN.property,
    });
    expect(serverId).not.toBe(made.serverId);
  });
});
