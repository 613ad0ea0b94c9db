import { newUuid } from '../identifiers.ts';
import type { Attachment, CloudState, Server, Volume } from '../state.ts';

/** The volume is the server's next disk: `/dev/vda` for one that boots from it, else from `/dev/vdb` on. */
export function attach(
  state: CloudState,
  server: Server,
  volume: Volume,
  { deleteOnTermination = false, tag = null }: Partial<Attachment> = {},
): Attachment {
  const first = server.imageId === '' ? 0 : 1;
  const taken = new Set(server.attachments.map(({ device }) => device));
  let index = first;
  while (taken.has(deviceName(index))) index += 1;
  const now = state.clock.now();
  const attachment: Attachment = {
    id: newUuid(),
    volumeId: volume.id,
    bdmId: newUuid(),
    device: deviceName(index),
    tag,
    deleteOnTermination,
    attachedAt: now,
  };
  server.attachments.push(attachment);
  volume.status = 'in-use';
  volume.updatedAt = now;
  return attachment;
}

export function detach(state: CloudState, server: Server, volumeId: string): void {
  server.attachments = server.attachments.filter((each) => each.volumeId !== volumeId);
  const volume = state.volumes.get(volumeId);
  if (volume === undefined) return;
  volume.status = 'available';
  volume.updatedAt = state.clock.now();
}

const deviceName = (index: number): string => `/dev/vd${String.fromCharCode(97 + index)}`;
