import { afterAll, beforeAll } from 'vitest';
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

const openStore = () =>
  s3Store({
    // With the checksums that the SDK sends to AWS; the lab's tests run without.
    client: s3Client({
      endpoint: server.url,
      credentials: server.credentials,
      env: { AWS_REQUEST_CHECKSUM_CALCULATION: 'WHEN_SUPPORTED' },
    }),
    bucket: 'bank',
    prefix: 'deep/place',
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
