import type { ImageDescription, ServerDescription } from '../../lib/protect/description.ts';

/** What a checkpoint says of a server of which nothing but its disk matters. */
export function describedServer(id: string, bootImageId: string): ServerDescription {
  return {
    id,
    name: id,
    description: null,
    hostname: null,
    status: 'ACTIVE',
    createdAt: null,
    userId: null,
    bootImageId,
    flavor: {
      id: null,
      name: null,
      vcpus: null,
      ramMiB: null,
      diskGiB: null,
      ephemeralGiB: null,
      swapMiB: null,
      extraSpecs: {},
    },
    metadata: {},
    tags: [],
    keyName: null,
    availabilityZone: null,
    configDrive: false,
    userData: null,
    securityGroups: [],
    ports: [],
    attachedVolumes: [],
    notCovered: [],
    notCaptured: [],
  };
}

export function describedImage(id: string, sizeBytes: number): ImageDescription {
  return {
    id,
    name: null,
    kind: 'snapshot',
    diskFormat: 'raw',
    containerFormat: 'bare',
    sizeBytes,
    minDiskGiB: 0,
    minRamMiB: 0,
    properties: {},
    osHashAlgo: null,
    osHashValue: null,
  };
}
