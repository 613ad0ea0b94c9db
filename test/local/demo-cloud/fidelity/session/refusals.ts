import type { Stage } from '../stage.ts';
import { guestImageId, mib, replayAll, untilImage } from './steps.ts';

export async function replayErrors(stage: Stage): Promise<void> {
  const { replayer, small, tokenOf } = stage;
  await replayer.replay('createimage-bad-token-401', { token: 'bad' });
  await replayAll(stage, [
    'createimage-unknown-server-404',
    'createimage-malformed-id',
    'createimage-no-name-400',
    'createimage-long-name-400',
    'createimage-bad-microversion-406',
    'server-action-unknown-400',
    'server-show-404',
    'server-delete-404',
    'server-create-unknown-image-400',
    'server-create-unknown-flavor-400',
    'image-show-404',
    'image-file-404',
    'image-delete-404',
    'image-delete-public-not-owner',
    'image-create-bad-format-400',
    'image-create-public-403',
    'images-list-limit1-page1',
    'images-list-limit1-page2',
    'images-list-private',
  ]);
  const token = await tokenOf(small);
  await replayer.replay('createimage-other-project', { token });
  await replayer.replay('image-show-other-project-404', { token });
}

export async function replayQuota(stage: Stage): Promise<void> {
  const { cloud, clock, replayer, small, tokenOf, ask } = stage;
  const token = await tokenOf(small);
  const serverId = await cloud.addServer({
    name: 'small-src',
    imageId: replayer.actual(guestImageId),
    flavorId: '101',
    projectId: small.projectId,
  });
  replayer.learn('7b242cb5-6ead-4602-8f5f-081cf654a1fd', serverId);
  const first = await replayer.replay('createimage-quota-size-first', { token });
  const { image_id: firstId } = first.body as { image_id: string };
  clock.advance(10_000);
  await untilImage(stage, firstId, 'active', token);
  await replayer.replay('createimage-quota-size-second', { token });
  await replayer.replay('image-show-quota-size-exceeded-queued', { token });
  clock.advance(10_000);
  for (const name of [
    'image-show-quota-size-exceeded-404',
    'server-show-after-quota-failure',
    'server-instance-action-createimage-failed',
    'server-instance-actions',
  ]) {
    await replayer.replay(name, { token });
  }
  await ask('DELETE', `${cloud.endpoints.image}/v2/images/${firstId}`, undefined, token);
  for (const number of [0, 1, 2, 3, 4]) {
    await replayer.replay(`image-create-quota-${number}`, { token });
  }
  await replayer.replay('createimage-quota-count-full', { token });
  await replayer.replay('image-upload-quota-size', { token, body: Buffer.alloc(3 * mib) });
  await replayer.replay('image-show-after-quota-size', { token });
}
