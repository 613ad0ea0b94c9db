import { randomBytes } from 'node:crypto';
import type { S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createBank } from '../../lib/bank/create-bank.ts';
import {
  ObjectNotFound,
  PutIfAbsentNotProven,
  RangeOutsideObject,
  StoreRefused,
} from '../../lib/bank/store/errors.ts';
import { openStore } from '../../lib/bank/store/location.ts';
import { provePutIfAbsent } from '../../lib/bank/store/probe.ts';
import { s3Store } from '../../lib/bank/store/s3.ts';
import { s3Client } from '../../lib/bank/store/s3-client.ts';
import { keysOf } from '../lib/bank/tamper.ts';
import { makeBucket, removeBucket } from './buckets.ts';

const credentials = {
  accessKeyId: process.env['AWS_ACCESS_KEY_ID'] ?? '',
  secretAccessKey: process.env['AWS_SECRET_ACCESS_KEY'] ?? '',
};
const text = (value: string) => Buffer.from(value);

let plain: string;
let versioned: string;
let locked: string;

beforeAll(async () => {
  plain = await makeBucket();
  versioned = await makeBucket({ versioned: true });
  locked = await makeBucket({ locked: true });
});

afterAll(async () => {
  for (const bucket of [plain, versioned, locked]) await removeBucket(bucket);
});

describe('the proof of put-if-absent at a Ceph gateway', () => {
  it('passes in a plain bucket', async () => {
    await provePutIfAbsent(openStore(`s3://${plain}/register`));
  });

  it('fails by name in a bucket with versions or with Object Lock', async () => {
    for (const bucket of [versioned, locked]) {
      const error = await provePutIfAbsent(openStore(`s3://${bucket}/register`)).catch(
        (reason: unknown) => reason,
      );

      expect(error).toBeInstanceOf(PutIfAbsentNotProven);
      expect((error as Error).message).toContain(`s3://${bucket}/register`);
    }
  });

  it('keeps a bank from being made there, and leaves nothing of it', async () => {
    for (const bucket of [versioned, locked]) {
      const place = (name: string) => openStore(`s3://${bucket}/init/${name}`);
      const places = { bank: place('bank'), register: place('register'), work: place('work') };

      await expect(createBank(places, { access: 'unsealed' })).rejects.toThrow(
        PutIfAbsentNotProven,
      );

      expect([...(await keysOf(places.bank, '')), ...(await keysOf(places.register, ''))]).toEqual(
        [],
      );
    }
  });

  it('does not hinder data in a bucket with versions', async () => {
    const store = openStore(`s3://${versioned}/bank`);
    await store.put('packs/a', text('x'));
    await store.put('packs/a', text('x'));
    const keys: string[] = [];
    for await (const { key } of store.list('')) keys.push(key);

    expect(keys).toEqual(['packs/a']);
    await store.delete(['packs/a']);
    await expect(store.get('packs/a')).rejects.toThrow(ObjectNotFound);
  });
});

const open = (client: S3Client, bucket = plain) => s3Store({ client, bucket, prefix: 'p' });

describe('refusals of a Ceph gateway', () => {
  it('names a bucket that does not exist, in every call', async () => {
    const store = open(s3Client(), 'no-such-bucket');

    for (const call of [
      () => store.put('a', text('x')),
      () => store.putIfAbsent('a', text('x')),
      () => store.get('a'),
      () => store.size('a'),
      () => store.delete(['a']),
      () => store.startUpload('a'),
    ]) {
      await expect(call()).rejects.toThrow('the bucket does not exist');
    }
  });

  it('names the wrong half of the credentials, also when the body is large', async () => {
    const { accessKeyId, secretAccessKey } = credentials;
    const wrongSecret = open(s3Client({ credentials: { accessKeyId, secretAccessKey: 'wrong' } }));
    const wrongKey = open(s3Client({ credentials: { accessKeyId: 'NOBODY', secretAccessKey } }));

    await expect(wrongSecret.put('a', randomBytes(2 ** 26))).rejects.toThrow(
      'AWS_SECRET_ACCESS_KEY',
    );
    await expect(wrongKey.get('a')).rejects.toThrow('AWS_ACCESS_KEY_ID');
  });

  it('names the permissions that another user lacks', async () => {
    const guest = open(
      s3Client({
        credentials: {
          accessKeyId: process.env['S3_LAB_GUEST_ACCESS_KEY_ID'] ?? '',
          secretAccessKey: process.env['S3_LAB_GUEST_SECRET_ACCESS_KEY'] ?? '',
        },
      }),
    );

    for (const call of [
      () => guest.put('a', text('x')),
      () => guest.putIfAbsent('a', text('x')),
      () => guest.get('a'),
      () => guest.delete(['a']),
      () => guest.startUpload('a'),
    ]) {
      const error = await call().catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(StoreRefused);
      expect((error as Error).message).toContain('s3:PutObject');
    }
  });

  it('is reached by a machine whose clock is an hour off', async () => {
    const client = s3Client();
    client.config.systemClockOffset = 3_600_000;

    await open(client).put('skewed', text('x'));
  });

  it('gives no URL that outlives its time', async () => {
    const store = open(s3Client());
    await store.put('a', text('x'));
    const url = new URL((await store.presign('a', 60)) ?? '');

    expect((await fetch(url)).status).toBe(200);
    url.searchParams.set('X-Amz-Expires', '600');
    expect((await fetch(url)).status).toBe(403);
  });
});

describe('what the store relies on at a Ceph gateway', () => {
  it('refuses a body that was damaged after it was signed', async () => {
    const client = s3Client();
    client.middlewareStack.add(
      (next) => (args) => {
        const request = args.request as { body: Buffer };
        request.body = Buffer.from(request.body).fill(0, 0, 1);
        return next(args);
      },
      { step: 'finalizeRequest', priority: 'low', name: 'damage' },
    );
    const retry = { attempts: 1, firstWaitMs: 1, longestWaitMs: 1, deadlineMs: 60_000 };
    const store = s3Store({ client, bucket: plain, retry });

    await expect(store.put('damaged', text('bytes'))).rejects.toThrow('XAmzContentSHA256Mismatch');
    expect(await openStore(`s3://${plain}`).size('damaged')).toBeUndefined();
  });

  it('lists more than a page of 1000, in order', async () => {
    const store = openStore(`s3://${plain}/pages`);
    const keys = Array.from({ length: 1100 }, (_, index) => `k/${String(index).padStart(4, '0')}`);
    for (let at = 0; at < keys.length; at += 50) {
      await Promise.all(keys.slice(at, at + 50).map((key) => store.put(key, text('x'))));
    }

    const listed: string[] = [];
    for await (const { key } of store.list('k/')) listed.push(key);

    expect(listed).toEqual(keys);
    await store.delete(keys);
  });

  it('stores packs of 64 MiB and reads ranges of them, several at once', async () => {
    const store = openStore(`s3://${plain}/packs`);
    const packs = Array.from({ length: 4 }, () => randomBytes(2 ** 26));

    await Promise.all(packs.map((bytes, index) => store.put(`p/${index}`, bytes)));

    await Promise.all(
      packs.map(async (bytes, index) => {
        const range = { offset: 2 ** 25 + index, length: 2 ** 24 };
        const got = await store.get(`p/${index}`, { range });
        expect(bytes.subarray(range.offset, range.offset + range.length).equals(got)).toBe(true);
      }),
    );
    const tooFar = { range: { offset: 2 ** 26 - 1, length: 2 } };
    await expect(store.get('p/0', tooFar)).rejects.toThrow(RangeOutsideObject);
  });
});
