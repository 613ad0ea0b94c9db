import type { Fields } from './fields.ts';
import type {
  InstanceAction,
  Server,
  ServerAddress,
  ServerFault,
  ServerFlavor,
  VolumeAttachment,
} from './server.ts';

/** Reads a server as any microversion from 2.1 on shows it, to owners and to administrators. */
export function serverOf(record: Fields): Server {
  const name = record.text('name');
  return {
    id: record.required('id'),
    name: name ?? '',
    status: record.text('status') ?? 'UNKNOWN',
    vmState: record.text('OS-EXT-STS:vm_state'),
    taskState: record.text('OS-EXT-STS:task_state'),
    // Of a server that boots from a volume the image is "".
    imageId: record.optionalChild('image')?.text('id') ?? null,
    incomplete: name === null,
    flavor: flavorOf(record.optionalChild('flavor')),
    metadata: record.textsByKey('metadata'),
    tags: record.texts('tags'),
    keyName: record.text('key_name'),
    availabilityZone: record.text('OS-EXT-AZ:availability_zone'),
    description: record.text('description'),
    hostname: record.text('OS-EXT-SRV-ATTR:hostname'),
    configDrive: record.flag('config_drive') ?? false,
    hostId: record.text('hostId') ?? '',
    userId: record.text('user_id'),
    projectId: record.text('tenant_id') ?? record.text('project_id') ?? '',
    createdAt: record.time('created'),
    launchedAt: record.time('OS-SRV-USG:launched_at'),
    securityGroupNames: record
      .children('security_groups')
      .map((group) => group.text('name'))
      .filter((group) => group !== null),
    addresses: addressesOf(record.optionalChild('addresses')),
    attachedVolumeIds: record
      .children('os-extended-volumes:volumes_attached')
      .map((volume) => volume.required('id')),
    ...(record.has('OS-EXT-SRV-ATTR:user_data')
      ? { userData: record.text('OS-EXT-SRV-ATTR:user_data') }
      : {}),
    rootDeviceName: record.text('OS-EXT-SRV-ATTR:root_device_name'),
    serverGroupIds: record.texts('server_groups'),
    locked: record.flag('locked') ?? false,
    fault: faultOf(record.optionalChild('fault')),
  };
}

function flavorOf(flavor: Fields | null): ServerFlavor {
  return {
    id: flavor?.text('id') ?? null,
    name: flavor?.text('original_name') ?? null,
    vcpus: flavor?.number('vcpus') ?? null,
    ramMiB: flavor?.number('ram') ?? null,
    diskGiB: flavor?.number('disk') ?? null,
    ephemeralGiB: flavor?.number('ephemeral') ?? null,
    swapMiB: flavor?.number('swap') ?? null,
    extraSpecs: flavor?.has('extra_specs') === true ? flavor.textsByKey('extra_specs') : null,
  };
}

function addressesOf(networks: Fields | null): Record<string, ServerAddress[]> {
  return Object.fromEntries(
    (networks?.keys() ?? []).map((network) => [
      network,
      (networks?.children(network) ?? []).map((address) => ({
        address: address.text('addr') ?? '',
        ipVersion: address.number('version') === 6 ? 6 : 4,
        type: address.text('OS-EXT-IPS:type') === 'floating' ? 'floating' : 'fixed',
        macAddress: address.text('OS-EXT-IPS-MAC:mac_addr'),
      })),
    ]),
  );
}

function faultOf(fault: Fields | null): ServerFault | null {
  if (fault === null) return null;
  return {
    code: fault.number('code') ?? 0,
    message: fault.text('message') ?? '',
    createdAt: fault.time('created'),
  };
}

export function instanceActionOf(record: Fields): InstanceAction {
  const events = record.children('events').map((event) => ({
    event: event.text('event') ?? '',
    result: event.text('result'),
    startedAt: event.time('start_time'),
    finishedAt: event.time('finish_time'),
    details: event.text('details'),
  }));
  const message = record.text('message');
  return {
    action: record.text('action') ?? '',
    requestId: record.required('request_id'),
    failed: message === 'Error' || events.some((event) => event.result === 'Error'),
    message,
    startedAt: record.time('start_time'),
    updatedAt: record.time('updated_at'),
    events,
  };
}

export function volumeAttachmentOf(record: Fields): VolumeAttachment {
  return {
    volumeId: record.required('volumeId'),
    device: record.text('device'),
    deleteOnTermination: record.flag('delete_on_termination'),
    tag: record.text('tag'),
  };
}
