import { randomBytes } from 'node:crypto';

import type { Stage } from '../stage.ts';
import { clusterBytes, guestImageId, replayAll, source, untilImage, untilServer } from './steps.ts';

export async function replayNetwork(stage: Stage): Promise<void> {
  const { clock, replayer, ask, cloud } = stage;
  const id = '5e9c7e62-51ab-475c-b4c3-212d361d93f9';
  await replayer.replay('neutron-networks');
  const answer = await ask('POST', `${cloud.endpoints.compute}/v2.1/servers`, {
    server: {
      name: 'lab-net-vm',
      imageRef: replayer.actual(guestImageId),
      flavorRef: '101',
      networks: [
        {
          uuid: replayer.actual('7525e2cc-c5c2-4745-9f75-1a2d1d058773'),
          fixed_ip: '10.99.0.196',
        },
      ],
    },
  });
  replayer.learn(id, (answer.body as { server: { id: string } }).server.id);
  clock.advance(10_000);
  await untilServer(stage, id, 'ACTIVE');
  await replayAll(stage, ['server-show-with-port', 'neutron-ports-of-server', 'server-interfaces']);
  await ask('DELETE', `${cloud.endpoints.compute}/v2.1/servers/${replayer.actual(id)}`);
  clock.advance(1000);
}

export async function replayVolumes(stage: Stage): Promise<void> {
  const { clock, replayer, ask, cloud } = stage;
  const volumeServer = '223fd547-be06-4827-b4b3-c7257fc0460d';
  await replayAll(stage, [
    'cinder-types',
    'cinder-limits',
    'volume-create-202',
    'volume-create-from-image-202',
  ]);
  clock.advance(1000);
  await replayAll(stage, ['volume-show-bootable', 'server-create-volume-boot-202']);
  clock.advance(10_000);
  await untilServer(stage, volumeServer, 'ACTIVE');
  await replayAll(stage, [
    'server-show-volume-boot-2.1',
    'servers-detail-with-volume-boot-2.1',
    'server-show-volume-boot-2.93',
    'servers-detail-with-volume-boot-2.93',
    'server-volume-attachments',
    'volume-show-in-use',
    'volumes-detail',
    'createimage-volume-boot',
    'image-show-volume-backed',
    'image-file-volume-backed',
    'snapshots-detail',
    'image-delete-volume-backed-204',
  ]);
  clock.advance(1000);
  const { volumev3 } = cloud.endpoints;
  const snapshots = `${volumev3}/v3/${stage.lab.projectId}/snapshots`;
  await ask('GET', snapshots);
  const left = (await ask('GET', snapshots)).body as { snapshots: { id: string }[] };
  for (const { id } of left.snapshots) await ask('DELETE', `${snapshots}/${id}`);
  clock.advance(1000);

  const dataSnapshot = '910be638-df3f-43cb-bbab-6f61bc0ce22f';
  // The recorded guest had written more by then.
  const more = randomBytes(66 * clusterBytes);
  await cloud.writeGuest(replayer.actual(source), 304 * clusterBytes, more);
  await replayAll(stage, [
    'volume-attach',
    'server-show-with-volume',
    'server-volume-attachments-data',
    'createimage-with-data-volume',
    'image-show-with-data-volume-queued',
  ]);
  clock.advance(6000);
  await replayer.replay('image-show-with-data-volume-saving');
  clock.advance(4000);
  await untilImage(stage, dataSnapshot, 'active');
  await replayAll(stage, ['image-show-with-data-volume-active', 'volume-detach-202']);
  clock.advance(1000);

  await replayer.replay('snapshot-create-202');
  clock.advance(1000);
  await replayAll(stage, ['snapshot-show', 'volume-from-snapshot-202']);
  clock.advance(1000);
  await replayAll(stage, ['volume-upload-to-image-202', 'image-show-volume-upload-queued']);
  clock.advance(6000);
  await replayer.replay('image-show-volume-upload-saving');
  await replayAll(stage, [
    'volume-delete-with-snapshot-400',
    'volume-show-404',
    'snapshot-delete-202',
  ]);
  await ask('DELETE', `${cloud.endpoints.compute}/v2.1/servers/${replayer.actual(volumeServer)}`);
  clock.advance(1000);
  await replayer.replay('volume-delete-202');
}
