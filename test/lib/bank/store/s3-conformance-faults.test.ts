import { afterAll, beforeAll } from 'vitest';
import { type S3Server, startS3Server } from '../../../s3-server/s3-server.ts';
import { describeUnderFaults } from './faulty-conformance.ts';

let server: S3Server;

beforeAll(async () => {
  server = await startS3Server();
});

afterAll(async () => {
  await server.close();
});

describeUnderFaults('s3Store', 1, () => ({
  url: server.url,
  bucket: 'bank',
  client: { credentials: server.credentials, env: {} },
}));
