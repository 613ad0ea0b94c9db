import { randomBytes } from 'node:crypto';

import type { Stage } from '../stage.ts';
import {
  clusterBytes,
  newImage,
  replayAll,
  snapshot,
  source,
  untilImage,
  untilServer,
} from './steps.ts';

export async function replayServerLife(stage: Stage): Promise<void> {
  const { cloud, clock, replayer } = stage;
  await replayAll(stage, ['server-create-202', 'server-show-build', 'createimage-while-building']);
  clock.advance(10_000);
  await untilServer(stage, source, 'ACTIVE');
  // With header, tables and one L2 table this makes the snapshot as large as the recorded one.
  const serverId = replayer.actual(source);
  await cloud.writeGuest(serverId, 0, randomBytes(304 * clusterBytes));
  await replayAll(stage, [
    'server-console-output',
    'server-show-active-2.1',
    'servers-detail-2.1',
    'server-show-active-2.47',
    'servers-detail-2.47',
    'server-show-active-2.93',
    'servers-detail-2.93',
    'servers-detail-limit1-page1',
    'servers-detail-limit1-page2',
    'servers-detail-limit1-last',
    'servers-detail-bad-marker-400',
    'servers-detail-changes-since',
    'servers-detail-status-filter',
    'servers-detail-all-tenants-member',
    'server-volume-attachments-empty',
    'createimage-202',
    'createimage-during-snapshot',
    'server-show-during-snapshot',
    'image-file-while-queued',
    'image-show-snapshot-queued',
  ]);
  clock.advance(4000);
  await replayer.replay('server-show-task-image_pending_upload');
  clock.advance(2000);
  await replayAll(stage, [
    'server-show-task-image_snapshot',
    'server-show-task-image_uploading',
    'image-show-snapshot-saving',
  ]);
  clock.advance(4000);
  await untilImage(stage, snapshot, 'active');
  await replayAll(stage, ['image-show-snapshot-active', 'image-file-full-200']);
}

export async function replayStates(stage: Stage): Promise<void> {
  const { clock, replayer, ask, cloud } = stage;
  const url = `${cloud.endpoints.compute}/v2.1/servers/${replayer.actual(source)}/action`;
  const change = async (status: string) => {
    clock.advance(1000);
    await untilServer(stage, source, status);
  };
  const take = async (name: string, status: string) => {
    const answer = await replayer.replay(name);
    clock.advance(10_000);
    const { image_id: id } = (answer.body ?? {}) as { image_id?: string };
    const location = answer.headers.find(([header]) => header === 'Location')?.[1] ?? '';
    const imageId = id ?? location.split('/').at(-1) ?? '';
    await untilImage(stage, imageId, 'active');
    await untilServer(stage, source, status);
    await ask('DELETE', `${cloud.endpoints.image}/v2/images/${imageId}`);
  };
  await replayer.replay('server-stop-202');
  await change('SHUTOFF');
  await replayer.replay('server-show-shutoff');
  await take('createimage-shutoff-202-v2.1', 'SHUTOFF');
  await replayer.replay('server-start-202');
  await change('ACTIVE');
  await replayer.replay('server-pause-202');
  await change('PAUSED');
  await take('createimage-paused', 'PAUSED');
  await ask('POST', url, { unpause: null });
  await change('ACTIVE');
  await replayer.replay('server-suspend-202');
  await change('SUSPENDED');
  await take('createimage-suspendd', 'SUSPENDED');
  await ask('POST', url, { resume: null });
  await change('ACTIVE');
  await ask('POST', url, { lock: null });
  await take('createimage-locked', 'ACTIVE');
  await ask('POST', url, { unlock: null });
}

export async function replayRestoredServer(stage: Stage): Promise<void> {
  const { clock, replayer } = stage;
  const restored = 'd3cc253c-7c7e-4067-8299-1ddd215985f7';
  await newImage(stage, '20a68109-42f6-400f-b1de-92cc7204d355', { disk_format: 'raw' });
  await replayAll(stage, [
    'image-file-queued-204',
    'image-file-queued-range',
    'server-create-queued-image-400',
    'server-create-restored-202',
  ]);
  clock.advance(10_000);
  await untilServer(stage, restored, 'ACTIVE');
  await replayAll(stage, ['server-console-restored', 'server-delete-204']);
  clock.advance(1000);
  await replayer.replay('server-show-deleted-404');
}
