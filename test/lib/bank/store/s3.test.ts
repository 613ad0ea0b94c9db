import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { s3Store } from '../../../../lib/bank/store/s3.ts';
import { s3Client } from '../../../../lib/bank/store/s3-client.ts';
import { type S3Server, startS3Server } from '../../../s3-server/s3-server.ts';
import { describeObjectStore } from './conformance.ts';

let server: S3Server;

beforeAll(async () => {
  server = await startS3Server();
});

afterAll(async () => {
  await server.close();
});

const openStore = (prefix = 'deep/place') =>
  s3Store({
    // With the checksums that the SDK sends to AWS; the lab's tests run without.
    client: s3Client({
      endpoint: server.url,
      credentials: server.credentials,
      env: { AWS_REQUEST_CHECKSUM_CALCULATION: 'WHEN_SUPPORTED' },
    }),
    bucket: 'bank',
    prefix,
  });

describeObjectStore(
  's3Store',
  async () => ({
    store: openStore(),
    other: openStore(),
    async remove() {
      server.bucket.objects.clear();
      server.bucket.uploads.clear();
    },
  }),
  { presigns: true },
);

describe('s3Store without a prefix', () => {
  it('has the whole bucket for its place', async () => {
    const store = openStore('');
    await store.put('a/b', Buffer.from('x'));
    const upload = { key: 'c', uploadId: await store.startUpload('c') };

    const names: string[] = [];
    for await (const { key } of store.list('')) names.push(key);
    for await (const { key } of store.listUploads('')) names.push(key);

    expect(store.location).toBe('s3://bank');
    expect(names).toEqual(['a/b', 'c']);
    await store.abortUpload(upload);
    await store.delete(['a/b']);
    expect(server.bucket.objects.size).toBe(0);
  });
});
