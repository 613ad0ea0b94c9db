import { describe, expect, it } from 'vitest';
import { InvalidInput } from '../../../lib/errors.ts';
import {
  Forbidden,
  ImageInUse,
  ImageInWrongState,
  ImageNotFound,
  ImageProtected,
  QuotaExceeded,
  RequestRefused,
} from '../../../lib/openstack/errors.ts';
import { VirtualClock } from '../../virtual-clock.ts';
import { sendJson } from '../http/local-server.ts';
import { recorded } from './recorded.ts';
import { all, cloudsOfThisFile } from './scripted-cloud.ts';
import type { Reply } from './scripted-cloud.ts';

const IMAGE = '3b1e28d7-50d4-4dab-9c2c-4c24781ad638';
const PATH = `/image/v2/images/${IMAGE}`;
const LIST = 'GET /image/v2/images';
const POST = 'POST /image/v2/images';

const start = cloudsOfThisFile();

describe('show', () => {
  it('reads a snapshot with its properties', async () => {
    const { openstack } = await start({ [`GET ${PATH}`]: recorded('image-show-snapshot-active') });

    const image = await openstack.images.show(IMAGE);

    expect(image).toMatchObject({
      id: IMAGE,
      name: 'snap-live',
      status: 'active',
      visibility: 'private',
      ownerProjectId: '4e7e58adad6b4c01ae002f3ecbe57f26',
      sizeBytes: 20_250_624,
      virtualSizeBytes: 1_073_741_824,
      diskFormat: 'qcow2',
      minDiskGiB: 1,
      osHashAlgo: 'sha512',
      storeIds: ['file'],
      properties: { image_type: 'snapshot', backup_run: 'r1', hw_disk_bus: 'virtio' },
    });
    for (const own of ['id', 'size', 'self', 'schema', 'stores', 'os_hash_value', 'os_hidden']) {
      expect(image.properties).not.toHaveProperty(own);
    }
  });

  it('reads one that has no data yet: everything null', async () => {
    const { openstack } = await start({ [`GET ${PATH}`]: recorded('image-show-snapshot-queued') });

    expect(await openstack.images.show(IMAGE)).toMatchObject({
      status: 'queued',
      sizeBytes: null,
      virtualSizeBytes: null,
      diskFormat: null,
      containerFormat: null,
      checksum: null,
      osHashAlgo: null,
      osHashValue: null,
      storeIds: [],
    });
  });

  it('reads one with hardly any keys', async () => {
    const { openstack } = await start({ [`GET ${PATH}`]: { id: IMAGE, status: 'active' } });

    expect(await openstack.images.show(IMAGE)).toMatchObject({ name: null, minDiskGiB: 0 });
  });

  it('tells where an import failed, and keeps that out of the properties', async () => {
    const { openstack } = await start({ [`GET ${PATH}`]: recorded('image-show-import-missing') });

    const image = await openstack.images.show(IMAGE);

    expect(image).toMatchObject({ status: 'queued', failedImportStoreIds: ['file'] });
    expect(Object.keys(image.properties).join()).not.toContain('os_glance');
  });

  it.each(['image-show-404', 'image-show-deleted-404', 'image-show-other-project-404'])(
    'says which image there is not (%s)',
    async (name) => {
      const { openstack } = await start({ [`GET ${PATH}`]: recorded(name) });

      const error: unknown = await openstack.images.show(IMAGE).catch((error: unknown) => error);

      expect(error).toBeInstanceOf(ImageNotFound);
      expect(String(error)).toContain(`show image ${IMAGE}`);
      expect(String(error)).not.toMatch(/[<>]/);
    },
  );
});

describe('list', () => {
  it('follows the pages', async () => {
    const { openstack, asked } = await start({
      [LIST]: [recorded('images-list-limit1-page1'), recorded('images-list-private')],
    });

    await all(openstack.images.list());

    expect(asked(LIST).map(({ query }) => query.get('marker'))).toEqual([null, IMAGE]);
  });

  it('lets Glance filter, and checks what it is given, because callers delete it', async () => {
    const common = { status: 'active', owner: 'p', tags: ['t'], snapbank: 'c1' };
    const { openstack, asked } = await start({
      [LIST]: {
        images: [
          { ...common, id: 'a' },
          { ...common, id: 'b', snapbank: 'c2' },
          { ...common, id: 'c', owner: 'other' },
          { ...common, id: 'd', tags: [] },
          { ...common, id: 'e', status: 'queued' },
        ],
      },
    });

    const images = await all(
      openstack.images.list({
        ownerProjectId: 'p',
        status: 'active',
        tags: ['t'],
        properties: { snapbank: 'c1' },
      }),
    );

    expect(images.map(({ id }) => id)).toEqual(['a']);
    expect(Object.fromEntries(asked(LIST)[0]?.query ?? [])).toMatchObject({
      owner: 'p',
      status: 'active',
      tag: 't',
      snapbank: 'c1',
    });
  });
});

describe('create', () => {
  const image = { name: 'restored', diskFormat: 'qcow2', properties: { hw_disk_bus: 'virtio' } };

  it('makes a private image with everything that is given', async () => {
    const { openstack, asked } = await start({ [POST]: recorded('image-create-201') });

    const created = await openstack.images.create({ ...image, minDiskGiB: 2, tags: ['a'] });

    expect(created).toMatchObject({ status: 'queued', properties: { backup_run: 'r1' } });
    expect(JSON.parse(asked(POST)[0]?.body ?? '')).toMatchObject({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
      name: 'restored',
      disk_format: 'qcow2',
      container_format: 'bare',
      visibility: 'private',
      min_disk: 2,
      tags: ['a'],
      hw_disk_bus: 'virtio',
    });
  });

  it('makes one image, not two, when the answer is lost', async () => {
    const made: string[] = [];
    const lost: Reply = ({ body }, response) => {
      made.push((JSON.parse(body) as { id: string }).id);
      response.destroy();
    };
    const conflict = { status: 409, headers: {}, body: 'Image ID already exists!' };
    const { openstack, asked } = await start({
      [POST]: [lost, conflict],
      '*': ({ path }, response) => {
        sendJson(response, { id: path.split('/').at(-1), status: 'queued' });
      },
    });

    const created = await openstack.images.create(image);

    expect(made).toEqual([created.id]);
    expect(asked(POST)).toHaveLength(2);
    expect(asked(POST)[1]?.body).toBe(asked(POST)[0]?.body);
  });

  it('names a full quota', async () => {
    const { openstack, asked } = await start({ [POST]: recorded('image-create-quota-3') });

    const creating = openstack.images.create(image);

    await expect(creating).rejects.toThrow(QuotaExceeded);
    await expect(creating).rejects.toThrow(/image_count_total is over limit of 3/);
    expect(asked(POST)).toHaveLength(1);
  });

  it.each([
    ['image-create-bad-format-400', RequestRefused],
    ['image-create-public-403', Forbidden],
  ])('%s is %o', async (name, kind) => {
    const { openstack } = await start({ [POST]: recorded(name) });

    await expect(openstack.images.create(image)).rejects.toThrow(kind);
  });

  it('refuses properties that are fields of Glance, before it asks', async () => {
    const { openstack, calls } = await start({});
    const properties = { owner: 'me', os_glance_x: 'y', fine: 'z' };

    await expect(openstack.images.create({ ...image, properties })).rejects.toThrow(InvalidInput);
    expect(calls).toEqual([]);
  });
});

describe('delete', () => {
  it.each(['image-delete-204', 'image-delete-404'])('is done with %s', async (name) => {
    const { openstack } = await start({ [`DELETE ${PATH}`]: recorded(name) });

    await openstack.images.delete(IMAGE);
  });

  it.each([
    ['image-delete-protected-403', ImageProtected],
    ['image-delete-public-not-owner', Forbidden],
  ])('%s is %o', async (name, kind) => {
    const { openstack } = await start({ [`DELETE ${PATH}`]: recorded(name) });

    await expect(openstack.images.delete(IMAGE)).rejects.toThrow(kind);
  });

  it('waits for what still holds the image, and says so in the end', async () => {
    const clock = new VirtualClock();
    const inUse = { status: 409, headers: {}, body: `<h1>x</h1>Image ${IMAGE} is in use` };
    const path = `DELETE ${PATH}`;
    const released = await start(
      { [path]: [inUse, inUse, recorded('image-delete-204')] },
      { clock },
    );
    const held = await start({ [path]: inUse }, { clock });

    await released.openstack.images.delete(IMAGE);
    await expect(held.openstack.images.delete(IMAGE)).rejects.toThrow(ImageInUse);

    expect(released.asked(path)).toHaveLength(3);
    expect(held.asked(path).length).toBeGreaterThan(3);
  });
});

describe('import', () => {
  const url = 'http://127.0.0.1:18080/private/disk?X-Amz-Credential=k&X-Amz-Signature=hidden';

  it('hands Glance the URL', async () => {
    const { openstack, asked } = await start({
      [`POST ${PATH}/import`]: recorded('image-import-web-download-202'),
    });

    await openstack.images.importWebDownload(IMAGE, url);

    expect(JSON.parse(asked(`POST ${PATH}/import`)[0]?.body ?? '')).toEqual({
      method: { name: 'web-download', uri: url },
    });
  });

  it.each([
    ['image-import-refused-port', RequestRefused],
    ['image-import-active-409', ImageInWrongState],
  ])('%s is %o', async (name, kind) => {
    const { openstack } = await start({ [`POST ${PATH}/import`]: recorded(name) });

    await expect(openstack.images.importWebDownload(IMAGE, url)).rejects.toThrow(kind);
  });

  it('does not repeat the URL when Glance does', async () => {
    const { openstack } = await start({
      [`POST ${PATH}/import`]: {
        status: 400,
        headers: {},
        body: `<h1>400</h1>URI ${url.replaceAll('&', '&amp;')} does not pass filtering`,
      },
    });

    const error: unknown = await openstack.images
      .importWebDownload(IMAGE, url)
      .catch((error: unknown) => error);

    expect(String(error)).toContain('does not pass filtering');
    expect(String(error)).not.toMatch(/private|hidden|X-Amz/);
  });

  it('tells how its tasks went, without their input', async () => {
    const { openstack } = await start({
      [`GET ${PATH}/tasks`]: [recorded('image-tasks-missing'), recorded('image-show-404')],
    });

    const tasks = await openstack.images.tasks(IMAGE);

    expect(tasks).toMatchObject([
      { type: 'api_image_import', status: 'failure', message: 'Task failed due to Internal Error' },
    ]);
    expect(JSON.stringify(tasks)).not.toContain('18080');
    expect(await openstack.images.tasks(IMAGE)).toEqual([]);
  });

  it('tells which methods there are', async () => {
    const { openstack } = await start({
      'GET /image/v2/info/import': [recorded('glance-info-import'), recorded('image-show-404')],
    });

    expect(await openstack.images.importMethods()).toContain('web-download');
    expect(await openstack.images.importMethods()).toEqual([]);
  });
});
