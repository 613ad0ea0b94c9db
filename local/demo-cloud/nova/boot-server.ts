import { join } from 'node:path';

import { BaseImage } from '../disks/base-image.ts';
import { GuestDisk } from '../disks/guest-disk.ts';
import { newUuid } from '../identifiers.ts';
import type { CloudState, Flavor, Image, Project, Server, Volume } from '../state.ts';

const gib = 1024 ** 3;

export interface BootSpecification
  extends Partial<
    Pick<
      Server,
      | 'metadata'
      | 'tags'
      | 'description'
      | 'keyName'
      | 'userData'
      | 'configDrive'
      | 'availabilityZone'
      | 'hostname'
      | 'securityGroups'
    >
  > {
  name: string;
  id?: string;
  flavor: Flavor;
  /** What it boots from. */
  root: Image | Volume;
}

/** A server that is being built: its disk is on the way, and `launch` or `failBuild` ends it. */
export function bootServer(
  state: CloudState,
  project: Project,
  specification: BootSpecification,
): Server {
  const { root, flavor, id = newUuid(), ...rest } = specification;
  const now = state.clock.now();
  const image = 'sizeGib' in root ? undefined : root;
  const server: Server = {
    metadata: {},
    tags: [],
    description: null,
    keyName: null,
    userData: undefined,
    configDrive: false,
    availabilityZone: 'nova',
    hostname: rest.name.toLowerCase().replaceAll(/[^a-z0-9-]+/g, '-'),
    securityGroups: ['default'],
    ...rest,
    id,
    host: `demo-host-${(state.servers.size % state.settings.hosts) + 1}`,
    projectId: project.id,
    userId: project.userId,
    userName: project.userName,
    status: 'BUILD',
    vmState: 'building',
    powerState: 0,
    taskState: 'scheduling',
    fault: undefined,
    flavor,
    imageId: image?.id ?? '',
    imageProperties: 'sizeGib' in root ? propertiesOfVolume(root) : { ...root.properties },
    imageMinDiskGib: image?.minDiskGib ?? 0,
    imageMinRamMib: image?.minRamMib ?? 0,
    createdAt: now,
    updatedAt: now,
    launchedAt: null,
    locked: false,
    cellDown: false,
    lockedReason: null,
    attachments: [],
    actions: [],
    disk: 'sizeGib' in root ? root.disk : rootDisk(state, id, { image: root, flavor }),
  };
  server.disk.catch(() => undefined);
  state.servers.set(id, server);
  return server;
}

export function launch(state: CloudState, server: Server): void {
  const now = state.clock.now();
  server.status = 'ACTIVE';
  server.vmState = 'active';
  server.powerState = 1;
  server.taskState = null;
  server.launchedAt = now;
  server.updatedAt = now;
  for (const port of state.ports.values()) {
    if (port.deviceId === server.id) port.status = 'ACTIVE';
  }
}

export function failBuild(state: CloudState, server: Server, error: unknown): void {
  const now = state.clock.now();
  server.status = 'ERROR';
  server.vmState = 'error';
  server.taskState = null;
  server.updatedAt = now;
  const message = error instanceof Error ? error.message : String(error);
  server.fault = {
    message: `Build of instance ${server.id} aborted: ${message}`,
    code: 500,
    createdAt: now,
  };
}

async function rootDisk(
  state: CloudState,
  serverId: string,
  { image, flavor }: { image: Image; flavor: Flavor },
): Promise<GuestDisk> {
  const base = await BaseImage.open(image.path, image.diskFormat);
  const imageBytes = base.disk.guestSizeBytes;
  const flavorBytes = flavor.diskGib * gib;
  if (flavorBytes > 0 && imageBytes > flavorBytes) {
    await base.release();
    throw new Error(
      `Flavor's disk is too small for requested image. Flavor disk is ${flavorBytes} bytes, image is ${imageBytes} bytes.`,
    );
  }
  const path = join(state.directory, `disk-${serverId}`);
  return new GuestDisk(path, Math.max(flavorBytes, imageBytes), base);
}

/** Cinder remembers what image a volume was filled from; Nova takes the custom properties among it. */
function propertiesOfVolume({ imageMetadata = {} }: Volume): Record<string, string> {
  const notCustom = [
    'image_id',
    'image_name',
    'checksum',
    'container_format',
    'disk_format',
    'min_disk',
    'min_ram',
    'size',
  ];
  return Object.fromEntries(
    Object.entries(imageMetadata).filter(([name]) => !notCustom.includes(name)),
  );
}
