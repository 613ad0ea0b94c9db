import { randomUUID } from 'node:crypto';
import { CreateBucketCommand, DeleteBucketCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll } from 'vitest';
import { s3Store } from '../../lib/bank/store/s3.ts';
import { s3Client } from '../../lib/bank/store/s3-client.ts';
import { describeObjectStore } from '../lib/bank/store/conformance.ts';

const bucket = `conformance-${randomUUID()}`;
const client = s3Client();

beforeAll(async () => {
  await client.send(new CreateBucketCommand({ Bucket: bucket }));
});

afterAll(async () => {
  await client.send(new DeleteBucketCommand({ Bucket: bucket }));
  client.destroy();
});

describeObjectStore(
  's3Store at a Ceph gateway',
  async () => {
    const prefix = `place/${randomUUID()}`;
    const store = s3Store({ client, bucket, prefix });
    return {
      store,
      other: s3Store({ client: s3Client(), bucket, prefix }),
      remove: async () => {
        const keys: string[] = [];
        for await (const { key } of store.list('')) keys.push(key);
        await store.delete(keys);
        for await (const upload of store.listUploads('')) await store.abortUpload(upload);
      },
    };
  },
  { presigns: true },
);
