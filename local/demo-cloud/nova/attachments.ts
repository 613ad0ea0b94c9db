import * as z from 'zod';

import { type Answer, type Call, param, readJson } from '../http/call.ts';
import { Refusal } from '../http/refusal.ts';
import type { Attachment, CloudState, Server } from '../state.ts';
import { attach, detach } from './attach.ts';
import { findServer } from './find-server.ts';
import { validated } from './validation.ts';

export function listAttachments(state: CloudState, call: Call): Answer {
  const server = findServer(state, call);
  const volumeAttachments = server.attachments.map((each) => view(server, each, call.microversion));
  return { status: 200, json: { volumeAttachments } };
}

const schema = z.object({
  volumeAttachment: z.object({
    volumeId: z.string(),
    tag: z.string().optional(),
    delete_on_termination: z.boolean().optional(),
  }),
});

export async function attachVolume(state: CloudState, call: Call): Promise<Answer> {
  const { volumeAttachment: request } = validated(schema, await readJson(call), 'volumeAttachment');
  const server = findServer(state, call);
  const volume = state.volumes.get(request.volumeId);
  if (volume?.projectId !== call.project.id) {
    throw new Refusal(404, `Volume ${request.volumeId} could not be found.`);
  }
  if (volume.status !== 'available') {
    const message = `Invalid volume: Volume ${volume.id} status must be available or downloading to reserve, but the current status is ${volume.status}.`;
    throw new Refusal(400, message);
  }
  const attachment = attach(state, server, volume, {
    deleteOnTermination: request.delete_on_termination ?? false,
    tag: request.tag ?? null,
  });
  const { attachment_id: _, bdm_uuid: __, ...shown } = view(server, attachment, 89);
  return { status: 200, json: { volumeAttachment: { id: volume.id, ...shown } } };
}

export function detachVolume(state: CloudState, call: Call): Answer {
  const server = findServer(state, call);
  const volumeId = param(call, 'volume');
  const attachment = server.attachments.find((each) => each.volumeId === volumeId);
  if (attachment === undefined) {
    throw new Refusal(404, `volume_id not found: ${volumeId}`);
  }
  if (server.imageId === '' && attachment.device === '/dev/vda') {
    throw new Refusal(403, `Can't detach root device volume`);
  }
  const volume = state.volumes.get(volumeId);
  if (volume !== undefined) volume.status = 'detaching';
  const atMs = state.clock.now() + state.settings.durations.actionMs;
  state.schedule.start(
    [server.id, volumeId],
    [{ atMs, run: () => detach(state, server, volumeId) }],
  );
  return { status: 202, headers: { 'Content-Type': 'application/json' } };
}

/** What Nova says of the ports of a server. */
export function listInterfaces(state: CloudState, call: Call): Answer {
  const server = findServer(state, call);
  const interfaceAttachments = [...state.ports.values()]
    .filter(({ deviceId }) => deviceId === server.id)
    .map((port) => ({
      net_id: port.networkId,
      port_id: port.id,
      mac_addr: port.macAddress,
      port_state: port.status,
      fixed_ips: port.fixedIps.map(({ subnetId, ipAddress }) => ({
        subnet_id: subnetId,
        ip_address: ipAddress,
      })),
      ...(call.microversion >= 70 ? { tag: null } : {}),
    }));
  return { status: 200, json: { interfaceAttachments } };
}

function view(server: Server, attachment: Attachment, microversion: number) {
  return {
    ...(microversion >= 89 ? {} : { id: attachment.volumeId }),
    volumeId: attachment.volumeId,
    serverId: server.id,
    device: attachment.device,
    ...(microversion >= 70 ? { tag: attachment.tag } : {}),
    ...(microversion >= 79 ? { delete_on_termination: attachment.deleteOnTermination } : {}),
    ...(microversion >= 89 ? { attachment_id: attachment.id, bdm_uuid: attachment.bdmId } : {}),
  };
}
