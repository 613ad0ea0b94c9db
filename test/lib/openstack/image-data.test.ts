import { createHash, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import type { ServerResponse } from 'node:http';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InvalidInput } from '../../../lib/errors.ts';
import {
  ChecksumMismatch,
  ImageHasNoData,
  ImageInWrongState,
  ImageNotFound,
  ImageRefused,
  ImageTruncated,
  OpenStackUnavailable,
  QuotaExceeded,
  RangeNotSupported,
  UnexpectedAnswer,
} from '../../../lib/openstack/errors.ts';
import { bodyOf } from '../http/local-server.ts';
import { recorded } from './recorded.ts';
import { cloudsOfThisFile, requestOf } from './scripted-cloud.ts';
import type { Call, Reply, Script } from './scripted-cloud.ts';

const IMAGE = '3b1e28d7-50d4-4dab-9c2c-4c24781ad638';
const SHOW = `GET /image/v2/images/${IMAGE}`;
const FILE = `${SHOW}/file`;
const PUT = `PUT /image/v2/images/${IMAGE}/file`;
const data = randomBytes(300_000);
const hash = createHash('sha512').update(data).digest('hex');

const start = cloudsOfThisFile();

function image(more: object = {}): object {
  const os_hash = { os_hash_algo: 'sha512', os_hash_value: hash };
  return { id: IMAGE, status: 'active', size: data.length, ...os_hash, ...more };
}

interface Answer {
  status: number;
  /** The bytes of the image that are announced. */
  start: number;
  end: number;
}

/** How a store of Glance answers: ranges as asked for, all of it without. */
function answerOf({ headers }: Call): Answer {
  const range = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? '');
  if (range === null) return { status: 200, start: 0, end: data.length };
  return {
    status: 206,
    start: Number(range[1]),
    end: Math.min(Number(range[2]) + 1, data.length),
  };
}

function head(response: ServerResponse, answer: Answer, length: boolean): void {
  const { status, start, end } = answer;
  const range = `bytes ${String(start)}-${String(end - 1)}/${String(data.length)}`;
  response.writeHead(status, {
    'Content-Type': 'application/octet-stream',
    ...(status === 206 ? { 'Content-Range': range } : {}),
    ...(length ? { 'Content-Length': String(end - start) } : { Connection: 'close' }),
  });
}

/** Sends what is asked for; of it only `mostBytes` before the connection is cut. */
function store(options: { mostBytes?: number; length?: boolean } = {}): Reply {
  return (call, response) => {
    const answer = answerOf(call);
    head(response, answer, options.length ?? true);
    const end = Math.min(answer.end, answer.start + (options.mostBytes ?? data.length));
    const bytes = data.subarray(answer.start, end);
    if (end === answer.end) response.end(bytes);
    else if (options.length === false) response.end(bytes);
    else response.write(bytes, () => response.destroy());
  };
}

/** Answers whole requests one way and ranges another. */
function rangesBy(range: Reply, whole: Reply): Reply {
  return (call, response) => {
    const reply = call.headers.range === undefined ? whole : range;
    if (typeof reply === 'function') reply(call, response);
    else response.writeHead(400).end();
  };
}

function receives(received: Buffer[], headers: Call['headers'][]): Reply {
  return (call, response) => {
    headers.push(call.headers);
    void bodyOf(requestOf(response)).then((body) => {
      received.push(body);
      return response.writeHead(204).end();
    });
  };
}

const refusesRanges = { status: 400, headers: {}, body: '<h1>400</h1>no random access' };
/** Announces the range, and sends everything: what Glance's release notes warn of. */
const liesAboutRanges: Reply = (call, response) => {
  head(response, answerOf(call), false);
  response.end(data);
};
const ignoresRanges: Reply = (_, response) => {
  head(response, { status: 200, start: 0, end: data.length }, true);
  response.end(data);
};

async function bytesOf(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of body) pieces.push(piece);
  return Buffer.concat(pieces);
}

async function images(script: Script) {
  const cloud = await start({ [SHOW]: image(), ...script });
  return { ...cloud, images: cloud.openstack.images };
}

describe('probeRange', () => {
  it('believes a store that sends the very bytes', async () => {
    const { images: glance, asked } = await images({ [FILE]: store() });

    expect(await glance.probeRange(IMAGE, data.length)).toEqual({ supported: true });
    expect(asked(FILE)[0]?.headers.range).toBe('bytes=150000-154095');
  });

  it.each<[string, Reply, RegExp]>([
    ['400', refusesRanges, /answered 400: no random access/],
    ['the whole with 200', ignoresRanges, /answered 200/],
    ['the whole with 206', liesAboutRanges, /sends more than that/],
    [
      '206 without Content-Range',
      (_, response) => response.writeHead(206).end('x'.repeat(4096)),
      /Content-Range ""/,
    ],
    [
      '206 with another range',
      (_, response) =>
        response.writeHead(206, { 'Content-Range': 'bytes 0-4095/300000' }).end('x'.repeat(4096)),
      /Content-Range "bytes 0-4095\/300000"/,
    ],
  ])('takes %s for a refusal', async (_, reply, reason) => {
    const { images: glance } = await images({ [FILE]: reply });

    const support = await glance.probeRange(IMAGE, data.length);

    expect(support).toEqual({
      supported: false,
      reason: expect.stringMatching(reason) as string,
    });
  });

  it('cuts the connection of a store that sends everything', async () => {
    let sentBytes = 0;
    let cut = false;
    const endless: Reply = (call, response) => {
      head(response, answerOf(call), false);
      response.on('close', () => {
        cut = true;
      });
      const send = () => {
        sentBytes += 65_536;
        if (!cut) response.write(Buffer.alloc(65_536), send);
      };
      send();
    };
    const { images: glance } = await images({ [FILE]: endless });

    expect(await glance.probeRange(IMAGE, data.length)).toMatchObject({ supported: false });
    await expect.poll(() => cut).toBe(true);
    expect(sentBytes).toBeLessThan(64 * 1024 * 1024);
  });

  it('does not take an outage for a refusal, nor a missing image', async () => {
    const broken = await images({ [FILE]: { status: 503, headers: {}, body: '' } });
    const missing = await images({ [FILE]: recorded('image-file-404') });

    await expect(broken.images.probeRange(IMAGE, 10)).rejects.toThrow(OpenStackUnavailable);
    await expect(missing.images.probeRange(IMAGE, 10)).rejects.toThrow(ImageNotFound);
  });

  it('does not ask an empty image', async () => {
    const { images: glance, calls } = await images({});

    expect(await glance.probeRange(IMAGE, 0)).toMatchObject({ supported: false });
    expect(calls).toEqual([]);
  });
});

describe('read', () => {
  it('reads any range, with Content-Length and without', async () => {
    const { images: glance } = await images({ [FILE]: [store(), store({ length: false })] });
    const source = glance.byteSource(IMAGE, data.length);
    const range = fc.tuple(fc.nat(data.length - 1), fc.integer({ min: 0, max: 5000 }));

    await fc.assert(
      fc.asyncProperty(range, async ([offset, most]) => {
        const length = Math.min(most, data.length - offset);
        const bytes = await source.read(offset, length);
        expect(Buffer.compare(bytes, data.subarray(offset, offset + length))).toBe(0);
      }),
      { numRuns: 25 },
    );
  });

  it('takes a range that is whole though more was announced', async () => {
    const cut: Reply = (call, response) => {
      const { start: from, end } = answerOf(call);
      response.writeHead(206, {
        'Content-Length': end - from + 100,
        'Content-Range': `bytes ${String(from)}-${String(end - 1)}/${String(data.length)}`,
      });
      response.write(data.subarray(from, end), () => response.destroy());
    };
    const { images: glance, asked } = await images({ [FILE]: [cut] });

    const bytes = await glance.read(IMAGE, 1000, 50_000);

    expect(Buffer.compare(bytes, data.subarray(1000, 51_000))).toBe(0);
    expect(asked(FILE)).toHaveLength(1);
  });

  it.each([
    ['with', true],
    ['without', false],
  ])('goes on inside the range after every cut, %s Content-Length', async (_, length) => {
    const cut = store({ mostBytes: 40_000, length });
    const { images: glance, asked } = await images({ [FILE]: [cut, cut, store({ length })] });

    const bytes = await glance.read(IMAGE, 1000, 200_000);

    expect(Buffer.compare(bytes, data.subarray(1000, 201_000))).toBe(0);
    const ranges = asked(FILE).map(({ headers }) => headers.range);
    expect(ranges.at(0)).toBe('bytes=1000-200999');
    expect(ranges).toHaveLength(3);
    expect(new Set(ranges.map((range) => range?.split('-')[1]))).toEqual(new Set(['200999']));
    if (!length) expect(ranges.at(-1)).toBe('bytes=81000-200999');
  });

  it('gives up a store that never goes on', async () => {
    const { images: glance, asked } = await images({ [FILE]: store({ mostBytes: 0 }) });

    await expect(glance.read(IMAGE, 0, 1000)).rejects.toThrow(OpenStackUnavailable);
    expect(asked(FILE)).toHaveLength(6);
  });

  it.each<[string, Reply, new (message: string) => Error]>([
    ['a 200 for the range', ignoresRanges, RangeNotSupported],
    ['a 206 with everything', liesAboutRanges, RangeNotSupported],
    ['a 400', refusesRanges, RangeNotSupported],
    ['a 416', recorded('image-file-range-past-end'), ImageTruncated],
    ['a 204', recorded('image-file-queued-204'), ImageHasNoData],
    ['a 404', recorded('image-file-404'), ImageNotFound],
    [
      'a deactivated image',
      { status: 403, headers: {}, body: 'The requested image has been deactivated.' },
      ImageHasNoData,
    ],
  ])('takes %s for %o', async (_, reply, kind) => {
    const { images: glance, asked } = await images({ [FILE]: reply });

    await expect(glance.read(IMAGE, 10, 1000)).rejects.toThrow(kind);
    expect(asked(FILE)).toHaveLength(1);
  });

  it('says that the image ends within the range', async () => {
    const { images: glance } = await images({ [FILE]: store() });

    await expect(glance.read(IMAGE, 299_990, 20)).rejects.toThrow(ImageTruncated);
  });

  it('ends with the signal', async () => {
    const { images: glance } = await images({ [FILE]: () => {} });
    const controller = new AbortController();
    const reason = new Error('enough');

    const reading = glance.byteSource(IMAGE, 100).read(0, 10, controller.signal);
    controller.abort(reason);

    await expect(reading).rejects.toBe(reason);
  });
});

describe('download', () => {
  it.each([
    ['with', true],
    ['without', false],
  ])('hands out the whole, %s Content-Length, and compares the hash', async (_, length) => {
    const { images: glance } = await images({ [FILE]: store({ length }) });

    const download = glance.download(IMAGE, { checkHash: true });

    expect(download.sourceHash).toBe('unchecked');
    expect((await bytesOf(download)).equals(data)).toBe(true);
    expect(download.sourceHash).toBe('matched');
  });

  it.each([
    ['with', true],
    ['without', false],
  ])('goes on by ranges after cuts, %s Content-Length', async (_, length) => {
    const cut = store({ mostBytes: 100_000, length });
    const { images: glance } = await images({ [FILE]: [cut, store(), cut, store()] });

    const download = glance.download(IMAGE, { checkHash: true });

    expect((await bytesOf(download)).equals(data)).toBe(true);
    expect(download.sourceHash).toBe('matched');
  });

  it.each<[string, Reply]>([
    ['refuses ranges', refusesRanges],
    ['ignores ranges', ignoresRanges],
    ['sends everything for a range', liesAboutRanges],
  ])('ends as truncated when the store %s, and hands out no wrong byte', async (_, range) => {
    const { images: glance } = await images({
      [FILE]: rangesBy(range, store({ mostBytes: 100_000, length: false })),
    });
    const received: Uint8Array[] = [];
    const reading = async () => {
      for await (const piece of glance.download(IMAGE)) received.push(piece);
    };

    await expect(reading()).rejects.toThrow(ImageTruncated);
    const bytes = Buffer.concat(received);
    expect(bytes.equals(data.subarray(0, bytes.length))).toBe(true);
  });

  it('begins again, whatever the store, when not a byte had come', async () => {
    const { images: glance } = await images({
      [FILE]: [store({ mostBytes: 0 }), { status: 503, headers: {}, body: '' }, store()],
    });

    expect((await bytesOf(glance.download(IMAGE))).equals(data)).toBe(true);
  });

  it('finds a hash that Glance computed while the image was read', async () => {
    const { images: glance } = await images({
      [SHOW]: [image({ os_hash_value: null }), image()],
      [FILE]: store(),
    });

    const download = glance.download(IMAGE, { checkHash: true });
    await bytesOf(download);

    expect(download.sourceHash).toBe('matched');
  });

  it.each([
    ['no hash', { os_hash_algo: null, os_hash_value: null }],
    ['no hash yet', { os_hash_value: null }],
    ['a hash of an unknown kind', { os_hash_algo: 'crc99' }],
  ])('is unchecked with %s', async (_, more) => {
    const { images: glance } = await images({ [SHOW]: image(more), [FILE]: store() });

    const download = glance.download(IMAGE, { checkHash: true });
    await bytesOf(download);

    expect(download.sourceHash).toBe('unchecked');
  });

  it('does not believe other bytes', async () => {
    const { images: glance } = await images({
      [FILE]: (call, response) => {
        head(response, answerOf(call), true);
        const wrong = Buffer.from(data);
        wrong[1234] = (wrong[1234] ?? 0) ^ 1;
        response.end(wrong);
      },
    });

    await expect(bytesOf(glance.download(IMAGE, { checkHash: true }))).rejects.toThrow(
      ChecksumMismatch,
    );
  });

  it('does not take more bytes than the image has', async () => {
    const { images: glance } = await images({
      [SHOW]: image({ size: 1000 }),
      [FILE]: store({ length: false }),
    });

    await expect(bytesOf(glance.download(IMAGE))).rejects.toThrow(UnexpectedAnswer);
  });

  it('closes the connection when its reader leaves', async () => {
    let closed = false;
    const { images: glance } = await images({
      [FILE]: (call, response) => {
        head(response, answerOf(call), true);
        response.write(data.subarray(0, 1000));
        response.on('close', () => {
          closed = true;
        });
      },
    });

    for await (const piece of glance.download(IMAGE)) if (piece.length > 0) break;

    await expect.poll(() => closed).toBe(true);
  });

  it('has nothing of an image without data', async () => {
    const queued = await images({ [FILE]: recorded('image-file-queued-204') });

    await expect(bytesOf(queued.images.download(IMAGE))).rejects.toThrow(ImageHasNoData);
  });
});

describe('upload', () => {
  const queued = image({ status: 'queued', size: null });
  const pieces = () =>
    Readable.from([data.subarray(0, 100_000), data.subarray(100_000)], { objectMode: false });

  it.each([
    ['known', data.length, { 'content-length': '300000' }],
    ['unknown', undefined, { 'transfer-encoding': 'chunked' }],
  ])('streams data of %s size', async (_, sizeBytes, header) => {
    const received: Buffer[] = [];
    const headers: Call['headers'][] = [];
    const { images: glance } = await images({ [SHOW]: queued, [PUT]: receives(received, headers) });

    await glance.upload(IMAGE, pieces(), sizeBytes === undefined ? {} : { sizeBytes });

    expect(received[0]?.equals(data)).toBe(true);
    expect(headers[0]).toMatchObject({ 'content-type': 'application/octet-stream', ...header });
  });

  it.each([
    ['shorter', 300_001],
    ['longer', 299_999],
  ])('refuses data that is %s than announced', async (words, sizeBytes) => {
    const { images: glance } = await images({
      [SHOW]: queued,
      [PUT]: (_, response) => void requestOf(response).resume(),
    });

    const uploading = glance.upload(IMAGE, pieces(), { sizeBytes });

    await expect(uploading).rejects.toThrow(InvalidInput);
    await expect(uploading).rejects.toThrow(words);
  });

  it.each<[string, Reply, new (message: string) => Error]>([
    ['413', { status: 413, headers: {}, body: 'too large' }, QuotaExceeded],
    ['409', recorded('image-upload-again-409'), ImageInWrongState],
    ['410', { status: 410, headers: {}, body: 'gone' }, ImageNotFound],
    ['415', recorded('image-upload-wrong-type-415'), ImageRefused],
    ['503', { status: 503, headers: {}, body: '' }, OpenStackUnavailable],
  ])('takes %s for %o, once, and ends the source', async (_, reply, kind) => {
    const { images: glance, asked } = await images({
      [SHOW]: queued,
      [PUT]: (call, response) => {
        void bodyOf(requestOf(response)).then(() => {
          if (typeof reply === 'function') return reply(call, response);
          return response.writeHead((reply as { status: number }).status).end();
        });
      },
    });
    const source = pieces();

    await expect(glance.upload(IMAGE, source)).rejects.toThrow(kind);
    expect(source.destroyed).toBe(true);
    expect(asked(PUT)).toHaveLength(1);
  });

  it('sends nothing to an image that has data, and ends the source', async () => {
    const { images: glance, asked } = await images({});
    const source = pieces();

    await expect(glance.upload(IMAGE, source)).rejects.toThrow(ImageInWrongState);
    expect(source.destroyed).toBe(true);
    expect(asked(PUT)).toEqual([]);
  });

  it('renews a rejected token before the data is sent', async () => {
    const received: Buffer[] = [];
    const { images: glance, asked } = await images({
      [SHOW]: [recorded('glance-bad-token-401'), queued],
      [PUT]: receives(received, []),
    });

    await glance.upload(IMAGE, pieces());

    expect(asked('POST /identity/v3/auth/tokens')).toHaveLength(2);
    expect(asked(PUT)).toHaveLength(1);
  });
});
