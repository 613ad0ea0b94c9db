import { becomeAvailable, dropVolume, newVolume } from '../cinder/volume-record.ts';
import type { DemoCloud, NewVolume } from '../demo-cloud.ts';
import { attach, detach } from '../nova/attach.ts';
import type { CloudState } from '../state.ts';
import { known, projectOf } from './known.ts';

type VolumeControls = Pick<
  DemoCloud,
  | 'addVolume'
  | 'attachVolume'
  | 'detachVolume'
  | 'writeVolume'
  | 'readVolume'
  | 'removeVolume'
  | 'setVolumeStatus'
>;

export function volumeControls(state: CloudState): VolumeControls {
  const diskOf = (volumeId: string) => known(state.volumes, 'volume', volumeId).disk;
  return {
    addVolume: (volume) => addVolume(state, volume),
    attachVolume(serverId, volumeId, attachment = {}) {
      const server = known(state.servers, 'server', serverId);
      return attach(state, server, known(state.volumes, 'volume', volumeId), attachment).id;
    },
    detachVolume(serverId, volumeId) {
      detach(state, known(state.servers, 'server', serverId), volumeId);
    },
    async writeVolume(volumeId, offset, bytes) {
      await (await diskOf(volumeId)).write(offset, bytes);
    },
    async readVolume(volumeId, offset, length) {
      return (await diskOf(volumeId)).read(offset, length);
    },
    removeVolume: (volumeId) => dropVolume(state, known(state.volumes, 'volume', volumeId)),
    setVolumeStatus(volumeId, status) {
      known(state.volumes, 'volume', volumeId).status = status;
    },
  };
}

async function addVolume(state: CloudState, request: NewVolume): Promise<string> {
  const { imageId, projectId, name = '', ...rest } = request;
  const volume = newVolume(state, projectOf(state, projectId), {
    ...rest,
    name,
    ...(imageId === undefined ? {} : { image: known(state.images, 'image', imageId) }),
  });
  await volume.disk;
  becomeAvailable(state, volume);
  return volume.id;
}
