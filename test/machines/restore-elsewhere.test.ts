import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { InvalidInput } from '../../lib/errors.ts';
import { parseMappings } from '../../lib/restore/mappings.ts';
import { planRestore } from '../../lib/restore/plan-restore.ts';
import type { RestoreRequest } from '../../lib/restore/request.ts';
import type { Services } from '../../lib/services.ts';
import { startWorld, type World } from './world.ts';

describe('a restore into another cloud', () => {
  let here: World;
  let there: World;
  let services: Services;
  let checkpoint: string;
  let oldNetwork: string;
  let newNetwork: string;

  beforeAll(async () => {
    [here, there] = [await startWorld(), await startWorld()];
    oldNetwork = here.cloud.addNetwork({ name: 'office' });
    newNetwork = there.cloud.addNetwork({ name: 'floor-2' });
    there.cloud.addFlavor({ name: 'small', vcpus: 1, ramMib: 64, diskGib: 0 });
    const flavorId = here.cloud.addFlavor({ name: 'tiny', vcpus: 1, ramMib: 64, diskGib: 0 });
    const server = await here.addServer('web', randomBytes(1024), {
      flavorId,
      networks: [{ networkId: oldNetwork }],
    });
    checkpoint = (await here.backUp()).get(server) ?? '';
    services = {
      ...there.services,
      places: here.places,
      bank: () => here.services.bank(),
      register: () => here.services.register(),
    };
  });
  afterAll(async () => {
    await here.close();
    await there.close();
  });

  const plan = (more: Partial<RestoreRequest> = {}) =>
    planRestore(
      services,
      'elsewhere',
      { checkpoint, plan_only: true, ...more },
      new AbortController().signal,
    );

  it('names everything that needs a mapping in one error', async () => {
    await expect(plan()).rejects.toThrow(
      /flavor tiny .*--map flavor:OLD=NEW.*network office .*--map network/,
    );
  });

  it('takes what the mappings say in the place of what is not there', async () => {
    const map = parseMappings(['flavor:tiny=small', `network:${oldNetwork}=floor-2`]);

    expect((await plan({ map })).server).toMatchObject({
      flavorName: 'small',
      networks: [{ networkId: newNetwork, networkName: 'floor-2' }],
    });
  });

  it('refuses a mapping that is none', () => {
    expect(() => parseMappings(['router:a=b'])).toThrow(InvalidInput);
    expect(() => parseMappings(['flavor:a'])).toThrow('KIND:OLD=NEW');
  });
});
