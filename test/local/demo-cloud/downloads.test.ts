import { randomBytes } from 'node:crypto';

import * as fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';

import type { DemoCloud } from '../../../local/demo-cloud/demo-cloud.ts';
import { spanOf } from '../../../local/demo-cloud/glance/byte-range.ts';
import { Refusal } from '../../../local/demo-cloud/http/refusal.ts';
import type { DemoCloudOptions } from '../../../local/demo-cloud/options.ts';
import { startDemoCloud } from '../../../local/demo-cloud/start-demo-cloud.ts';
import { Api, headerOf } from './api.ts';
import { ManualClock } from './manual-clock.ts';

const content = randomBytes(300_000);

let cloud: DemoCloud;
let api: Api;
let file: string;

async function start(options: DemoCloudOptions = {}): Promise<string> {
  cloud = await startDemoCloud(options);
  api = await Api.of(cloud);
  const imageId = await cloud.addImage({ name: 'image', content, diskFormat: 'raw' });
  file = `/images/${imageId}/file`;
  return imageId;
}

afterEach(() => cloud.close());

describe('a download', () => {
  it('is logged with what was asked for and how much was sent', async () => {
    const imageId = await start();

    await api.image('GET', file, { headers: { Range: 'bytes=1000-1999' } });
    await api.image('GET', file, { headers: { Range: 'bytes=-5' } });

    expect(cloud.requests.downloads(imageId)).toEqual([
      { start: 1000, end: 2000 },
      { start: 299_995, end: 300_000 },
    ]);
    expect(cloud.requests.matching('GET', /\/file$/).map(({ sentBytes }) => sentBytes)).toEqual([
      1000, 5,
    ]);
  });

  it('refuses ranges with 400 where the store cannot seek', async () => {
    await start({ images: { range: 'refuse-400' } });

    const answer = await api.image('GET', file, { headers: { Range: 'bytes=0-9' } });

    expect(answer.status).toBe(400);
    expect(headerOf(answer, 'content-type')).toContain('text/html');
    expect((await api.image('GET', file)).bytes.equals(content)).toBe(true);
  });

  it('sends everything as 206 where an old Glance ignores that the store cannot seek', async () => {
    await start({ images: { range: 'whole-206' } });

    const answer = await api.image('GET', file, { headers: { Range: 'bytes=10-19' } });

    expect(answer.status).toBe(206);
    expect(headerOf(answer, 'content-range')).toBe('bytes 10-19/300000');
    expect(answer.bytes.equals(content)).toBe(true);
  });

  it('ends with the connection, without a length, where the operator took it away', async () => {
    await start({ images: { contentLength: false } });

    const answer = await api.image('GET', file);

    expect(headerOf(answer, 'content-length')).toBeUndefined();
    expect(headerOf(answer, 'transfer-encoding')).toBeUndefined();
    expect(answer.bytes.equals(content)).toBe(true);
  });

  it('cut off without a length looks whole', async () => {
    await start({ images: { contentLength: false } });
    cloud.faults.add({ path: /\/file$/ }, { kind: 'cut', afterBytes: 1000 });

    const { status, bytes } = await api.image('GET', file);

    expect({ status, length: bytes.length }).toEqual({ status: 200, length: 1000 });
  });
});

describe('the hash of an image', () => {
  it('stays null where the store makes none', async () => {
    const imageId = await start({ images: { hash: 'never' } });

    const image = await api.imageOf(imageId);

    expect(image).toMatchObject({ status: 'active', checksum: null, os_hash_value: null });
    expect(headerOf(await api.image('GET', file), 'content-md5')).toBeUndefined();
  });

  it('comes after the image is active where Glance hashes in the background', async () => {
    const clock = new ManualClock();
    const imageId = await start({ clock, images: { hash: 'late', lateHashMs: 5000 } });

    const early = await api.imageOf(imageId);
    clock.advance(5000);
    const late = await api.imageOf(imageId);

    expect(early).toMatchObject({ os_hash_algo: 'sha512', os_hash_value: null });
    expect(late['os_hash_value']).toMatch(/^[0-9a-f]{128}$/);
  });
});

describe('spanOf', () => {
  it('gives what the header asks for, inside the image', () => {
    fc.assert(
      fc.property(fc.nat(1000), fc.nat(1000), fc.integer({ min: 1, max: 1000 }), (a, b, size) => {
        const [first, last] = [Math.min(a, b), Math.max(a, b)];
        const span = () => spanOf(`bytes=${first}-${last}`, size);

        if (first >= size) expect(span).toThrow(Refusal);
        else expect(span()).toEqual({ start: first, end: Math.min(last + 1, size) });
      }),
    );
  });

  it('gives the end of the image for a suffix, all of it for a longer one', () => {
    expect(spanOf('bytes=-10', 100)).toEqual({ start: 90, end: 100 });
    expect(spanOf('bytes=-1000', 100)).toEqual({ start: 0, end: 100 });
  });
});
