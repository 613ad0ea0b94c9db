import { createHash, randomBytes } from 'node:crypto';

import { InvalidInput } from '../../../lib/errors.ts';
import type { DemoCloud, NewServer, ServerState } from '../demo-cloud.ts';
import { newRequestId, newUuid } from '../identifiers.ts';
import { newPort } from '../neutron/port-record.ts';
import { attach } from '../nova/attach.ts';
import { bootServer, launch } from '../nova/boot-server.ts';
import { dropServer } from '../nova/delete-server.ts';
import { finishAction, recordCreate } from '../nova/instance-actions.ts';
import type { CloudState, Server } from '../state.ts';
import { known, projectOf } from './known.ts';

export function computeControls(
  state: CloudState,
): Pick<
  DemoCloud,
  | 'addFlavor'
  | 'addKeypair'
  | 'addServer'
  | 'removeServer'
  | 'setServerState'
  | 'writeGuest'
  | 'readGuest'
  | 'guestSizeBytes'
> {
  const diskOf = (serverId: string) => known(state.servers, 'server', serverId).disk;
  return {
    addFlavor({ id = newUuid(), name, vcpus, ramMib, diskGib, extraSpecs = {} }) {
      state.flavors.set(id, { id, name, vcpus, ramMib, diskGib, extraSpecs });
      return id;
    },
    addKeypair({ name, publicKey = `ssh-ed25519 ${randomBytes(48).toString('base64')}`, userId }) {
      const owner = userId ?? projectOf(state, undefined).userId;
      const digest = createHash('md5').update(publicKey).digest('hex');
      const fingerprint = (digest.match(/../g) ?? []).join(':');
      const createdAt = state.clock.now();
      state.keypairs.push({ name, userId: owner, publicKey, fingerprint, createdAt });
      return name;
    },
    addServer: (server) => addServer(state, server),
    removeServer: (serverId) => dropServer(state, known(state.servers, 'server', serverId)),
    setServerState(serverId, change) {
      setState(state, known(state.servers, 'server', serverId), change);
    },
    async writeGuest(serverId, offset, bytes) {
      const disk = await diskOf(serverId);
      await disk.write(offset, bytes);
    },
    async readGuest(serverId, offset, length) {
      const disk = await diskOf(serverId);
      return disk.read(offset, length);
    },
    async guestSizeBytes(serverId) {
      return (await diskOf(serverId)).sizeBytes;
    },
  };
}

async function addServer(state: CloudState, request: NewServer): Promise<string> {
  const project = projectOf(state, request.projectId);
  const flavorId = request.flavorId ?? state.flavors.keys().next().value ?? '';
  const { imageId, bootVolumeId, networks = [], projectId: _, flavorId: __, ...rest } = request;
  if ((imageId === undefined) === (bootVolumeId === undefined)) {
    throw new InvalidInput('a server boots either from an image or from a volume');
  }
  const volume =
    bootVolumeId === undefined ? undefined : known(state.volumes, 'volume', bootVolumeId);
  const server = bootServer(state, project, {
    ...rest,
    tags: [...(request.tags ?? [])],
    metadata: { ...request.metadata },
    securityGroups: [...(request.securityGroups ?? ['default'])],
    flavor: known(state.flavors, 'flavor', flavorId),
    root: volume ?? known(state.images, 'image', imageId ?? ''),
  });
  try {
    await server.disk;
    for (const { networkId, fixedIp } of networks) {
      known(state.networks, 'network', networkId);
      const port = newPort(state, {
        networkId,
        projectId: project.id,
        securityGroups: server.securityGroups,
        ...(fixedIp === undefined ? {} : { fixedIp }),
      });
      Object.assign(port, {
        deviceId: server.id,
        deviceOwner: 'compute:nova',
        ownedByServer: true,
      });
    }
  } catch (error) {
    await dropServer(state, server);
    throw error;
  }
  if (volume !== undefined) attach(state, server, volume);
  launch(state, server);
  finishAction(state, recordCreate(state, server, newRequestId()), 'Success');
  return server.id;
}

function setState(state: CloudState, server: Server, change: ServerState): void {
  const { fault, ...fields } = change;
  Object.assign(server, fields, { updatedAt: state.clock.now() });
  if (fault !== undefined) {
    server.fault = { message: fault, code: 500, createdAt: state.clock.now() };
  }
}
