import { describe, expect, it } from 'vitest';
import type { VolumeDescription } from '../../../lib/protect/description.ts';
import { planVolumes, type VolumeToPlan } from '../../../lib/restore/plan-volumes.ts';
import { recorded } from '../openstack/recorded.ts';
import { cloudsOfThisFile } from '../openstack/scripted-cloud.ts';

const CINDER = 'GET /volume/v3/4e7e58adad6b4c01ae002f3ecbe57f26';
const LIMITS = `${CINDER}/limits`;
const start = cloudsOfThisFile();
const signal = new AbortController().signal;

const startWith = async (limits: Record<string, number>) =>
  await start({
    [`${CINDER}/types`]: recorded('cinder-types'),
    [LIMITS]: { limits: { rate: [], absolute: limits } },
  });

function disk(number: number, change: Partial<VolumeDescription> = {}): VolumeToPlan {
  const image = {
    name: 'image',
    diskFormat: 'raw',
    containerFormat: 'bare',
    minDiskGiB: 0,
    minRamMiB: 0,
    fileSizeBytes: 1,
    guestSizeBytes: 1,
    fitsFunction: true,
  };
  const volume = {
    disk: number,
    id: `volume ${String(number)}`,
    name: null,
    description: null,
    sizeGiB: 10,
    type: '__DEFAULT__',
    availabilityZone: 'nova',
    bootable: false,
    metadata: {},
    device: null,
    deleteOnTermination: false,
    tag: null,
    ...change,
  };
  const described = {
    id: 'i',
    name: null,
    kind: 'snapshot' as const,
    diskFormat: 'raw',
    containerFormat: 'bare',
    sizeBytes: 1,
    minDiskGiB: 0,
    minRamMiB: 0,
    properties: {},
    osHashAlgo: null,
    osHashValue: null,
  };
  return {
    image,
    description: { disk: number, image: described, sourceHash: 'unchecked', volume },
  };
}

const unlimited = { maxTotalVolumes: -1, maxTotalVolumeGigabytes: -1, totalVolumesUsed: 5 };

describe('planVolumes', () => {
  it('puts the root disk first, then the others in the order of their devices', async () => {
    const { openstack } = await startWith(unlimited);
    const { cloud, region } = await openstack.identity();
    const disks = [
      disk(2, { device: '/dev/vdc' }),
      disk(1, { device: '/dev/vdaa' }),
      disk(0, { device: '/dev/vda' }),
      disk(3, { device: '/dev/vdb' }),
    ];

    const planned = await planVolumes(openstack, disks, { origin: { cloud, region } }, signal);

    expect(planned.volumes.map((volume) => volume.disk)).toEqual([0, 3, 2, 1]);
    expect(planned.volumes[0]).toMatchObject({ type: '__DEFAULT__', availabilityZone: 'nova' });
    expect(planned.notRestored).toEqual([]);
  });

  it('takes the default for a type that there is none of, and the zone of no other cloud', async () => {
    const { openstack } = await startWith(unlimited);
    const origin = { cloud: 'another.example.org', region: 'one' };

    const planned = await planVolumes(openstack, [disk(1, { type: 'fast' })], { origin }, signal);

    const map = { 'volume-type': { fast: '__DEFAULT__' } };
    const mapped = await planVolumes(
      openstack,
      [disk(1, { type: 'fast' })],
      { origin, map },
      signal,
    );
    expect(mapped.volumes).toMatchObject([{ type: '__DEFAULT__' }]);
    expect(planned.volumes).toMatchObject([{ type: null, availabilityZone: null }]);
    expect(planned.needs).toMatchObject([
      { kind: 'volume-type', from: 'fast', give: '--map volume-type:fast=?' },
    ]);
    expect(mapped.needs).toEqual([]);
    expect(planned.notRestored.map(({ what }) => what)).toEqual([
      'availability zone nova of disk 1',
    ]);
  });

  it.each([
    ['volumes', { maxTotalVolumes: 6, totalVolumesUsed: 5 }, 'leaves the project 1 volume'],
    ['GiB', { maxTotalVolumeGigabytes: 20, totalGigabytesUsed: 5 }, '15 GiB for volumes'],
  ])('says what the quota of %s does not bear', async (_, limits, why) => {
    const { openstack } = await startWith(limits);
    const origin = { cloud: 'c', region: 'r' };

    const { obstacles } = await planVolumes(openstack, [disk(1), disk(2)], { origin }, signal);

    expect(obstacles).toEqual([expect.stringContaining(why)]);
  });

  it('understands the limits of a real Cinder', async () => {
    const { openstack } = await start({ [LIMITS]: recorded('cinder-limits') });

    const { volumes, sizeGiB } = (await openstack.volumes.freeQuota()) ?? {};
    expect([volumes, sizeGiB]).toEqual([10, 1000]);
  });
});
