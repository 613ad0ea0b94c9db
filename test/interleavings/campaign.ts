import { runSeed, type SeedCounts } from './run-seed.ts';
import { openStores, STORES, type StoreName } from './stores.ts';

/**
 * `npm run campaign:interleavings -- [seeds] [first seed] [store]`: as many lives of a bank as wanted, and what happened in them. Stores:
 * `memory`, `directory`, `embedded`, the S3 server of the tests, and `s3`, the real one of the lab (eval "$(bash test/s3-lab/lab.sh env)").
 * Names each failed seed; the same seed gives the same run.
 */
const seeds = Number(process.argv[2] ?? 100);
const firstSeed = Number(process.argv[3] ?? 1);
const name = (process.argv[4] ?? 'memory') as StoreName;
if (!STORES.includes(name)) throw new Error(`No store "${name}"; there are ${STORES.join(', ')}.`);

const stores = await openStores(name);
const sums = new Map<string, number>();
let mostWaste = 0;
let failed = 0;
for (let seed = firstSeed; seed < firstSeed + seeds; seed++) {
  try {
    count(await runSeed(seed, stores));
  } catch (error) {
    console.log(`seed ${seed}:`, error);
    failed += 1;
    process.exitCode = 1;
    if (process.argv[5] === 'first') break;
  }
}
await stores.close();
console.log(`${name}, seeds ${firstSeed} to ${firstSeed + seeds - 1}`);
for (const [what, sum] of sums) console.log(`${what}: ${sum}`);
console.log(`most waste at the end: ${(mostWaste * 100).toFixed(1)} %`);
console.log(`failed seeds: ${failed}`);

function count({ wasteShare, ...counts }: SeedCounts): void {
  mostWaste = Math.max(mostWaste, wasteShare);
  for (const [what, number] of Object.entries(counts)) {
    sums.set(what, (sums.get(what) ?? 0) + number);
  }
}
