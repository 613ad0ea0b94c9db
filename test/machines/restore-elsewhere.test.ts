import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { InvalidInput } from '../../lib/errors.ts';
import { parseMappings } from '../../lib/restore/mappings.ts';
import type { RestorePlan } from '../../lib/restore/plan.ts';
import type { RestoreRequest } from '../../lib/restore/request.ts';
import type { Services } from '../../lib/services.ts';
import type { JsonObject } from '../../local/engine/json.ts';
import { startWorld, type World } from './world.ts';

const MIB = 1024 ** 2;
const GIB_BYTES = 16 * MIB;
const data = randomBytes(2 * MIB);
const log = randomBytes(MIB);
/** What cannot be the same in another cloud, or is shown to no user. */
const OF_ANOTHER_CLOUD = [
  'availability zone nova',
  'user data, if it had any',
  'availability zone nova of disk 1',
  'availability zone nova of disk 2',
];

interface Made {
  serverId: string;
  imageId: string;
  volumes: { disk: number; volumeId: string; device: string }[];
  identical: boolean;
  notRestored: { what: string; why: string }[];
}

/** Two clouds in which everything is called otherwise, and a server with two volumes, backed up in the first. */
describe('a restore into another cloud', () => {
  let here: World;
  let there: World;
  let services: Services;
  let checkpoint: string;
  let office: string;
  const ids: Record<string, string> = {};
  let own: Set<string>;

  beforeAll(async () => {
    here = await startWorld({
      cloud: { volumes: { types: ['__DEFAULT__', 'fast'], gibBytes: GIB_BYTES } },
    });
    there = await startWorld({
      cloud: { volumes: { types: ['__DEFAULT__', 'ssd', 'faster'], gibBytes: GIB_BYTES } },
    });
    office = here.cloud.addNetwork({ name: 'office' });
    here.cloud.addSubnet({ networkId: office, cidr: '10.1.0.0/24' });
    here.cloud.addSecurityGroup({ name: 'web' });
    here.cloud.addKeypair({ name: 'laptop' });
    const server = await here.addServer('web-1', data, {
      flavorId: here.cloud.addFlavor({ name: 'tiny', vcpus: 1, ramMib: 64, diskGib: 0 }),
      networks: [{ networkId: office, fixedIp: '10.1.0.7' }],
      securityGroups: ['default', 'web'],
      keyName: 'laptop',
      metadata: { role: 'front' },
      tags: ['nightly'],
    });
    await here.addVolume('data', server, data, { type: 'fast' });
    await here.addVolume('log', server, log);
    checkpoint = (await here.backUp({ include_volumes: true })).get(server) ?? '';

    ids['floor-2'] = there.cloud.addNetwork({ name: 'floor-2' });
    there.cloud.addSubnet({ networkId: ids['floor-2'], cidr: '10.1.0.0/24' });
    ids['offices'] = there.cloud.addNetwork({ name: 'offices' });
    ids['garden'] = there.cloud.addNetwork({ name: 'garden' });
    there.cloud.addSubnet({ networkId: ids['garden'], cidr: '10.1.1.0/24' });
    ids['small'] = there.cloud.addFlavor({ name: 'small', vcpus: 1, ramMib: 64, diskGib: 0 });
    ids['webs'] = there.cloud.addSecurityGroup({ name: 'webs' });
    there.cloud.addKeypair({ name: 'laptop-2' });
    own = new Set(everything());
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
  const everything = () => {
    const { servers, images, volumes } = there.cloud.inventory();
    return [...servers, ...images, ...volumes].map(({ id }) => id);
  };
  afterEach(async () => {
    const { servers, images, volumes } = there.cloud.inventory();
    for (const { id } of servers) await there.cloud.removeServer(id);
    for (const { id } of images) if (!own.has(id)) await there.cloud.removeImage(id);
    for (const { id } of volumes) await there.cloud.removeVolume(id);
  });

  const restore = async (more: Partial<RestoreRequest> = {}) =>
    await there.run('restore', { checkpoint, ...more } as JsonObject, { services });
  const plan = async (more: Partial<RestoreRequest> = {}) => {
    const { output, error, cause } = await restore({ plan_only: true, ...more });
    if (output === undefined) throw new Error(`${error}: ${cause}`);
    return output as unknown as RestorePlan;
  };
  const map = () =>
    parseMappings([
      'flavor:tiny=small',
      `network:${office}=floor-2`,
      'security-group:web=webs',
      'key-pair:laptop=laptop-2',
      'volume-type:fast=ssd',
    ]);

  it('is planned with all that needs a mapping at once, what to give, and what there is', async () => {
    const { server, needs, obstacles } = await plan();

    expect(server).toBeNull();
    expect(obstacles).toEqual([]);
    expect(needs.map(({ give, without }) => [give, without === null])).toEqual([
      ['--map flavor:tiny=?', true],
      ['--map network:office=?', true],
      ['--map security-group:web=?', false],
      ['--map key-pair:laptop=?', false],
      ['--map volume-type:fast=?', false],
    ]);
    expect(needs.map(({ candidates: [nearest] }) => nearest)).toEqual([
      // The smallest that is as large as the original.
      expect.objectContaining({ name: expect.stringMatching(/^(small|test)$/) }),
      { id: ids['offices'], name: 'offices' },
      { id: ids['webs'], name: 'webs' },
      { id: null, name: 'laptop-2' },
      { id: null, name: 'faster' },
    ]);
  });

  it('is refused with the same list before anything is made', async () => {
    const outcome = await restore();

    expect(outcome).toMatchObject({ status: 'FAILED', error: 'RestoreNotPossible' });
    const { errorMessage } = JSON.parse(outcome.cause ?? '') as { errorMessage: string };
    const needs = (await plan()).needs.map(({ give }) => give);
    expect(errorMessage.split('\n').slice(1)).toEqual(
      needs.map((give) => expect.stringContaining(give)),
    );
    expect(new Set(everything())).toEqual(own);
  });

  it('is, with a mapping for each, the same server with the same bytes on all its disks', async () => {
    const outcome = await restore({ map: map(), check: true });

    const made = outcome.output as unknown as Made;
    expect(made, outcome.cause).toMatchObject({ identical: true });
    expect(made.notRestored.map(({ what }) => what)).toEqual(OF_ANOTHER_CLOUD);
    const { cloud } = there;
    const openstack = await services.openstack();
    const server = await openstack.servers.show(made.serverId);
    expect(server).toMatchObject({
      name: 'web-1',
      status: 'ACTIVE',
      keyName: 'laptop-2',
      metadata: { role: 'front' },
      tags: ['nightly'],
      flavor: { name: 'small' },
      securityGroupNames: ['default', 'webs'],
      projectId: cloud.projectId,
    });
    const [port] = await openstack.network.portsOfServer(made.serverId);
    expect(port).toMatchObject({
      networkId: ids['floor-2'],
      fixedIps: [{ ipAddress: '10.1.0.7' }],
    });
    expect(Buffer.compare(await cloud.readGuest(made.serverId, MIB, data.length), data)).toBe(0);
    const [first, second] = made.volumes;
    expect(await openstack.volumes.show(first?.volumeId ?? '')).toMatchObject({
      name: 'data',
      type: 'ssd',
    });
    expect(await openstack.volumes.show(second?.volumeId ?? '')).toMatchObject({
      name: 'log',
      type: '__DEFAULT__',
    });
    const bytes = async (id = '', length = 0) => await cloud.readVolume(id, MIB, length);
    expect(Buffer.compare(await bytes(first?.volumeId, data.length), data)).toBe(0);
    expect(Buffer.compare(await bytes(second?.volumeId, log.length), log)).toBe(0);
    // The cloud that it comes from knows nothing of it.
    expect(here.cloud.inventory().servers).toHaveLength(1);
  });

  it('goes on without what it can do without, and says so', async () => {
    const { flavor, network } = map();

    const outcome = await restore({ map: { flavor, network } as RestoreRequest['map'] });

    const made = outcome.output as unknown as Made;
    expect(made.notRestored.map(({ what }) => what)).toEqual([
      'security group web',
      'key pair laptop',
      'volume type fast',
      ...OF_ANOTHER_CLOUD,
    ]);
    const server = await (await services.openstack()).servers.show(made.serverId);
    expect(server).toMatchObject({ keyName: null, securityGroupNames: ['default'] });
  });

  it.each([
    ['offices', 'The network has no addresses'],
    ['garden', 'The network has addresses of 10.1.1.0/24'],
  ])('gives it another address on %s, where its own cannot be', async (network, why) => {
    const mapped = { ...map(), network: { office: network } };

    const { server, notRestored } = await plan({ map: mapped });

    expect(server?.networks).toMatchObject([{ networkId: ids[network], fixedIp: null }]);
    expect(notRestored[0]).toEqual({
      what: `fixed IP 10.1.0.7 on ${network}`,
      why: expect.stringContaining(why),
    });
  });

  it('says of a mapping to what is not there either what there is', async () => {
    const { needs } = await plan({
      map: parseMappings(['flavor:tiny=smal', 'network:office=floor-3']),
    });

    const [flavor, network] = needs;
    expect(flavor).toMatchObject({ give: '--map flavor:tiny=?', why: 'there is no smal' });
    expect(flavor?.candidates[0]).toEqual({ id: ids['small'], name: 'small' });
    expect(network?.why).toBe('there is no floor-3');
    expect(network?.candidates[0]).toEqual({ id: ids['floor-2'], name: 'floor-2' });
  });

  it('asks which of two networks of one name is meant', async () => {
    const twin = there.cloud.addNetwork({ name: 'floor-2' });

    const { needs } = await plan({ map: map() });

    expect(needs).toMatchObject([
      {
        kind: 'network',
        why: '2 networks are called floor-2',
        candidates: [{ id: ids['floor-2'] }, { id: twin }],
      },
    ]);
  });

  it('refuses a mapping that is none', () => {
    expect(() => parseMappings(['router:a=b'])).toThrow(InvalidInput);
    expect(() => parseMappings(['flavor:a'])).toThrow('KIND:OLD=NEW');
  });
});
