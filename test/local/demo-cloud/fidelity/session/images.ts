import { exchange } from '../../http-exchange.ts';
import type { Stage } from '../stage.ts';
import { beginUpload, newImage, replayAll, snapshot, untilImage } from './steps.ts';

export async function replayRanges(stage: Stage): Promise<void> {
  const kinds = [
    'first',
    'middle',
    'last',
    'open-end',
    'suffix',
    'over-end',
    'past-end',
    'at-size',
  ];
  const more = ['whole', 'multi', 'garbage', 'reversed', 'unit', 'ifrange'];
  await replayAll(
    stage,
    [...kinds, ...more].map((kind) => `image-file-range-${kind}`),
  );
  await replayAll(stage, ['image-file-request-content-range', 'image-file-head']);
}

export async function replayUploads(stage: Stage): Promise<void> {
  const { replayer, cloud, ask } = stage;
  const file = `${cloud.endpoints.image}/v2/images/${replayer.actual(snapshot)}/file`;
  const { bytes } = await ask('GET', file);
  await replayAll(stage, ['image-create-201', 'image-upload-wrong-type-415']);
  await replayer.replay('image-upload-204', { body: bytes });
  await replayAll(stage, ['image-show-restored-active', 'image-upload-again-409']);

  const other = '650e142b-b560-47ae-a9d7-2cf6eb9fa934';
  await newImage(stage, other, { name: 'chunked', disk_format: 'qcow2' });
  await replayer.replay('image-upload-chunked-204', { body: bytes, chunked: true });
  await replayAll(stage, ['image-patch-rename', 'image-delete-protected-403']);
  await exchange(`${cloud.endpoints.image}/v2/images/${replayer.actual(other)}`, {
    method: 'PATCH',
    headers: [
      ['X-Auth-Token', replayer.token],
      ['Content-Type', 'application/openstack-images-v2.1-json-patch'],
    ],
    body: Buffer.from('[{"op": "replace", "path": "/protected", "value": false}]'),
  });
  await replayAll(stage, ['image-delete-204', 'image-show-deleted-404']);

  const cut = {
    length: 'e183fd9d-6b33-420b-881d-36f49bb26839',
    chunked: '26f41185-d0f5-4912-8491-cf15b0472ab6',
  };
  for (const [kind, id] of Object.entries(cut)) {
    await newImage(stage, id, { name: `cut-${kind}`, disk_format: 'raw' });
    const destroy = await beginUpload(stage, replayer.actual(id), kind === 'chunked');
    await untilImage(stage, id, 'saving');
    await replayer.replay(`image-show-upload-midway-${kind}`);
    destroy();
    await untilImage(stage, id, 'queued');
    await replayer.replay(`image-show-upload-cut-${kind}`);
  }
}

export async function replayImports(stage: Stage): Promise<void> {
  const { clock, replayer, guestImage } = stage;
  const qcow2 = 'qcow2';
  const ids = {
    imp: '0918c34e-83df-4314-ba04-5677b64436f8',
    imp2: 'd47c626c-2fa0-4e48-8468-c7cd5cab2b59',
    'imp-missing': 'e3aa3a53-59a0-427d-9560-9e0264e9ec96',
    'imp-moved': '3a196d19-0986-43b7-aa2a-fc778252d8ea',
  };
  for (const [name, id] of Object.entries(ids)) {
    await newImage(stage, id, { name, disk_format: qcow2 });
  }
  await replayAll(stage, ['image-import-web-download-202', 'image-show-import-queued']);
  clock.advance(5000);
  await replayer.replay('image-show-import-importing');
  clock.advance(5000);
  await untilImage(stage, ids.imp, 'active');
  await replayAll(stage, ['image-show-import-active', 'image-tasks']);

  for (const kind of ['port', 'scheme', 'file']) {
    await replayer.replay(`image-import-refused-${kind}`);
  }
  await replayer.replay('image-import-missing-202');
  clock.advance(10_000);
  await untilImage(stage, ids['imp-missing'], 'queued');
  await replayAll(stage, ['image-show-import-missing', 'image-tasks-missing']);
  await replayer.replay('image-import-moved-202');
  clock.advance(10_000);
  await untilImage(stage, ids['imp-moved'], 'active');
  await replayAll(stage, ['image-show-import-moved', 'image-tasks-moved']);

  await replayer.replay('image-stage-204', { body: guestImage });
  await replayAll(stage, [
    'image-show-staged',
    'image-import-glance-direct-202',
    'image-show-direct-uploading',
  ]);
  clock.advance(5000);
  await replayer.replay('image-show-direct-importing');
  clock.advance(5000);
  await untilImage(stage, ids.imp2, 'active');
  await replayAll(stage, [
    'image-show-direct-active',
    'image-import-active-409',
    'image-import-bad-method-400',
  ]);
}
