import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type S3Server, startS3Server } from '../../s3-server/s3-server.ts';
import { directoryPlaces } from './directory-places.ts';
import { s3Places } from './s3-places.ts';
import { runWholeMachine } from './whole-machine.ts';

let server: S3Server;

beforeAll(async () => {
  server = await startS3Server();
});

afterAll(async () => {
  await server.close();
});

describe('backup, verification, restore, prune and collection on a store that fails', () => {
  // By its seed: credentials that run out in the middle. The others are in the campaign: they take longer.
  it.each([10])(
    'end well or by name, lose nothing and leave nothing: S3, seed %i',
    async (seed) => {
      const client = { credentials: server.credentials, env: {} };
      const lab = { url: server.url, bucket: 'bank', client };

      const { faults } = await runWholeMachine(await s3Places(seed, lab));

      expect(faults).toBeGreaterThan(0);
    },
    180_000,
  );

  // A disk that is full.
  it.each([6])(
    'end well or by name, lose nothing and leave nothing: a directory, seed %i',
    async (seed) => {
      const { faults } = await runWholeMachine(await directoryPlaces(seed));

      expect(faults).toBeGreaterThan(0);
    },
    180_000,
  );
});
