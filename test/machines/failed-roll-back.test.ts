import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { startWorld, type World } from './world.ts';

const HOUR_MILLISECONDS = 3600 * 1000;

let world: World;

beforeEach(async () => {
  world = await startWorld();
  await world.addServer('web', randomBytes(1024 ** 2));
  await world.backUp();
});
afterEach(async () => {
  await world.close();
});

it('what the roll-back of a failed restore cannot remove, a later backup removes', async () => {
  const { faults } = world.cloud;
  const refused = { kind: 'status', status: 403 } as const;
  faults.add({ service: 'compute', method: 'DELETE' }, refused, { times: 99 });
  faults.add({ service: 'image', method: 'DELETE' }, refused, { times: 99 });
  const flavorId = world.cloud.addFlavor({ name: 'small', vcpus: 1, ramMib: 64, diskGib: 0 });
  faults.add({ service: 'compute', method: 'GET', path: /servers\/[0-9a-f-]{36}$/ }, refused, {
    times: 99,
  });

  const { status } = await world.run('restore', {
    checkpoint: 'web@latest',
    name: 'again',
    flavor: flavorId,
  });

  expect(status).toBe('FAILED');
  faults.clear();
  expect(await world.leftovers()).toHaveLength(3);
  await world.backUp({ servers: ['web'] });
  // The roll-back might still be at work.
  expect((await world.leftovers()).length).toBeGreaterThan(1);

  await world.clock.advance(3 * HOUR_MILLISECONDS);
  await world.backUp({ servers: ['web'] });

  expect(await world.leftovers()).toEqual([]);
});
