import { describe, expect, it } from 'vitest';
import { CheckpointDescription } from '../../../lib/protect/description.ts';

const image = {
  id: 'a8098c1a-f86e-11da-bd1a-00112444be1e',
  name: 'snapbank-24eacd62796c50371ac5a3b5',
  kind: 'snapshot',
  diskFormat: 'qcow2',
  containerFormat: 'bare',
  sizeBytes: 46_137_344,
  minDiskGiB: 1,
  minRamMiB: 0,
  properties: { hw_disk_bus: 'virtio' },
  osHashAlgo: 'sha512',
  osHashValue: null,
};
const server = {
  id: '5430195d-39bd-4628-9852-e24d9dfa789c',
  name: 'web-1',
  description: null,
  hostname: null,
  status: 'ACTIVE',
  createdAt: '2026-11-23T16:20:41Z',
  userId: null,
  bootImageId: 'ad86123b-e00e-44a5-aa3f-ad9cc69796c7',
  flavor: {
    id: '102',
    name: 'lab.tiny',
    vcpus: 1,
    ramMiB: 96,
    diskGiB: 1,
    ephemeralGiB: 0,
    swapMiB: 0,
    extraSpecs: {},
  },
  metadata: {},
  tags: [],
  keyName: null,
  availabilityZone: 'nova',
  configDrive: false,
  userData: null,
  securityGroups: [],
  ports: [],
  attachedVolumes: [{ id: '638ccdb0-e37d-4901-a977-3f71974cdfe1', device: '/dev/vdb' }],
  notCovered: [],
  notCaptured: [],
};

describe('the description of a checkpoint', () => {
  it('is read as it was written when a checkpoint held the root disk alone', () => {
    const old = { server, image, consistency: 'crash-consistent', sourceHash: 'unchecked' };

    expect(CheckpointDescription.parse(old)).toMatchObject({
      server: { name: 'web-1', attachedVolumes: [{ device: '/dev/vdb' }] },
      consistency: 'crash-consistent',
      disks: [{ disk: 0, image, sourceHash: 'unchecked' }],
    });
  });

  it('lists the disks one by one', () => {
    const disks = [
      { disk: 0, image, sourceHash: 'matched' },
      { disk: 1, image, sourceHash: 'unchecked' },
    ];

    const description = { server, consistency: 'stopped', disks };

    // Those that were described before volumes were have none.
    expect(CheckpointDescription.parse(description).disks).toEqual(
      disks.map((disk) => ({ ...disk, volume: null })),
    );
  });
});
