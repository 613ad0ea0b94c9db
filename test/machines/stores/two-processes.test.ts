import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type S3Server, startS3Server } from '../../s3-server/s3-server.ts';
import { twoProcesses } from './two-processes.ts';

let server: S3Server;

beforeAll(async () => {
  server = await startS3Server();
});

afterAll(async () => {
  vi.unstubAllEnvs();
  await server.close();
});

describe('two backup commands at once on one bank', () => {
  it.each([
    ['directory', true, true],
    ['directory', true, false],
    ['directory', false, false],
    ['s3', true, false],
  ] as const)(
    'end well, or one says what the other does; nothing is lost, twice or left (%s, same server: %s, same computer: %s)',
    async (store, sameServer, sameComputer) => {
      const { accessKeyId, secretAccessKey } = server.credentials;
      const env = {
        AWS_ENDPOINT_URL_S3: server.url,
        AWS_REGION: 'us-east-1',
        AWS_ACCESS_KEY_ID: accessKeyId,
        AWS_SECRET_ACCESS_KEY: secretAccessKey,
      };
      // For this process, which looks into the bank.
      for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
      const s3 = store === 's3' ? { env, bucket: 'bank' } : undefined;

      const outcomes = await twoProcesses({ s3, sameServer, sameComputer, seed: 1 });

      expect(outcomes).toContain('SUCCEEDED');
    },
    120_000,
  );
});
