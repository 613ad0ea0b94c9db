import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { twoProcesses } from '../machines/stores/two-processes.ts';
import { makeBucket, removeBucket } from './buckets.ts';

let bucket: string;

beforeAll(async () => {
  bucket = await makeBucket();
});

afterAll(async () => {
  await removeBucket(bucket);
});

describe('two backup commands at once on one bank at a Ceph gateway', () => {
  it.each([true, false])(
    'end well, or one says what the other does; nothing is lost, twice or left (same server: %s)',
    async (sameServer) => {
      const aws = Object.entries(process.env).filter(([name]) => name.startsWith('AWS_'));
      const env = Object.fromEntries(aws.map(([name, value = '']) => [name, value]));

      const outcomes = await twoProcesses({
        s3: { env, bucket },
        sameServer,
        sameComputer: false,
        seed: 1,
      });

      expect(outcomes).toContain('SUCCEEDED');
    },
    180_000,
  );
});
