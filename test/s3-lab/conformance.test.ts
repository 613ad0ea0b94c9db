import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll } from 'vitest';
import { s3Store } from '../../lib/bank/store/s3.ts';
import { s3Client } from '../../lib/bank/store/s3-client.ts';
import { describeObjectStore } from '../lib/bank/store/conformance.ts';
import { makeBucket, removeBucket } from './buckets.ts';

let bucket: string;

beforeAll(async () => {
  bucket = await makeBucket();
});

afterAll(async () => {
  await removeBucket(bucket);
});

describeObjectStore(
  's3Store at a Ceph gateway',
  async () => {
    const prefix = `place/${randomUUID()}`;
    return {
      store: s3Store({ client: s3Client(), bucket, prefix }),
      other: s3Store({ client: s3Client(), bucket, prefix }),
      remove: async () => {},
    };
  },
  { presigns: true },
);
