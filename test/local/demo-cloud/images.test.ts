import { createHash, randomBytes } from 'node:crypto';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import { afterEach, describe, expect, it } from 'vitest';

import type { DemoCloud } from '../../../local/demo-cloud/demo-cloud.ts';
import type { DemoCloudOptions } from '../../../local/demo-cloud/options.ts';
import { startDemoCloud } from '../../../local/demo-cloud/start-demo-cloud.ts';
import { Api, until } from './api.ts';

const content = randomBytes(1024 * 1024);
const sha512 = createHash('sha512').update(content).digest('hex');

let cloud: DemoCloud;
let api: Api;
let source: Server | undefined;

async function start(options: DemoCloudOptions = {}): Promise<void> {
  cloud = await startDemoCloud(options);
  api = await Api.of(cloud);
}

/** A server that Glance can import from. */
async function serve(answer: RequestListener): Promise<string> {
  const server = createServer(answer);
  source = server;
  await new Promise<void>((resolve) => server.listen(0, resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function newImage(fields: object = {}): Promise<string> {
  const json = { name: 'new', disk_format: 'raw', container_format: 'bare', ...fields };
  const { body } = await api.image('POST', '/images', { json });
  return (body as { id: string }).id;
}

const importFrom = (id: string, uri: string) =>
  api.image('POST', `/images/${id}/import`, { json: { method: { name: 'web-download', uri } } });

afterEach(async () => {
  await cloud.close();
  source?.closeAllConnections();
  source?.close();
  source = undefined;
});

describe('an upload', () => {
  it('is hashed, and can be read back', async () => {
    await start();
    const id = await newImage();

    await api.image('PUT', `/images/${id}/file`, { bytes: content });

    const image = await api.imageOf(id);
    expect(image).toMatchObject({ status: 'active', size: content.length, os_hash_value: sha512 });
    expect((await api.download(id)).equals(content)).toBe(true);
  });

  it('is refused with 413 once the project uses more than its quota', async () => {
    await start();
    cloud.setImageQuota({ sizeTotalMib: 0 });
    const [first, second] = [await newImage(), await newImage()];

    const passed = await api.image('PUT', `/images/${first}/file`, { bytes: content });
    const refused = await api.image('PUT', `/images/${second}/file`, { bytes: content });

    expect(passed.status).toBe(204);
    expect(refused.status).toBe(413);
    expect(await api.imageOf(second)).toMatchObject({ status: 'queued' });
  });

  it('may choose its id, once', async () => {
    await start();
    const id = '5b4c2f0e-8f5e-4b8a-9b1e-1f0f6f0b6a11';

    expect(await newImage({ id })).toBe(id);
    expect((await api.image('POST', '/images', { json: { id } })).status).toBe(409);
  });
});

describe('an import', () => {
  it('fetches what the URL gives', async () => {
    await start();
    const base = await serve((_, response) => response.end(content));
    const id = await newImage();

    expect((await importFrom(id, `${base}/image`)).status).toBe(202);

    expect(await api.untilImage(id, 'active')).toMatchObject({ os_hash_value: sha512 });
  });

  it.each<[string, RequestListener]>([
    ['the source has nothing', (_, response) => response.writeHead(403).end()],
    [
      'the source ends before the length that it announced',
      (_, response) => {
        response.writeHead(200, { 'Content-Length': content.length });
        response.write(content.subarray(0, 1000), () => response.destroy());
      },
    ],
    [
      'the source redirects to where Glance may not go',
      ({ headers: { host = '' } }, response) => {
        const [name, port] = host.split(':');
        const Location = `http://localhost:${port}/`;
        if (name === 'localhost') response.end(content);
        else response.writeHead(302, { Location }).end();
      },
    ],
  ])('falls back to queued when %s', async (_, answer) => {
    const base = await serve(answer);
    const port = Number(new URL(base).port);
    await start({ images: { importHosts: ['127.0.0.1'], importPorts: [port] } });
    const id = await newImage();

    await importFrom(id, `${base}/image`);

    await until(async () => (await api.imageOf(id))['os_glance_failed_import'] === 'file');
    expect(await api.imageOf(id)).toMatchObject({ status: 'queued', size: null });
    const { body } = await api.image('GET', `/images/${id}/tasks`);
    expect(body).toMatchObject({ tasks: [{ status: 'failure', result: null }] });
  });

  it('fails on demand, and never ends on demand', async () => {
    await start();
    const base = await serve((_, response) => response.end(content));
    const [failing, endless] = [await newImage(), await newImage()];
    cloud.faults.nextImport('fails');
    cloud.faults.nextImport('never-ends');

    await importFrom(failing, base);
    await importFrom(endless, base);

    await until(async () => (await api.imageOf(failing))['os_glance_failed_import'] === 'file');
    expect(await api.imageOf(endless)).toMatchObject({ status: 'importing' });
  });

  it('is refused by a Glance that does not offer it, or may not reach the host', async () => {
    await start({ images: { importMethods: ['glance-direct'] } });
    expect((await importFrom(await newImage(), 'http://127.0.0.1/x')).status).toBe(400);
    await cloud.close();

    await start({ images: { importHosts: ['images.example.org'] } });
    expect((await importFrom(await newImage(), 'http://127.0.0.1/x')).status).toBe(400);
  });
});

async function idsOf(query: string): Promise<string[]> {
  const { body } = await api.image('GET', `/images?${query}`);
  return (body as { images: { id: string }[] }).images.map(({ id }) => id);
}

describe('the list of images', () => {
  it('comes in pages, newest first, with a next after every full one', async () => {
    await start({ pageSize: 2 });
    const ids = [await newImage(), await newImage(), await newImage()];
    const listed: string[] = [];

    for (let path: string | undefined = '/v2/images'; path !== undefined; ) {
      const { body } = await api.ask('GET', `${cloud.endpoints.image}${path}`);
      const page = body as { images: { id: string }[]; next?: string };
      expect(page.images.length).toBeLessThanOrEqual(2);
      listed.push(...page.images.map(({ id }) => id));
      path = page.next;
    }

    expect(listed).toEqual(ids.toReversed());
  });

  it('is filtered by properties and tags, and shows no other project’s private images', async () => {
    await start();
    const marked = await newImage({ checkpoint: 'c1', tags: ['ours'] });
    await newImage({ checkpoint: 'c2' });
    const other = cloud.addProject({ name: 'other' });
    await cloud.addImage({
      name: 'theirs',
      content,
      diskFormat: 'raw',
      projectId: other.projectId,
    });
    expect(await idsOf('checkpoint=c1')).toEqual([marked]);
    expect(await idsOf('tag=ours')).toEqual([marked]);
    expect(await idsOf('')).toHaveLength(2);
  });
});
