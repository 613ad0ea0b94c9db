import { eventually } from './eventually.ts';
import type { Lab } from './lab.ts';
import { rest } from './rest.ts';

interface Volume {
  id: string;
  status: string;
}

/** A volume of 1 GiB, with an image's data if one is named. */
export async function createVolume(lab: Lab, name: string, imageId?: string): Promise<string> {
  const { volume } = await rest<{ volume: Volume }>(lab, 'volumev3', 'POST', '/volumes', {
    volume: { name, size: 1, ...(imageId === undefined ? {} : { imageRef: imageId }) },
  });
  await volumeIs(lab, volume.id, 'available');
  return volume.id;
}

export async function attachVolume(lab: Lab, serverId: string, volumeId: string): Promise<void> {
  await rest(lab, 'compute', 'POST', `/servers/${serverId}/os-volume_attachments`, {
    volumeAttachment: { volumeId },
  });
  await volumeIs(lab, volumeId, 'in-use');
}

/** A server that boots from a volume; ACTIVE. */
export async function createVolumeBootedServer(
  lab: Lab,
  name: string,
  volumeId: string,
): Promise<string> {
  const { server } = await rest<{ server: { id: string } }>(lab, 'compute', 'POST', '/servers', {
    server: {
      name,
      flavorRef: '102',
      networks: 'none',
      block_device_mapping_v2: [
        { boot_index: 0, uuid: volumeId, source_type: 'volume', destination_type: 'volume' },
      ],
    },
  });
  await eventually(`server ${server.id} ACTIVE`, 120, async () => {
    const { status, fault } = await lab.openstack.servers.show(server.id);
    if (status === 'ERROR') throw new Error(`server ${server.id}: ${fault?.message}`);
    return status === 'ACTIVE' ? true : undefined;
  });
  return server.id;
}

export async function deleteVolume(lab: Lab, volumeId: string): Promise<void> {
  await volumeIs(lab, volumeId, 'available');
  await rest(lab, 'volumev3', 'DELETE', `/volumes/${volumeId}`);
  await eventually(`volume ${volumeId} gone`, 60, async () => {
    const { volumes } = await rest<{ volumes: Volume[] }>(
      lab,
      'volumev3',
      'GET',
      '/volumes/detail',
    );
    return volumes.some(({ id }) => id === volumeId) ? undefined : true;
  });
}

async function volumeIs(lab: Lab, volumeId: string, status: string): Promise<void> {
  await eventually(`volume ${volumeId} ${status}`, 120, async () => {
    const path = `/volumes/${volumeId}`;
    const { volume } = await rest<{ volume: Volume }>(lab, 'volumev3', 'GET', path);
    if (volume.status === 'error') throw new Error(`volume ${volumeId} failed`);
    return volume.status === status ? true : undefined;
  });
}
