import { since } from './microversion.ts';
import type { Microversion } from './microversion.ts';
import type { NewServer } from './server.ts';

/** The body that asks Nova for a server, and the wishes that its microversion is too old for. */
export function serverRequest(
  server: NewServer,
  microversion: Microversion | undefined,
): { body: object; notApplied: string[] } {
  const has = (version: Microversion) => microversion !== undefined && microversion >= version;
  const notApplied: string[] = [];
  const ifKnown = (version: Microversion, key: 'description' | 'hostname' | 'tags') => {
    const value = server[key];
    if (value === undefined) return {};
    if (has(version)) return { [key]: value };
    notApplied.push(key);
    return {};
  };
  const body = {
    server: {
      name: server.name,
      ...(server.imageId === null ? {} : { imageRef: server.imageId }),
      flavorRef: server.flavorId,
      ...blockDevices(server, has(since.deviceTags)),
      ...networks(server, has(since.networksByWord)),
      ...(server.securityGroups === undefined
        ? {}
        : { security_groups: server.securityGroups.map((name) => ({ name })) }),
      ...(server.keyName === undefined ? {} : { key_name: server.keyName }),
      ...(server.metadata === undefined ? {} : { metadata: server.metadata }),
      ...(server.userData === undefined ? {} : { user_data: server.userData }),
      ...(server.availabilityZone === undefined
        ? {}
        : { availability_zone: server.availabilityZone }),
      ...(server.configDrive === undefined ? {} : { config_drive: server.configDrive }),
      ...ifKnown(since.description, 'description'),
      ...ifKnown(since.hostname, 'hostname'),
      ...ifKnown(since.tagsAtCreation, 'tags'),
    },
    ...(server.serverGroupId === undefined
      ? {}
      : { 'os:scheduler_hints': { group: server.serverGroupId } }),
  };
  return { body, notApplied };
}

/** Nova is told of the image's disk too, as soon as it is told of any. */
function blockDevices({ imageId, volumes = [] }: NewServer, hasTags: boolean): object {
  if (volumes.length === 0) return {};
  const root = {
    uuid: imageId,
    source_type: 'image',
    destination_type: 'local',
    boot_index: 0,
    delete_on_termination: true,
  };
  return {
    block_device_mapping_v2: [
      ...(imageId === null ? [] : [root]),
      ...volumes.map(({ volumeId, device, deleteOnTermination, tag }, index) => ({
        uuid: volumeId,
        source_type: 'volume',
        destination_type: 'volume',
        boot_index: imageId === null && index === 0 ? 0 : -1,
        delete_on_termination: deleteOnTermination,
        ...(device === undefined ? {} : { device_name: device }),
        ...(tag === undefined || !hasTags ? {} : { tag }),
      })),
    ],
  };
}

/** Before the words `none` and `auto` an absent list meant `auto`, and there was no `none` but an empty list. */
function networks({ networks }: NewServer, hasWords: boolean): { networks?: unknown } {
  if (networks === 'auto') return hasWords ? { networks } : {};
  if (networks === 'none') return { networks: hasWords ? networks : [] };
  return {
    networks: networks.map((network) => {
      if ('portId' in network) return { port: network.portId };
      const { networkId, fixedIp } = network;
      return { uuid: networkId, ...(fixedIp === undefined ? {} : { fixed_ip: fixedIp }) };
    }),
  };
}
