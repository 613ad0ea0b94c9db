import { afterAll, beforeAll } from 'vitest';
import { describeUnderFaults } from '../lib/bank/store/faulty-conformance.ts';
import { makeBucket, removeBucket } from './buckets.ts';

let bucket: string;

beforeAll(async () => {
  bucket = await makeBucket();
});

afterAll(async () => {
  await removeBucket(bucket);
});

describeUnderFaults('s3Store at a Ceph gateway', 1, () => ({
  url: process.env['AWS_ENDPOINT_URL_S3'] ?? '',
  bucket,
  client: {},
}));
