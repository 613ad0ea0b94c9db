import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { s3Places } from '../machines/stores/s3-places.ts';
import { runWholeMachine } from '../machines/stores/whole-machine.ts';
import { makeBucket, removeBucket } from './buckets.ts';

let bucket: string;

beforeAll(async () => {
  bucket = await makeBucket();
});

afterAll(async () => {
  await removeBucket(bucket);
});

describe('backup, verification, restore, prune and collection at a Ceph gateway that fails', () => {
  // By their seeds: few faults, and credentials that run out in the middle.
  it.each([1, 10])(
    'end well or by name, lose nothing and leave nothing, seed %i',
    async (seed) => {
      const url = process.env['AWS_ENDPOINT_URL_S3'] ?? '';

      const { faults } = await runWholeMachine(await s3Places(seed, { url, bucket, client: {} }));

      expect(faults).toBeGreaterThan(0);
    },
    300_000,
  );
});
