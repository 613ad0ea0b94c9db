import { dropVolume } from '../cinder/volume-record.ts';
import type { Answer, Call } from '../http/call.ts';
import type { CloudState, Server } from '../state.ts';
import { detach } from './attach.ts';
import { findServer } from './find-server.ts';

/** `DELETE /servers/{server}`: 204, and 404 for the server after a while. */
export function deleteServer(state: CloudState, call: Call): Answer {
  const server = findServer(state, call);
  server.taskState = 'deleting';
  state.schedule.start(
    [server.id],
    [
      {
        atMs: state.clock.now() + state.settings.durations.deleteMs,
        run: () => void state.work.start(() => dropServer(state, server)),
      },
    ],
  );
  return { status: 204, headers: { 'Content-Type': 'application/json' } };
}

/** The server is gone at once, with its ports and its disk; its volumes are free. */
export async function dropServer(state: CloudState, server: Server): Promise<void> {
  state.servers.delete(server.id);
  for (const port of [...state.ports.values()].filter((each) => each.deviceId === server.id)) {
    if (port.ownedByServer) state.ports.delete(port.id);
    else Object.assign(port, { deviceId: '', deviceOwner: '', status: 'DOWN' });
  }
  for (const { volumeId, deleteOnTermination } of server.attachments) {
    detach(state, server, volumeId);
    const volume = state.volumes.get(volumeId);
    if (deleteOnTermination && volume !== undefined) await dropVolume(state, volume);
  }
  if (server.imageId === '') return;
  const disk = await server.disk.catch(() => undefined);
  await disk?.remove();
}
