import { type S3Lab, s3Places } from './s3-places.ts';
import { directoryPlaces } from './directory-places.ts';
import { runWholeMachine } from './whole-machine.ts';
import { startS3Server } from '../../s3-server/s3-server.ts';
import setLabVariables from '../../s3-lab/environment.ts';

/**
 * `npm run campaign:stores -- [seeds] [first seed] [store]`: the whole machine as many times as wanted on a store that fails, and how
 * it ended. Stores: `s3`, the real server of the lab, `directory`, and `embedded`, the S3 server
 * of the tests. Names each failed seed.
 */
const seeds = Number(process.argv[2] ?? 100);
const firstSeed = Number(process.argv[3] ?? 1);
const store = process.argv[4] ?? 'directory';

/** Most time of one seed, a multiple of what the slowest takes: requests that are never answered cost seconds each. */
const SEED_SECONDS = 600;

const counts = new Map<string, number>();
const count = (what: string, by = 1) => counts.set(what, (counts.get(what) ?? 0) + by);
let slowest = { seed: 0, seconds: 0 };

const lab = store === 'directory' ? undefined : await openLab();
for (let seed = firstSeed; seed < firstSeed + seeds; seed += 1) {
  const startedAt = performance.now();
  const watchdog = setTimeout(() => {
    console.log(`seed ${seed} did not end within ${SEED_SECONDS} s`);
    process.exit(1);
  }, SEED_SECONDS * 1000);
  try {
    const places =
      lab === undefined ? await directoryPlaces(seed) : await s3Places(seed, lab.place);
    const { faults, outcomes } = await runWholeMachine(places);
    count('faults', faults);
    for (const [machine, outcome] of Object.entries(outcomes)) count(`${machine}: ${outcome}`);
  } catch (error) {
    console.log(`seed ${seed}:`, error);
    count('FAILED SEEDS');
    process.exitCode = 1;
  }
  clearTimeout(watchdog);
  const seconds = Math.round((performance.now() - startedAt) / 100) / 10;
  if (seconds > slowest.seconds) slowest = { seed, seconds };
}
await lab?.close();
console.log(`${store}, seeds ${firstSeed} to ${firstSeed + seeds - 1}`);
for (const [what, times] of [...counts].sort(([a], [b]) => a.localeCompare(b))) {
  console.log(`${what}: ${times}`);
}
console.log(`slowest: seed ${slowest.seed}, ${slowest.seconds} s`);

async function openLab(): Promise<{ place: S3Lab; close: () => Promise<void> }> {
  if (store === 'embedded') {
    const server = await startS3Server();
    const client = { credentials: server.credentials, env: {} };
    return {
      place: { url: server.url, bucket: 'bank', client },
      close: async () => await server.close(),
    };
  }
  setLabVariables();
  const { makeBucket, removeBucket } = await import('../../s3-lab/buckets.ts');
  const bucket = await makeBucket();
  return {
    place: { url: process.env['AWS_ENDPOINT_URL_S3'] ?? '', bucket, client: {} },
    close: async () => await removeBucket(bucket),
  };
}
