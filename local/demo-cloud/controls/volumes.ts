import { becomeAvailable, newVolume } from '../cinder/volume-record.ts';
import type { DemoCloud, NewVolume } from '../demo-cloud.ts';
import { attach } from '../nova/attach.ts';
import type { CloudState } from '../state.ts';
import { known, projectOf } from './known.ts';

export function volumeControls(state: CloudState): Pick<DemoCloud, 'addVolume' | 'attachVolume'> {
  return {
    addVolume: (volume) => addVolume(state, volume),
    attachVolume(serverId, volumeId) {
      const server = known(state.servers, 'server', serverId);
      return attach(state, server, known(state.volumes, 'volume', volumeId)).id;
    },
  };
}

async function addVolume(state: CloudState, request: NewVolume): Promise<string> {
  const { imageId } = request;
  const volume = newVolume(state, projectOf(state, request.projectId), {
    name: request.name ?? '',
    sizeGib: request.sizeGib,
    ...(imageId === undefined ? {} : { image: known(state.images, 'image', imageId) }),
  });
  await volume.disk;
  becomeAvailable(state, volume);
  return volume.id;
}
