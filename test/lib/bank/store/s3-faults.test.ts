import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  ObjectNotFound,
  StoreRefused,
  StoreUnavailable,
  WriteOutcomeUnknown,
} from '../../../../lib/bank/store/errors.ts';
import type { ObjectStore } from '../../../../lib/bank/store/object-store.ts';
import { s3Store } from '../../../../lib/bank/store/s3.ts';
import { type S3ClientOptions, s3Client } from '../../../../lib/bank/store/s3-client.ts';
import { silentLog } from '../../../../lib/log.ts';
import { type Fault, type S3Server, startS3Server } from '../../../s3-server/s3-server.ts';
import { instantClock } from './instant-clock.ts';

const PART = 5 * 1024 * 1024;
const text = (value: string) => Buffer.from(value);

const slowDown: Fault = { kind: 'answer', effect: false, status: 503, code: 'SlowDown' };
const lostAfter: Fault = { kind: 'answer', effect: true, status: 500, code: 'InternalError' };
const proxy: Fault = { kind: 'body', effect: false, status: 502, body: '<html><hr>Bad Gateway' };
const portal: Fault = { kind: 'body', effect: false, status: 200, body: '<html>Please log in' };
const nothing: Fault = { kind: 'body', effect: false, status: 200, body: '' };
const PASSING: [string, Fault][] = [
  ['throttling', slowDown],
  ['a server fault after the effect', lostAfter],
  ['a page of a proxy', proxy],
  ['a page of a proxy that calls it a success', portal],
  ['a success with nothing in it', nothing],
  ['a connection that is cut', { kind: 'cut', effect: false }],
  ['a connection that is cut after the effect', { kind: 'cut', effect: true }],
];

let server: S3Server;
let clock: ReturnType<typeof instantClock>;
let store: ObjectStore;

const clientOptions = () => ({ endpoint: server.url, credentials: server.credentials, env: {} });

const open = (changes: S3ClientOptions = {}, bucket = 'bank', log = silentLog) =>
  s3Store({
    client: s3Client({ ...clientOptions(), ...changes }),
    bucket,
    prefix: 'p',
    clock,
    log,
  });

/** Gives up an attempt early; only for servers that do not answer, since a busy machine may be as slow. */
const openImpatient = async () => {
  const client = s3Client(clientOptions());
  const place = { bucket: 'bank', prefix: 'p', attemptMilliseconds: 500 };
  const impatient = s3Store({ client, clock, ...place });
  await impatient.size('first'); // The first request of a client takes longest.
  server.requests.length = 0;
  return impatient;
};

beforeEach(async () => {
  server = await startS3Server();
  clock = instantClock();
  store = open();
});

afterEach(async () => {
  await server.close();
});

const stored = (key: string) => server.bucket.objects.get(`p/${key}`)?.bytes.toString();
const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => expect.unreachable('it succeeded'),
    (error: unknown) => error as Error,
  );

describe('s3Store under passing faults', () => {
  it.each(PASSING)('writes through %s', async (_, fault) => {
    server.failNext('PutObject', fault, fault);

    await store.put('a', text('bytes'));

    expect(stored('a')).toBe('bytes');
    expect(server.requests.map(({ key }) => key)).toEqual(['p/a', 'p/a', 'p/a']);
    expect(clock.sleeps).toHaveLength(2);
  });

  it('writes when there was no answer before', async () => {
    const impatient = await openImpatient();
    server.failNext('PutObject', { kind: 'hang', effect: false });

    await impatient.put('a', text('bytes'));

    expect(stored('a')).toBe('bytes');
    expect(clock.sleeps).toHaveLength(1);
  });

  it.each(PASSING)('reads, lists and looks up through %s', async (_, fault) => {
    await store.put('a', text('bytes'));

    server.failNext('GetObject', fault);
    expect(Buffer.from(await store.get('a')).toString()).toBe('bytes');
    server.failNext('GetObject', fault);
    expect(await store.size('a')).toBe(5);
    server.failNext('ListObjectsV2', fault);
    expect(await keysOf(store)).toEqual(['a']);
  });

  it.each(PASSING)('writes, completes and aborts uploads through %s', async (_, fault) => {
    const body = randomBytes(1000);

    server.failNext('CreateMultipartUpload', fault);
    const upload = { key: 'a', uploadId: await store.startUpload('a') };
    server.failNext('UploadPart', fault);
    await store.putPart(upload, { number: 1, offset: 0 }, body);
    server.failNext('CompleteMultipartUpload', fault);
    await store.completeUpload(upload, 1);
    expect(server.bucket.objects.get('p/a')?.bytes.equals(body)).toBe(true);

    const other = { key: 'a', uploadId: await store.startUpload('a') };
    // Nothing tells S3's answer from another's here: an upload that is left is swept.
    if (fault !== portal && fault !== nothing) server.failNext('AbortMultipartUpload', fault);
    else server.faultFor = () => undefined;
    await store.abortUpload(other);
    expect(server.bucket.uploads.has(other.uploadId)).toBe(false);
  });

  it('gives up after a while, with growing random waits, and says what it tried where', async () => {
    server.faultFor = () => slowDown;
    const logged: string[] = [];
    const log = { ...silentLog, debug: (message: string) => void logged.push(message) };

    const error = await failure(open({}, 'bank', log).put('packs/a', text('x')));

    expect(logged).toEqual(Array.from({ length: 7 }, () => 'Writing packs/a is tried again'));

    expect(error).toBeInstanceOf(StoreUnavailable);
    expect(error.message).toContain('Writing packs/a in s3://bank/p');
    expect(error.message).toContain('SlowDown');
    expect(clock.sleeps).toHaveLength(7);
    for (const [index, sleep] of clock.sleeps.entries()) {
      expect(sleep).toBeLessThanOrEqual(250 * 2 ** index);
    }
    expect(new Set(clock.sleeps).size).toBeGreaterThan(1);
  });

  it('asks again when a refusal is cut in its middle', async () => {
    await store.put('first', text('x'));
    server.failNext('GetObject', { kind: 'cut body', afterBytes: 10 });
    await expect(store.get('nothing')).rejects.toThrow(ObjectNotFound);

    server.failNext('PutObject', { kind: 'cut body', afterBytes: 10 });
    expect(await store.putIfAbsent('first', text('y'))).toBe(false);
    expect(clock.sleeps).toHaveLength(2);
  });

  it('sends again what arrived damaged', async () => {
    const client = s3Client(clientOptions());
    let sends = 0;
    client.middlewareStack.add(
      (next) => (args) => {
        const request = args.request as { body: Buffer };
        if (++sends === 1) request.body = Buffer.from(request.body).fill(0, 0, 1);
        return next(args);
      },
      { step: 'finalizeRequest', priority: 'low', name: 'damage' },
    );
    const damaging = s3Store({ client, bucket: 'bank', prefix: 'p', clock });

    await damaging.put('a', text('bytes'));

    expect(stored('a')).toBe('bytes');
    expect(sends).toBe(2);
  });

  it('counts a server that cannot be reached as unavailable', async () => {
    await server.close();

    await expect(store.get('a')).rejects.toThrow(StoreUnavailable);
    await expect(store.putIfAbsent('a', text('x'))).rejects.toThrow(StoreUnavailable);
    expect(clock.sleeps).toHaveLength(14);
    server = await startS3Server();
  });

  it('follows the clock of a server that is an hour ahead', async () => {
    server.clockOffsetMilliseconds = 3_600_000;

    await store.put('a', text('bytes'));
    const url = (await store.presign('a', 60)) ?? '';

    expect(await (await fetch(url)).text()).toBe('bytes');
    expect(url).not.toContain('checksum');
  });

  it('stops at once when the signal aborts, in a request and in a wait', async () => {
    const reason = new Error('stopped');
    const stop = new AbortController();
    server.faultFor = () => {
      stop.abort(reason);
      return { kind: 'hang', effect: false };
    };

    await expect(store.get('a', { signal: stop.signal })).rejects.toBe(reason);
    expect(clock.sleeps).toEqual([]);
    expect(server.requests).toHaveLength(1);
  });
});

describe('s3Store.putIfAbsent', () => {
  it.each([
    ['a server fault', lostAfter],
    ['throttling', slowDown],
    ['a cut', { kind: 'cut', effect: true }],
    ['an answer that cannot be read', { kind: 'body', effect: true, status: 502, body: '<' }],
    ['a success that is not one of S3', portal],
  ] as [string, Fault][])(
    'asks once, and says that it does not know after %s',
    async (_, fault) => {
      server.faultFor = () => fault;

      const error = await failure(store.putIfAbsent('records/a', text('mine')));

      expect(error).toBeInstanceOf(WriteOutcomeUnknown);
      expect(error.message).toContain('records/a');
      expect(server.requests).toHaveLength(1);
      expect(stored('records/a')).toBe('effect' in fault && fault.effect ? 'mine' : undefined);
    },
  );

  it('says that it does not know when there is no answer', async () => {
    const impatient = await openImpatient();
    server.faultFor = () => ({ kind: 'hang', effect: true });

    await expect(impatient.putIfAbsent('a', text('mine'))).rejects.toThrow(WriteOutcomeUnknown);
    expect(server.requests).toHaveLength(1);
    expect(stored('a')).toBe('mine');
  });

  it.each([
    ['a conflict with another writer', 409, 'ConditionalRequestConflict'],
    ['damage on the way', 400, 'XAmzContentSHA256Mismatch'],
  ])('asks again after %s, by which nothing was written', async (_, status, code) => {
    server.failNext('PutObject', { kind: 'answer', effect: false, status, code });

    expect(await store.putIfAbsent('a', text('mine'))).toBe(true);
    expect(server.requests).toHaveLength(2);
  });

  it('never replaces, also where the first of two writes answers late', async () => {
    server.failNext('PutObject', lostAfter);
    await expect(store.putIfAbsent('a', text('mine'))).rejects.toThrow(WriteOutcomeUnknown);

    expect(await open().putIfAbsent('a', text('theirs'))).toBe(false);
    expect(stored('a')).toBe('mine');
  });
});

describe('s3Store.get', () => {
  const bytes = randomBytes(300_000);

  it.each([
    ['the whole object', undefined, 0],
    ['a range', { offset: 1000, length: 200_000 }, 1000],
  ])('goes on behind a cut in %s', async (_, range, offset) => {
    await store.put('a', bytes);
    const impatient = await openImpatient();
    server.failNext(
      'GetObject',
      { kind: 'cut body', afterBytes: 100_000 },
      { kind: 'cut body', afterBytes: 0 },
      { kind: 'stall body', afterBytes: 50_000 },
    );

    const got = await impatient.get('a', range === undefined ? {} : { range });

    const end = range === undefined ? '' : offset + range.length - 1;
    expect(bytes.subarray(offset, offset + (range?.length ?? 300_000)).equals(got)).toBe(true);
    expect(server.requests.map(({ headers }) => headers.range)).toEqual([
      range === undefined ? undefined : `bytes=${offset}-${end}`,
      `bytes=${offset + 100_000}-${end}`,
      `bytes=${offset + 100_000}-${end}`,
      `bytes=${offset + 150_000}-${end}`,
    ]);
  });

  it('starts over when the object was replaced between a cut and the rest', async () => {
    const later = randomBytes(300_000);
    await store.put('a', bytes);
    server.faultFor = () => {
      server.faultFor = () => {
        server.faultFor = () => undefined;
        server.bucket.objects.set('p/a', { bytes: later, etag: '"2"', modifiedAt: new Date() });
        return undefined;
      };
      return { kind: 'cut body', afterBytes: 100_000 };
    };

    expect(later.equals(await store.get('a'))).toBe(true);
    expect(server.requests.slice(1).map(({ headers }) => headers.range)).toEqual([
      undefined,
      'bytes=100000-',
      undefined,
    ]);
  });

  it('refuses a server that answers a range with something else', async () => {
    await store.put('a', bytes);
    server.state.ignoresRanges = true;

    await expect(store.get('a', { range: { offset: 5, length: 10 } })).rejects.toThrow(
      StoreRefused,
    );
    await expect(store.get('a', { range: { offset: 0, length: 10 } })).rejects.toThrow(
      StoreRefused,
    );
    expect(bytes.equals(await store.get('a'))).toBe(true);
  });
});

describe('s3Store.list', () => {
  it('reads pages, however small, and repeats one that fails', async () => {
    const keys = ['a', 'b/1', 'b/2', 'c', 'd', 'e', 'f'];
    await Promise.all(keys.map((key) => store.put(key, text('x'))));
    server.state.pageSize = 2;
    server.failNext('ListObjectsV2', slowDown);

    expect(await keysOf(store)).toEqual(keys);
    expect(await keysOf(store, 'b/')).toEqual(['b/1', 'b/2']);
    expect(await keysOf(store, '', 'b/1')).toEqual(keys.slice(2));
  });

  it('leaves out what is in the bucket beside it and under other names', async () => {
    await store.put('a', text('x'));
    await store.put('z', text('x'));
    const object = server.bucket.objects.get('p/a');
    for (const name of [
      'q/a',
      'pa',
      'p/.trash',
      'p/b c+%',
      'p/\u0001',
      'p/dir/',
      'p/😀',
      'p/\uffff',
    ]) {
      if (object !== undefined) server.bucket.objects.set(name, object);
    }

    expect(await keysOf(store)).toEqual(['a', 'z']);
  });

  it.each([
    ['backwards', ['p/b', 'p/a']],
    ['a key twice', ['p/a', 'p/a']],
  ])('refuses a server that lists %s', async (_, names) => {
    const contents = names.map((name) => `<Contents><Key>${name}</Key></Contents>`).join('');
    const body = `<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken>${contents}</ListBucketResult>`;
    server.faultFor = () => ({ kind: 'body', effect: false, status: 200, body });

    await expect(keysOf(store)).rejects.toThrow(StoreRefused);
  });

  it('lists uploads in pages too', async () => {
    const keys = ['a', 'a', 'b', 'c'];
    for (const key of keys) await store.startUpload(key);
    server.state.pageSize = 1;

    const uploads: string[] = [];
    for await (const { key } of store.listUploads('')) uploads.push(key);

    expect(uploads).toEqual(keys);
  });
});

const deleteAnswer = (...errors: [key: string, code: string][]): Fault => ({
  kind: 'body',
  effect: true,
  status: 200,
  body: `<DeleteResult>${errors
    .map(([key, code]) => `<Error><Key>p/${key}</Key><Code>${code}</Code></Error>`)
    .join('')}</DeleteResult>`,
});

describe('s3Store.delete', () => {
  it('deletes again what failed inside a successful answer', async () => {
    server.failNext('DeleteObjects', deleteAnswer(['b', 'InternalError'], ['c', 'NoSuchKey']));

    await store.delete(['a', 'b', 'c']);

    expect(server.requests.map(({ body }) => body.toString().match(/<Key>[^<]*/g))).toEqual([
      ['<Key>p/a', '<Key>p/b', '<Key>p/c'],
      ['<Key>p/b'],
    ]);
  });

  it('reports what the server refuses inside a successful answer', async () => {
    server.failNext('DeleteObjects', deleteAnswer(['b', 'AccessDenied']));

    const refused = await failure(store.delete(['a', 'b']));

    expect(refused).toBeInstanceOf(StoreRefused);
    expect(refused.message).toContain('AccessDenied');
    expect(server.requests).toHaveLength(1);
  });

  it('sends Content-MD5 to servers other than AWS', async () => {
    await store.delete(['a']);

    expect(server.requests[0]?.headers['content-md5']).toMatch(/^[\w+/]{22}==$/);
  });
});

const uploadOf = async (count: number) => {
  const upload = { key: 'a', uploadId: await store.startUpload('a') };
  for (let number = 1; number <= count; number++) {
    const body = Buffer.alloc(number === count ? 10 : PART, number);
    await store.putPart(upload, { number, offset: (number - 1) * PART }, body);
  }
  return upload;
};

describe('s3Store.completeUpload', () => {
  it('repeats a completion that failed inside a successful answer', async () => {
    const upload = await uploadOf(1);
    const body = '<Error><Code>InternalError</Code><Message>later</Message></Error>';
    server.failNext('CompleteMultipartUpload', { kind: 'body', effect: false, status: 200, body });

    await store.completeUpload(upload, 1);

    expect(server.bucket.objects.get('p/a')?.bytes).toHaveLength(10);
  });

  it('finds parts over many pages', async () => {
    const upload = await uploadOf(3);
    server.state.pageSize = 1;

    await store.completeUpload(upload, 3);

    expect(await store.size('a')).toBe(2 * PART + 10);
  });

  it('does not take another object in its place for its own', async () => {
    const upload = await uploadOf(2);
    await store.abortUpload(upload);
    await store.put('a', text('not an upload of two parts'));

    await expect(store.completeUpload(upload, 2)).rejects.toThrow('No upload');
  });
});

describe('s3Store when it is refused', () => {
  it.each([
    ['AccessDenied', 403, 'no permission'],
    ['ExpiredToken', 400, 'log in again'],
    ['PermanentRedirect', 301, 'AWS_REGION'],
    ['QuotaExceeded', 403, 'quota'],
    ['InvalidObjectState', 403, 'archived'],
    ['KMS.DisabledException', 400, 'encryption'],
    ['NotImplemented', 501, 'lacks'],
    ['EntityTooLarge', 400, 'status 400'],
  ])('says what %s means, and does not ask again', async (code, status, advice) => {
    server.faultFor = () => ({ kind: 'answer', effect: false, status, code });

    const error = await failure(store.put('a', text('x')));

    expect(error).toBeInstanceOf(StoreRefused);
    expect(error.message).toContain(code);
    expect(error.message).toContain(advice);
    expect(server.requests).toHaveLength(1);
  });

  it('tells a missing bucket from a missing object in every call', async () => {
    const lost = open({}, 'no-such-bucket');

    for (const call of [
      () => lost.put('a', text('x')),
      () => lost.putIfAbsent('a', text('x')),
      () => lost.get('a'),
      () => lost.size('a'),
      () => keysOf(lost),
      () => lost.delete(['a']),
      () => lost.startUpload('a'),
      () => lost.completeUpload({ key: 'a', uploadId: 'x' }, 1),
    ]) {
      const error = await failure(call());
      expect(error).toBeInstanceOf(StoreRefused);
      expect(error.message).toContain('the bucket does not exist');
    }
    await expect(store.get('a')).rejects.toThrow(ObjectNotFound);
  });

  it('names the wrong half of the credentials', async () => {
    const { accessKeyId, secretAccessKey } = server.credentials;
    const wrongKey = open({ credentials: { accessKeyId: 'NOBODY', secretAccessKey } });
    const wrongSecret = open({ credentials: { accessKeyId, secretAccessKey: 'wrong' } });

    expect((await failure(wrongKey.get('a'))).message).toContain('AWS_ACCESS_KEY_ID');
    expect((await failure(wrongSecret.get('a'))).message).toContain('AWS_SECRET_ACCESS_KEY');
  });

  it('names a certificate that is not trusted, and https where http is spoken', async () => {
    const folder = join(import.meta.dirname, '../../http/tls');
    const secure = createServer({
      key: await readFile(join(folder, 'localhost-key.pem')),
      cert: await readFile(join(folder, 'localhost.pem')),
    });
    await once(secure.listen(0, '127.0.0.1'), 'listening');
    const { port } = secure.address() as AddressInfo;

    const untrusted = await failure(open({ endpoint: `https://localhost:${port}` }).get('a'));
    secure.close();
    const wrongProtocol = open({ endpoint: server.url.replace('http:', 'https:') });

    expect(untrusted).toBeInstanceOf(StoreRefused);
    expect(untrusted.message).toContain('NODE_EXTRA_CA_CERTS');
    expect((await failure(wrongProtocol.get('a'))).message).toContain('http or https');
    expect(clock.sleeps).toEqual([]);
  });

  it('says that there are no credentials, or no region', async () => {
    for (const name of Object.keys(process.env).filter((name) => name.startsWith('AWS_'))) {
      vi.stubEnv(name, undefined);
    }
    vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
    vi.stubEnv('AWS_CONFIG_FILE', '/dev/null');
    vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', '/dev/null');
    try {
      const poor = s3Store({ client: s3Client({ endpoint: server.url }), bucket: 'bank', clock });
      const nowhere = s3Store({ client: s3Client(), bucket: 'bank', clock });

      expect((await failure(poor.get('a'))).message).toContain('AWS_PROFILE');
      expect((await failure(nowhere.get('a'))).message).toContain('AWS_REGION');
      expect(clock.sleeps).toEqual([]);
    } finally {
      vi.unstubAllEnvs();
    }
  });

  it('keeps what the server repeats of a signed request out of its errors', async () => {
    const body =
      '<Error><Code>SignatureDoesNotMatch</Code><Message>no</Message><CanonicalRequest>x-amz-security-token:TOP-SECRET</CanonicalRequest></Error>';
    server.faultFor = () => ({ kind: 'body', effect: false, status: 403, body });

    const error = await failure(store.get('a'));

    expect(inspect(error, { depth: 9, showHidden: true })).not.toContain('TOP-SECRET');
    expect(error.cause).toBeInstanceOf(Error);
  });
});

async function keysOf(on: ObjectStore, prefix = '', startAfter = ''): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of on.list(prefix, { startAfter })) keys.push(key);
  return keys;
}
